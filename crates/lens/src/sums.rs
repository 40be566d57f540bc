//! What the samples of an event add up to, by the answers for their stacks.

use std::collections::BTreeMap;

use profile::{Profile, SampleValue};

use crate::patterns::Lens;
use crate::tags::Tags;

/// A cell of the table of subsystems and works: row and column.
pub type Cell<'a> = (&'a str, &'a str);

/// Sums of the samples of an event.
#[derive(Clone, Debug)]
pub struct Sums<'a> {
    /// All of them.
    pub total: SampleValue,
    /// By subsystem (or what stands in its place) and work.
    pub cells: BTreeMap<Cell<'a>, SampleValue>,
    /// By filter; `None` for samples of none.
    pub filters: BTreeMap<Option<&'a str>, SampleValue>,
    /// Of the samples without a filter, those whose stack was cut, so that one may be missing.
    pub filter_lost: SampleValue,
    /// By direction.
    pub directions: BTreeMap<Option<&'a str>, SampleValue>,
    /// By the rule that says which subsystem it is.
    pub rules: BTreeMap<Option<&'a str>, SampleValue>,
}

impl<'a> Sums<'a> {
    /// Adds up the samples of an event.
    pub fn of(lens: &'a Lens, tags: &'a Tags, profile: &Profile, event: u32) -> Self {
        let mut by_tag = vec![SampleValue::default(); tags.iter().len()];
        for (key, value) in profile.samples.iter().filter(|(key, _)| key.event == event) {
            by_tag[tags.id_of(key.stack).index()].add(value);
        }
        let mut sums = Self {
            total: SampleValue::default(),
            cells: BTreeMap::new(),
            filters: BTreeMap::new(),
            filter_lost: SampleValue::default(),
            directions: BTreeMap::new(),
            rules: BTreeMap::new(),
        };
        for (id, tag) in tags.iter() {
            let value = by_tag[id.index()];
            if value == SampleValue::default() {
                continue;
            }
            let cell = (tags.subsystem(tag), tags.text(tag.work));
            sums.total.add(value);
            sums.cells.entry(cell).or_default().add(value);
            let filter = tag.filter.map(|filter| tags.text(filter));
            sums.filters.entry(filter).or_default().add(value);
            if filter.is_none() && tag.is_cut {
                sums.filter_lost.add(value);
            }
            let direction = tag.direction.map(|direction| tags.text(direction));
            sums.directions.entry(direction).or_default().add(value);
            sums.rules.entry(tag.rule.map(|rule| lens.rule_id(rule))).or_default().add(value);
        }
        sums
    }

    /// By subsystem, heaviest first.
    pub fn subsystems(&self) -> Vec<(&'a str, SampleValue)> {
        heaviest(self.cells.iter().map(|((subsystem, _), value)| (*subsystem, *value)))
    }

    /// By work, heaviest first.
    pub fn works(&self) -> Vec<(&'a str, SampleValue)> {
        heaviest(self.cells.iter().map(|((_, work), value)| (*work, *value)))
    }
}

/// Adds up by name, and sorts by weight.
fn heaviest<'a>(rows: impl Iterator<Item = (&'a str, SampleValue)>) -> Vec<(&'a str, SampleValue)> {
    let mut sums: BTreeMap<&str, SampleValue> = BTreeMap::new();
    for (name, value) in rows {
        sums.entry(name).or_default().add(value);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, value)| std::cmp::Reverse((value.weight, value.count)));
    sums
}
