//! Where sections of code are in a file: their names tell of stripped code, too.

use std::ops::Range;

use object::{Object, ObjectSection};

use crate::ElfImage;

impl ElfImage {
    /// The places in the file of the sections that `wanted` says yes to. None of a file without code, whose headers
    /// state no right places.
    pub fn section_places(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Range<u64>)> {
        let Ok(object) = self.object() else { return Vec::new() };
        if !self.has_code() {
            return Vec::new();
        }
        let place = |section: object::Section<'_, '_>| {
            let name = section.name().ok().filter(|name| wanted(name))?;
            let (start, len) = section.file_range()?;
            Some((name.to_owned(), start..start.checked_add(len)?))
        };
        object.sections().filter_map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::ElfImage;

    /// `readelf -SW`: `.text` of the recorded program, at 0x1bf70 in memory, is at 0x1af70 in the file.
    #[test]
    fn places_are_in_the_file_not_in_memory() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
        let image = ElfImage::open(&root.join("edge-proxy/bin/edge-proxy")).unwrap();
        let places = image.section_places(|name| name == ".text");
        assert_eq!(places.len(), 1);
        assert_eq!((places[0].0.as_str(), places[0].1.start), (".text", 0x1af70));
    }
}
