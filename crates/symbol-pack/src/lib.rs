//! Symbol packs: what gigabytes of debug info say of each address, in one small file that is
//! carried along instead.
//!
//! ```text
//!   head     magic, version, length, checksum; what identifies the binary (Facts); directories
//!   code     address ranges ──> function, line, calls inlined around them; or where the
//!            unnamed function begins                                        128 ranges a block
//!   calls    the places in the file behind a call                         4096 a block
//!   functions  names for people and the linker, file, line of the declaration 512 a block
//!   strings  names and paths, sorted, each without what it shares with the one before
//!                                                                          256 a block
//! ```
//!
//! Each block is deflated and has a checksum of its own, so that a query reads the few blocks that
//! it needs, straight from the mapped file. All numbers are LEB128.
//!
//! A pack answers as its sources do because it does not interpret them: the writer is told the
//! finished answer for each range of addresses, and the reader tells it again.
//!
//! The crate refuses to open a file, to know of ELF or DWARF, to allocate what a file merely
//! claims, and to answer from a block whose checksum is another.

mod block;
mod calls;
mod code;
mod directory;
mod facts;
mod functions;
mod head;
mod number;
mod read;
mod strings;
mod write;

pub use facts::{Facts, Segment};
pub use head::is_pack;
pub use read::{Cursor, Pack};
pub use write::{Answer, PackWriter};

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// Inlined calls nested deeper than this are no compiler's work.
pub const MAX_DEPTH: usize = 1024;

/// A function and a line of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line<'a> {
    /// The name for people.
    pub name: &'a str,
    /// The linker's name.
    pub system_name: &'a str,
    /// The source file, "" if not known.
    pub path: &'a str,
    /// The line at which the function is declared, 0 if not known.
    pub start_line: u32,
    /// The line, 0 if not known.
    pub line: u32,
}

/// Why bytes are no usable pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// They do not begin as a pack does.
    #[error("not a symbol pack")]
    NotAPack,
    /// They are of another version of the format.
    #[error("a symbol pack of version {found}, where version {VERSION} is read")]
    Version {
        /// The version that is stated.
        found: u32,
    },
    /// They end too early, or go on behind the end.
    #[error("a symbol pack of {expected} bytes, of which {found} are there")]
    Length {
        /// As the head states.
        expected: u64,
        /// The bytes at hand.
        found: u64,
    },
    /// A part has another checksum than is stated.
    #[error("a damaged symbol pack: the checksum of its {0} is wrong")]
    Checksum(&'static str),
    /// A part makes no sense, though its checksum is right.
    #[error("a damaged symbol pack: its {0} make no sense")]
    Damaged(&'static str),
}
