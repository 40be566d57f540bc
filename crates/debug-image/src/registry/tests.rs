//! A registry that does whatever a test wants of it.
#![allow(clippy::match_bool, clippy::type_complexity)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use cache::Cache;
use tempfile::TempDir;

use super::{Reference, Registry, Timeouts};
use crate::search::Search;
use crate::{Error, Found, Wanted};

#[path = "../../tests/common/mod.rs"]
mod common;
use common::{Image, digest, elf, gzip, image, index, tar};

/// As short as a loaded machine allows.
const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    read: Duration::from_secs(1),
    document: Duration::from_secs(3),
};

/// base64 of `user:pass`.
const PASSWORD: &str = "dXNlcjpwYXNz";

#[derive(Clone, Debug)]
struct Request {
    path: String,
    from: usize,
    authorization: Option<String>,
}

struct Server {
    address: String,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request as told, on a port of its own.
    fn new(mut answer: impl FnMut(&Request, &mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let log = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::clone(&log);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if let Some(request) = read(&stream) {
                    requests.lock().unwrap().push(request.clone());
                    answer(&request, &mut stream);
                }
            }
        });
        Self { address, log }
    }

    fn count(&self, part: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|request| request.path.contains(part)).count()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let mut request = Request { path, from: 0, authorization: None };
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                request.from = value.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok()?;
            }
            "authorization" => request.authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(request)
}

fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}");
    let _ = write!(stream, "Content-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(body);
}

/// What an honest registry sends: manifests and blobs, from a byte on if asked to.
fn serve(image: &Image, request: &Request, stream: &mut TcpStream) {
    let mut parts = image.blobs.iter().chain([&image.manifest]);
    let is_manifest = request.path.ends_with("/manifests/v1");
    let part = parts.find(|part| request.path.ends_with(&digest(part)));
    match part.or(is_manifest.then_some(&image.manifest)) {
        Some(part) if request.from > 0 => {
            let range = format!("Content-Range: bytes {}-{}/*\r\n", request.from, part.len() - 1);
            answer(stream, "206 Partial Content", &range, &part[request.from..]);
        }
        Some(part) => answer(stream, "200 OK", "", part),
        None => answer(stream, "404 Not Found", "", b"{}"),
    }
}

struct Place {
    _dir: TempDir,
    cache: Cache,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache"), 1 << 30).unwrap();
        Self { _dir: dir, cache }
    }

    fn find_named(&self, name: &str, password: Option<&str>) -> Result<Found, Error> {
        let reference = Reference::parse(name).unwrap();
        let registry = Registry::new(&reference, TIMEOUTS, password.map(str::to_owned))?;
        let wanted = Wanted { binaries: None, arch: Some("x86_64".to_owned()) };
        Search { wanted: &wanted, cache: &self.cache, report: &|_| {} }.registry(&registry)
    }

    fn find(&self, server: &Server) -> Result<Found, Error> {
        self.find_named(&format!("{}/envoy:v1", server.address), Some(PASSWORD))
    }

    #[track_caller]
    fn fails(&self, server: &Server, why: &str) {
        let begun = Instant::now();
        let error = self.find(server).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert_eq!(fs::read_dir(self.cache.dir().join("files")).unwrap().count(), 0);
    }

    /// How much of downloads is kept.
    fn half(&self) -> usize {
        let entries = fs::read_dir(self.cache.dir().join("downloads")).unwrap();
        entries.map(|entry| fs::read(entry.unwrap().path()).unwrap().len()).sum()
    }
}

/// An image that does not compress to nothing.
fn envoy() -> (Image, Vec<u8>) {
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let mut envoy = elf(1, 0);
    envoy.extend((0..500_000).map(|_| noise()));
    let layer = gzip(&tar(&[("usr/local/bin/envoy", &envoy)]));
    (image(&[gzip(&tar(&[("etc/x", b"x")])), layer.clone()]), layer)
}

