//! When the samples of each row were taken.
//!
//! While samples arrive, the recording's length is not known. So time is cut into slots of fixed
//! length, and slots are put together to blocks in the end. A row mostly gets the samples of one
//! slot one after another; those are added up before they are noted.

use std::mem;

use profile::{BlockCell, SampleValue, TimeBlocks};

use crate::TimedSample;

/// 2^28 nanoseconds, a quarter of a second.
const SLOT_BITS: u32 = 28;

/// At most so many blocks: more tell hardly more about how shares vary, and each has to hold some samples.
const MAX_BLOCKS: u64 = 64;

/// How many samples wait until they are added up. With nothing else between them, the processor
/// waits for the memory of many rows at the same time.
const WAITING: usize = 4096;

/// The samples of the rows of a chunk, in all and by slot.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    rows: Vec<Row>,
    waiting: Vec<Noted>,
    noted: Vec<Noted>,
    /// Each sample by itself, if that is asked for.
    timed: Option<Vec<TimedSample>>,
}

/// What one row has so far.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    total: SampleValue,
    /// Of that, what fell into the latest slot and is not noted.
    latest: SampleValue,
    slot: u32,
}

/// What a row got in a slot.
#[derive(Clone, Copy, Debug)]
struct Noted {
    row: u32,
    slot: u32,
    value: SampleValue,
}

impl Slots {
    /// Slots that keep each sample, too.
    pub(crate) fn keeping_samples(is_asked: bool) -> Self {
        Self { timed: is_asked.then(Vec::new), ..Self::default() }
    }

    /// Adds a sample to a row.
    #[inline]
    pub(crate) fn add(&mut self, row: u32, time: u64, value: SampleValue) {
        self.waiting.push(Noted { row, slot: slot_of(time), value });
        if self.waiting.len() >= WAITING {
            self.add_waiting();
        }
        if let Some(timed) = &mut self.timed {
            timed.push(TimedSample { row, time, value });
        }
    }

    fn add_waiting(&mut self) {
        let Self { rows, waiting, noted, .. } = self;
        let len = waiting.iter().map(|sample| sample.row as usize + 1).max().unwrap_or(0);
        rows.resize(rows.len().max(len), Row::default());
        for &Noted { row: number, slot, value } in &*waiting {
            let row = &mut rows[number as usize];
            row.total.add(value);
            if row.slot != slot {
                if row.latest.count > 0 {
                    noted.push(Noted { row: number, slot: row.slot, value: row.latest });
                }
                (row.slot, row.latest) = (slot, SampleValue::default());
            }
            row.latest.add(value);
        }
        waiting.clear();
    }

    /// What each row has in all. No sample comes after that.
    pub(crate) fn finish(&mut self) -> impl Iterator<Item = SampleValue> {
        self.add_waiting();
        let rows = mem::take(&mut self.rows);
        self.noted.reserve_exact(rows.len());
        self.noted.extend((0..).zip(&rows).map(|(number, row)| Noted {
            row: number,
            slot: row.slot,
            value: row.latest,
        }));
        rows.into_iter().map(|row| row.total)
    }

    /// Adds those of another chunk, whose rows have these numbers now. Both are finished.
    pub(crate) fn append(&mut self, other: Self, rows: &[usize]) {
        let renumbered = |noted: Noted| {
            let row = u32::try_from(*rows.get(noted.row as usize)?).ok()?;
            Some(Noted { row, ..noted })
        };
        self.noted.extend(other.noted.into_iter().filter_map(renumbered));
        let timed = other.timed.into_iter().flatten().filter_map(|sample| {
            let row = u32::try_from(*rows.get(sample.row as usize)?).ok()?;
            Some(TimedSample { row, ..sample })
        });
        self.timed.get_or_insert_default().extend(timed);
    }

