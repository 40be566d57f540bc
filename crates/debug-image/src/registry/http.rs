//! Requests to a registry: passwords, tokens, redirects, time limits.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use ureq::config::ConfigBuilder;
use ureq::http::{HeaderMap, Response, Uri, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;
use ureq::{Agent, Body, Timeout};

use super::reference::is_loopback;
use super::{Reference, RegistryError, Timeouts};
use crate::Error;
use crate::oci::MAX_DOCUMENT;

const MAX_REDIRECTS: usize = 5;

/// Tokens have a few kilobytes.
const MAX_TOKEN: u64 = 256 << 10;

/// One repository of one registry.
pub(crate) struct Http {
    agent: Agent,
    pub(crate) timeouts: Timeouts,
    origin: String,
    pub(crate) host: String,
    repository: String,
    credentials: Option<String>,
    authorization: RefCell<Option<String>>,
}

/// What is asked for.
struct Request<'a> {
    accept: &'a str,
    /// The first byte that is wanted, if not the first there is.
    from: u64,
    /// For the whole answer.
    limit: Option<Duration>,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Http {
    pub(crate) fn new(
        reference: &Reference,
        timeouts: Timeouts,
        credentials: Option<String>,
    ) -> Result<Self, Error> {
        let is_local = reference.is_loopback();
        let config = agent_config(&reference.host, !is_local, (timeouts.connect, timeouts.read))?
            .max_redirects(0)
            .max_redirects_will_error(false);
        let scheme = if is_local { "http" } else { "https" };
        Ok(Self {
            agent: config.build().new_agent(),
            timeouts,
            origin: format!("{scheme}://{}", reference.host),
            host: reference.host.clone(),
            repository: reference.repository.clone(),
            credentials,
            authorization: RefCell::new(None),
        })
    }

    /// A document of the repository, whole.
    pub(crate) fn document(&self, path: &str, accept: &str) -> Result<Vec<u8>, Error> {
        let request = Request { accept, from: 0, limit: Some(self.timeouts.document) };
        let response = self.get(path, &request)?;
        Ok(self.read(response, MAX_DOCUMENT)?)
    }

    /// A blob of the repository, from byte `from` on if the registry can do that.
    pub(crate) fn blob(&self, path: &str, from: u64) -> Result<Response<Body>, RegistryError> {
        self.get(path, &Request { accept: "*/*", from, limit: None })
    }

    fn get(&self, path: &str, request: &Request<'_>) -> Result<Response<Body>, RegistryError> {
        let url = format!("{}/v2/{}/{path}", self.origin, self.repository);
        let mut response = self.follow(&url, request)?;
        if response.status() == 401 {
            self.authorize(response.headers())?;
            response = self.follow(&url, request)?;
        }
        let host = self.host.clone();
        match response.status().as_u16() {
            200 | 206 => Ok(response),
            401 | 403 => Err(self.denied()),
            404 => Err(RegistryError::NotFound { host, what: self.shown(path) }),
            status => Err(RegistryError::Status { host, status }),
        }
    }

    /// What a path means to the user.
    fn shown(&self, path: &str) -> String {
        match path.strip_prefix("manifests/") {
            Some(digest) if digest.contains(':') => format!("`{}@{digest}`", self.repository),
            Some(tag) => format!("`{}:{tag}`", self.repository),
            None => format!("`{path}` of `{}`", self.repository),
        }
    }

    /// Asks, and goes where the registry leads: usually to a store of blobs, which gets no
    /// password.
    fn follow(&self, url: &str, request: &Request<'_>) -> Result<Response<Body>, RegistryError> {
        let mut url = url.to_owned();
        for _ in 0..=MAX_REDIRECTS {
            let mut call = self.agent.get(&url).header(header::ACCEPT, request.accept);
            if request.from > 0 {
                call = call.header(header::RANGE, format!("bytes={}-", request.from));
            }
            let is_own = url.strip_prefix(&self.origin).is_some_and(|rest| rest.starts_with('/'));
            if let Some(authorization) = self.authorization.borrow().as_deref().filter(|_| is_own) {
                call = call.header(header::AUTHORIZATION, authorization);
            }
            let call = call.config().timeout_global(request.limit).build();
            let response = call.call().map_err(|error| self.failed(host_of(&url), &error))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let to = text_header(response.headers(), &header::LOCATION);
            url = self.redirected(&url, to)?;
        }
        Err(RegistryError::Redirect { host: self.host.clone(), to: url })
    }

    /// Where a redirect leads, if it is a place to go to.
    fn redirected(&self, from: &str, to: &str) -> Result<String, RegistryError> {
        if to.starts_with('/') && !to.starts_with("//") {
            let origin_end = from.find("://").map_or(0, |at| at + 3);
            let path = from[origin_end..].find('/').map_or(from.len(), |at| origin_end + at);
            return Ok(format!("{}{to}", &from[..path]));
        }
        self.check_place(to)?;
        Ok(to.to_owned())
    }

    /// Only encrypted connections are led to, and from this machine to itself. Nobody means a file
    /// or a service behind the user's firewall.
    fn check_place(&self, to: &str) -> Result<(), RegistryError> {
        let uri = to.parse::<Uri>().ok();
        let is_local = |uri: &Uri| uri.host().is_some_and(is_loopback);
        let is_good = uri.is_some_and(|uri| match uri.scheme_str() {
            Some("https") => !is_local(&uri) || is_loopback(&self.host),
            Some("http") => is_local(&uri) && is_loopback(&self.host),
            _ => false,
        });
        if is_good {
            return Ok(());
        }
        let to = to.chars().filter(|c| !c.is_control()).take(200).collect();
        Err(RegistryError::Redirect { host: self.host.clone(), to })
    }

    /// Gets what the registry's refusal asks for: a token, or the password.
    fn authorize(&self, headers: &HeaderMap) -> Result<(), RegistryError> {
        let challenge = text_header(headers, &header::WWW_AUTHENTICATE);
        let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
        let authorization = if scheme.eq_ignore_ascii_case("bearer") {
            format!("Bearer {}", self.token(parameters)?)
        } else {
            // The registry itself gets the password in clear only from this machine.
            format!("Basic {}", self.credentials.as_ref().ok_or_else(|| self.denied())?)
        };
        self.authorization.replace(Some(authorization));
        Ok(())
    }

    /// A token to pull with, from where the registry says.
    fn token(&self, parameters: &str) -> Result<String, RegistryError> {
        let realm = parameter(parameters, "realm").unwrap_or_default();
        self.check_place(&realm)?;
        let scope = format!("repository:{}:pull", self.repository);
        let mut call = self.agent.get(&realm).query("scope", scope);
        if let Some(service) = parameter(parameters, "service") {
            call = call.query("service", service);
        }
        if let Some(credentials) = &self.credentials {
            call = call.header(header::AUTHORIZATION, format!("Basic {credentials}"));
        }
        let call = call.config().timeout_global(Some(self.timeouts.document)).build();
        let response = call.call().map_err(|error| self.failed(host_of(&realm), &error))?;
        match response.status().as_u16() {
            200 => {}
            400..500 => return Err(self.denied()),
            status => return Err(RegistryError::Status { host: host_of(&realm), status }),
        }
        let bytes = self.read(response, MAX_TOKEN)?;
        let token = serde_json::from_slice::<Token>(&bytes).ok();
        let token = token.and_then(|token| token.token.or(token.access_token));
        token
            .filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| self.lies("what it sends as a token is none".to_owned()))
    }

    fn read(&self, response: Response<Body>, limit: u64) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        let mut reader = response.into_body().into_reader();
        let read = io::Read::take(&mut reader, limit + 1);
        io::Read::read_to_end(&mut { read }, &mut bytes).map_err(|error| self.broken(&error))?;
        if bytes.len() as u64 > limit {
            return Err(self.lies(format!("its answer has more than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// What an error in the middle of an answer means.
    pub(crate) fn broken(&self, error: &io::Error) -> RegistryError {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        match inner {
            Some(inner) => self.failed(self.host.clone(), inner),
            None => RegistryError::Unreachable {
                host: self.host.clone(),
                problem: without_number(error),
            },
        }
    }

    pub(crate) fn lies(&self, problem: String) -> RegistryError {
        RegistryError::Lies { host: self.host.clone(), problem }
    }

    fn denied(&self) -> RegistryError {
        RegistryError::Denied {
            host: self.host.clone(),
            repository: self.repository.clone(),
            has_credentials: self.credentials.is_some(),
        }
    }

    /// Too little comes to wait for the rest.
    pub(crate) fn slow(&self) -> RegistryError {
        RegistryError::Slow { host: self.host.clone(), limit: self.timeouts.document }
    }

    fn failed(&self, host: String, error: &ureq::Error) -> RegistryError {
        if let Some(problem) = untrusted(error) {
            return RegistryError::Untrusted { host, problem };
        }
        match error {
            ureq::Error::Timeout(Timeout::Global) => {
                RegistryError::Slow { host, limit: self.timeouts.document }
            }
            ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
                RegistryError::Stalled { host, limit: self.timeouts.connect }
            }
            ureq::Error::Timeout(_) => RegistryError::Stalled { host, limit: self.timeouts.read },
            ureq::Error::Io(error) => {
                RegistryError::Unreachable { host, problem: without_number(error) }
            }
            ureq::Error::HostNotFound => {
                RegistryError::Unreachable { host, problem: "its name is not known".to_owned() }
            }
            error => RegistryError::Unreachable { host, problem: error.to_string() },
        }
    }
}

/// What is wrong with a certificate, if that is what an error is about.
fn untrusted(error: &ureq::Error) -> Option<String> {
    let error = match error {
        ureq::Error::Rustls(error) => error,
        ureq::Error::Io(error) => error.get_ref()?.downcast_ref::<rustls::Error>()?,
        _ => return None,
    };
    matches!(error, rustls::Error::InvalidCertificate(_)).then(|| error.to_string())
}

/// An error without the number that the operating system has for it.
fn without_number(error: &io::Error) -> String {
    error.to_string().to_lowercase().split(" (os error").next().unwrap_or_default().to_owned()
}

/// Whether nothing came for too long.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    error.kind() == io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_)))
}

/// The system's certificates, which include those that a company adds for its own registry.
/// How servers are spoken to: with a limit for the time until the connection stands, and one for each
/// next piece of an answer.
pub(crate) fn agent_config(
    host: &str,
    is_encrypted: bool,
    (connect, read): (Duration, Duration),
) -> Result<ConfigBuilder<AgentScope>, RegistryError> {
    let mut config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_resolve(Some(connect))
        .timeout_connect(Some(connect))
        .timeout_recv_response(Some(read))
        .timeout_per_read(Some(read))
        .user_agent(concat!("perf2pprof/", env!("CARGO_PKG_VERSION")));
    if is_loopback(host) {
        // Whatever proxy there is, it is another machine's localhost that it would reach.
        config = config.proxy(None);
    }
    Ok(if is_encrypted { config.tls_config(tls()?) } else { config })
}

fn tls() -> Result<TlsConfig, RegistryError> {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return Err(RegistryError::NoCertificates);
    }
    let certificates: Vec<_> =
        found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

pub(crate) fn text_header<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

pub(crate) fn host_of(url: &str) -> String {
    let uri = url.parse::<Uri>().ok();
    uri.and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_default()
}

/// A parameter of `realm="https://...",service="..."`.
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    loop {
        let (key, value) = rest.trim_start_matches([' ', ',']).split_once('=')?;
        let (value, behind) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_once(',').unwrap_or((value, "")),
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_taken_apart() {
        let text = r#"realm="https://auth.docker.io/token",service="registry.docker.io", scope=x"#;
        assert_eq!(parameter(text, "Realm").unwrap(), "https://auth.docker.io/token");
        assert_eq!(parameter(text, "service").unwrap(), "registry.docker.io");
        assert_eq!(parameter(text, "scope").unwrap(), "x");
        assert_eq!(parameter(text, "token"), None);
        assert_eq!(parameter("realm=\"x", "realm"), None);
    }
}
