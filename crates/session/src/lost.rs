//! Samples that were lost, as samples: a row `[lost]` per event.
//!
//! The kernel counts what found no room in a buffer (`LOST`), and does not say what it was; nearly
//! all records are samples. They took place, so they are shown, as `perf_to_profile` does, and as
//! what they are: not a stack that was seen. Each weighs the period of the event where that is
//! fixed, and otherwise the mean of the samples that were not lost: the best guess, and a guess,
//! which is why a comment tells it apart.
//!
//! perf 6.1 and later asks the kernel how many samples of each event were lost, and writes the
//! answer as `LOST_SAMPLES` at the end. That is exact, and tells again what `LOST` has told, so
//! that it is taken instead. Before, `LOST_SAMPLES` are samples that the processor could not take;
//! they are only counted, as `perf_to_profile` does.

use perf_data::{Lost, PerfData, RawRecord};
use profile::{Frame, LabelSet, Profile, SampleKey, SampleValue, Sampling, Stack};

use crate::losses::Losses;

/// The text of the only frame of a lost sample.
pub const LOST: &str = "[lost]";

/// What was lost, by recorded event.
#[derive(Debug)]
pub(crate) struct LostByEvent {
    /// As `LOST` tells.
    records: Vec<u64>,
    /// As `LOST_SAMPLES` tells.
    samples: Vec<u64>,
}

impl LostByEvent {
    pub(crate) fn new(perf: &PerfData<'_>) -> Self {
        let none = vec![0; perf.events().len()];
        Self { records: none.clone(), samples: none }
    }

    pub(crate) fn add(&mut self, perf: &PerfData<'_>, record: &RawRecord<'_>, lost: &Lost) {
        /// `PERF_RECORD_MISC_LOST_SAMPLES_BPF`: a filter of the user's did not want them.
        const FILTERED: u16 = 1 << 15;
        if lost.are_samples && record.misc & FILTERED != 0 {
            return;
        }
        let trailer_id = || perf.trailer(record).and_then(|trailer| trailer.id);
        let event = lost.id.or_else(trailer_id).map_or(Some(0), |id| perf.event_of_id(id));
        let sums = if lost.are_samples { &mut self.samples } else { &mut self.records };
        if let Some(sum) = event.and_then(|event| sums.get_mut(event)) {
            *sum = sum.saturating_add(lost.count);
        }
    }

    /// What perf tells best. Where that is its own count, `losses` does not count it twice.
    pub(crate) fn told(self, perf: &PerfData<'_>, losses: &mut Losses) -> Vec<u64> {
        let is_exact = is_from_6_1(perf) && self.samples.iter().any(|&lost| lost > 0);
        if !is_exact {
            return self.records;
        }
        losses.lost_records = 0;
        self.samples
    }
}

fn is_from_6_1(perf: &PerfData<'_>) -> bool {
    let version = perf.features().perf_version.as_deref().unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let version = (numbers.next().flatten(), numbers.next().flatten());
    version >= (Some(6), Some(1))
}

/// Adds a row for each event that lost samples. `lost` and `profile.events` go by the same index.
pub(crate) fn add_rows(profile: &mut Profile, lost: &[u64]) {
    for (event, &count) in lost.iter().enumerate() {
        let Ok(column) = u32::try_from(event) else { return };
        let Some(sampling) = profile.events.get(event).map(|event| event.sampling) else { return };
        if count == 0 {
            continue;
        }
        let total = profile.samples.total(column);
        let (period, kind) = match sampling {
            Sampling::Period(period) => (period, "period"),
            Sampling::Frequency(_) => {
                (total.weight.checked_div(total.count).unwrap_or(0), "mean period")
            }
        };
        let weight = count.saturating_mul(period);
        let text = profile.strings.intern_ref(LOST);
        let frame = profile.frames.intern(Frame::marker(text));
        let stack = profile.stacks.intern(Stack { parent: Stack::EMPTY, frame });
        let labels = profile.labels.intern(LabelSet::default());
        let key = SampleKey { stack, event: column, labels };
        profile.samples.add(key, SampleValue { count, weight });
        let name = &profile.events[event].name;
        let comment = format!("lost:{name}:{count}:{weight} (at the {kind} of {period})");
        profile.comments.push(comment);
    }
}
