//! What was found for each binary, and what was not: for the summary.

use std::collections::BTreeMap;
use std::path::PathBuf;

use binaries::{Note, Quality, Refused};
use profile::{Binary, BuildId, Id, Reason};

/// Where the names of one binary came from.
#[derive(Debug)]
pub struct BinaryReport {
    /// The binary.
    pub binary: Id<Binary>,
    /// The files used; `None` if there are none.
    pub used: Option<UsedFiles>,
    /// The files that were looked at and are not the recorded one.
    pub refused: Vec<Refused>,
    /// Reservations about the files used.
    pub notes: Vec<Note>,
    /// Parts of the files used that could not be read.
    pub damage: Vec<String>,
    /// What became of its frames.
    pub frames: Outcomes,
}

impl BinaryReport {
    /// A report on nothing yet.
    pub(crate) fn new(binary: Id<Binary>) -> Self {
        Self {
            binary,
            used: None,
            refused: Vec::new(),
            notes: Vec::new(),
            damage: Vec::new(),
            frames: Outcomes::default(),
        }
    }
}

/// The files that named a binary's frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedFiles {
    /// The ELF file, or the list of kernel symbols.
    pub image: PathBuf,
    /// Its build ID.
    pub build_id: Option<BuildId>,
    /// The ELF file with the machine code, where `image` is a debug file without.
    pub code: Option<PathBuf>,
    /// The DWARF package.
    pub package: Option<PathBuf>,
    /// What they can tell together.
    pub quality: Quality,
}

/// Distinct frames by what is known about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// With a name and a line.
    pub with_lines: u64,
    /// With a name only.
    pub with_names: u64,
    /// Without a name, by the reason.
    pub unnamed: BTreeMap<Reason, u64>,
}

impl Outcomes {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.with_lines + self.with_names + self.unnamed.values().sum::<u64>()
    }
}
