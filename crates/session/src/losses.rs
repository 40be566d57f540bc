//! What did not make it into the profile, or not whole. Nothing disappears without a number here.

use std::collections::BTreeMap;

use perf_data::RecordKind;
use profile::SampleValue;

/// What was lost, cut or not understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Records that the kernel could not write because its buffer was full (`LOST`). Most
    /// records are samples.
    pub lost_records: u64,
    /// Samples that the kernel could not take (`LOST_SAMPLES`).
    pub lost_samples: u64,
    /// Samples of no known event, or shorter than they say: not in the profile.
    pub unreadable_samples: u64,
    /// Other records that are shorter than their type says.
    pub broken_records: u64,
    /// Records of types that are not known, by their number.
    pub unknown_records: BTreeMap<RecordKind, u64>,
    /// Samples whose stack was cut at a caller that lies in no mapping.
    pub broken_stacks: SampleValue,
    /// Samples whose instruction pointer lies in no mapping.
    pub unmapped_leaves: SampleValue,
}

impl Losses {
    /// Lines that travel with the profile, so that its reader knows what it lacks.
    pub fn comments(&self) -> Vec<String> {
        let facts = [
            ("lost-records", self.lost_records),
            ("lost-samples", self.lost_samples),
            ("unreadable-samples", self.unreadable_samples),
            ("broken-stacks", self.broken_stacks.count),
            ("unmapped-samples", self.unmapped_leaves.count),
        ];
        let told = facts.into_iter().filter(|(_, count)| *count > 0);
        told.map(|(fact, count)| format!("{fact}:{count}")).collect()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.lost_records = self.lost_records.saturating_add(other.lost_records);
        self.lost_samples = self.lost_samples.saturating_add(other.lost_samples);
        self.unreadable_samples += other.unreadable_samples;
        self.broken_records += other.broken_records;
        for (kind, count) in &other.unknown_records {
            *self.unknown_records.entry(*kind).or_default() += count;
        }
        self.broken_stacks.add(other.broken_stacks);
        self.unmapped_leaves.add(other.unmapped_leaves);
    }
}
