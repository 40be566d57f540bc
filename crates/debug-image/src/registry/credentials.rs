//! Passwords, where docker keeps them.

use std::collections::HashMap;
use std::env;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::Reference;

/// No configuration is larger.
const MAX_CONFIG: u64 = 1 << 20;

#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    auths: HashMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    auth: Option<String>,
}

/// User and password for a registry, as HTTP's basic authorization has them (base64). Passwords
/// that docker keeps in a helper's store are not asked for.
pub(crate) fn find(reference: &Reference) -> Option<String> {
    let directory = match env::var_os("DOCKER_CONFIG") {
        Some(directory) => PathBuf::from(directory),
        None => env::home_dir()?.join(".docker"),
    };
    let mut text = Vec::new();
    let file = File::open(directory.join("config.json")).ok()?;
    file.take(MAX_CONFIG).read_to_end(&mut text).ok()?;
    in_config(&text, reference)
}

fn in_config(text: &[u8], reference: &Reference) -> Option<String> {
    let config: Config = serde_json::from_slice(text).ok()?;
    let keys = reference.credential_keys();
    let auth = keys.iter().find_map(|key| config.auths.get(key)?.auth.clone())?;
    // A header of its own making is not what anyone wants to send.
    let decoded = STANDARD.decode(auth.trim()).ok()?;
    decoded.contains(&b':').then(|| STANDARD.encode(decoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_gets_its_own_password_and_no_other() {
        let config = br#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "aHViOmh1Yg=="},
            "127.0.0.1:5000": {"auth": "dXNlcjpwYXNz"},
            "helper.example.com": {},
            "damaged.example.com": {"auth": "\r\nX: y"}
        }, "credsStore": "desktop"}"#;
        let find = |name: &str| in_config(config, &Reference::parse(name).unwrap());
        assert_eq!(find("envoyproxy/envoy").unwrap(), "aHViOmh1Yg==");
        assert_eq!(find("127.0.0.1:5000/envoy").unwrap(), "dXNlcjpwYXNz");
        for name in ["127.0.0.1:5001/envoy", "helper.example.com/a", "damaged.example.com/a"] {
            assert_eq!(find(name), None, "{name}");
        }
        assert_eq!(in_config(b"garbage", &Reference::parse("a").unwrap()), None);
    }
}
