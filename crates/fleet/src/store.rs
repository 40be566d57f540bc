//! Where tables and recordings are: a directory, or a bucket.
//!
//! Files appear whole or not at all: in a directory under another name first, in a bucket because a `PUT` is so.

mod remote;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use perf2pprof::Failure;

pub use remote::Remote;

/// No file of tables is longer.
pub const MAX_FILE: u64 = 4 << 30;

/// A directory or a bucket.
pub enum Store {
    /// A directory.
    Local(PathBuf),
    /// A prefix of a bucket.
    Remote(Remote),
}

/// A file of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name below the store.
    pub name: String,
    /// Its length.
    pub size: u64,
    /// When it was changed last.
    pub modified: Option<SystemTime>,
}

/// Whether a name is that of a bucket.
pub fn is_url(name: &str) -> bool {
    ["s3://", "s3a://", "gs://", "az://", "abfs://", "abfss://", "http://", "https://"]
        .iter()
        .any(|scheme| name.starts_with(scheme))
}

impl Store {
    /// A directory, or what a URL names.
    pub fn open(name: &str, endpoint: Option<&str>) -> Result<Self, Failure> {
        if is_url(name) {
            return Ok(Self::Remote(Remote::open(name, endpoint)?));
        }
        Ok(Self::Local(PathBuf::from(name)))
    }

    /// The files whose names begin with those of a directory, sorted; none if it is not there.
    pub fn list(&self, below: &str) -> Result<Vec<Entry>, Failure> {
        let mut entries = match self {
            Self::Local(directory) => {
                let mut entries = Vec::new();
                let top = directory.join(below);
                walk(&top, below, 0, &mut entries)
                    .map_err(|error| cannot("read", &top.display(), &error))?;
                entries
            }
            Self::Remote(remote) => remote.list(below)?,
        };
        entries.sort();
        Ok(entries)
    }

    /// The bytes of a file, if they are not more than `limit`.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        match self {
            Self::Local(directory) => {
                let path = directory.join(name);
                fs::File::open(&path)
                    .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
                    .map_err(|error| cannot("read", &path.display(), &error))?;
            }
            Self::Remote(remote) => remote.copy(name, limit, &mut bytes)?,
        }
        if bytes.len() as u64 > limit {
            let shown = self.shown(name);
            return Err(Failure::new(format!("`{shown}` is longer than {limit} bytes")));
        }
        Ok(bytes)
    }

    /// Writes a file, in the place of the one that is there.
    pub fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        match self {
            Self::Local(directory) => {
                let path = directory.join(name);
                write_local(&path, &bytes).map_err(|error| cannot("write", &path.display(), &error))
            }
            Self::Remote(remote) => remote.write(name, bytes),
        }
    }

    /// Removes a file.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        match self {
            Self::Local(directory) => {
                let path = directory.join(name);
                fs::remove_file(&path).map_err(|error| cannot("remove", &path.display(), &error))
            }
            Self::Remote(remote) => remote.remove(name),
        }
    }

    /// What a file is called.
    pub fn shown(&self, name: &str) -> String {
        match self {
            Self::Local(directory) => directory.join(name).display().to_string(),
            Self::Remote(remote) => remote.shown(name),
        }
    }
}

/// What could not be done, and why.
pub(crate) fn cannot(
    what: &str,
    shown: &dyn std::fmt::Display,
    error: &dyn std::fmt::Display,
) -> Failure {
    Failure::new(format!("cannot {what} `{shown}`: {error}"))
}

/// No honest directory is deeper; links that lead back are.
const MAX_DEPTH: usize = 64;

/// Every file below a directory whose name does not begin with a dot.
fn walk(path: &Path, name: &str, depth: usize, entries: &mut Vec<Entry>) -> io::Result<()> {
    let directory = match fs::read_dir(path) {
        Ok(directory) => directory,
        Err(error) if depth == 0 && error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in directory {
        let entry = entry?;
        let Ok(own) = entry.file_name().into_string() else { continue };
        if own.starts_with('.') {
            continue;
        }
        let name =
            if name.is_empty() { own } else { format!("{}/{own}", name.trim_end_matches('/')) };
        // A file may go while others are looked at.
        let Ok(metadata) = fs::metadata(entry.path()) else { continue };
        if metadata.is_dir() {
            if depth < MAX_DEPTH {
                walk(&entry.path(), &name, depth + 1, entries)?;
            }
        } else if metadata.is_file() {
            entries.push(Entry { name, size: metadata.len(), modified: metadata.modified().ok() });
        }
    }
    Ok(())
}

fn write_local(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .prefix(".perf2pprof-fleet-")
        .permissions(permissions)
        .tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}
