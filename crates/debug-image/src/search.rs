//! What a source is, and what it holds.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use cache::Cache;

use crate::archive::{Archive, is_image_path};
use crate::hidden::Hidden;
use crate::hunt::Hunt;
use crate::layers::{self, Layer, Layers};
use crate::layout::Layout;
use crate::oci::Digest;
use crate::registry::{Registry, Timeouts, credentials};
use crate::source::{Place, file_key, spool, spool_stdin};
use crate::tar_stream::{Input, Kind, Segment, Streamed, Tar};
use crate::unpack::{Form as FileForm, Unpacked, inner_form, start_of};
use crate::{Error, Form, Found, HeldFile, Progress, Report, Source, Wanted, known};

/// After how many entries a compressed archive is known for what it is.
const ENTRIES_TO_TELL: usize = 16;

/// Finds what is wanted in a debug image, and keeps it in the cache.
///
/// # Errors
/// If the source cannot be read, is damaged, or holds more than an image can.
pub fn find(
    source: &Source,
    wanted: &Wanted,
    cache: &Cache,
    report: Report<'_>,
) -> Result<Found, Error> {
    let search = Search { wanted, cache, report };
    match &source.place {
        Place::Path(path) => search.path(path),
        Place::Stdin(spooled) => {
            let spooled = spool_stdin(spooled, cache)?;
            search.file(&spooled.file, &spooled.key, None)
        }
        Place::Registry(reference) => {
            let password = credentials::find(reference);
            search.registry(&Registry::new(reference, Timeouts::DEFAULT, password)?)
        }
    }
}

pub(crate) struct Search<'a> {
    pub(crate) wanted: &'a Wanted,
    pub(crate) cache: &'a Cache,
    pub(crate) report: Report<'a>,
}

