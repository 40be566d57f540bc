//! Downloads that can go on where they ended.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use crate::{Cache, Error};

/// The file that a download is written to.
#[derive(Debug)]
pub struct Download {
    file: File,
    /// `None` if another process is at the same download: this one leaves nothing.
    path: Option<PathBuf>,
}

impl Cache {
    /// Opens the download known by `digest`, with whatever was written to it already.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn download(&self, digest: &str) -> Result<Download, Error> {
        // What is no digest cannot name a file.
        let name: String = digest.chars().filter(char::is_ascii_alphanumeric).take(200).collect();
        let path = self.dir.join("downloads").join(name);
        let open = || -> io::Result<_> {
            let mut options = File::options();
            let file = options.read(true).write(true).create(true).truncate(false).open(&path)?;
            Ok(file.try_lock().is_ok().then_some(file))
        };
        match open().map_err(|error| self.error(error))? {
            Some(file) => Ok(Download { file, path: Some(path) }),
            None => Ok(Download { file: self.temporary()?, path: None }),
        }
    }
}

impl Download {
    /// How many bytes are there, and the reader is put before the first.
    ///
    /// # Errors
    /// If the file does not tell.
    pub fn rewind(&mut self) -> io::Result<u64> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok(self.file.metadata()?.len())
    }

    /// Throws away what is there.
    ///
    /// # Errors
    /// If the file cannot be cut.
    pub fn restart(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }

    /// Deletes the file: what was in it is elsewhere, or worth nothing.
    pub fn delete(self) {
        if let Some(path) = &self.path {
            // Before the lock goes with the file.
            let _ = fs::remove_file(path);
        }
    }
}

impl io::Read for Download {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.file.read(bytes)
    }
}

impl Write for Download {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_download_goes_on_where_it_ended() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path(), 1 << 20).unwrap();
        let mut first = cache.download("sha256:00").unwrap();
        first.write_all(b"half").unwrap();
        let mut other = cache.download("sha256:00").unwrap();
        assert_eq!(other.rewind().unwrap(), 0, "another process has it");
        other.delete();
        drop(first);
        let mut again = cache.download("sha256:00").unwrap();
        assert_eq!(again.rewind().unwrap(), 4);
        let mut text = String::new();
        again.read_to_string(&mut text).unwrap();
        assert_eq!(text, "half");
        again.delete();
        assert_eq!(cache.download("sha256:00").unwrap().rewind().unwrap(), 0);
    }
}
