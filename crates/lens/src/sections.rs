//! In which section of its ELF file an address is, as far as rules ask for that.

use std::ops::Range;

use profile::{Binary, FileOffset, Id};
use rustc_hash::FxHashMap;

/// Places of sections, by binary. Sections tell of stripped binaries, too.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    by_binary: FxHashMap<Id<Binary>, Vec<(Range<u64>, String)>>,
}

impl Sections {
    /// Adds a section of a binary by its place in the file.
    pub fn add(&mut self, binary: Id<Binary>, place: Range<u64>, name: &str) {
        self.by_binary.entry(binary).or_default().push((place, name.to_owned()));
    }

    /// The section that a place in a binary is in.
    pub fn of(&self, binary: Id<Binary>, offset: FileOffset) -> Option<&str> {
        let sections = self.by_binary.get(&binary)?;
        let found = sections.iter().find(|(place, _)| place.contains(&offset.0))?;
        Some(&found.1)
    }
}
