//! From a recorded binary to the ELF file that it was, checked.
//!
//! ```text
//!   path, build ID, machine,            given by hand          ┌─ verify ─> accepted ─> the best one
//!   executable mappings        ──>      recorded path     ──>  │                        + its package
//!   (Recorded)                          debug directories      └─────────> refused, and why
//! ```
//!
//! A wrong file is worse than none: it names nearly every address, and every name is wrong. So
//! each candidate must have the recorded build ID, be for the recorded machine, have its code where
//! the recording had it ([`RecordedRange`]), **and** have a call before each recorded return address
//! ([`Calls`]); for Envoy the build ID alone tells nothing but the git commit. All places are looked in, and the file that can tell most wins ([`Quality`]).
//!
//! The crate refuses to look up a symbol, to touch the network, and to follow a recorded path out
//! of its sysroot. It is where files are mapped into memory ([`MappedFile`]), and the only crate
//! with `unsafe` code.

mod calls;
mod elf_image;
mod found;
mod geometry;
mod given;
mod layout;
mod locate;
mod mapped_file;
mod note;
mod pack;
mod package;
mod quality;
mod recorded;
mod section_places;
mod section_reader;
mod sources;
mod split_units;
mod supplement;
mod sysroot;
mod unpack;
mod verify;

pub use calls::{ASKED_SHARE, Calls, LONGEST_CALL, ends_in_call, has_known_calls};
pub use elf_image::{DebugLink, ElfError, ElfImage, Machine};
pub use found::Match;
pub use geometry::RecordedRange;
pub use layout::{Layout, Segment};
pub use locate::{Located, Locator, Refused};
pub use mapped_file::MappedFile;
pub use note::Note;
pub use pack::pack_facts;
pub use package::holds_units_of;
pub use quality::Quality;
pub use recorded::{Recorded, RecordedBinaries};
pub use section_reader::SectionReader;
pub use sources::Sources;
pub use split_units::SplitUnits;
pub use verify::{Refusal, verify};
