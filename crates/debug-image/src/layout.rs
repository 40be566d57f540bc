//! Images in a directory that is laid out as OCI says.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::archive::blob_path;
use crate::layers::{Layer, Layers};
use crate::oci::{self, Descriptor, Documents};
use crate::{Error, Wanted};

/// A directory with `index.json` and `blobs`.
#[derive(Debug)]
pub(crate) struct Layout<'path>(&'path Path);

impl<'path> Layout<'path> {
    /// The layout in a directory, if it has one.
    pub(crate) fn open(dir: &'path Path) -> Option<Self> {
        let is_layout = dir.join("index.json").is_file() && dir.join("blobs").is_dir();
        is_layout.then_some(Self(dir))
    }

    /// The index, which says by digests what everything else is.
    pub(crate) fn index(&self) -> Result<Vec<u8>, Error> {
        oci::read_document("`index.json`", self.read("index.json")?)
    }

    /// The layers of its images.
    pub(crate) fn images(&self, index: &[u8], wanted: &Wanted) -> Result<Vec<Vec<Layer>>, Error> {
        oci::images("`index.json`", index, self, wanted)
    }

    fn read(&self, path: &str) -> Result<File, Error> {
        let error = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => Error::Missing { part: format!("`{path}`") },
            _ => Error::damaged(&format!("`{path}`"), &error),
        };
        let place: PathBuf = self.0.join(path);
        // Opening a pipe would wait for a writer, and a device never ends.
        if !fs::metadata(&place).map_err(error)?.is_file() {
            let problem = "it is no regular file".to_owned();
            return Err(Error::Damaged { part: format!("`{path}`"), problem });
        }
        File::open(place).map_err(error)
    }
}

impl Documents for Layout<'_> {
    fn document(&self, descriptor: &Descriptor) -> Result<Vec<u8>, Error> {
        let path = blob_path(&descriptor.digest);
        oci::read_document(&format!("`{path}`"), self.read(&path)?)
    }
}

impl Layers for Layout<'_> {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + '_>, Error> {
        let Some(digest) = &layer.digest else {
            return Err(Error::Missing { part: format!("`{}`", layer.name) });
        };
        Ok(Box::new(self.read(&blob_path(digest))?))
    }
}
