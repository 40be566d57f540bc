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

#[path = "../../../tests/common/mod.rs"]
mod common;
mod downloads;
mod hostile;

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
