//! The threads of a profile, by the labels of its samples.

use std::collections::BTreeMap;

use profile::{LabelValue, Profile};
use serde::Serialize;

use crate::shares::share;

/// A thread, as labels tell of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) pid: Option<i64>,
    tid: Option<i64>,
    process: String,
    pub(crate) thread: String,
}

impl Key {
    /// Process and thread, if both have numbers.
    pub(crate) fn ids(&self) -> Option<(i64, i64)> {
        self.pid.zip(self.tid)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        if self.thread.is_empty() { &self.process } else { &self.thread }
    }
}

/// What a thread weighs. Names are not unique: Envoy's thread pools inherit their creator's.
#[derive(Debug, Serialize)]
pub(crate) struct ThreadSummary {
    /// Its process, as numbered in perf's pid namespace.
    pub(crate) pid: Option<i64>,
    /// Its number, likewise.
    pub(crate) tid: Option<i64>,
    /// The name of its process.
    pub(crate) process: String,
    /// Its name, of which the kernel keeps 15 characters.
    pub(crate) thread: String,
    /// How many samples.
    pub(crate) samples: u64,
    /// What they weigh.
    #[serde(skip)]
    pub(crate) weight: u64,
    /// Share of the weight.
    pub(crate) share: f64,
}

/// All threads of an event's samples, heaviest first; none if no label tells of any.
pub(crate) fn of(profile: &Profile, event: u32) -> Vec<ThreadSummary> {
    let keys: Vec<Key> = profile.labels.iter().map(|(_, labels)| key(profile, labels)).collect();
    let mut weights: BTreeMap<&Key, (u64, u128)> = BTreeMap::new();
    let mut total = 0;
    for (sample, value) in profile.samples.iter().filter(|(key, _)| key.event == event) {
        let weight = u128::from(value.weight);
        total += weight;
        let thread = weights.entry(&keys[sample.labels.index()]).or_default();
        thread.0 = thread.0.saturating_add(value.count);
        thread.1 += weight;
    }
    let mut weights: Vec<_> = weights.into_iter().collect();
    weights.retain(|(key, _)| **key != Key::default());
    weights.sort_by_key(|(_, (_, weight))| std::cmp::Reverse(*weight));
    let summary = |(key, (samples, weight)): (&Key, (u64, u128))| {
        let Key { pid, tid, process, thread } = key.clone();
        let share = share(weight, total);
        let weight = u64::try_from(weight).unwrap_or(u64::MAX);
        ThreadSummary { pid, tid, process, thread, samples, weight, share }
    };
    weights.into_iter().map(summary).collect()
}

/// The thread that labels tell of.
pub(crate) fn key(profile: &Profile, labels: &[profile::Label]) -> Key {
    let mut key = Key::default();
    for label in labels {
        let text = || match label.value {
            LabelValue::Text(text) => profile.strings[text].clone(),
            LabelValue::Number(number, _) => number.to_string(),
        };
        let number = || match label.value {
            LabelValue::Text(text) => profile.strings[text].parse().ok(),
            LabelValue::Number(number, _) => Some(number),
        };
        match profile.strings[label.key].as_str() {
            "pid" => key.pid = number(),
            "tid" | "thread_id" => key.tid = number(),
            "comm" => key.process = text(),
            "thread_comm" | "thread" | "thread_name" => key.thread = text(),
            _ => {}
        }
    }
    key
}