impl Search<'_> {
    fn path(&self, path: &Path) -> Result<Found, Error> {
        if path.is_dir() {
            return match Layout::open(path) {
                Some(layout) => self.layout(&layout),
                None => Ok(as_is(path)),
            };
        }
        // What is no regular file, or not there, is told of by whoever opens it as an ELF file.
        if !path.is_file() {
            return Ok(as_is(path));
        }
        let file = File::open(path).map_err(Error::Unreadable)?;
        let key = file_key(&file).map_err(Error::Unreadable)?;
        self.file(&file, &key, Some(path))
    }

    /// A file, by how it begins. A compressed file that is no archive, such as a kernel module, is
    /// left to whoever reads ELF files.
    fn file(&self, file: &File, key: &str, path: Option<&Path>) -> Result<Found, Error> {
        let len = file.metadata().map_err(Error::Unreadable)?.len();
        let start = start_of(&mut Segment::new(file, 0, len)).map_err(Error::Unreadable)?;
        let form = inner_form(&mut Segment::new(file, 0, len))
            .map_err(|error| Error::damaged("the archive", &error))?;
        match (form, path) {
            (FileForm::Foreign(tool), _) => return Err(Error::Foreign(tool)),
            (FileForm::Other, Some(path)) => return Ok(as_is(path)),
            (FileForm::Other, None) => return self.bare(file, len),
            _ => {}
        }
        let key = self.key(key);
        if let Some(found) = known::recall(self.cache, &key, self.wanted) {
            return Ok(found);
        }
        let found = if FileForm::of(&start) == FileForm::Tar {
            let file = file.try_clone().map_err(Error::Unreadable)?;
            self.archive(&Archive::open(file, len)?, len)?
        } else {
            self.compressed(file, len)?
        };
        self.note(&key, found)
    }

    /// A compressed archive: of files, which are looked at as they stream by, or of an image,
    /// whose parts must be read in another order than they come in.
    fn compressed(&self, file: &File, len: u64) -> Result<Found, Error> {
        let damaged = |error: io::Error| Error::damaged("the archive", &error);
        let unpack = || Unpacked::new(Segment::new(file, 0, len)).map_err(damaged);
        if is_image(&mut Tar::new(Streamed(unpack()?))).map_err(damaged)? {
            let unpacked = spool(&mut unpack()?, self.cache)?.file;
            let len = unpacked.metadata().map_err(Error::Unreadable)?.len();
            return self.archive(&Archive::open(unpacked, len)?, len);
        }
        let input = Told { inner: Segment::new(file, 0, len), read: 0, len, report: self.report };
        let mut unpacked = Unpacked::new(input).map_err(damaged)?;
        let found = self.tar(&mut Tar::new(Streamed(&mut unpacked)))?;
        // The end of the file tells whether it is whole.
        io::copy(&mut unpacked, &mut io::sink()).map_err(damaged)?;
        Ok(found)
    }

    fn archive(&self, archive: &Archive, len: u64) -> Result<Found, Error> {
        match archive.has("manifest.json").then(|| archive.saved_images(self.wanted)) {
            Some(Ok(images)) => return self.images(Form::DockerArchive, &images, archive),
            Some(Err(error)) if archive.is_saved() => return Err(error),
            // Some other tool's file of that name.
            Some(Err(_)) | None => {}
        }
        if archive.has("index.json") && archive.has("oci-layout") {
            return self.images(Form::OciArchive, &archive.images(self.wanted)?, archive);
        }
        self.tar(&mut Tar::new(Segment::new(archive.file(), 0, len)))
    }

    /// An archive of files.
    fn tar(&self, tar: &mut Tar<impl Input>) -> Result<Found, Error> {
        let mut hunt = Hunt::new(self.wanted, self.cache);
        let haul = hunt.scan("the archive", tar, None)?;
        hunt.keep(haul, &mut Hidden::default())?;
        self.found(Form::Tar, hunt.held, true)
    }

    /// A single file from standard input.
    fn bare(&self, file: &File, len: u64) -> Result<Found, Error> {
        let mut staged = self.cache.stage("stdin")?;
        io::copy(&mut Segment::new(file, 0, len), &mut staged)
            .map_err(|error| self.cache.error(error))?;
        let id = staged.keep(self.cache)?;
        let path = self.cache.file(&id).ok_or(Error::Missing { part: "`stdin`".to_owned() })?;
        Ok(as_is(&path))
    }

    fn layout(&self, layout: &Layout<'_>) -> Result<Found, Error> {
        let index = layout.index()?;
        let key = self.key(&format!("manifest {}", Digest::of(&index)));
        if let Some(found) = known::recall(self.cache, &key, self.wanted) {
            return Ok(found);
        }
        let images = layout.images(&index, self.wanted)?;
        self.note(&key, self.images(Form::OciLayout, &images, layout)?)
    }

    pub(crate) fn registry(&self, registry: &Registry<'_>) -> Result<Found, Error> {
        let recall = |digest: &Digest| {
            let key = self.key(&format!("manifest {digest}"));
            known::recall(self.cache, &key, self.wanted)
        };
        if let Some(found) = registry.digest().and_then(recall) {
            return Ok(found);
        }
        let manifest = registry.manifest()?;
        let digest = Digest::of(&manifest);
        if let Some(found) = recall(&digest) {
            return Ok(found);
        }
        let images = registry.images(&manifest, self.wanted)?;
        let blobs = registry.blobs(self.cache);
        let found = self.images(Form::Registry, &images, &blobs)?;
        let found = self.note(&self.key(&format!("manifest {digest}")), found)?;
        blobs.delete();
        Ok(found)
    }

    fn images(
        &self,
        form: Form,
        images: &[Vec<Layer>],
        source: &dyn Layers,
    ) -> Result<Found, Error> {
        let mut hunt = Hunt::new(self.wanted, self.cache);
        let mut is_whole = true;
        for layers in images {
            is_whole &= layers::search(&mut hunt, layers, source, self.report)?;
        }
        self.found(form, hunt.held, is_whole)
    }

    fn found(&self, form: Form, mut held: Vec<HeldFile>, is_whole: bool) -> Result<Found, Error> {
        held.sort_by_cached_key(|held| walk_order(&held.path));
        let mut found = Found { form, paths: Vec::new(), held, is_whole, was_read: true };
        found
            .add_paths(self.cache, self.wanted)
            .ok_or(Error::Missing { part: "a file that was just kept".to_owned() })?;
        Ok(found)
    }

    fn note(&self, key: &str, found: Found) -> Result<Found, Error> {
        known::note(self.cache, key, &found, self.wanted)?;
        Ok(found)
    }

    /// Of images for several machines, what was found depends on the recorded one.
    fn key(&self, identity: &str) -> String {
        format!("{identity} for {}", self.wanted.platform().unwrap_or("any"))
    }
}

/// In which order a walk meets files: those of a directory before those below it, by name. Of two
/// files that are as good as each other, the first one counts.
fn walk_order(path: &str) -> Vec<(bool, String)> {
    let parts = path.split('/').count();
    let is_directory = |index: usize| index + 1 < parts;
    path.split('/').enumerate().map(|(at, part)| (is_directory(at), part.to_owned())).collect()
}

fn as_is(path: &Path) -> Found {
    let paths = vec![path.to_owned()];
    Found { form: Form::AsIs, paths, held: Vec::new(), is_whole: true, was_read: false }
}

/// Whether an archive is one of an image, by its first entries.
fn is_image(tar: &mut Tar<impl Input>) -> io::Result<bool> {
    for _ in 0..ENTRIES_TO_TELL {
        match tar.next()? {
            Some(entry) if is_image_path(&entry.path) => return Ok(true),
            Some(entry) if entry.kind == Kind::File => return Ok(false),
            Some(_) => {}
            None => break,
        }
    }
    Ok(false)
}

/// Tells how far reading is.
struct Told<'a, R> {
    inner: R,
    read: u64,
    len: u64,
    report: Report<'a>,
}

impl<R: Read> Read for Told<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(bytes)?;
        self.read += len as u64;
        (self.report)(Progress { done: self.read, total: self.len });
        Ok(len)
    }
}
