//! Which binaries the weight of an event lies in, and how much of it has names.

use std::iter::Sum;
use std::ops::Add;

use profile::{Binary, FrameKind, Id, Profile, Stack, Symbols};

/// Weights of the frames of one binary, or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weights {
    /// Weight of the samples that were in it.
    pub(crate) own: u64,
    /// Weight of all its frames: a sample counts once for each frame it has here.
    pub(crate) frames: u128,
    /// Of that, the weight of frames with a name.
    pub(crate) named: u128,
    /// Of that, the weight of frames with a line number.
    pub(crate) with_lines: u128,
}

impl Weights {
    /// The share of the frames' weight that has a name; 0 without any frame.
    pub(crate) fn named_share(&self) -> f64 {
        share(self.named, self.frames)
    }

    /// The share of the frames' weight that has a line number.
    pub(crate) fn lines_share(&self) -> f64 {
        share(self.with_lines, self.frames)
    }
}

/// A part of a whole, from 0 to 1; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
pub(crate) fn share(part: u128, whole: u128) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

impl Add for Weights {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            own: self.own.saturating_add(other.own),
            frames: self.frames + other.frames,
            named: self.named + other.named,
            with_lines: self.with_lines + other.with_lines,
        }
    }
}

impl Sum for Weights {
    fn sum<I: Iterator<Item = Self>>(weights: I) -> Self {
        weights.fold(Self::default(), Add::add)
    }
}

/// The weights of each binary, by its id.
pub(crate) fn by_binary(profile: &Profile, symbols: &Symbols, event: u32) -> Vec<Weights> {
    let mut totals = vec![0_u64; profile.stacks.len()];
    for (key, value) in profile.samples.iter().filter(|(key, _)| key.event == event) {
        let total = &mut totals[key.stack.index()];
        *total = total.saturating_add(value.weight);
    }
    let own = totals.clone();
    let mut weights = vec![Weights::default(); profile.binaries.len()];
    // Children have larger ids than their parents: from the end, each total is complete when it
    // is passed on.
    for (id, stack) in profile.stacks.iter().rev() {
        if id == Stack::EMPTY {
            continue;
        }
        let total = totals[id.index()];
        totals[stack.parent.index()] = totals[stack.parent.index()].saturating_add(total);
        let frame = &profile.frames[stack.frame];
        if frame.kind == FrameKind::Marker {
            continue;
        }
        let lines = symbols.lines(stack.frame);
        let has = |condition: bool| if condition { u128::from(total) } else { 0 };
        let of_frame = Weights {
            own: own[id.index()],
            frames: u128::from(total),
            named: has(!lines.is_empty()),
            with_lines: has(lines.iter().any(|line| line.line > 0)),
        };
        let of_binary = &mut weights[frame.binary.index()];
        *of_binary = *of_binary + of_frame;
    }
    weights
}

/// The binaries that have frames, heaviest first.
pub(crate) fn heaviest(weights: &[Weights]) -> Vec<Id<Binary>> {
    let mut ids: Vec<_> =
        (0..weights.len()).filter(|&index| weights[index].frames > 0).map(Id::new).collect();
    ids.sort_by_key(|id: &Id<Binary>| {
        std::cmp::Reverse((weights[id.index()].own, weights[id.index()].frames))
    });
    ids
}
