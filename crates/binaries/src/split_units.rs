//! DWARF units that were split off and never packed: a `.dwo` file each, where the compiler left it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{ElfImage, Sources};

/// Where the split-off units of a binary may be. None of it is verified: a unit is known by its DWO
/// ID, and only who asks for it knows that.
#[derive(Clone, Debug, Default)]
pub struct SplitUnits {
    /// Given by hand, by the last part of their paths.
    given: HashMap<OsString, Vec<Arc<ElfImage>>>,
    /// The directory of the binary, and the file system in which stated paths mean something.
    places: Option<(PathBuf, Sources)>,
}

impl SplitUnits {
    pub(crate) fn of<'a>(
        image: &ElfImage,
        given: impl Iterator<Item = &'a Arc<ElfImage>>,
        sources: &Sources,
    ) -> Self {
        let mut units = Self::default();
        for image in given.filter(|image| is_split_unit(image)) {
            if let Some(name) = image.path().file_name() {
                units.given.entry(name.to_owned()).or_default().push(Arc::clone(image));
            }
        }
        let directory = image.path().parent().map(Path::to_owned);
        units.places = directory.map(|directory| (directory, sources.clone()));
        units
    }

    /// The files that may hold a unit compiled in `directory` and left in the file `name`: those
    /// given, one beside the binary, and the one at the stated path.
    pub fn candidates(&self, directory: &Path, name: &Path) -> impl Iterator<Item = Arc<ElfImage>> {
        let file_name = name.file_name().unwrap_or(OsStr::new("."));
        let given = self.given.get(file_name).into_iter().flatten().cloned();
        let places = self.places.iter().flat_map(move |(beside, sources)| {
            let stated = directory.join(name);
            let stated = stated.is_absolute().then(|| sources.in_sysroot(&stated)).flatten();
            [Some(beside.join(file_name)), stated].into_iter().flatten()
        });
        given.chain(places.filter_map(|path| Some(Arc::new(ElfImage::open(&path).ok()?))))
    }
}

/// Whether a file is named as one with a split-off unit: then it is no binary by itself.
pub(crate) fn is_split_unit(image: &ElfImage) -> bool {
    image.path().extension().is_some_and(|end| end == "dwo")
}
