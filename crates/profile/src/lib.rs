//! The tables of a profile.
//!
//! A profile is a handful of tables whose rows point at each other by index:
//!
//! ```text
//! samples ─> stacks ─> frames ─> binaries      every text is a row of strings
//!                └─> parent stacks             symbols is a side table: frame -> lines -> functions
//! ```
//!
//! The crate refuses to read or write anything: it knows no perf.data, no ELF, no pprof. Whoever
//! fills the tables decides what is in them; whoever takes a `&Profile` cannot change it.

mod address;
mod binary;
mod blocks;
mod merge;
mod sample;
mod stack;
mod stacks;
mod symbols;
mod table;

pub use address::{ElfAddr, FileOffset, RuntimeAddr};
pub use binary::{Binary, BinaryKind, BuildId, Mapping, Relocation};
pub use blocks::{BlockCell, TimeBlocks};
pub use merge::EventMismatch;
pub use sample::{
    Event, Label, LabelSet, LabelValue, SampleKey, SampleValue, Samples, Sampling, Unit,
};
pub use stack::{Frame, FrameKind, Stack};
pub use stacks::Stacks;
pub use symbols::{Function, Line, Reason, Symbols, Unnamed};
pub use table::{Id, Table};

/// Where the time of a recording went, without names (those are in [`Symbols`]).
#[derive(Clone, Debug)]
pub struct Profile {
    /// Every text once; row 0 is "".
    pub strings: Table<String>,
    /// Everything whose code was sampled; row 0 is the [binary of markers](BinaryKind::None).
    pub binaries: Table<Binary>,
    /// How the sampled binaries were mapped. One binary may have several mappings, of its segments
    /// or of parts of them; each part of a file stands here once, where it was mapped first.
    pub mappings: Table<Mapping>,
    /// Distinct frames, after ASLR: the same code in ten processes is one row.
    pub frames: Table<Frame>,
    /// Distinct stacks; row 0 is [`Stack::EMPTY`].
    pub stacks: Stacks,
    /// Distinct sets of labels; row 0 is the empty one.
    pub labels: Table<LabelSet>,
    /// What was counted, in the order of the recording.
    pub events: Vec<Event>,
    /// The samples.
    pub samples: Samples,
    /// When the samples were taken; empty if that is not known.
    pub blocks: TimeBlocks,
    /// The binary of the process that was recorded, if there is one such.
    pub main_binary: Option<Id<Binary>>,
    /// When and how the recording was made.
    pub recording: Recording,
    /// Lines that travel with the profile: how it was recorded, what was lost.
    pub comments: Vec<String>,
}

/// When, where and how a recording was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// When it began, in nanoseconds since 1970 (UTC).
    pub start_unix_nanos: Option<u64>,
    /// From its first to its last sample, in nanoseconds.
    pub duration_nanos: Option<u64>,
    /// The machine as `uname -m` names it: `x86_64`, `aarch64`.
    pub arch: Option<String>,
    /// The name of the host, or of the pod.
    pub hostname: Option<String>,
    /// The kernel's release as `uname -r` prints it.
    pub os_release: Option<String>,
    /// The version of the perf that recorded.
    pub perf_version: Option<String>,
    /// The command line of that perf.
    pub command_line: Option<Vec<String>>,
    /// Whether stacks were put together from dumps, by the unwind tables of the files at hand.
    pub is_unwound: bool,
    /// Whether this was a profile already, whose mappings need not be those of the processes.
    pub is_imported: bool,
}

impl Profile {
    /// A profile without samples, with the reserved rows in place.
    pub fn new() -> Self {
        let mut profile = Self {
            strings: Table::new(),
            binaries: Table::new(),
            mappings: Table::new(),
            frames: Table::new(),
            stacks: Stacks::new(),
            labels: Table::new(),
            events: Vec::new(),
            samples: Samples::default(),
            blocks: TimeBlocks::default(),
            main_binary: None,
            recording: Recording::default(),
            comments: Vec::new(),
        };
        let empty = profile.strings.intern(String::new());
        let no_binary =
            Binary { path: empty, build_id: None, kind: BinaryKind::None, relocation: None };
        profile.binaries.intern(no_binary);
        profile.frames.intern(Frame::marker(empty));
        profile.labels.intern(LabelSet::default());
        profile
    }

    /// The frames of a stack, innermost first.
    pub fn frames_of(&self, stack: Id<Stack>) -> impl Iterator<Item = Id<Frame>> {
        let mut next = stack;
        std::iter::from_fn(move || {
            if next == Stack::EMPTY {
                return None;
            }
            let stack = self.stacks[next];
            next = stack.parent;
            Some(stack.frame)
        })
    }

    /// The event to show first: the first that was asked for, has samples and is not `dummy`.
    pub fn default_event(&self) -> Option<usize> {
        let sampled = |index: &usize| {
            u32::try_from(*index).is_ok_and(|event| self.samples.total(event).count > 0)
        };
        (0..self.events.len()).find(|index| !self.events[*index].is_dummy() && sampled(index))
    }

    /// Whether every id points at a row and every parent comes before its child. For
    /// `debug_assert!`: a failure is a bug of ours, whatever the input was.
    pub fn check(&self) -> bool {
        let stacks = self.stacks.iter().all(|(id, stack)| {
            (stack.parent < id || id == Stack::EMPTY) && self.frames.get(stack.frame).is_some()
        });
        let frames = self.frames.iter().all(|(_, frame)| {
            self.binaries.get(frame.binary).is_some()
                && frame.marker_text().is_none_or(|text| self.strings.get(text).is_some())
        });
        let samples = self.samples.iter().all(|(key, _)| {
            self.stacks.get(key.stack).is_some()
                && self.labels.get(key.labels).is_some()
                && (key.event as usize) < self.events.len()
        });
        let mappings =
            self.mappings.iter().all(|(_, mapping)| self.binaries.get(mapping.binary).is_some());
        let blocks = self.blocks.cells().iter().all(|cell| {
            (cell.row as usize) < self.samples.len()
                && (cell.block as usize) < self.blocks.lengths.len()
        });
        stacks && frames && samples && mappings && blocks
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::new()
    }
}
