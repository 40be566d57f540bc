//! Counters in samples, and the periods that they make.
//!
//! `perf record -e '{cycles,instructions}:S'` has one event of the group take samples, each with
//! the values of all counters (`PERF_SAMPLE_READ`). What a sample stands for is, for each event,
//! how far its counter has moved since the sample before: perf's `deliver_sample_value`. An event
//! whose counter has not moved has no sample there.
//!
//! A counter's samples come from one buffer, so they are in order in the file. The second pass
//! reads chunks in any order; the first therefore notes the last values in each chunk.

use rustc_hash::FxHashMap;

use perf_data::{Attr, AttrFlags, PerfData, RawRecord, ReadValue, Sample, SampleType};

/// What counts: an event on a CPU or in a thread. The counters of an inherited event are told
/// apart by their thread only (Linux 6.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Counter {
    pub(crate) id: u64,
    tid: Option<i32>,
}

/// The latest value of each counter.
type Values = FxHashMap<Counter, u64>;

/// The counters in a sample. A lone counter is the sample's own.
pub(crate) fn counters<'a>(
    sample: &Sample<'a>,
    attr: &Attr,
) -> impl Iterator<Item = (Counter, u64)> + use<'a> {
    let is_inherited = attr.flags.has(AttrFlags::INHERIT);
    let tid = sample.pid_tid.filter(|_| is_inherited).map(|(_, tid)| tid);
    let own_id = sample.id.unwrap_or(0);
    let values = sample.read.into_iter().flat_map(|read| read.iter());
    values
        .map(move |ReadValue { value, id, .. }| (Counter { id: id.unwrap_or(own_id), tid }, value))
}

/// The first pass's part: the last values in each chunk.
#[derive(Debug)]
pub(crate) struct Collector {
    is_needed: bool,
    current: Values,
    chunks: Vec<Values>,
}

impl Collector {
    pub(crate) fn new(perf: &PerfData<'_>) -> Self {
        let is_read = |attr: &Attr| attr.sample_type.has(SampleType::READ);
        let is_needed = perf.events().iter().any(|event| is_read(&event.attr));
        Self { is_needed, current: Values::default(), chunks: Vec::new() }
    }

    /// Takes note of a sample. Without counters in the recording, that is nothing.
    pub(crate) fn sample(&mut self, perf: &PerfData<'_>, record: &RawRecord<'_>) {
        if !self.is_needed {
            return;
        }
        if let Some((event, sample)) = perf.sample(record) {
            self.current.extend(counters(&sample, &perf.events()[event].attr));
        }
    }

    pub(crate) fn end_chunk(&mut self) {
        self.chunks.push(std::mem::take(&mut self.current));
    }

    /// The last values in each chunk, in the order of the file.
    pub(crate) fn finish(self) -> LastValues {
        LastValues(self.chunks)
    }
}

/// The last values in each chunk.
#[derive(Debug)]
pub(crate) struct LastValues(Vec<Values>);

/// The second pass's part: how far counters moved.
pub(crate) struct Periods<'a> {
    /// The chunks before the one that is read.
    before: &'a [Values],
    current: Values,
}

impl<'a> Periods<'a> {
    /// For a reader that starts with the chunk of this number.
    pub(crate) fn new(values: &'a LastValues, chunk: usize) -> Self {
        Self { before: &values.0[..chunk], current: Values::default() }
    }

    /// How far the counter moved since the sample before. All counters began at 0; one that
    /// fell began anew.
    pub(crate) fn advance(&mut self, counter: Counter, value: u64) -> u64 {
        let latest = self
            .current
            .insert(counter, value)
            .or_else(|| self.before.iter().rev().find_map(|values| values.get(&counter).copied()));
        value.checked_sub(latest.unwrap_or(0)).unwrap_or(value)
    }
}
