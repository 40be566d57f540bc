//! The halves of units that were split off: in the binary's package, or in a file of their own.

use std::borrow::Cow;
use std::path::Path;

use binaries::ElfImage;
use gimli::{
    AttributeValue, DwarfSections, DwoId, EndianSlice, Unit, UnitHeader, UnitRef, UnitType,
};

use super::Reader;
use super::sections::Parsed;

/// How many units that were split off were asked for, and how many of these were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SplitCount {
    pub(crate) found: usize,
    pub(crate) of: usize,
}

/// Hands the split-off half of a unit to `read`. `None` if it is not found.
pub(crate) fn with_half<T>(
    parsed: &Parsed<'_>,
    unit: UnitRef<'_, Reader<'_>>,
    id: DwoId,
    read: impl FnOnce(UnitRef<'_, Reader<'_>>) -> gimli::Result<T>,
) -> gimli::Result<Option<T>> {
    let packed = parsed.package.as_ref();
    if let Some(dwarf) = packed.and_then(|package| package.find_cu(id, &parsed.dwarf).ok()?)
        && let Some(header) = dwarf.units().next()?
    {
        return read_half(&dwarf, header, unit.unit, read).map(Some);
    }
    let path = |value: Option<AttributeValue<_>>| unit.attr_string(value?).ok();
    let Some(name) = path(unit.dwo_name()?) else { return Ok(None) };
    let (name, directory) =
        (name.to_string_lossy(), unit.comp_dir.map(|dir| dir.to_string_lossy()));
    let directory = directory.as_deref().unwrap_or_default();
    for file in parsed.split.candidates(Path::new(directory), Path::new(&*name)) {
        let Some(sections) = sections(&file) else { continue };
        let reader = |bytes| EndianSlice::new(bytes, parsed.endian);
        let mut dwarf: gimli::Dwarf<Reader<'_>> = sections.borrow(|bytes| reader(bytes));
        dwarf.make_dwo(&parsed.dwarf);
        if let Some(header) = unit_with(&dwarf, id) {
            return read_half(&dwarf, header, unit.unit, read).map(Some);
        }
    }
    Ok(None)
}

fn read_half<'half, T>(
    dwarf: &gimli::Dwarf<Reader<'half>>,
    header: UnitHeader<Reader<'half>>,
    skeleton: &Unit<Reader<'half>>,
    read: impl FnOnce(UnitRef<'_, Reader<'_>>) -> gimli::Result<T>,
) -> gimli::Result<T> {
    let mut half = dwarf.unit(header)?;
    half.copy_relocated_attributes(skeleton);
    read(half.unit_ref(dwarf))
}

fn sections(file: &ElfImage) -> Option<DwarfSections<Cow<'_, [u8]>>> {
    let load = |id: gimli::SectionId| match id.dwo_name() {
        Some(name) => Ok(file.section(name)?.unwrap_or_default()),
        None => Ok(Cow::default()),
    };
    DwarfSections::load(load).map_err(|_: binaries::ElfError| ()).ok()
}

/// The unit with this ID: DWARF 5 states it in the header, GCC's extension to DWARF 4 in the first
/// entry.
fn unit_with<'dwo>(
    dwarf: &gimli::Dwarf<Reader<'dwo>>,
    id: DwoId,
) -> Option<UnitHeader<Reader<'dwo>>> {
    let mut units = dwarf.units();
    while let Ok(Some(header)) = units.next() {
        let found = match header.type_() {
            UnitType::SplitCompilation(id) => Some(id),
            _ if header.version() < 5 => dwarf.unit(header).ok().and_then(|unit| unit.dwo_id),
            _ => None,
        };
        if found == Some(id) {
            return Some(header);
        }
    }
    None
}
