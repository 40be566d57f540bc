//! `profile.proto`, the format that pprof reads: a streaming writer and a reader.
//!
//! [`write()`] turns the tables of a [`profile::Profile`] and their [`profile::Symbols`] into a
//! gzip-compressed message without ever holding that message: its fields go out in the order of
//! their numbers, which is also the order in which they become known, and only the strings, which
//! come last but for a few numbers, are collected on the way. The same tables give the same
//! bytes, always.
//!
//! [`amend`] adds names to a profile that somebody else wrote, and leaves the rest as it is.
//! [`Merger`] adds profiles up, whoever wrote them.
//! [`read`] is for profiles that are already written, by us or by others. It refuses what
//! inflates past [`MAX_LEN`].
//!
//! The crate refuses to know perf, to look anything up, and to touch the file system. What a
//! frame is called was decided before; here it is only decided how pprof is told:
//!
//! - One mapping per binary and segment, wherever the segment was in each process, so that the
//!   same code is the same location. The addresses are those of the first process, because for
//!   an executable that is not position independent no other addresses are right.
//! - A binary of which anything has a name gets a name for every location, `[envoy+0x1234]` where
//!   nothing better is known: a location without a function vanishes from pprof's flame graph,
//!   and its time moves to the caller. A file of which nothing has a name gets none at all, and
//!   no flags, so that pprof may still symbolize it. It never tries that with a kernel or with
//!   memory that no file backs, so their locations always get a name.

pub mod proto;

mod amend;
mod columns;
mod encoder;
mod fields;
mod functions;
mod gzip;
mod locations;
mod merge;
mod read;
mod samples;
mod segments;
mod strings;
mod wire;
mod write;

pub use amend::{Amendment, amend, unnamed_locations};
pub use columns::{count_type, weight_type};
pub use merge::{MAX_BLOCKS, MergeError, Merger};
pub use read::{Error, MAX_LEN, inflate, read};
pub use write::{Written, encode, write, write_message};
