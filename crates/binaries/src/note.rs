//! What the user should know about files that are used.

use std::fmt;

use profile::BuildId;

/// A reservation about a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Recording or file has no build ID: only the layout of the code says that they belong
    /// together.
    NoBuildId,
    /// The DWARF units were split off, and no package with them was found: lines are known,
    /// inlined calls are not.
    PackageMissing,
    /// The machine code is not at hand, so that no call could be looked for.
    NoCode,
    /// The calls of this machine are not known here, so that none could be looked for.
    UnknownMachine,
    /// The file with what this one has in common with others was not found. It has this build ID.
    SupplementMissing(BuildId),
    /// The user overruled the refusal of this file.
    Forced,
    /// Some of the units that were split off were not found: a package may be of another build.
    PackageIncomplete {
        /// Units that were found, of those looked up.
        found: usize,
        /// Units looked up.
        of: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBuildId => f.write_str("no build ID to compare, matched by its segments only"),
            Self::NoCode => f.write_str(
                "its machine code is not at hand: checked by build ID and segments, not by calls",
            ),
            Self::UnknownMachine => f.write_str(
                "calls of its machine are not known: checked by build ID and segments only",
            ),
            Self::SupplementMissing(id) => write!(
                f,
                "the file with its common debug info (dwz, build ID {id}) was not found: names in it are missing"
            ),
            Self::Forced => f.write_str("refused, and used because of `--force-symbols`"),
            Self::PackageMissing => {
                f.write_str("its split DWARF units (.dwp) were not found: no inlined calls")
            }
            Self::PackageIncomplete { found, of } => {
                write!(f, "only {found} of {of} of its split DWARF units (.dwp, .dwo) were found")
            }
        }
    }
}
