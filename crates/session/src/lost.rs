//! Samples that were lost, as samples: a row `[lost]` per event.
//!
//! The kernel counts what found no room in a buffer (`LOST`), and does not say what it was; nearly
//! all records are samples. They took place, so they are shown, as `perf_to_profile` does, and as
//! what they are: not a stack that was seen. Each weighs the period of the event where that is
//! fixed, and otherwise the mean of the samples that were not lost: the best guess, and a guess,
//! which is why a comment tells it apart.
//!
//! Samples that the kernel did not take at all (`LOST_SAMPLES`) are only counted: perf 6.1 and
//! later writes such records for what `LOST` has already told.

use profile::{Frame, LabelSet, Profile, SampleKey, SampleValue, Sampling, Stack};

/// The text of the only frame of a lost sample.
pub const LOST: &str = "[lost]";

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
