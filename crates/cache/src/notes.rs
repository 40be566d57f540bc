//! Small notes on what images hold.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::files::touch;
use crate::{Cache, Error, Sha256};

/// A note of an image with 200,000 ELF files is about this large.
const MAX_NOTE: u64 = 64 << 20;

impl Cache {
    /// The note kept under a key, if it is as it was written.
    pub fn note(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.note_path(key);
        if fs::symlink_metadata(&path).ok()?.len() > MAX_NOTE {
            return None;
        }
        let mut bytes = fs::read(&path).ok()?;
        let text = bytes.split_off(bytes.iter().position(|&byte| byte == b'\n')? + 1);
        bytes.pop();
        if bytes != Sha256::of(&text).as_bytes() {
            let _ = fs::remove_file(path);
            return None;
        }
        touch(&path);
        Some(text)
    }

    /// Keeps a note, in the place of an earlier one.
    ///
    /// # Errors
    /// If the cache cannot be written.
    pub fn keep_note(&self, key: &str, text: &[u8]) -> Result<(), Error> {
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(self.dir.join("tmp"))?;
            writeln!(file, "{}", Sha256::of(text))?;
            file.write_all(text)?;
            file.persist(self.note_path(key)).map_err(|error| error.error).map(drop)
        };
        write().map_err(|error| self.error(error))
    }

    /// Keys can be anything.
    fn note_path(&self, key: &str) -> PathBuf {
        self.dir.join("notes").join(Sha256::of(key.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_note_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path(), 1 << 20).unwrap();
        assert_eq!(cache.note("../key"), None);
        cache.keep_note("../key", b"held\nthis").unwrap();
        assert_eq!(cache.note("../key").unwrap(), b"held\nthis");
        for damage in [&b""[..], b"held\nthis", b"\n"] {
            fs::write(cache.note_path("../key"), damage).unwrap();
            assert_eq!(cache.note("../key"), None);
        }
    }
}
