//! Samples, added up as they arrive, and what they count.

use crate::{Id, Stack, Table};

/// What makes two samples the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleKey {
    /// Where the thread was.
    pub stack: Id<Stack>,
    /// Which event fired: an index into [`Profile::events`](crate::Profile::events).
    pub event: u32,
    /// The labels of the sample.
    pub labels: Id<LabelSet>,
}

/// The sum over all samples of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleValue {
    /// How many samples.
    pub count: u64,
    /// The sum of their periods, in the unit of the event.
    pub weight: u64,
}

impl SampleValue {
    /// Adds another sum. Saturates: a wrapped sum would be a lie, and no honest recording
    /// reaches 2^64 of anything.
    pub fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.weight = self.weight.saturating_add(other.weight);
    }
}

/// The samples of a profile: memory follows the distinct rows, not the length of the recording.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    keys: Table<SampleKey>,
    values: Vec<SampleValue>,
}

impl Samples {
    /// No samples, with room for so many distinct rows.
    pub fn with_capacity(rows: usize) -> Self {
        Self { keys: Table::with_capacity(rows), values: Vec::with_capacity(rows) }
    }

    /// Adds to the row of `key`, and returns the row's number.
    pub fn add(&mut self, key: SampleKey, value: SampleValue) -> usize {
        let row = self.keys.intern(key).index();
        if row == self.values.len() {
            self.values.push(value);
        } else {
            self.add_to_row(row, value);
        }
        row
    }

    /// Adds to a row by the number that [`Samples::add`] returned for its key.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn add_to_row(&mut self, row: usize, value: SampleValue) {
        self.values[row].add(value);
    }

    /// The rows in the order in which each was first seen.
    pub fn iter(&self) -> impl Iterator<Item = (&SampleKey, SampleValue)> {
        self.keys.iter().map(|(_, key)| key).zip(self.values.iter().copied())
    }

    /// The number of distinct rows.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The sum over all rows of one event.
    pub fn total(&self, event: u32) -> SampleValue {
        let mut total = SampleValue::default();
        for (key, value) in self.iter() {
            if key.event == event {
                total.add(value);
            }
        }
        total
    }
}

/// The labels of a sample, at most one per key, in the order of the keys asked for.
pub type LabelSet = Box<[Label]>;

/// One label, as `profile.proto` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// The name of the label.
    pub key: Id<String>,
    /// Its value.
    pub value: LabelValue,
}

/// The value of a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelValue {
    /// A text.
    Text(Id<String>),
    /// A number and the name of its unit.
    Number(i64, Id<String>),
}

/// What was counted to take samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The name by which profiles of different hosts compare: `cycles` for `cycles:ppp` and
    /// `cpu_core/cycles/`.
    pub name: String,
    /// The name in the recording.
    pub recorded_name: String,
    /// The unit of the event's weights.
    pub unit: Unit,
    /// When a sample was taken.
    pub sampling: Sampling,
}

impl Event {
    /// Whether it is the event that `perf record -a` adds to hear of new mappings, and that never
    /// fires.
    pub fn is_dummy(&self) -> bool {
        let name = self.recorded_name.split(':').next();
        self.name == "dummy" || name == Some("dummy")
    }
}

/// The unit of a sample's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Occurrences of the event.
    Count,
    /// Nanoseconds of CPU time (`cpu-clock`, `task-clock`).
    Nanoseconds,
}

impl Unit {
    /// The unit's name in `profile.proto`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Nanoseconds => "nanoseconds",
        }
    }
}

/// When the kernel took a sample of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Every so many occurrences (`perf record -c`).
    Period(u64),
    /// So often that this many samples are taken per second (`perf record -F`); each sample
    /// states its own period.
    Frequency(u64),
}
