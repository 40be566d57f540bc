//! What was found for each binary, and what was not: for the summary.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use binaries::{Calls, ElfImage, Match, Note, Quality, Refused};
use profile::{Binary, BuildId, Id, Reason};
use symbol_pack::PackError;

use crate::dwarf::{DwarfError, SplitCount};
use crate::kallsyms::KallsymsError;

/// Where the names of one binary came from.
#[derive(Debug)]
pub struct BinaryReport {
    /// The binary.
    pub binary: Id<Binary>,
    /// The files used; `None` if there are none.
    pub used: Option<UsedFiles>,
    /// How many recorded return addresses follow a call in the files used; `None` if no code was
    /// at hand that could be asked.
    pub calls: Option<Calls>,
    /// The files that were looked at and are not the recorded one.
    pub refused: Vec<Refused>,
    /// Reservations about the files used.
    pub notes: Vec<Note>,
    /// What of the files at hand could not be used, though they are the right ones.
    pub problems: Vec<Problem>,
    /// What became of its frames.
    pub frames: Outcomes,
}

impl BinaryReport {
    /// A report on nothing yet.
    pub fn new(binary: Id<Binary>) -> Self {
        Self {
            binary,
            used: None,
            calls: None,
            refused: Vec::new(),
            notes: Vec::new(),
            problems: Vec::new(),
            frames: Outcomes::default(),
        }
    }

    /// What is missing of the units that were asked for is news; what is missing of others is
    /// none.
    pub(crate) fn found_split_units(
        &mut self,
        has_package: bool,
        SplitCount { found, of }: SplitCount,
    ) {
        if of == 0 || (found == 0 && !has_package) {
            return;
        }
        let is_split =
            |note: &Note| matches!(note, Note::PackageMissing | Note::PackageIncomplete { .. });
        self.notes.retain(|note| !is_split(note));
        if found < of {
            self.notes.push(Note::PackageIncomplete { found, of });
        }
    }
}

/// A part of a file that could not be used.
#[derive(Debug)]
pub enum Problem {
    /// The debug info is damaged; names come from the symbol table.
    Dwarf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: DwarfError,
    },
    /// A part of the symbol pack is damaged; it names nothing.
    Pack {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: PackError,
    },
    /// The list of kernel symbols is of no use.
    Kallsyms {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
        error: KallsymsError,
    },
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
    /// The file with the common parts of several debug files.
    pub supplement: Option<PathBuf>,
    /// What they can tell together.
    pub quality: Quality,
}

impl UsedFiles {
    /// A list of symbols by runtime address.
    pub(crate) fn list(image: PathBuf) -> Self {
        let quality = Quality::Symbols;
        Self { image, build_id: None, code: None, package: None, supplement: None, quality }
    }

    pub(crate) fn of(found: &Match) -> Self {
        let path = |image: &Option<Arc<ElfImage>>| Some(image.as_ref()?.path().to_owned());
        Self {
            image: found.image.path().to_owned(),
            build_id: found.image.build_id(),
            code: path(&found.code),
            package: path(&found.package),
            supplement: path(&found.supplement),
            quality: found.quality(),
        }
    }
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
