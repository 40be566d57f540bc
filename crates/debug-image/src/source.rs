//! What the user calls a debug image.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use cache::{Cache, Sha256};

use crate::Error;
use crate::layout::Layout;
use crate::registry::Reference;
use crate::unpack::{Form, start_of};

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

    /// The path, if it is a directory of files, a file that is neither archive nor compressed, or
    /// not there: nothing that needs [`find`](crate::find).
    pub fn as_is(&self) -> Option<&Path> {
        let Place::Path(path) = &self.place else { return None };
        let is_image = if path.is_dir() {
            Layout::open(path).is_some()
        } else if path.is_file() {
            // What cannot be opened is told of by whoever tries to read it.
            let start = File::open(path).and_then(|mut file| start_of(&mut file));
            start.is_ok_and(|start| Form::of(&start) != Form::Other)
        } else {
            false
        };
        (!is_image).then_some(path)
    }

    /// Whether a text that is no path of a file is the name of an image with its tag, as `docker
    /// pull` takes it.
    pub fn is_image_name(text: &str) -> bool {
        text.contains(':') && !text.starts_with(['/', '.']) && Reference::parse(text).is_ok()
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

/// The key of a file: another one for every file, and for each state of one.
pub(crate) fn file_key(file: &File) -> io::Result<String> {
    Ok(format!("file {}", cache::identity(&file.metadata()?)))
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
