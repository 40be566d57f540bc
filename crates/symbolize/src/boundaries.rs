//! Where functions begin, from unwind tables: all that a stripped binary still says.
//!
//! They give no name, and yet what a flame graph needs most: frames of one function are one box.
//! `.eh_frame` is in nearly every binary. Without it (`-fno-asynchronous-unwind-tables`), a debugger has
//! `.debug_frame`.

use binaries::{ElfImage, Match};
use gimli::{
    BaseAddresses, CieOrFde, DebugFrame, EhFrame, EndianSlice, RunTimeEndian, UnwindOffset,
    UnwindSection,
};
use object::{Object, ObjectSection};
use profile::ElfAddr;

type Slice<'data> = EndianSlice<'data, RunTimeEndian>;

/// Functions as ranges of addresses, sorted.
#[derive(Debug, Default)]
pub(crate) struct Boundaries {
    functions: Vec<(u64, u64)>,
}

impl Boundaries {
    /// The functions that the files of a binary have unwind information for.
    pub(crate) fn of(found: &Match) -> Self {
        let code = found.code();
        let functions = code
            .and_then(|code| of_eh_frame(code))
            .or_else(|| of_debug_frame(code?))
            .or_else(|| of_debug_frame(&found.image));
        let mut functions = functions.unwrap_or_default();
        // What the linker dropped has tables at address 0.
        functions.retain(|&(start, end)| {
            found.layout.executable().any(|segment| {
                let offset = start.checked_sub(segment.address.0);
                start < end && offset.is_some_and(|offset| offset < segment.memory_size)
            })
        });
        functions.sort_unstable();
        Self { functions }
    }

    /// Where the answer can change.
    pub(crate) fn edges(&self) -> impl Iterator<Item = u64> {
        self.functions.iter().flat_map(|&(start, end)| [start, end])
    }

    /// Where the function that covers an address begins.
    pub(crate) fn function_start(&self, address: ElfAddr) -> Option<ElfAddr> {
        let after = self.functions.partition_point(|(start, _)| *start <= address.0);
        let (start, end) = self.functions.get(after.checked_sub(1)?)?;
        (address.0 < *end).then_some(ElfAddr(*start))
    }
}

fn of_eh_frame(image: &ElfImage) -> Option<Vec<(u64, u64)>> {
    let bytes = image.section(".eh_frame").ok()??;
    let object = image.object().ok()?;
    let mut section = EhFrame::new(&bytes, endian(&object));
    section.set_address_size(address_size(&object));
    let address_of = |name| object.section_by_name(name).map_or(0, |section| section.address());
    let bases = BaseAddresses::default()
        .set_eh_frame(address_of(".eh_frame"))
        .set_text(address_of(".text"))
        .set_got(address_of(".got"));
    functions(&section, &bases)
}

fn of_debug_frame(image: &ElfImage) -> Option<Vec<(u64, u64)>> {
    let bytes = image.section(".debug_frame").ok()??;
    let object = image.object().ok()?;
    let mut section = DebugFrame::new(&bytes, endian(&object));
    section.set_address_size(address_size(&object));
    functions(&section, &BaseAddresses::default())
}

/// Damage ends the list. `None` if it is empty.
fn functions<'data, Section>(section: &Section, bases: &BaseAddresses) -> Option<Vec<(u64, u64)>>
where
    Section: UnwindSection<Slice<'data>>,
    Section::Offset: UnwindOffset<usize>,
{
    let mut functions = Vec::new();
    let mut entries = section.entries(bases);
    while let Ok(Some(entry)) = entries.next() {
        if let CieOrFde::Fde(partial) = entry
            && let Ok(function) = partial.parse(Section::cie_from_offset)
        {
            functions.push((function.initial_address(), function.end_address()));
        }
    }
    (!functions.is_empty()).then_some(functions)
}

fn endian(object: &object::File<'_>) -> RunTimeEndian {
    if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big }
}

fn address_size(object: &object::File<'_>) -> u8 {
    if object.is_64() { 8 } else { 4 }
}
