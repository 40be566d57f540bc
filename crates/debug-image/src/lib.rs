//! From whatever a debug image comes as to the files in it that matter.
//!
//! ```text
//!   docker://NAME:TAG ─> registry ──┐
//!   OCI layout, OCI archive ────────┼─> layers, top down ─> tar ─> ELF files ─┬─> wanted: cache
//!   docker save ────────────────────┘     unpacked, checked        by build ID └─> not: passed over
//!   .tar, .tar.gz, .tar.zst ──────────────────────────────> tar ─────┘
//! ```
//!
//! **By build ID, not by path.** A file is wanted if its build ID was recorded, wherever it lies and
//! whatever it is called; if either side has no build ID, by the recorded name. DWARF packages have
//! none, and are taken all. Whether a file really is the recorded one is not decided here but in
//! `binaries`, as for every other file.
//!
//! **What streams by is not kept.** No layer is held in memory or unpacked to disk: of each ELF file
//! the first megabyte is looked at, and the file is written only if it is wanted, or if its build ID
//! lies further behind. Layers are read from the top down, since an upper layer hides what is
//! below, and no further than until all that is wanted is there with its debug info.
//!
//! **Nothing in an image is believed.** Its paths name no file of this machine. Sizes are claims,
//! digests are checked before anything of a layer is kept, and what unpacks to two hundred times its
//! size is refused. Files are written to the cache and nowhere else.
//!
//! Beside images it asks servers of debug files ([`Debuginfod`]).
//!
//! The crate refuses to print, and to say whether what it found names anything.

mod archive;
mod debuginfod;
mod elf_start;
mod error;
mod found;
mod hidden;
mod hunt;
mod known;
mod layers;
mod layout;
mod oci;
mod registry;
mod search;
mod source;
mod tar_stream;
mod unpack;
mod wanted;

pub use debuginfod::Debuginfod;
pub use error::Error;
pub use found::{Form, Found, HeldFile};
pub use registry::RegistryError;
pub use search::find;
pub use source::Source;
pub use wanted::{Wanted, WantedBinary};

/// How far the reading of an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that were read.
    pub done: u64,
    /// Bytes that there are.
    pub total: u64,
}

/// Who is told of progress.
pub type Report<'a> = &'a dyn Fn(Progress);