    /// The samples one by one, in the order of the file, at nanoseconds since `first`.
    pub(crate) fn take_timed(&mut self, first: u64) -> Vec<TimedSample> {
        let mut timed = self.timed.take().unwrap_or_default();
        for sample in &mut timed {
            sample.time = sample.time.saturating_sub(first);
        }
        timed
    }

    /// The blocks of a recording with these times of its first and last sample.
    pub(crate) fn into_blocks(self, (first, last): (u64, u64)) -> TimeBlocks {
        let (first_slot, last_slot) = (u64::from(slot_of(first)), u64::from(slot_of(last)));
        let slots = last_slot.saturating_sub(first_slot).saturating_add(1);
        let per_block = slots.div_ceil(MAX_BLOCKS);
        let block_of = |slot: u64| slot.saturating_sub(first_slot) / per_block;
        let length = |block: u64| {
            let start = first_slot.saturating_add(block.saturating_mul(per_block));
            let end = start.saturating_add(per_block);
            let nanos = |slot: u64| slot.saturating_mul(1 << SLOT_BITS).clamp(first, last);
            nanos(end).saturating_sub(nanos(start))
        };
        let lengths = (0..=block_of(last_slot)).map(length).collect();
        let cells = self.noted.into_iter().filter_map(|Noted { row, slot, value }| {
            let block = u32::try_from(block_of(slot.into())).ok()?;
            Some(BlockCell { row, block, value })
        });
        TimeBlocks::new(lengths, cells.collect())
    }
}

/// The slot of a moment. No clock of a recording gets as far as the last one, in 36 years.
fn slot_of(time: u64) -> u32 {
    u32::try_from(time >> SLOT_BITS).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SampleValue = SampleValue { count: 1, weight: 10 };

    #[test]
    fn slots_become_blocks_that_cover_the_recording() {
        let second = 1_000_000_000;
        let mut slots = Slots::default();
        for time in 0..100 {
            slots.add(0, 5 * second + time * second, ONE);
        }
        slots.add(1, 7 * second, ONE);
        let totals: Vec<_> = slots.finish().map(|total| total.count).collect();
        assert_eq!(totals, [100, 1]);
        let blocks = slots.into_blocks((5 * second, 104 * second));
        assert!((32..=64).contains(&blocks.lengths.len()), "{}", blocks.lengths.len());
        assert_eq!(blocks.lengths.iter().sum::<u64>(), 99 * second);
        let count: u64 = blocks.cells().iter().map(|cell| cell.value.count).sum();
        assert_eq!(count, 101);
        assert!(blocks.cells().is_sorted_by_key(|cell| (cell.row, cell.block)));
    }

    #[test]
    fn chunks_add_up_whatever_their_rows() {
        let mut whole = Slots::default();
        let mut chunks = [Slots::default(), Slots::default()];
        for time in 0..40_u64 {
            let row = u32::from(time % 3 > 0);
            whole.add(row, time << 26, ONE);
            // The second chunk meets row 1 first.
            let (chunk, row) = if time < 20 { (0, row) } else { (1, 1 - row) };
            chunks[chunk].add(row, time << 26, ONE);
        }
        let counts = |slots: &mut Slots| slots.finish().map(|total| total.count).sum::<u64>();
        assert_eq!((counts(&mut whole), chunks.each_mut().map(counts)), (40, [20, 20]));
        let [mut first, second] = chunks;
        first.append(second, &[1, 0]);
        let times = (0, 39 << 26);
        assert_eq!(first.into_blocks(times), whole.into_blocks(times));
    }

    #[test]
    fn a_clock_that_jumps_makes_no_long_list() {
        let mut slots = Slots::default();
        slots.add(0, 0, ONE);
        slots.add(0, u64::MAX, ONE);
        assert_eq!(slots.finish().count(), 1);
        let blocks = slots.into_blocks((0, u64::MAX));
        assert!(blocks.lengths.len() <= 64);
        assert_eq!(blocks.cells().len(), 2);
    }
}
