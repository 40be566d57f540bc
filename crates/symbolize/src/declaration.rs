//! The line at which a function is declared: pprof's source view begins there, and addr2line does
//! not tell it.

use std::collections::HashMap;

use gimli::{
    AttributeValue, DebugInfoOffset, DwAt, Dwarf, UnitHeader, UnitOffset, UnitRef, constants,
};

use crate::dwarf::Reader;

/// How many entries are followed from an inlined call to its declaration: call, abstract instance,
/// declaration in the class. More are a circle.
const MAX_STEPS: usize = 16;

/// Declaration lines, each looked up once.
pub(crate) struct Declarations<'data> {
    sections: &'data Dwarf<Reader<'data>>,
    lines: HashMap<Entry, u32>,
    /// All units by their offset; filled when an entry first refers to another unit, as link-time
    /// optimisation makes them do.
    headers: Option<Vec<UnitHeader<Reader<'data>>>>,
}

/// An entry of `.debug_info`: the unit's own offset is 0 in each split-off unit.
#[derive(PartialEq, Eq, Hash)]
struct Entry {
    split_unit: Option<u64>,
    unit: Option<usize>,
    offset: usize,
}

impl<'data> Declarations<'data> {
    pub(crate) fn new(sections: &'data Dwarf<Reader<'data>>) -> Self {
        Self { sections, lines: HashMap::new(), headers: None }
    }

    /// The line of a function's declaration, 0 if it has none.
    pub(crate) fn line(&mut self, unit: UnitRef<'_, Reader<'data>>, offset: UnitOffset) -> u32 {
        let entry = Entry {
            split_unit: unit.dwo_id.map(|id| id.0),
            unit: unit.header.debug_info_offset().map(|offset| offset.0),
            offset: offset.0,
        };
        if let Some(&line) = self.lines.get(&entry) {
            return line;
        }
        let line = self.follow(unit, offset, MAX_STEPS).ok().flatten().unwrap_or(0);
        self.lines.insert(entry, line);
        line
    }

    /// The line stated by an entry, or else by the one that it was made from.
    fn follow(
        &mut self,
        unit: UnitRef<'_, Reader<'data>>,
        mut offset: UnitOffset,
        steps: usize,
    ) -> gimli::Result<Option<u32>> {
        for step in 0..steps {
            let mut origin = None;
            let mut entries = unit.entries_raw(Some(offset))?;
            let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(None) };
            for specification in abbreviation.attributes() {
                let attribute = entries.read_attribute(*specification)?;
                match attribute.name() {
                    constants::DW_AT_decl_line => {
                        let line = attribute.udata_value().and_then(|line| line.try_into().ok());
                        return Ok(line);
                    }
                    constants::DW_AT_abstract_origin | constants::DW_AT_specification => {
                        origin = Some(attribute.value());
                    }
                    DwAt(_) => {}
                }
            }
            match origin {
                Some(AttributeValue::UnitRef(next)) => offset = next,
                Some(AttributeValue::DebugInfoRef(next)) => {
                    return self.follow_into_unit(next, steps - step - 1);
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn follow_into_unit(
        &mut self,
        entry: DebugInfoOffset,
        steps: usize,
    ) -> gimli::Result<Option<u32>> {
        let sections = self.sections;
        let headers = self.headers.get_or_insert_with(|| {
            let mut headers = Vec::new();
            let mut units = sections.units();
            while let Ok(Some(header)) = units.next() {
                headers.push(header);
            }
            headers
        });
        let after = headers.partition_point(|header| header.debug_info_offset() <= Some(entry));
        let Some(header) = after.checked_sub(1).and_then(|at| headers.get(at)) else {
            return Ok(None);
        };
        let Some(offset) = entry.to_unit_offset(header) else { return Ok(None) };
        let unit = sections.unit(*header)?;
        self.follow(unit.unit_ref(sections), offset, steps)
    }
}