#[test]
fn an_image_is_downloaded_once() {
    let (envoy, _) = envoy();
    let manifest = envoy.manifest.clone();
    let server = Server::new(move |request, stream| serve(&envoy, request, stream));
    let place = Place::new();
    assert_eq!(place.find(&server).unwrap().paths.len(), 1);
    assert_eq!((server.count("/blobs/"), server.count("/manifests/")), (2, 1));
    assert_eq!(place.half(), 0, "the layers are gone");
    // The tag is asked for again, in case it was moved; the layers are not.
    let found = place.find(&server).unwrap();
    assert!(!found.was_read && found.paths.len() == 1);
    assert_eq!((server.count("/blobs/"), server.count("/manifests/")), (2, 2));
    // A digest cannot be moved.
    let name = format!("{}/envoy:v1@{}", server.address, digest(&manifest));
    assert!(!place.find_named(&name, None).unwrap().was_read);
    assert_eq!(server.log.lock().unwrap().len(), 4);
}

#[test]
fn a_platform_is_picked_from_an_index() {
    let (amd, _) = envoy();
    let arm = image(&[b"not for this machine".to_vec()]);
    let list = index(&[(&arm, "arm64"), (&amd, "amd64")]);
    let server =
        Server::new(move |request, stream| match request.path.ends_with("/manifests/v1") {
            true => answer(stream, "200 OK", "", &list),
            false => serve(&amd, request, stream),
        });
    assert_eq!(Place::new().find(&server).unwrap().paths.len(), 1);
}

