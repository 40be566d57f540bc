//! Files as byte slices: the one place of the project with `unsafe` code.
//!
//! Recordings and debug images are gigabytes of which a run reads parts. A mapping reads what is
//! touched, keeps no copy, and gives pages back when they are done with.

#![expect(unsafe_code, reason = "mapping a file is unsafe; the contract stands at each use")]

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::path::Path;

use memmap2::{Advice, Mmap, UncheckedAdvice};

/// What a page is at most on the machines that perf2pprof runs on. Ranges are released in units
/// of it, which is right on machines with smaller pages too.
const LARGEST_PAGE: usize = 64 * 1024;

/// A file mapped into memory for reading. It derefs to the bytes.
///
/// The bytes are the file's as long as nobody changes it. A file that is *written to* while it is
/// mapped shows its new bytes; one that is *cut short* raises `SIGBUS` when the lost part is read.
/// Every reader of mapped files has that limit (perf, gdb and ld.so among them).
#[derive(Debug)]
pub struct MappedFile {
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Mapped(Mmap),
    /// An empty file, which cannot be mapped, or one that was packed.
    Owned(Vec<u8>),
}

impl MappedFile {
    /// Maps a regular file.
    ///
    /// # Errors
    /// If the file cannot be opened or mapped, or is a directory, a pipe or a device: a recorded
    /// path is a claim, and reading `/dev/mem` or waiting for a pipe's writer is not wanted.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Asked before the file is opened, because opening a pipe waits for a writer.
        if !path.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Self::from_file(&File::open(path)?)
    }

    /// Maps a regular file that is open already.
    ///
    /// # Errors
    /// If the file cannot be mapped.
    pub fn from_file(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self { bytes: Bytes::Owned(Vec::new()) });
        }
        // SAFETY: The mapping is private and read-only, so this process cannot change the bytes
        // through it. Another process that writes to the file could change bytes behind a `&[u8]`;
        // all parsers of this workspace check every value after the read that uses it, hold no
        // reference whose type has invalid bit patterns, and so stay memory-safe for any bytes.
        let map = unsafe { Mmap::map(file)? };
        Ok(Self { bytes: Bytes::Mapped(map) })
    }

    /// Gives the memory of a range back to the system, as far as it holds whole pages. The bytes
    /// stay readable: the next access reads them from the file again.
    pub fn release(&self, range: Range<usize>) {
        let Bytes::Mapped(map) = &self.bytes else { return };
        let start = range.start.next_multiple_of(LARGEST_PAGE);
        let end = range.end.min(map.len()) / LARGEST_PAGE * LARGEST_PAGE;
        if start < end {
            // SAFETY: `DontNeed` drops the pages of the range, all inside the mapping. A private
            // mapping of a file that was never written to is filled from the file again, so the
            // bytes behind existing references do not change.
            let released = unsafe {
                map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, end - start)
            };
            // Only advice: memory is used a little longer where the system does not take it.
            let _ = released;
        }
    }

    /// Tells the system that the file will be read from its beginning to its end.
    pub fn advise_sequential(&self) {
        if let Bytes::Mapped(map) = &self.bytes {
            // Only advice, as above.
            let _ = map.advise(Advice::Sequential);
        }
    }
}

/// What a packed file holds, which no file maps.
impl From<Vec<u8>> for MappedFile {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: Bytes::Owned(bytes) }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.bytes {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_an_empty_slice() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mapped = MappedFile::open(file.path()).unwrap();
        assert!(mapped.is_empty());
        mapped.release(0..0);
        mapped.advise_sequential();
    }

    #[test]
    fn released_bytes_are_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(3 * LARGEST_PAGE + 17).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        let mapped = MappedFile::open(file.path()).unwrap();
        assert_eq!(&mapped[..], bytes);
        mapped.release(5..usize::MAX);
        assert_eq!(&mapped[..], bytes);
    }

    #[test]
    fn devices_and_directories_are_refused() {
        for path in ["/dev/zero", "/"] {
            let error = MappedFile::open(Path::new(path)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{path}");
        }
    }
}
