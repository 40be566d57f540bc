//! The layers of an image, from the top down.

use std::io::{self, Read};

use cache::Sha256;

use crate::hidden::Hidden;
use crate::hunt::{Haul, Hunt};
use crate::oci::Digest;
use crate::tar_stream::{Streamed, Tar};
use crate::unpack::Unpacked;
use crate::{Error, Progress, Report};

/// More layers than this no runtime unpacks (Docker: 127).
pub(crate) const MAX_LAYERS: usize = 1000;

/// A layer, by what is known of it before it is read.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// Its name in messages and in the archive.
    pub(crate) name: String,
    /// Its size, compressed.
    pub(crate) size: u64,
    /// The digest of the compressed bytes.
    pub(crate) digest: Option<Digest>,
    /// The digest of the bytes that it unpacks to.
    pub(crate) diff_id: Option<Digest>,
}

/// Where layers come from.
pub(crate) trait Layers {
    /// The compressed bytes of a layer.
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + '_>, Error>;

    /// Told that a layer is not what it should be: whether it is worth another attempt.
    fn retry(&self, _layer: &Layer) -> bool {
        false
    }
}

/// Searches layers, the lowest of which comes first. Returns whether all had to be read.
pub(crate) fn search(
    hunt: &mut Hunt<'_>,
    layers: &[Layer],
    source: &dyn Layers,
    report: Report<'_>,
) -> Result<bool, Error> {
    if layers.len() > MAX_LAYERS {
        let (what, limit) = (format!("{} layers", layers.len()), MAX_LAYERS as u64);
        return Err(Error::TooMany { what, limit });
    }
    let total = layers.iter().fold(0, |sum: u64, layer| sum.saturating_add(layer.size));
    let mut hidden = Hidden::default();
    let mut done = 0;
    for (left, layer) in layers.iter().enumerate().rev() {
        let progress = |read: u64| report(Progress { done: done + read, total });
        let mut read = read_layer(hunt, layer, source, &hidden, &progress);
        if matches!(read, Err(Error::Digest { .. })) && source.retry(layer) {
            read = read_layer(hunt, layer, source, &hidden, &progress);
        }
        hunt.keep(read?, &mut hidden)?;
        done = done.saturating_add(layer.size);
        if left > 0 && hunt.is_complete() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Reads a layer to its end, once, and checks that it is the one it should be.
fn read_layer(
    hunt: &mut Hunt<'_>,
    layer: &Layer,
    source: &dyn Layers,
    hidden: &Hidden,
    progress: &dyn Fn(u64),
) -> Result<Haul, Error> {
    let part = format!("layer `{}`", layer.name);
    let mut packed = Checked::new(source.open(layer)?, layer.digest.is_some(), progress);
    let scanned = (|| {
        let damaged = |error: io::Error| Error::damaged(&part, &error);
        let unpacked = Unpacked::new(&mut packed).map_err(damaged)?;
        let mut unpacked = Checked::new(unpacked, layer.diff_id.is_some(), &|_| {});
        let haul = hunt.scan(&part, &mut Tar::new(Streamed(&mut unpacked)), Some(hidden))?;
        // Behind the archive there may be zeros, which count for the digest.
        io::copy(&mut unpacked, &mut io::sink()).map_err(damaged)?;
        unpacked.check(&part, layer.diff_id.as_ref())?;
        Ok(haul)
    })();
    // What stopped the source stopped everything behind it, which knows less of why.
    if let Some(error) = packed.failure.take() {
        return Err(match error.downcast() {
            Ok(error) => Error::Registry(error),
            Err(error) => Error::damaged(&part, &error),
        });
    }
    let haul = match (scanned, &layer.digest) {
        (Ok(haul), _) => haul,
        // Damage means a wrong digest, which is what there is to tell.
        (Err(error @ (Error::Damaged { .. } | Error::Digest { .. })), Some(_)) => {
            io::copy(&mut packed, &mut io::sink())
                .map_err(|error| Error::damaged(&part, &error))?;
            packed.check(&part, layer.digest.as_ref())?;
            return Err(error);
        }
        (Err(error), _) => return Err(error),
    };
    io::copy(&mut packed, &mut io::sink()).map_err(|error| Error::damaged(&part, &error))?;
    packed.check(&part, layer.digest.as_ref())?;
    Ok(haul)
}

/// Bytes whose checksum is computed on the way.
struct Checked<'a, R> {
    inner: R,
    sha256: Option<Sha256>,
    read: u64,
    progress: &'a dyn Fn(u64),
    failure: Option<io::Error>,
}

impl<'a, R: Read> Checked<'a, R> {
    fn new(inner: R, is_checked: bool, progress: &'a dyn Fn(u64)) -> Self {
        let sha256 = is_checked.then(Sha256::new);
        Self { inner, sha256, read: 0, progress, failure: None }
    }

    fn check(&mut self, part: &str, digest: Option<&Digest>) -> Result<(), Error> {
        let Some((digest, sha256)) = digest.zip(self.sha256.take()) else { return Ok(()) };
        let found = sha256.hex();
        if found == digest.hex() {
            return Ok(());
        }
        Err(Error::Digest { part: part.to_owned(), found })
    }
}

impl<R: Read> Read for Checked<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(bytes) {
            Ok(len) => {
                if let Some(sha256) = &mut self.sha256 {
                    sha256.update(&bytes[..len]);
                }
                self.read += len as u64;
                (self.progress)(self.read);
                Ok(len)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let shown = io::Error::new(error.kind(), error.to_string());
                self.failure = Some(error);
                Err(shown)
            }
        }
    }
}
