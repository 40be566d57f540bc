//! The sections of DWARF that lead to functions and lines, unpacked if they were compressed.

use std::borrow::Cow;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use binaries::{ElfImage, Match, SplitUnits};
use gimli::{
    AbbreviationsCacheStrategy, DebugInfoOffset, DwarfPackage, DwarfPackageSections, DwarfSections,
    EndianSlice, RunTimeEndian, SectionId, UnitHeader, UnitOffset,
};

use super::{DwarfError, Reader};

/// The bytes of the sections.
pub(crate) struct Sections<'image> {
    pub(crate) endian: RunTimeEndian,
    image: DwarfSections<Cow<'image, [u8]>>,
    package: Option<DwarfPackageSections<Cow<'image, [u8]>>>,
    supplement: Option<DwarfSections<Cow<'image, [u8]>>>,
    split: &'image SplitUnits,
}

/// The same, parsed as far as all workers share it.
pub(crate) struct Parsed<'data> {
    pub(crate) endian: RunTimeEndian,
    pub(crate) dwarf: gimli::Dwarf<Reader<'data>>,
    pub(crate) package: Option<DwarfPackage<Reader<'data>>>,
    /// Where the units are that are in no package.
    pub(crate) split: &'data SplitUnits,
    headers: Headers<'data>,
    supplement_headers: Headers<'data>,
}

/// All units of a file and where they begin; filled when an entry first refers to another unit.
type Headers<'data> = OnceLock<Vec<(usize, UnitHeader<Reader<'data>>)>>;

/// An entry of any unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Of the file itself.
    Own(DebugInfoOffset),
    /// Of the file with the parts that it has in common with others.
    Supplement(DebugInfoOffset),
}

impl<'image> Sections<'image> {
    /// Takes the sections out of the files: all but the abbreviations, which are at hand, and
    /// `.debug_info` if its units are unpacked one by one. Nothing is read yet unless it must be
    /// unpacked.
    pub(crate) fn load(
        found: &'image Match,
        abbreviations: Cow<'image, [u8]>,
        endian: RunTimeEndian,
        is_streamed: bool,
        threads: usize,
    ) -> Result<Self, DwarfError> {
        let image = &found.image;
        let mut loaded = load_all(image, NEEDED, threads)?;
        loaded.push((SectionId::DebugAbbrev, abbreviations));
        if !is_streamed {
            loaded.extend(load_all(image, &[SectionId::DebugInfo], threads)?);
        }
        let sections = DwarfSections::load(|id| -> Result<_, DwarfError> {
            let index = loaded.iter().position(|(loaded, _)| *loaded == id);
            Ok(index.map(|index| loaded.swap_remove(index).1).unwrap_or_default())
        })?;
        // All of them: a unit is cut out of each section, and an empty one would be too short.
        let package = found.package.as_ref().map(|package| {
            DwarfPackageSections::load(|id| -> Result<_, DwarfError> {
                match id.dwo_name() {
                    Some(name) => Ok(package.section(name)?.unwrap_or_default()),
                    None => Ok(Cow::default()),
                }
            })
        });
        let supplement = found.supplement.as_ref().map(|image| {
            DwarfSections::load(|id| -> Result<_, DwarfError> {
                let is_needed = WITH_ENTRIES.contains(&id) || NEEDED.contains(&id);
                let section = if is_needed { image.section(id.name())? } else { None };
                Ok(section.unwrap_or_default())
            })
        });
        let (package, supplement) = (package.transpose()?, supplement.transpose()?);
        let split = &found.split;
        Ok(Self { endian, image: sections, package, supplement, split })
    }

    /// Parses the indexes.
    pub(crate) fn parse(&self) -> Result<Parsed<'_>, DwarfError> {
        let reader = |bytes| EndianSlice::new(bytes, self.endian);
        let mut dwarf = self.image.borrow(|bytes| reader(bytes));
        if let Some(supplement) = &self.supplement {
            dwarf.set_sup(supplement.borrow(|bytes| reader(bytes)));
        }
        dwarf.populate_abbreviations_cache(AbbreviationsCacheStrategy::Duplicates);
        let package = self.package.as_ref();
        let package = package.map(|package| package.borrow(|bytes| reader(bytes), reader(&[])));
        let package = package.transpose()?;
        let (headers, supplement_headers) = (OnceLock::new(), OnceLock::new());
        let Self { endian, split, .. } = *self;
        Ok(Parsed { endian, dwarf, package, split, headers, supplement_headers })
    }
}

impl<'data> Parsed<'data> {
    /// The unit that holds an entry, the file that it is in, and where it begins there. None of a
    /// `.debug_info` that is not held as a whole.
    pub(crate) fn unit_holding(&self, entry: Place) -> Option<Holding<'_, 'data>> {
        let (dwarf, headers, offset) = match entry {
            Place::Own(offset) => (&self.dwarf, &self.headers, offset),
            Place::Supplement(offset) => (self.dwarf.sup()?, &self.supplement_headers, offset),
        };
        let headers = headers.get_or_init(|| {
            let mut headers = Vec::new();
            let mut units = dwarf.units();
            while let Ok(Some(header)) = units.next() {
                headers.extend(header.debug_info_offset().map(|offset| (offset.0, header)));
            }
            headers
        });
        let after = headers.partition_point(|(start, _)| *start <= offset.0);
        let (start, header) = *headers.get(after.checked_sub(1)?)?;
        let begin = match entry {
            Place::Own(_) => Place::Own(DebugInfoOffset(start)),
            Place::Supplement(_) => Place::Supplement(DebugInfoOffset(start)),
        };
        Some(Holding { dwarf, header, begin, entry: offset.to_unit_offset(&header)? })
    }
}

/// The unit that holds an entry.
pub(crate) struct Holding<'parsed, 'data> {
    pub(crate) dwarf: &'parsed gimli::Dwarf<Reader<'data>>,
    pub(crate) header: UnitHeader<Reader<'data>>,
    /// Where the unit begins.
    pub(crate) begin: Place,
    /// The entry in it.
    pub(crate) entry: UnitOffset,
}

/// The sections of entries.
const WITH_ENTRIES: &[SectionId] = &[SectionId::DebugInfo, SectionId::DebugAbbrev];

/// The sections, besides those of entries, that lead to functions and lines. The others, of
/// variables, types and macros, are half of what would have to be unpacked.
const NEEDED: &[SectionId] = &[
    SectionId::DebugStr,
    SectionId::DebugLine,
    SectionId::DebugRngLists,
    SectionId::DebugRanges,
    SectionId::DebugAddr,
    SectionId::DebugLineStr,
    SectionId::DebugStrOffsets,
];

type Loaded<'image> = Vec<(SectionId, Cow<'image, [u8]>)>;

/// Unpacks sections, several at the same time.
fn load_all<'image>(
    image: &'image ElfImage,
    ids: &[SectionId],
    threads: usize,
) -> Result<Loaded<'image>, DwarfError> {
    let next = AtomicUsize::new(0);
    let load = || -> Result<Loaded<'image>, DwarfError> {
        let mut loaded = Vec::new();
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            loaded.push((*id, image.section(id.name())?.unwrap_or_default()));
        }
        Ok(loaded)
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(ids.len())).map(|_| scope.spawn(load)).collect();
        let mut loaded = load()?;
        for other in others {
            loaded.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok(loaded)
    })
}
