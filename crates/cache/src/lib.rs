//! What was found in debug images, kept between runs.
//!
//! ```text
//!   $XDG_CACHE_HOME/perf2pprof/
//!     lock                      shared while the cache is used, exclusive to delete from it
//!     files/SHA256-NAME/NAME    a file of an image: its directory, to be searched like any other
//!     stamps/SHA256-NAME        what the file looked like when its checksum was last computed
//!     notes/KEY                 what an image holds, with the checksum of the note
//!     downloads/DIGEST          a download, perhaps half of one
//!     tmp/                      what is being written
//! ```
//!
//! **No file is trusted without its checksum.** Its SHA-256 stands in its name. Computing it, for a
//! gigabyte, takes longer than a warm run may, so it is not computed where that cannot tell anything
//! new: beside the file stands a stamp of its inode, its size, its times of change and the run of
//! the system. Any write to the file changes the time of change, which programs cannot set; a
//! copied, restored or rewritten file has another inode or time; and after each start of the
//! system, which is when a crash can have lost what was not on the disk yet, every file is checked
//! once more. What the stamp does not catch is a disk that returns other bytes than were written,
//! between two starts of the system.
//!
//! **Two processes can use it at once.** What is written appears by a rename, whole or not at all.
//! Deleting, of what was not used for the longest time when the cache outgrows its limit and of
//! what a killed process left, needs the lock alone, and is left to a later run if it is not free.
//!
//! The crate knows no images and no ELF files, and writes nothing outside of its directory.

mod download;
mod files;
mod limit;
mod notes;
mod sha256;
mod stamp;

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub use download::Download;
pub use files::{FileId, Staged};
pub use limit::{DEFAULT_LIMIT, LIMIT_VARIABLE};
pub use sha256::Sha256;
pub use stamp::identity;

/// An open cache. What it holds is not deleted by others as long as it is open.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    limit: u64,
    lock: File,
}

/// Why the cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no home directory, and `XDG_CACHE_HOME` is not set.
    #[error("there is no home directory to keep a cache in")]
    NoHome,
    /// The variable with the limit holds none.
    #[error("`{LIMIT_VARIABLE}` is `{0}`, not a size such as `20G`")]
    Limit(String),
    /// A file or directory of the cache cannot be read or written.
    #[error("cannot use the cache in `{}`: {error}", dir.display())]
    Io {
        /// Where the cache is.
        dir: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
}

const DIRECTORIES: [&str; 5] = ["files", "stamps", "notes", "downloads", "tmp"];

impl Cache {
    /// The cache of this user, with the limit that the environment states.
    ///
    /// # Errors
    /// If there is no place for it, or it cannot be written.
    pub fn open() -> Result<Self, Error> {
        let limit = match env::var(LIMIT_VARIABLE) {
            Ok(text) => limit::parse(&text).ok_or(Error::Limit(text))?,
            Err(_) => DEFAULT_LIMIT,
        };
        // By the XDG specification a relative path there is to be ignored.
        let xdg = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
        let home = || Some(env::home_dir()?.join(".cache")).filter(|dir| dir.is_absolute());
        let parent = xdg.or_else(home).ok_or(Error::NoHome)?;
        Self::at(&parent.join("perf2pprof"), limit)
    }

    /// A cache in a directory, which is made if need be, of `limit` bytes.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn at(dir: &Path, limit: u64) -> Result<Self, Error> {
        let error = |error| Error::Io { dir: dir.to_owned(), error };
        for name in DIRECTORIES {
            fs::create_dir_all(dir.join(name)).map_err(error)?;
        }
        let path = dir.join("lock");
        let lock = File::options().create(true).append(true).open(path).map_err(error)?;
        let cache = Self { dir: dir.to_owned(), limit, lock };
        cache.tidy();
        cache.lock.lock_shared().map_err(error)?;
        Ok(cache)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How many bytes it may hold.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// A file without a name, gone when it is closed, for what does not fit in memory.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn temporary(&self) -> Result<File, Error> {
        tempfile::tempfile_in(self.dir.join("tmp")).map_err(|error| self.error(error))
    }

    /// An error of the cache.
    pub fn error(&self, error: io::Error) -> Error {
        Error::Io { dir: self.dir.clone(), error }
    }

    /// Deletes what is too much, if nobody else uses the cache.
    fn tidy(&self) {
        if self.lock.try_lock().is_ok() {
            limit::shrink(&self.dir, self.limit);
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.tidy();
    }
}
