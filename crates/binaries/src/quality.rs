//! What a file can tell about an address, from nothing to everything.

use std::fmt;

/// How much a file can tell, worst first, so that the best of several files is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// Neither symbols nor function boundaries.
    Nothing,
    /// Where each function begins and ends (`.eh_frame`), without names: what every stripped
    /// binary still has.
    Boundaries,
    /// Names of the exported functions (`.dynsym`): in a stripped Envoy 0.4 % of the code.
    DynamicSymbols,
    /// Names of all functions (`.symtab`), without lines or inlined calls.
    Symbols,
    /// DWARF in the file itself. If its units were split off (`-gsplit-dwarf`) and their package
    /// is missing, it still gives lines.
    Dwarf,
    /// DWARF together with the package (`.dwp`) of its split-off units.
    DwarfWithPackage,
}

impl Quality {
    /// All of them, worst first.
    pub(crate) const ALL: [Self; 6] = [
        Self::Nothing,
        Self::Boundaries,
        Self::DynamicSymbols,
        Self::Symbols,
        Self::Dwarf,
        Self::DwarfWithPackage,
    ];
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no symbols",
            Self::Boundaries => "function boundaries only",
            Self::DynamicSymbols => "exported symbols only",
            Self::Symbols => "symbol table",
            Self::Dwarf => "DWARF",
            Self::DwarfWithPackage => "DWARF with package",
        })
    }
}
