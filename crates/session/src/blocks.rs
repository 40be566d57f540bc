//! When the samples of each row were taken.
//!
//! While samples arrive, the recording's length is not known. So time is cut into slots of fixed
//! length, and slots are put together to blocks in the end. A row mostly gets the samples of one
//! slot one after another; those are added up before they are noted.

use profile::{BlockCell, SampleValue, TimeBlocks};

/// 2^28 nanoseconds, a quarter of a second.
const SLOT_BITS: u32 = 28;

/// At most so many blocks: more tell hardly more about how shares vary, and each has to hold some samples.
const MAX_BLOCKS: u64 = 64;

/// The samples of the rows of a chunk by slot.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    /// By row: what the latest slot has so far.
    latest: Vec<(u64, SampleValue)>,
    /// Row, slot, value.
    noted: Vec<(u32, u64, SampleValue)>,
}

impl Slots {
    /// Adds a sample to a row. A new row is the one behind the last.
    #[inline]
    pub(crate) fn add(&mut self, row: usize, time: u64, value: SampleValue) {
        let slot = time >> SLOT_BITS;
        let Some((latest, sum)) = self.latest.get_mut(row) else {
            self.latest.push((slot, value));
            return;
        };
        if *latest == slot {
            sum.add(value);
            return;
        }
        if let Ok(row) = u32::try_from(row) {
            self.noted.push((row, *latest, *sum));
        }
        (*latest, *sum) = (slot, value);
    }

    /// Adds those of another chunk, whose rows have these numbers now.
    pub(crate) fn append(&mut self, other: &Self, rows: &[usize]) {
        let renumbered = |row: usize| rows.get(row).and_then(|row| u32::try_from(*row).ok());
        let latest = other.latest.iter().enumerate();
        let latest = latest.map(|(row, &(slot, value))| (row, slot, value));
        let noted = other.noted.iter().map(|&(row, slot, value)| (row as usize, slot, value));
        self.noted.extend(
            noted
                .chain(latest)
                .filter_map(|(row, slot, value)| Some((renumbered(row)?, slot, value))),
        );
    }

    /// The blocks of a recording with these times of its first and last sample.
    pub(crate) fn into_blocks(self, (first, last): (u64, u64)) -> TimeBlocks {
        let (first_slot, last_slot) = (first >> SLOT_BITS, last >> SLOT_BITS);
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
        let latest = self
            .latest
            .into_iter()
            .enumerate()
            .filter_map(|(row, (slot, value))| Some((u32::try_from(row).ok()?, slot, value)));
        let cells = self.noted.into_iter().chain(latest).filter_map(|(row, slot, value)| {
            let block = u32::try_from(block_of(slot)).ok()?;
            Some(BlockCell { row, block, value })
        });
        TimeBlocks::new(lengths, cells.collect())
    }
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
            let (row, nanos) = ((time % 3).min(1), time << 26);
            let row = usize::try_from(row).unwrap();
            whole.add(row, nanos, ONE);
        }
        for time in 0..40_u64 {
            let (row, nanos) = ((time % 3).min(1), time << 26);
            let row = usize::try_from(row).unwrap();
            // The second chunk meets row 1 first.
            let row = if time < 20 { row } else { 1 - row };
            let chunk = &mut chunks[usize::from(time >= 20)];
            if chunk.latest.len() < row {
                continue;
            }
            chunk.add(row, nanos, ONE);
        }
        let [mut first, second] = chunks;
        first.append(&second, &[1, 0]);
        let times = (0, 39 << 26);
        assert_eq!(first.into_blocks(times), whole.into_blocks(times));
    }

    #[test]
    fn a_clock_that_jumps_makes_no_long_list() {
        let mut slots = Slots::default();
        slots.add(0, 0, ONE);
        slots.add(0, u64::MAX, ONE);
        let blocks = slots.into_blocks((0, u64::MAX));
        assert!(blocks.lengths.len() <= 64);
        assert_eq!(blocks.cells().len(), 2);
    }
}
