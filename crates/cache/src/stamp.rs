//! What a file looked like when its checksum was computed.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The marks of a file that change when it does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stamp(String);

impl Stamp {
    /// The stamp of a file now.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self(format!("{} {}", identity(metadata), boot()))
    }

    /// The stamp that was written down.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        fs::read_to_string(path).ok().map(Self)
    }

    /// Writes it down, whole or not at all.
    pub(crate) fn write(&self, path: &Path, tmp: &Path) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(tmp)?;
        io::Write::write_all(&mut file, self.0.as_bytes())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// What tells a file from others, and from what it was before a change: its place on the disk, its
/// size, and the times of its changes.
pub fn identity(metadata: &Metadata) -> String {
    format!(
        "{} {} {} {}.{:09} {}.{:09}",
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec()
    )
}

/// Which run of the system this is; empty where it does not tell, which trusts the times alone.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim_end().to_owned()
}
