//! The bytes of a perf.data file as records.
//!
//! ```text
//! PerfData::parse(bytes)      header, event attributes, feature sections
//!    .records()               RawRecord: type, misc, body        (hops from header to header)
//!    .sample(record)          Sample: event, ip, callchain, ...  (one record decoded, nothing copied)
//! Mmap::parse, Comm::parse    the records that say what runs where
//! write_records(stream, out)  the records of a compressed recording, or of a directory's file,
//!                             as PerfData::with_records takes them
//! ```
//!
//! The crate is pure: it opens no file, starts no thread, and knows no ELF, no process and no
//! pprof. It trusts nothing: a length is a claim until the bytes are there, a count is never
//! allocated for, and no input makes it panic. Decoding a record allocates nothing. Record types
//! and feature bits that it does not know are handed on by number, for the caller to count.
//!
//! The formats are those of the kernel's `include/uapi/linux/perf_event.h` and of perf's
//! `tools/perf/Documentation/perf.data-file-format.txt`.

#![deny(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]

mod attr;
mod callchain;
mod event;
mod feature;
mod file;
mod reader;
mod record;
mod resync;
mod sample;
mod section;
mod stream;
mod zstd;

pub use attr::{Attr, AttrFlags, EventType, ReadFormat, SampleType};
pub use callchain::{Callchain, CallchainEntry, Context, Words};
pub use event::{EventAttr, Events};
pub use feature::{BuildIdEntry, ClockData, Features};
pub use file::{Error, PerfData, Truncation};
pub use reader::Endian;
pub use record::{
    Cgroup, Comm, CpuMode, Damage, DeferredCallchain, Ksymbol, Lost, Mmap, RawRecord, RecordKind,
    Records, RecordsEnd, SampleId, Task,
};
pub use sample::{BranchEntry, BranchStack, ReadValue, ReadValues, Registers, Sample, UserStack};
pub use stream::{StreamLoss, write_records};
pub use zstd::InflateProblem;