#[test]
fn a_broken_download_goes_on() {
    let (envoy, layer) = envoy();
    let name = digest(&layer);
    let len = layer.len();
    let sent = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&sent);
    let server = Server::new(move |request, stream| {
        let Some(part) = request.path.ends_with(&name).then_some(&layer) else {
            return serve(&envoy, request, stream);
        };
        // A tenth at a time, whatever was announced.
        let rest = &part[request.from..];
        let piece = &rest[..rest.len().min(part.len() / 10)];
        let (from, len) = (request.from, rest.len());
        let _ = write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {from}-/*\r\nContent-Length: {len}\r\n\r\n"
        );
        let _ = stream.write_all(piece);
        *counted.lock().unwrap() += piece.len();
    });
    let place = Place::new();
    let found = place.find(&server).unwrap();
    assert_eq!(found.paths.len(), 1);
    assert_eq!(*sent.lock().unwrap(), len, "each byte is sent once");
}

#[test]
fn what_an_earlier_run_left_is_used_and_checked() {
    let (envoy, layer) = envoy();
    let copy = Image { blobs: envoy.blobs.clone(), manifest: envoy.manifest.clone() };
    let server = Server::new(move |request, stream| serve(&copy, request, stream));
    let place = Place::new();
    let mut half = place.cache.download(&digest(&layer)).unwrap();
    half.write_all(&layer[..layer.len() / 2]).unwrap();
    drop(half);
    assert_eq!(place.find(&server).unwrap().paths.len(), 1);
    let from = |server: &Server| {
        let log = server.log.lock().unwrap();
        log.iter().map(|request| request.from).filter(|from| *from > 0).collect::<Vec<_>>()
    };
    assert_eq!(from(&server), [layer.len() / 2]);

    // What was left is not what it should be, or too much.
    for left in [vec![7; layer.len() / 3], vec![7; layer.len() * 2], vec![7; layer.len()]] {
        let place = Place::new();
        place.cache.download(&digest(&layer)).unwrap().write_all(&left).unwrap();
        assert_eq!(place.find(&server).unwrap().paths.len(), 1, "{}", left.len());
    }

    // A registry that cannot begin in the middle.
    let whole = layer.clone();
    let server = Server::new(move |request, stream| {
        let request = Request { from: 0, ..request.clone() };
        serve(&envoy, &request, stream);
    });
    let place = Place::new();
    place.cache.download(&digest(&layer)).unwrap().write_all(&whole[..1000]).unwrap();
    assert_eq!(place.find(&server).unwrap().paths.len(), 1);
}

#[test]
fn passwords_go_where_they_belong() {
    // A store of blobs, and a service for tokens, on other ports.
    let (envoy, _) = envoy();
    let parts = Image { blobs: envoy.blobs.clone(), manifest: envoy.manifest.clone() };
    let store = Server::new(move |request, stream| serve(&parts, request, stream));
    let tokens = Server::new(|request, stream| {
        let is_user = request.authorization.as_deref() == Some(&format!("Basic {PASSWORD}"));
        match is_user && request.path.contains("scope=repository%3Aenvoy%3Apull") {
            true => answer(stream, "200 OK", "", br#"{"token": "for-envoy"}"#),
            false => answer(stream, "401 Unauthorized", "", b""),
        }
    });
    let (store_at, tokens_at) = (store.address.clone(), tokens.address.clone());
    let server = Server::new(move |request, stream| {
        if request.authorization.as_deref() != Some("Bearer for-envoy") {
            let challenge = format!(
                "WWW-Authenticate: Bearer realm=\"http://{tokens_at}/token\",service=\"test\"\r\n"
            );
            return answer(stream, "401 Unauthorized", &challenge, b"");
        }
        if request.path.contains("/blobs/") {
            let to = format!("Location: http://{store_at}{}\r\n", request.path);
            return answer(stream, "307 Temporary Redirect", &to, b"");
        }
        serve(&envoy, request, stream);
    });
    let place = Place::new();
    assert_eq!(place.find(&server).unwrap().paths.len(), 1);
    assert_eq!(tokens.log.lock().unwrap().len(), 1);
    let log = store.log.lock().unwrap();
    assert!(log.len() == 2 && log.iter().all(|request| request.authorization.is_none()), "{log:?}");
    drop(log);
    // Without a password the token is refused.
    let name = format!("{}/envoy:v1", server.address);
    let error = Place::new().find_named(&name, None).unwrap_err().to_string();
    assert!(error.contains("refuses access to `envoy` without a password"), "{error}");
}

#[test]
fn a_password_is_for_one_registry() {
    let (envoy, _) = envoy();
    let server = Server::new(move |request, stream| {
        if request.authorization.as_deref() == Some(&format!("Basic {PASSWORD}")) {
            return serve(&envoy, request, stream);
        }
        let challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
        answer(stream, "401 Unauthorized", challenge, b"");
    });
    assert_eq!(Place::new().find(&server).unwrap().paths.len(), 1);
    let name = format!("{}/envoy:v1", server.address);
    assert!(Place::new().find_named(&name, None).is_err());
    assert!(Place::new().find_named(&name, Some("d3Jvbmc6d3Jvbmc=")).is_err());
}

#[test]
fn redirects_to_where_nobody_should_go() {
    for to in [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "http://example.com/blob",
        "gopher://127.0.0.1/",
        "//example.com/blob",
        "",
        "http://[::1",
        "http://127.0.0.1.example.com/",
    ] {
        let server = Server::new(move |_, stream| {
            answer(stream, "302 Found", &format!("Location: {to}\r\n"), b"");
        });
        Place::new().fails(&server, "which is not followed");
        let server = Server::new(move |_, stream| {
            let challenge = format!("WWW-Authenticate: Bearer realm=\"{to}\"\r\n");
            answer(stream, "401 Unauthorized", &challenge, b"");
        });
        Place::new().fails(&server, "which is not followed");
    }
    let server = Server::new(|_, stream| answer(stream, "302 Found", "Location: /round\r\n", b""));
    Place::new().fails(&server, "leads to");
    assert_eq!(server.log.lock().unwrap().len(), 6);
}

#[test]
fn registries_that_stall() {
    let silence = Duration::from_secs(30);
    let server = Server::new(move |_, _| thread::sleep(silence));
    Place::new().fails(&server, "sent nothing for 1 seconds");
    let (envoy, layer) = envoy();
    let name = digest(&layer);
    let half = layer.clone();
    let server = Server::new(move |request, stream| match request.path.ends_with(&name) {
        true => {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", half.len());
            let _ = stream.write_all(&half[..half.len() / 2]);
            thread::sleep(silence);
        }
        false => serve(&envoy, request, stream),
    });
    let place = Place::new();
    place.fails(&server, "sent nothing for 1 seconds");
    assert_eq!(place.half(), layer.len() / 2, "what came is kept for the next attempt");
    // A byte now and then does not keep anyone waiting for ever.
    let server = Server::new(move |_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(300));
        }
    });
    Place::new().fails(&server, "sends too slowly");
}

#[test]
fn layers_that_trickle_in() {
    let (envoy, layer) = envoy();
    let name = digest(&layer);
    let server = Server::new(move |request, stream| {
        if !request.path.ends_with(&name) {
            return serve(&envoy, request, stream);
        }
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", layer.len());
        for byte in &layer {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    Place::new().fails(&server, "sends too slowly");
}

#[test]
fn registries_that_lie() {
    let with_blob = |send: fn(&[u8], &Request, &mut TcpStream)| {
        let (envoy, layer) = envoy();
        let name = digest(&layer);
        Server::new(move |request, stream| match request.path.ends_with(&name) {
            true => send(&layer, request, stream),
            false => serve(&envoy, request, stream),
        })
    };
    let lies: [(fn(&[u8], &Request, &mut TcpStream), &str); 6] = [
        (|layer, _, stream| answer(stream, "200 OK", "", &layer[..100]), "should go on with"),
        (
            |layer, _, stream| answer(stream, "200 OK", "", &[layer, b"x"].concat()),
            "should go on with",
        ),
        (
            |layer, _, stream| {
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(&[layer, &[0; 1000]].concat());
            },
            "does not end there",
        ),
        (
            |layer, request, stream| {
                let body = if request.from == 0 { &layer[..1000] } else { &[] };
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(body);
            },
            "again and again",
        ),
        (
            |layer, _, stream| {
                let range = "Content-Range: bytes 7-/*\r\n";
                answer(stream, "206 Partial Content", range, layer);
            },
            "it was asked for byte 0 and sends",
        ),
        (
            |layer, _, stream| answer(stream, "200 OK", "", &vec![7; layer.len()]),
            "is not what was asked for",
        ),
    ];
    for (lie, why) in lies {
        Place::new().fails(&with_blob(lie), why);
    }
}

#[test]
fn registries_that_talk_nonsense() {
    let nonsense: [(&str, &str, &[u8], &str); 6] = [
        ("200 OK", "", b"garbage", "the manifest is damaged"),
        ("200 OK", "", br#"{"schemaVersion": 1, "fsLayers": []}"#, "neither an image manifest nor"),
        (
            "200 OK",
            "",
            br#"{"manifests": [{"digest": "sha256:x", "size": 1}]}"#,
            "is no SHA-256 digest",
        ),
        ("500 Internal Server Error", "", b"", "answered 500"),
        ("404 Not Found", "", b"", "has no `envoy:v1`"),
        ("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", b"", "which is not followed"),
    ];
    for (status, headers, body, why) in nonsense {
        let server = Server::new(move |_, stream| answer(stream, status, headers, body));
        Place::new().fails(&server, why);
    }
    let endless = Server::new(|_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while stream.write_all(&vec![b'['; 1 << 16]).is_ok() {}
    });
    Place::new().fails(&endless, "has more than 4194304 bytes");
    let headers = Server::new(|_, stream| {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-Again: and again\r\n").is_ok() {}
    });
    Place::new().fails(&headers, "cannot be reached");
    let token = Server::new(|_, stream| {
        let bytes = br#"{"token": "two\r\nlines"}"#;
        answer(stream, "200 OK", "", bytes);
    });
    let at = token.address.clone();
    let server = Server::new(move |_, stream| {
        let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{at}/\"\r\n");
        answer(stream, "401 Unauthorized", &challenge, b"");
    });
    Place::new().fails(&server, "what it sends as a token is none");
}

#[test]
fn a_layer_without_room_is_not_begun() {
    let huge = r#"{"layers": [{"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "size": 9223372036854775807}]}"#;
    let server = Server::new(move |_, stream| answer(stream, "200 OK", "", huge.as_bytes()));
    Place::new().fails(&server, "for which the cache has no room");
    assert_eq!(server.count("/blobs/"), 0);
}
