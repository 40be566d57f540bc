//! The bytes of the recording, or what the file is instead.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::ops::{Deref, Range};
use std::path::Path;

use binaries::MappedFile;

use crate::hints;
use crate::message::Failure;

/// The bytes of a recording.
pub(crate) enum Recording {
    /// A file: its pages come from the disk as they are read, and go when they are given back.
    Mapped(MappedFile),
    /// What came through a pipe. It is read twice, so it is kept.
    Buffered(Vec<u8>),
}

impl Recording {
    /// Opens the file that the user named, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Self::stdin();
        }
        let metadata = std::fs::metadata(path).map_err(|error| hints::cannot_open(path, &error))?;
        if metadata.is_dir() {
            return Err(hints::is_directory(path));
        }
        let file = File::open(path).map_err(|error| hints::cannot_open(path, &error))?;
        Self::from_file(file, metadata.is_file()).map_err(|error| hints::cannot_open(path, &error))
    }

    fn stdin() -> Result<Self, Failure> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(hints::stdin_is_terminal());
        }
        let path = Path::new("/dev/stdin");
        let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
        if is_file
            && let Ok(file) = File::open(path)
            && let Ok(mapped) = MappedFile::from_file(&file)
        {
            return Ok(Self::Mapped(mapped));
        }
        let mut bytes = Vec::new();
        stdin
            .lock()
            .read_to_end(&mut bytes)
            .map_err(|error| hints::cannot_open(Path::new("-"), &error))?;
        Ok(Self::Buffered(bytes))
    }

    fn from_file(mut file: File, is_regular: bool) -> io::Result<Self> {
        if is_regular {
            let mapped = MappedFile::from_file(&file)?;
            mapped.advise_sequential();
            return Ok(Self::Mapped(mapped));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Self::Buffered(bytes))
    }

    /// Gives back memory that holds bytes which were read; they come again if asked for.
    pub(crate) fn release(&self, range: Range<u64>) {
        if let Self::Mapped(file) = self
            && let (Ok(start), Ok(end)) = (range.start.try_into(), range.end.try_into())
        {
            file.release(start..end);
        }
    }
}

impl Deref for Recording {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(file) => file,
            Self::Buffered(bytes) => bytes,
        }
    }
}
