//! What a function is called, and the line at which it is declared: pprof's source view begins
//! there. An inlined call leads to its abstract function, and that to its declaration in a class.

use std::collections::HashMap;
use std::sync::Arc;

use gimli::{AttributeValue, DebugInfoOffset, UnitOffset, UnitRef, constants};
use profile::{Id, Table};

use super::Reader;
use super::sections::{Parsed, Place};

/// How many entries are followed from an inlined call to its declaration. More are a circle.
const MAX_STEPS: usize = 16;

/// What an entry and those that it leads to say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named {
    linkage_name: Option<Id<String>>,
    name: Option<Id<String>>,
    start_line: Option<u32>,
}

impl Named {
    /// The name for the linker, or else the only one that there is.
    pub(crate) fn system_name(self) -> Option<Id<String>> {
        self.linkage_name.or(self.name)
    }

    /// The line of the declaration, 0 if none is stated.
    pub(crate) fn start_line(self) -> u32 {
        self.start_line.unwrap_or(0)
    }

    fn or(self, other: Self) -> Self {
        Self {
            linkage_name: self.linkage_name.or(other.linkage_name),
            name: self.name.or(other.name),
            start_line: self.start_line.or(other.start_line),
        }
    }
}

/// An entry of a function with its names, and of an inlined call where it is called.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) named: Named,
    pub(crate) call_file: Option<u64>,
    pub(crate) call_line: u32,
}

/// Reads entries, and remembers what several lead to.
pub(crate) struct Names<'data> {
    parsed: &'data Parsed<'data>,
    /// Of the unit at hand.
    own: HashMap<UnitOffset, Named>,
    /// Units that others refer to, as link-time optimisation and dwz make them do.
    others: HashMap<Place, Option<Arc<gimli::Unit<Reader<'data>>>>>,
    foreign: HashMap<Place, Named>,
    /// Whether the unit at hand is one of the supplement: offsets in its section are that file's.
    is_in_supplement: bool,
}

/// What an entry refers to as its origin.
#[derive(Clone, Copy)]
enum Origin {
    Unit(UnitOffset),
    Section(DebugInfoOffset),
    Supplement(DebugInfoOffset),
}

impl<'data> Names<'data> {
    pub(crate) fn new(parsed: &'data Parsed<'data>) -> Self {
        Self {
            parsed,
            own: HashMap::new(),
            others: HashMap::new(),
            foreign: HashMap::new(),
            is_in_supplement: false,
        }
    }

    /// Forgets the last unit.
    pub(crate) fn begin_unit(&mut self) {
        self.own.clear();
    }

    /// Reads the entry of a function or an inlined call.
    pub(crate) fn entry(
        &mut self,
        unit: UnitRef<'_, Reader<'_>>,
        offset: UnitOffset,
        strings: &mut Table<String>,
    ) -> gimli::Result<Entry> {
        let (mut entry, origin) = read(unit, offset, strings)?;
        if let Some(origin) = origin {
            entry.named = entry.named.or(self.follow(unit, origin, strings, MAX_STEPS));
        }
        Ok(entry)
    }

    /// Damage on the way is an end of the way.
    fn follow(
        &mut self,
        unit: UnitRef<'_, Reader<'_>>,
        origin: Origin,
        strings: &mut Table<String>,
        steps: usize,
    ) -> Named {
        let Some(steps) = steps.checked_sub(1) else { return Named::default() };
        match origin {
            Origin::Unit(offset) => {
                if let Some(named) = self.own.get(&offset) {
                    return *named;
                }
                let named = self.read_on(unit, offset, strings, steps);
                self.own.insert(offset, named);
                named
            }
            Origin::Section(offset) if self.is_in_supplement => {
                self.follow_far(Place::Supplement(offset), strings, steps)
            }
            Origin::Section(offset) => self.follow_far(Place::Own(offset), strings, steps),
            Origin::Supplement(offset) => {
                self.follow_far(Place::Supplement(offset), strings, steps)
            }
        }
    }

    fn follow_far(&mut self, place: Place, strings: &mut Table<String>, steps: usize) -> Named {
        if let Some(named) = self.foreign.get(&place) {
            return *named;
        }
        let named = self.read_foreign(place, strings, steps).unwrap_or_default();
        self.foreign.insert(place, named);
        named
    }

    fn read_on(
        &mut self,
        unit: UnitRef<'_, Reader<'_>>,
        offset: UnitOffset,
        strings: &mut Table<String>,
        steps: usize,
    ) -> Named {
        match read(unit, offset, strings) {
            Ok((entry, Some(origin))) => entry.named.or(self.follow(unit, origin, strings, steps)),
            Ok((entry, None)) => entry.named,
            Err(_) => Named::default(),
        }
    }

    fn read_foreign(
        &mut self,
        place: Place,
        strings: &mut Table<String>,
        steps: usize,
    ) -> Option<Named> {
        let holding = self.parsed.unit_holding(place)?;
        let open = || holding.dwarf.unit(holding.header).ok().map(Arc::new);
        let unit = self.others.entry(holding.begin).or_insert_with(open).clone()?;
        let unit = unit.unit_ref(holding.dwarf);
        // Offsets within that unit are not those of the unit at hand.
        let own = std::mem::take(&mut self.own);
        let is_in_supplement =
            std::mem::replace(&mut self.is_in_supplement, matches!(place, Place::Supplement(_)));
        let named = self.read_on(unit, holding.entry, strings, steps);
        self.is_in_supplement = is_in_supplement;
        self.own = own;
        Some(named)
    }
}

/// Reads one entry.
fn read(
    unit: UnitRef<'_, Reader<'_>>,
    offset: UnitOffset,
    strings: &mut Table<String>,
) -> gimli::Result<(Entry, Option<Origin>)> {
    let mut entry = Entry::default();
    let mut origin = None;
    let mut entries = unit.entries_raw(Some(offset))?;
    let Some(abbreviation) = entries.read_abbreviation()? else { return Ok((entry, None)) };
    let small = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
    for specification in abbreviation.attributes() {
        let attribute = entries.read_attribute(*specification)?;
        let mut text = || {
            let text = unit.attr_string(attribute.value()).ok()?;
            Some(strings.intern_ref(&*text.to_string_lossy()))
        };
        match attribute.name() {
            constants::DW_AT_linkage_name | constants::DW_AT_MIPS_linkage_name => {
                entry.named.linkage_name = text();
            }
            constants::DW_AT_name => entry.named.name = text(),
            constants::DW_AT_decl_line => entry.named.start_line = small(attribute.udata_value()),
            constants::DW_AT_call_line => {
                entry.call_line = small(attribute.udata_value()).unwrap_or(0);
            }
            constants::DW_AT_call_file => {
                entry.call_file = match attribute.value() {
                    AttributeValue::FileIndex(file) => Some(file),
                    _ => attribute.udata_value(),
                };
            }
            constants::DW_AT_abstract_origin => origin = origin_of(attribute.value()).or(origin),
            // An abstract origin says more, and leads there too.
            constants::DW_AT_specification => {
                origin = origin.or_else(|| origin_of(attribute.value()));
            }
            _ => {}
        }
    }
    Ok((entry, origin))
}

fn origin_of(value: AttributeValue<Reader<'_>>) -> Option<Origin> {
    match value {
        AttributeValue::UnitRef(offset) => Some(Origin::Unit(offset)),
        AttributeValue::DebugInfoRef(offset) => Some(Origin::Section(offset)),
        AttributeValue::DebugInfoRefSup(offset) => Some(Origin::Supplement(offset)),
        _ => None,
    }
}
