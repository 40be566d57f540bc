//! DWARF packages (`.dwp`): which of them belongs to which ELF file.
//!
//! A package has no build ID. What ties it to an ELF file are the DWO IDs: each compilation unit
//! that was split off leaves a skeleton in the ELF file, and both halves carry the same 64-bit ID.

use std::borrow::Cow;

use gimli::{DwoId, EndianSlice, RunTimeEndian, SectionId};
use object::{Endianness, Object};

use crate::{ElfError, ElfImage};

/// How many skeletons are looked up. A package of another build shares some units with this one,
/// those whose source did not change; a few hundred tell which package fits best.
const SKELETONS: usize = 256;

type Reader<'data> = EndianSlice<'data, RunTimeEndian>;

/// The DWO IDs of the first units of an image that were split off; none if none were.
///
/// # Errors
/// If a section that leads to them is damaged.
pub(crate) fn skeleton_ids(image: &ElfImage) -> Result<Vec<DwoId>, ElfError> {
    // All addresses of split units are in this section. Asking for it first spares unpacking the
    // debug info of files that have none.
    let object = image.object()?;
    if object.section_by_name(SectionId::DebugAddr.name()).is_none() {
        return Ok(Vec::new());
    }
    let endian = endian(image)?;
    let load = |id: SectionId| -> Result<_, ElfError> {
        let needed = matches!(id, SectionId::DebugInfo | SectionId::DebugAbbrev);
        if !needed {
            return Ok(Cow::Borrowed(&[][..]));
        }
        image.section(id.name()).map(Option::unwrap_or_default)
    };
    let sections = gimli::DwarfSections::load(load)?;
    let dwarf = sections.borrow(|bytes| EndianSlice::new(bytes, endian));
    Ok(read_skeleton_ids(&dwarf))
}

/// Damage ends the list: units after it cannot be found anyhow.
fn read_skeleton_ids(dwarf: &gimli::Dwarf<Reader<'_>>) -> Vec<DwoId> {
    let mut ids = Vec::new();
    let mut units = dwarf.units();
    while ids.len() < SKELETONS
        && let Ok(Some(header)) = units.next()
    {
        // DWARF 5 states the ID in the unit's header, GCC's extension to DWARF 4 in its first entry.
        match header.type_() {
            gimli::UnitType::Skeleton(id) => ids.push(id),
            _ if header.version() < 5 => {
                ids.extend(dwarf.unit(header).ok().and_then(|unit| unit.dwo_id));
            }
            _ => {}
        }
    }
    ids
}

/// Whether one of the packages has all units that were split off from an image; so has none, if
/// none were split off.
pub fn holds_units_of(image: &ElfImage, packages: &[ElfImage]) -> bool {
    let ids = skeleton_ids(image).unwrap_or_default();
    let has_all = |package| count_units(package, &ids).is_ok_and(|units| units == ids.len());
    ids.is_empty() || packages.iter().any(has_all)
}

/// How many of the units are in a package.
///
/// # Errors
/// If the file is damaged.
pub(crate) fn count_units(package: &ElfImage, ids: &[DwoId]) -> Result<usize, ElfError> {
    let endian = endian(package)?;
    let Some(section) = package.section(SectionId::DebugCuIndex.name())? else { return Ok(0) };
    let index = gimli::DebugCuIndex::from(EndianSlice::new(&section, endian)).index();
    Ok(index.map_or(0, |index| ids.iter().filter(|id| index.find(id.0).is_some()).count()))
}

fn endian(image: &ElfImage) -> Result<RunTimeEndian, ElfError> {
    Ok(match image.object()?.endianness() {
        Endianness::Little => RunTimeEndian::Little,
        Endianness::Big => RunTimeEndian::Big,
    })
}
