//! Layers, downloaded once, and from where an earlier attempt ended.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::time::Instant;

use cache::{Cache, Download};
use ureq::BodyReader;
use ureq::http::header;

use super::RegistryError;
use super::http::{Http, is_timeout, text_header};
use crate::Error;
use crate::layers::{Layer, Layers};

/// How often a connection may break without having brought anything.
const MAX_BREAKS: u32 = 3;

/// What must come of a layer within the time that a document may take: a modem is faster.
const MIN_PIECE: u64 = 64 << 10;

/// The layers of an image, on their way to the cache.
pub(crate) struct Blobs<'a> {
    http: &'a Http,
    cache: &'a Cache,
    /// Layers that are in the cache, by digest.
    fetched: RefCell<HashSet<String>>,
    /// Layers of which a part was there already.
    resumed: RefCell<HashSet<String>>,
}

/// A layer that can be read while it comes in. Every byte is written down before it is passed on, so
/// that a download that is killed has lost nothing.
struct Incoming<'a> {
    http: &'a Http,
    path: String,
    size: u64,
    download: Download,
    /// How much of it was there.
    kept: u64,
    position: u64,
    body: Option<BodyReader<'static>>,
    breaks: u32,
    /// Since when it is looked how fast bytes come, and where it was then.
    watched: (Instant, u64),
}

impl<'a> Blobs<'a> {
    pub(crate) fn new(http: &'a Http, cache: &'a Cache) -> Self {
        Self { http, cache, fetched: RefCell::default(), resumed: RefCell::default() }
    }

    /// Deletes the layers: what was wanted of them is kept.
    pub(crate) fn delete(&self) {
        for digest in self.fetched.borrow().iter() {
            if let Ok(download) = self.cache.download(digest) {
                download.delete();
            }
        }
    }
}

impl Layers for Blobs<'_> {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + '_>, Error> {
        let digest = &layer.name;
        if layer.size > self.cache.limit() {
            let (path, size, limit) = (format!("layer {digest}"), layer.size, self.cache.limit());
            return Err(Error::TooLarge { path, size, limit });
        }
        let mut download = self.cache.download(digest)?;
        let io = |error| Error::Cache(self.cache.error(error));
        let mut kept = download.rewind().map_err(io)?;
        if kept > layer.size {
            download.restart().map_err(io)?;
            kept = 0;
        }
        if kept > 0 {
            self.resumed.borrow_mut().insert(digest.clone());
        }
        self.fetched.borrow_mut().insert(digest.clone());
        Ok(Box::new(Incoming {
            http: self.http,
            path: format!("blobs/{digest}"),
            size: layer.size,
            download,
            kept,
            position: 0,
            body: None,
            breaks: 0,
            watched: (Instant::now(), 0),
        }))
    }

    /// The bytes of an earlier attempt may be to blame. Nothing of them is used again.
    fn retry(&self, layer: &Layer) -> bool {
        if let Ok(download) = self.cache.download(&layer.name) {
            download.delete();
        }
        self.resumed.borrow_mut().remove(&layer.name)
    }
}

impl Incoming<'_> {
    fn fetch(&mut self, bytes: &mut [u8]) -> Result<usize, RegistryError> {
        loop {
            let mut body = match self.body.take() {
                Some(body) => body,
                None => self.connect()?,
            };
            let left = usize::try_from(self.size - self.position).unwrap_or(usize::MAX);
            let wanted = bytes.len().min(left);
            match body.read(&mut bytes[..wanted]) {
                Ok(len) if len > 0 => {
                    self.download
                        .write_all(&bytes[..len])
                        .map_err(|error| RegistryError::Disk(error.to_string()))?;
                    self.position += len as u64;
                    self.breaks = 0;
                    self.check_speed()?;
                    if self.position == self.size {
                        self.check_end(&mut body)?;
                    }
                    self.body = Some(body);
                    return Ok(len);
                }
                Err(error) if is_timeout(&error) => return Err(self.http.broken(&error)),
                // The connection broke: it goes on from here.
                _ if self.breaks < MAX_BREAKS => self.breaks += 1,
                Ok(_) => {
                    let Self { size, position, .. } = self;
                    let problem =
                        format!("a layer of {size} bytes ends at byte {position}, again and again");
                    return Err(self.http.lies(problem));
                }
                Err(error) => return Err(self.http.broken(&error)),
            }
        }
    }

    /// A byte now and then is no download.
    fn check_speed(&mut self) -> Result<(), RegistryError> {
        let (since, from) = self.watched;
        if since.elapsed() < self.http.timeouts.document {
            return Ok(());
        }
        self.watched = (Instant::now(), self.position);
        if self.position - from < MIN_PIECE { Err(self.http.slow()) } else { Ok(()) }
    }

    /// Asks for what is missing.
    fn connect(&self) -> Result<BodyReader<'static>, RegistryError> {
        let response = self.http.blob(&self.path, self.position)?;
        let is_part = response.status() == 206;
        let start = if is_part { self.position } else { 0 };
        if is_part {
            let range = text_header(response.headers(), &header::CONTENT_RANGE);
            if !range.starts_with(&format!("bytes {start}-")) {
                return Err(self
                    .http
                    .lies(format!("it was asked for byte {start} and sends {range:?}")));
            }
        }
        let length = response.body().content_length();
        if let Some(length) = length.filter(|length| *length != self.size - start) {
            let size = self.size;
            return Err(self.http.lies(format!(
                "a layer of {size} bytes should go on with {}, and it sends {length}",
                size - start
            )));
        }
        let mut body = response.into_body().into_reader();
        // A registry that cannot begin in the middle.
        let before = self.position - start;
        io::copy(&mut body.by_ref().take(before), &mut io::sink())
            .map_err(|error| self.http.broken(&error))?;
        Ok(body)
    }

    fn check_end(&self, body: &mut BodyReader<'_>) -> Result<(), RegistryError> {
        match body.read(&mut [0]) {
            Ok(0) | Err(_) => Ok(()),
            Ok(_) => {
                let problem = format!("a layer of {} bytes does not end there", self.size);
                Err(self.http.lies(problem))
            }
        }
    }
}

impl Read for Incoming<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.position == self.size || bytes.is_empty() {
            return Ok(0);
        }
        if self.position < self.kept {
            let left = usize::try_from(self.kept - self.position).unwrap_or(usize::MAX);
            let wanted = bytes.len().min(left);
            let len = self.download.read(&mut bytes[..wanted])?;
            if len == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.position += len as u64;
            return Ok(len);
        }
        self.fetch(bytes).map_err(io::Error::other)
    }
}
