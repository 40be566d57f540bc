//! What the user calls a debug image.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use cache::{Cache, Sha256};

use crate::Error;
use crate::layout::Layout;
use crate::registry::Reference;
use crate::unpack::{Form, inner_form};

/// A debug image, as it was named.
#[derive(Debug)]
pub struct Source {
    pub(crate) place: Place,
}

#[derive(Debug)]
pub(crate) enum Place {
    Path(PathBuf),
    /// What came in is kept: it can be asked for twice.
    Stdin(OnceCell<Spooled>),
    Registry(Reference),
}

/// Standard input, as a file.
#[derive(Debug)]
pub(crate) struct Spooled {
    pub(crate) file: File,
    /// What tells this input from others.
    pub(crate) key: String,
}

impl Source {
    /// What an argument means: `-` is standard input, `docker://NAME` an image in a registry, and
    /// everything else a path.
    ///
    /// # Errors
    /// If the name of an image is none.
    pub fn parse(text: &OsStr) -> Result<Self, Error> {
        let place = match text.to_str() {
            Some("-") => Place::Stdin(OnceCell::new()),
            Some(text) if text.starts_with("docker://") => {
                let reference = Reference::parse(text.trim_start_matches("docker://"));
                Place::Registry(reference.map_err(Error::Reference)?)
            }
            _ => Place::Path(PathBuf::from(text)),
        };
        Ok(Self { place })
    }

    /// The path, if it is a directory of files, a file that is no archive, or not there: nothing
    /// that needs [`find`](crate::find).
    pub fn as_is(&self) -> Option<&Path> {
        let Place::Path(path) = &self.place else { return None };
        let is_image = match path.is_dir() {
            true => Layout::open(path).is_some(),
            // What cannot be read is told of by whoever tries to.
            false => {
                path.is_file()
                    && File::open(path)
                        .and_then(|mut file| inner_form(&mut file))
                        .is_ok_and(|form| form != Form::Other)
            }
        };
        (!is_image).then_some(path)
    }

    /// Whether it is standard input, which can be only one thing.
    pub fn is_stdin(&self) -> bool {
        matches!(self.place, Place::Stdin(_))
    }
}

/// Standard input: itself if it is a file, else a temporary one with what comes in.
pub(crate) fn spool_stdin<'a>(
    spooled: &'a OnceCell<Spooled>,
    cache: &Cache,
) -> Result<&'a Spooled, Error> {
    if let Some(spooled) = spooled.get() {
        return Ok(spooled);
    }
    let made = match File::open(Path::new("/dev/stdin")) {
        Ok(file) if file.metadata().is_ok_and(|metadata| metadata.is_file()) => {
            Spooled { key: file_key(&file).map_err(Error::Unreadable)?, file }
        }
        _ => spool(&mut io::stdin().lock(), cache)?,
    };
    Ok(spooled.get_or_init(|| made))
}

/// What tells a file from others, and from what it was before a change.
pub(crate) fn file_key(file: &File) -> io::Result<String> {
    let metadata = file.metadata()?;
    Ok(format!(
        "file {} {} {} {}.{:09} {}.{:09}",
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    ))
}

/// Copies bytes to a file without a name, as many as the cache may hold.
pub(crate) fn spool(input: &mut dyn Read, cache: &Cache) -> Result<Spooled, Error> {
    let mut file = cache.temporary()?;
    let mut sha256 = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    let mut size = 0;
    loop {
        let len = match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Error::damaged("the archive", &error)),
        };
        size += len as u64;
        if size > cache.limit() {
            let path = "the archive".to_owned();
            return Err(Error::TooLarge { path, size, limit: cache.limit() });
        }
        sha256.update(&chunk[..len]);
        file.write_all(&chunk[..len]).map_err(|error| cache.error(error))?;
    }
    Ok(Spooled { file, key: format!("sha256 {}", sha256.hex()) })
}
