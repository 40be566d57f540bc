//! Ranges of addresses as entries state them.

use binaries::Layout;
use gimli::{Abbreviation, AttributeValue, EntriesRaw, UnitRef, constants};

use super::Reader;

/// Where the file has code: what lies elsewhere was dropped by the linker.
#[derive(Debug)]
pub(crate) struct Code {
    segments: Vec<(u64, u64)>,
}

impl Code {
    pub(crate) fn of(layout: &Layout) -> Self {
        let end =
            |segment: &binaries::Segment| segment.address.0.saturating_add(segment.memory_size);
        Self { segments: layout.executable().map(|s| (s.address.0, end(s))).collect() }
    }

    pub(crate) fn holds(&self, address: u64) -> bool {
        self.segments.iter().any(|&(start, end)| start <= address && address < end)
    }
}

/// The attributes of an entry that say where its code is.
#[derive(Default)]
pub(crate) struct RangeAttributes<'data> {
    low: Option<AttributeValue<Reader<'data>>>,
    high: Option<AttributeValue<Reader<'data>>>,
    ranges: Option<AttributeValue<Reader<'data>>>,
    /// Where the next entry of the same depth is.
    pub(crate) sibling: Option<usize>,
}

/// Whether entries with this abbreviation may have code.
pub(crate) fn may_have_code(abbreviation: &Abbreviation) -> bool {
    let attributes = abbreviation.attributes();
    attributes.iter().any(|a| matches!(a.name(), constants::DW_AT_low_pc | constants::DW_AT_ranges))
}

impl<'data> RangeAttributes<'data> {
    /// Reads all attributes of the entry at hand.
    pub(crate) fn read(
        entries: &mut EntriesRaw<'_, Reader<'data>>,
        abbreviation: &Abbreviation,
    ) -> gimli::Result<Self> {
        let mut found = Self::default();
        for specification in abbreviation.attributes() {
            match specification.name() {
                constants::DW_AT_low_pc => {
                    found.low = Some(entries.read_attribute(*specification)?.value());
                }
                constants::DW_AT_high_pc => {
                    found.high = Some(entries.read_attribute(*specification)?.value());
                }
                constants::DW_AT_ranges => {
                    found.ranges = Some(entries.read_attribute(*specification)?.value());
                }
                constants::DW_AT_sibling => {
                    let attribute = entries.read_attribute(*specification)?;
                    found.sibling = match attribute.value() {
                        AttributeValue::UnitRef(offset) => Some(offset.0),
                        _ => None,
                    };
                }
                _ => entries.skip_attributes(std::slice::from_ref(specification))?,
            }
        }
        Ok(found)
    }

    /// Tells each range, those of dropped functions included. False if there is none.
    pub(crate) fn each(
        &self,
        unit: UnitRef<'_, Reader<'data>>,
        mut tell: impl FnMut(u64, u64),
    ) -> gimli::Result<bool> {
        if let Some(ranges) = &self.ranges
            && let Some(mut list) = unit.attr_ranges(*ranges)?
        {
            let mut any = false;
            while let Some(range) = list.next()? {
                any = true;
                tell(range.begin, range.end);
            }
            return Ok(any);
        }
        let Some(low) = self.low else { return Ok(false) };
        let Some(low) = unit.attr_address(low)? else { return Ok(false) };
        let high = match self.high {
            Some(AttributeValue::Udata(size)) => low.checked_add(size),
            Some(high) => unit.attr_address(high)?,
            None => None,
        };
        let Some(high) = high.filter(|high| *high > low) else { return Ok(false) };
        tell(low, high);
        Ok(true)
    }
}
