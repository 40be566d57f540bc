//! Names of images.

use std::fmt;
use std::net::IpAddr;

use crate::oci::Digest;

/// `[HOST/]REPOSITORY[:TAG][@DIGEST]`, taken apart as docker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// Where its registry answers, with the port if it has one of its own.
    pub(crate) host: String,
    pub(crate) repository: String,
    pub(crate) tag: String,
    pub(crate) digest: Option<Digest>,
}

/// Where Docker Hub answers.
const HUB: &str = "registry-1.docker.io";

impl Reference {
    /// Reads a name.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (
                name,
                Some(Digest::parse(digest).ok_or("what follows the `@` is no sha256 digest")?),
            ),
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (name, "latest"),
        };
        let (host, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => (host, rest),
            _ => ("docker.io", name),
        };
        let is_hub = matches!(host, "docker.io" | "index.docker.io" | HUB);
        let is_official = is_hub && !repository.contains('/');
        let repository = format!("{}{repository}", if is_official { "library/" } else { "" });
        let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        let is_part = |part: &str| {
            let is_name =
                |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
            part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(is_name)
        };
        let is_tag = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let starts_well = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
        if !starts_well || !host.chars().all(is_host) {
            return Err("the registry's name has characters that names of hosts do not have");
        }
        if !repository.split('/').all(is_part) || repository.len() > 255 {
            return Err("it should be NAME:TAG, the name in lower case, as `docker pull` takes it");
        }
        if tag.is_empty() || tag.len() > 128 || !tag.chars().all(is_tag) {
            return Err("what follows the `:` is no tag");
        }
        let host = if is_hub { HUB } else { host }.to_owned();
        Ok(Self { host, repository, tag: tag.to_owned(), digest })
    }

    /// Whether the registry is on this machine, where it may speak plain HTTP.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// The names under which docker's configuration may have the registry's password.
    pub(crate) fn credential_keys(&self) -> Vec<String> {
        let hosts: &[&str] =
            if self.host == HUB { &["index.docker.io", "docker.io", HUB] } else { &[&self.host] };
        let forms =
            ["https://{}/v1/", "https://{}/v2/", "https://{}/", "https://{}", "{}", "http://{}"];
        hosts.iter().flat_map(|host| forms.map(|form| form.replace("{}", host))).collect()
    }
}

/// Whether a host, perhaps with a port, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, String) {
        let Reference { host, repository, tag, .. } = Reference::parse(text).unwrap();
        (host, repository, tag)
    }

    #[test]
    fn names_are_those_of_docker_pull() {
        let own =
            |parts: [&str; 3]| (parts[0].to_owned(), parts[1].to_owned(), parts[2].to_owned());
        let envoy = "envoyproxy/envoy";
        assert_eq!(parts("envoyproxy/envoy:debug-v1.31.2"), own([HUB, envoy, "debug-v1.31.2"]));
        assert_eq!(parts("docker.io/envoyproxy/envoy"), own([HUB, envoy, "latest"]));
        assert_eq!(parts("debian:12"), own([HUB, "library/debian", "12"]));
        assert_eq!(parts("127.0.0.1:5000/envoy"), own(["127.0.0.1:5000", "envoy", "latest"]));
        assert_eq!(parts("gcr.io/a/b/c:1"), own(["gcr.io", "a/b/c", "1"]));
        let digest = format!("sha256:{}", "0".repeat(64));
        let with_digest = Reference::parse(&format!("envoyproxy/envoy:v1@{digest}")).unwrap();
        assert_eq!(with_digest.digest.unwrap().to_string(), digest);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in
            ["", ":v1", "Envoy", "a//b", "../x", "a/../b", "a:b c", "a@sha256:12", "a@b", "x/a?b"]
        {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000", "127.8.8.8"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1:80", "127.0.0.1.nip.io", "[::2]:1", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
