//! What `perf2pprof lens` says, for people and for machines. docs/lens.md explains the JSON.

use std::collections::BTreeMap;

use lens::{Lens, Reason, Sums, Tags};
use profile::{Profile, SampleValue};
use serde::Serialize;

use crate::lens_command::workers::{self, ThreadRow, Workers};
use crate::shares::share;

/// Where in Envoy the time went. Shares are from 0 to 1.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The file, as the user named it.
    pub(crate) file: String,
    /// The event whose weights these are.
    pub(crate) event: String,
    /// `count` or `nanoseconds`.
    pub(crate) unit: &'static str,
    /// How many samples.
    pub(crate) samples: u64,
    /// The sum of their weights, in the unit.
    pub(crate) weight: u64,
    /// From the first to the last sample.
    pub(crate) duration_seconds: Option<f64>,
    /// The rows of the table: known ones first, each group by weight.
    pub(crate) subsystems: Vec<Row>,
    /// Its columns, by weight.
    pub(crate) works: Vec<Part>,
    /// Its cells that are not empty.
    pub(crate) cells: Vec<Cell>,
    /// By filter, heaviest first.
    pub(crate) filters: Vec<Part>,
    /// Without a filter, though the stack was cut where one could have been.
    pub(crate) filter_lost: Part,
    /// By direction.
    pub(crate) directions: Vec<Part>,
    /// By the rule that says which subsystem it is; `-` for none.
    pub(crate) rules: Vec<Part>,
    /// By thread, heaviest first; none if no label tells of any.
    pub(crate) threads: Vec<ThreadRow>,
    /// The workers together; `None` of less than two.
    pub(crate) workers: Option<Workers>,
    /// What to try.
    pub(crate) hints: Vec<String>,
}

/// A part of the whole.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) samples: u64,
    pub(crate) weight: u64,
    pub(crate) share: f64,
}

/// A subsystem, or what stands in its place.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) part: Part,
    /// Whether it is a subsystem, and not a reason why there is none.
    pub(crate) is_known: bool,
}

/// A cell of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cell {
    pub(crate) subsystem: String,
    pub(crate) work: String,
    pub(crate) samples: u64,
    pub(crate) weight: u64,
    pub(crate) share: f64,
}

impl Report {
    pub(crate) fn new(
        file: &str,
        lens: &Lens,
        tags: &Tags,
        profile: &Profile,
        event: u32,
        connections: Option<&BTreeMap<u32, u64>>,
        hints: Vec<String>,
    ) -> Self {
        let sums = Sums::of(lens, tags, profile, event);
        let total = u128::from(sums.total.weight);
        let part = |name: &str, value: SampleValue| Part {
            name: name.to_owned(),
            samples: value.count,
            weight: value.weight,
            share: share(value.weight.into(), total),
        };
        let is_known = |name: &str| Reason::ALL.iter().all(|reason| reason.text() != name);
        let row = |(name, value)| Row { part: part(name, value), is_known: is_known(name) };
        let mut subsystems: Vec<Row> = sums.subsystems().into_iter().map(row).collect();
        subsystems.sort_by_key(|row| !row.is_known);
        let parts = |sums: &BTreeMap<Option<&str>, SampleValue>, none: &str| {
            let parts = sums.iter().map(|(name, value)| part(name.unwrap_or(none), *value));
            let mut parts: Vec<Part> = parts.collect();
            parts.sort_by_key(|part| std::cmp::Reverse(part.weight));
            parts
        };
        let mut filters = parts(&sums.filters, "");
        filters.retain(|part| !part.name.is_empty());
        let cells = sums.cells.iter().map(|((subsystem, work), value)| Cell {
            subsystem: (*subsystem).to_owned(),
            work: (*work).to_owned(),
            samples: value.count,
            weight: value.weight,
            share: share(value.weight.into(), total),
        });
        let threads = workers::threads(lens, profile, event);
        let counted = profile.events.get(event as usize);
        #[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        Self {
            file: file.to_owned(),
            event: counted.map_or(String::new(), |event| event.name.clone()),
            unit: counted.map_or("count", |event| event.unit.name()),
            samples: sums.total.count,
            weight: sums.total.weight,
            duration_seconds: profile.recording.duration_nanos.map(seconds),
            works: sums.works().into_iter().map(|(name, value)| part(name, value)).collect(),
            cells: cells.collect(),
            filters,
            filter_lost: part("caller lost", sums.filter_lost),
            directions: parts(&sums.directions, "-"),
            rules: parts(&sums.rules, "-"),
            workers: Workers::of(lens, profile, event, &threads, connections),
            subsystems,
            threads,
            hints,
        }
    }

    /// The share of the weight for one of the reasons.
    pub(crate) fn share_of(&self, reason: Reason) -> f64 {
        let row = self.subsystems.iter().find(|row| row.part.name == reason.text());
        row.map_or(0.0, |row| row.part.share)
    }
}
