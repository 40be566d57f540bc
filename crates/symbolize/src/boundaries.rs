//! Where functions begin, from `.eh_frame`: all that a stripped binary still says.
//!
//! It gives no name, and yet what a flame graph needs most: frames of one function are one box.

use gimli::{BaseAddresses, CieOrFde, EhFrame, EndianSlice, RunTimeEndian, UnwindSection};
use object::{Object, ObjectSection};
use profile::ElfAddr;

/// Functions as ranges of addresses, sorted.
#[derive(Debug, Default)]
pub(crate) struct Boundaries {
    functions: Vec<(u64, u64)>,
}

impl Boundaries {
    /// The functions that a file has unwind information for. Damage ends the list.
    pub(crate) fn of(object: &object::File<'_>) -> Self {
        let Some(section) = object.section_by_name(".eh_frame") else { return Self::default() };
        let Ok(bytes) = section.data() else { return Self::default() };
        let endian =
            if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
        let mut eh_frame = EhFrame::new(bytes, endian);
        eh_frame.set_address_size(if object.is_64() { 8 } else { 4 });
        let address_of = |name| object.section_by_name(name).map_or(0, |section| section.address());
        let bases = BaseAddresses::default()
            .set_eh_frame(section.address())
            .set_text(address_of(".text"))
            .set_got(address_of(".got"));
        Self { functions: functions(&eh_frame, &bases) }
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

fn functions(
    eh_frame: &EhFrame<EndianSlice<'_, RunTimeEndian>>,
    bases: &BaseAddresses,
) -> Vec<(u64, u64)> {
    let mut functions = Vec::new();
    let mut entries = eh_frame.entries(bases);
    while let Ok(Some(entry)) = entries.next() {
        if let CieOrFde::Fde(partial) = entry
            && let Ok(function) = partial.parse(EhFrame::cie_from_offset)
        {
            functions.push((function.initial_address(), function.end_address()));
        }
    }
    functions.sort_unstable();
    functions
}
