//! The files of images.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::sha256::Sha256;
use crate::stamp::Stamp;
use crate::{Cache, Error};

/// The longest name that is kept; file systems take 255 bytes, with the checksum before it.
const MAX_NAME: usize = 100;

/// A file of the cache: its content and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId {
    sha256: String,
    name: String,
}

/// A file that is being written, and gone if it is not [kept](Staged::keep).
#[derive(Debug)]
pub struct Staged {
    dir: TempDir,
    name: String,
    file: File,
    sha256: Sha256,
    len: u64,
}

impl FileId {
    /// Reads what [`FileId`]'s `Display` wrote; `None` if it was not that.
    pub fn parse(text: &str) -> Option<Self> {
        let (sha256, name) = text.split_once('-')?;
        let is_sha256 = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_sha256 && plain_name(name) == name)
            .then(|| Self { sha256: sha256.to_owned(), name: name.to_owned() })
    }
}

impl std::fmt::Display for FileId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.sha256, self.name)
    }
}

impl Cache {
    /// Begins a file called `name`, of which only the last part counts.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn stage(&self, name: &str) -> Result<Staged, Error> {
        let make = || -> io::Result<_> {
            let dir = tempfile::Builder::new().tempdir_in(self.dir.join("tmp"))?;
            let name = plain_name(name);
            let file = File::create_new(dir.path().join(&name))?;
            Ok(Staged { dir, name, file, sha256: Sha256::new(), len: 0 })
        };
        make().map_err(|error| self.error(error))
    }

    /// Where a file is, if it is there and what it was. Anything else is deleted.
    pub fn file(&self, id: &FileId) -> Option<PathBuf> {
        let path = self.dir.join("files").join(id.to_string()).join(&id.name);
        let stamp_path = self.dir.join("stamps").join(id.to_string());
        // A link would lead out of the cache.
        let metadata = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
        let stamp = Stamp::of(&metadata);
        if Stamp::read(&stamp_path).as_ref() != Some(&stamp) {
            if checksum(&path).ok().as_ref() != Some(&id.sha256) {
                self.discard(id);
                return None;
            }
            // Without it, the checksum is computed the next time, too.
            let _ = stamp.write(&stamp_path, &self.dir.join("tmp"));
        }
        touch(&stamp_path);
        Some(path)
    }

    /// Moves it out of the way first, so that nobody meets half of it.
    fn discard(&self, id: &FileId) {
        let entry = self.dir.join("files").join(id.to_string());
        if let Ok(dir) = tempfile::Builder::new().tempdir_in(self.dir.join("tmp")) {
            let _ = fs::rename(entry, dir.path().join("discarded"));
        }
    }
}

impl Staged {
    /// Where the file is for now.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join(&self.name)
    }

    /// How many bytes were written.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Keeps the file under its checksum.
    ///
    /// # Errors
    /// If the cache cannot be written.
    pub fn keep(self, cache: &Cache) -> Result<FileId, Error> {
        let id = FileId { sha256: self.sha256.hex(), name: self.name };
        let entry = cache.dir.join("files").join(id.to_string());
        // An entry that is there already is as good as this one, or deleted when it is looked at.
        if cache.file(&id).is_none() {
            let staged = self.dir.keep();
            if let Err(error) = fs::rename(&staged, &entry) {
                let _ = fs::remove_dir_all(&staged);
                // Another process was quicker.
                if cache.file(&id).is_none() {
                    return Err(cache.error(error));
                }
                return Ok(id);
            }
            let stamp = fs::symlink_metadata(entry.join(&id.name)).and_then(|metadata| {
                let path = cache.dir.join("stamps").join(id.to_string());
                Stamp::of(&metadata).write(&path, &cache.dir.join("tmp"))
            });
            stamp.map_err(|error| cache.error(error))?;
        }
        Ok(id)
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sha256.update(&bytes[..written]);
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The last part of a path, without what could mean anything to a file system or a terminal.
fn plain_name(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-+@=~:".contains(c);
    let name: String =
        name.chars().map(|c| if is_plain(c) { c } else { '_' }).take(MAX_NAME).collect();
    if name.is_empty() || name == "." || name == ".." { "file".to_owned() } else { name }
}

fn checksum(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut sha256 = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(sha256.hex()),
            len => sha256.update(&chunk[..len]),
        }
    }
}

/// Notes that it was used now. What cannot be noted is deleted sooner, no more.
pub(crate) fn touch(path: &Path) {
    if let Ok(file) = File::open(path) {
        let _ = file.set_modified(std::time::SystemTime::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(limit: u64) -> (TempDir, Cache) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache"), limit).unwrap();
        (dir, cache)
    }

    fn keep(cache: &Cache, name: &str, bytes: &[u8]) -> FileId {
        let mut staged = cache.stage(name).unwrap();
        staged.write_all(bytes).unwrap();
        staged.keep(cache).unwrap()
    }

    #[test]
    fn what_is_kept_is_found_under_its_name() {
        let (_dir, cache) = cache(1 << 20);
        let id = keep(&cache, "usr/local/bin/envoy", b"elf");
        let path = cache.file(&id).unwrap();
        assert_eq!(path.file_name().unwrap(), "envoy");
        assert_eq!(fs::read(path).unwrap(), b"elf");
        assert_eq!(FileId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn what_was_kept_twice_is_there_once() {
        let (_dir, cache) = cache(1 << 20);
        assert_eq!(keep(&cache, "envoy", b"elf"), keep(&cache, "envoy", b"elf"));
        assert_eq!(fs::read_dir(cache.dir().join("files")).unwrap().count(), 1);
        assert_eq!(fs::read_dir(cache.dir().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn a_changed_file_is_not_used() {
        let (_dir, cache) = cache(1 << 20);
        let id = keep(&cache, "envoy", b"elf");
        let path = cache.file(&id).unwrap();
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, b"ELF").unwrap();
        // As an attacker or a careful backup would.
        File::open(&path).unwrap().set_modified(before).unwrap();
        assert_eq!(cache.file(&id), None);
        assert!(!path.exists());
        assert_eq!(keep(&cache, "envoy", b"elf"), id);
        assert_eq!(fs::read(path).unwrap(), b"elf");
    }

    #[test]
    fn a_file_that_was_copied_is_checked_and_used() {
        let (_dir, cache) = cache(1 << 20);
        let id = keep(&cache, "envoy", b"elf");
        let path = cache.file(&id).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"elf").unwrap();
        assert_eq!(cache.file(&id), Some(path));
    }

    #[test]
    fn a_link_in_place_of_a_file_is_not_followed() {
        let (dir, cache) = cache(1 << 20);
        let id = keep(&cache, "envoy", b"elf");
        let path = cache.file(&id).unwrap();
        fs::write(dir.path().join("outside"), b"elf").unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside"), &path).unwrap();
        assert_eq!(cache.file(&id), None);
    }

    #[test]
    fn names_lead_nowhere() {
        for name in ["..", "a/..", "", "/", ".", "../../x\n", "\u{1b}[2J", &"x".repeat(1000)] {
            let plain = plain_name(name);
            assert!(!plain.contains('/') && plain != "." && plain != "..", "{name:?}: {plain}");
            assert!(!plain.is_empty() && plain.len() <= MAX_NAME && plain.is_ascii(), "{plain}");
            assert_eq!(plain_name(&plain), plain);
        }
        let sha256 = Sha256::of(b"");
        assert_eq!(FileId::parse(&format!("{sha256}-../../etc/passwd")), None);
        assert_eq!(FileId::parse("../..-x"), None);
    }
}
