//! What did not make it into the profile, or not whole. Nothing disappears without a number here.

use std::collections::BTreeMap;

use perf_data::RecordKind;
use profile::{Binary, Id, SampleValue};

use crate::StackEnd;

/// What was lost, cut or not understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Records that the kernel could not write because its buffer was full (`LOST`). Most
    /// records are samples. Where perf (6.1 and later) counts the lost samples itself, it is 0.
    pub lost_records: u64,
    /// Samples that the kernel could not take (`LOST_SAMPLES`).
    pub lost_samples: u64,
    /// Samples of no known event, or shorter than they say: not in the profile.
    pub unreadable_samples: u64,
    /// Other records that are shorter than their type says.
    pub broken_records: u64,
    /// Records of types that are not known, by their number.
    pub unknown_records: BTreeMap<RecordKind, u64>,
    /// Samples whose stack was cut at a caller that lies in no mapping, or makes no sense.
    pub broken_stacks: SampleValue,
    /// Samples whose stack is longer than what was dumped of it.
    pub truncated_stacks: SampleValue,
    /// Samples whose stack ends where no unwind information was at hand, by the binary of the
    /// last frame.
    pub without_unwind_info: BTreeMap<Id<Binary>, SampleValue>,
    /// Samples with a stack to unwind of a kind that is not unwound: 32-bit code, or a machine
    /// other than x86-64 and arm64.
    pub unsupported_stacks: SampleValue,
    /// Samples whose user part was to come in a later record, and did not.
    pub missing_user_stacks: SampleValue,
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
            ("truncated-stacks", self.truncated_stacks.count),
            ("stacks-without-unwind-info", self.all_without_unwind_info().count),
            ("unsupported-stacks", self.unsupported_stacks.count),
            ("missing-user-stacks", self.missing_user_stacks.count),
            ("unmapped-samples", self.unmapped_leaves.count),
        ];
        let told = facts.into_iter().filter(|(_, count)| *count > 0);
        told.map(|(fact, count)| format!("{fact}:{count}")).collect()
    }

    /// Samples whose stack ends for lack of unwind information, whichever the binary.
    pub fn all_without_unwind_info(&self) -> SampleValue {
        let mut all = SampleValue::default();
        self.without_unwind_info.values().for_each(|value| all.add(*value));
        all
    }

    /// Counts a sample whose stack has this end.
    pub(crate) fn add_end(&mut self, end: StackEnd, value: SampleValue) {
        match end {
            StackEnd::Whole => {}
            StackEnd::Broken => self.broken_stacks.add(value),
            StackEnd::Truncated => self.truncated_stacks.add(value),
            StackEnd::NoUnwindInfo(binary) => {
                self.without_unwind_info.entry(binary).or_default().add(value);
            }
            StackEnd::Unsupported => self.unsupported_stacks.add(value),
            StackEnd::Missing => self.missing_user_stacks.add(value),
        }
    }

    /// The same, for binaries with other ids.
    pub(crate) fn with_binaries(&self, binaries: &[Id<Binary>]) -> Self {
        let mut losses = Self { without_unwind_info: BTreeMap::new(), ..self.clone() };
        for (binary, value) in &self.without_unwind_info {
            let binary = binaries.get(binary.index()).copied().unwrap_or(*binary);
            losses.without_unwind_info.entry(binary).or_default().add(*value);
        }
        losses
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
        self.truncated_stacks.add(other.truncated_stacks);
        for (binary, value) in &other.without_unwind_info {
            self.without_unwind_info.entry(*binary).or_default().add(*value);
        }
        self.unsupported_stacks.add(other.unsupported_stacks);
        self.missing_user_stacks.add(other.missing_user_stacks);
        self.unmapped_leaves.add(other.unmapped_leaves);
    }
}
