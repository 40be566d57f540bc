//! A recording cut into slices of equal length, and what each had of every group.

use crate::Sample;

/// No table has more slices.
const MAX_SLICES: u64 = 1 << 16;

/// A recording in slices.
#[derive(Clone, Debug)]
pub struct Slices {
    /// How long each is, in nanoseconds.
    pub length: u64,
    /// The slices, each behind the one before it; those without a sample, too.
    pub slices: Vec<Slice>,
}

/// A part of the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// Nanoseconds since the recording's first sample.
    pub start: u64,
    /// How many samples.
    pub count: u64,
    /// What they weigh.
    pub weight: u64,
    /// Of every group that has any: its number, samples and weight.
    pub groups: Vec<(u32, u64, u64)>,
}

impl Slice {
    /// The group that weighs most, with its weight.
    pub fn top(&self) -> Option<(u32, u64)> {
        let heaviest = self
            .groups
            .iter()
            .max_by_key(|(group, _, weight)| (*weight, std::cmp::Reverse(*group)));
        heaviest.map(|(group, _, weight)| (*group, *weight))
    }

    fn add(&mut self, sample: &Sample) {
        self.count = self.count.saturating_add(sample.count);
        self.weight = self.weight.saturating_add(sample.weight);
        let at = self.groups.partition_point(|(group, ..)| *group < sample.group);
        match self.groups.get_mut(at).filter(|(group, ..)| *group == sample.group) {
            Some((_, count, weight)) => {
                *count = count.saturating_add(sample.count);
                *weight = weight.saturating_add(sample.weight);
            }
            None => self.groups.insert(at, (sample.group, sample.count, sample.weight)),
        }
    }
}

impl Slices {
    /// Cuts the time from `start` until `end` into slices of a length, or of a multiple if there would be too many.
    pub fn of<'a>(
        samples: impl IntoIterator<Item = &'a Sample>,
        (start, end): (u64, u64),
        length: u64,
    ) -> Self {
        let length = length.max(1);
        let wanted = end.saturating_sub(start).div_ceil(length);
        let length = length.saturating_mul(wanted.div_ceil(MAX_SLICES).max(1));
        let number = end.saturating_sub(start).div_ceil(length).max(1);
        let slice = |number: u64| Slice { start: start + number * length, ..Slice::default() };
        let mut slices: Vec<Slice> = (0..number).map(slice).collect();
        for sample in samples {
            let number = sample.time.saturating_sub(start) / length;
            let slice = usize::try_from(number).ok().and_then(|number| slices.get_mut(number));
            if let Some(slice) = slice.filter(|_| sample.time >= start) {
                slice.add(sample);
            }
        }
        Self { length, slices }
    }

    /// When a slice ends.
    pub fn end_of(&self, slice: &Slice) -> u64 {
        slice.start.saturating_add(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_is_in_one_slice() {
        let sample = |time, group| Sample { time, thread: 0, group, count: 1, weight: 10 };
        let samples = [sample(5, 1), sample(9, 0), sample(10, 1), sample(29, 1), sample(29, 1)];
        let slices = Slices::of(&samples, (0, 30), 10);
        assert_eq!(slices.slices.iter().map(|slice| slice.count).collect::<Vec<_>>(), [2, 1, 2]);
        assert_eq!(slices.slices[0].groups, [(0, 1, 10), (1, 1, 10)]);
        assert_eq!(slices.slices[2].top(), Some((1, 20)));
        assert_eq!(slices.end_of(&slices.slices[2]), 30);
    }

    #[test]
    fn a_clock_that_jumps_makes_no_long_list() {
        let sample = Sample { time: u64::MAX - 1, thread: 0, group: 0, count: 1, weight: 1 };
        let slices = Slices::of(&[sample], (0, u64::MAX), 1);
        assert!(slices.slices.len() <= 1 << 16);
        assert_eq!(slices.slices.last().map(|slice| slice.count), Some(1));
    }
}
