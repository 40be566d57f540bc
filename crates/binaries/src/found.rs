//! What was found for a recorded binary: one file, or several that belong together.

use std::sync::Arc;

use crate::{ElfImage, Layout, Quality, SplitUnits};

/// The files that together describe one recorded binary. All were checked against the recording.
#[derive(Clone, Debug)]
pub struct Match {
    /// The one that can tell most.
    pub image: Arc<ElfImage>,
    /// Another one with the machine code and `.eh_frame`, if `image` is a debug file without.
    pub code: Option<Arc<ElfImage>>,
    /// The package with the split-off DWARF units of `image`.
    pub package: Option<Arc<ElfImage>>,
    /// The file with what `image` has in common with others (`dwz`).
    pub supplement: Option<Arc<ElfImage>>,
    /// Where the split-off units are that are in no package.
    pub split: SplitUnits,
    /// How recorded file offsets become addresses, those of `image`'s tables.
    pub layout: Layout,
}

impl Match {
    /// One file with all that there is.
    pub fn new(image: ElfImage, layout: Layout) -> Self {
        Self {
            image: Arc::new(image),
            code: None,
            package: None,
            supplement: None,
            split: SplitUnits::default(),
            layout,
        }
    }

    /// What the files can tell together.
    pub fn quality(&self) -> Quality {
        if self.package.is_some() { Quality::DwarfWithPackage } else { self.image.quality() }
    }

    /// Gives the memory of all files back. They can be read on, at the price of reading them from
    /// disk again.
    pub fn release(&self) {
        let others = [&self.code, &self.package, &self.supplement];
        for image in others.into_iter().flatten().chain([&self.image]) {
            image.mapped().release(0..usize::MAX);
        }
    }

    /// The file with the machine code, if one was found.
    pub fn code(&self) -> Option<&Arc<ElfImage>> {
        self.code.as_ref().or_else(|| self.image.has_code().then_some(&self.image))
    }
}
