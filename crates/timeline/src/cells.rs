//! How long a cell of a heat map is.

use std::collections::HashMap;

use crate::{MEANINGFUL, Sample};

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;

/// A picture has room for so many columns.
const MAX_COLUMNS: u64 = 360;

/// Fewer columns than these show no course of time.
const MIN_COLUMNS: u64 = 6;

/// How many cells a column can be cut into, finest first: 20 ms of a second.
const CUTS: [u64; 6] = [50, 20, 10, 5, 2, 1];

/// How long cells and columns are, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellSize {
    /// A cell.
    pub cell: u64,
    /// A column of cells.
    pub column: u64,
    /// Whether most samples are in cells of at least [`MEANINGFUL`] samples.
    pub is_meaningful: bool,
}

impl CellSize {
    /// How many cells a column has.
    pub fn rows(self) -> u64 {
        self.column / self.cell
    }

    /// The sizes for all samples and for those of some threads alone: one column, and the finest cells with which most
    /// of their samples are in meaningful cells. `times` are those of the first sample and behind the last.
    pub(crate) fn choose(
        samples: &[Sample],
        threads: &[u32],
        (start, end): (u64, u64),
    ) -> (Self, Vec<Self>) {
        let length = end.saturating_sub(start);
        let of_thread: Vec<Vec<Sample>> = threads
            .iter()
            .map(|thread| samples.iter().filter(|s| s.thread == *thread).copied().collect())
            .collect();
        let sizes = |column| {
            let all = finest(samples, start, column);
            (all, of_thread.iter().map(|own| finest(own, start, column)).collect::<Vec<_>>())
        };
        let mut column = SECOND;
        while length / column > MAX_COLUMNS {
            column = longer(column);
        }
        loop {
            let (all, own) = sizes(column);
            let is_busiest_meaningful = own.first().is_none_or(|own| own.is_meaningful);
            let next = longer(column);
            if (all.is_meaningful && is_busiest_meaningful) || length / next < MIN_COLUMNS {
                return (all, own);
            }
            column = next;
        }
    }
}

/// The next longer column: 1 s, 10 s, a minute, ten minutes, an hour, ten hours and so on.
fn longer(column: u64) -> u64 {
    const MINUTE: u64 = 60 * SECOND;
    match column {
        SECOND => 10 * SECOND,
        column if column == 10 * SECOND => MINUTE,
        column if column == 10 * MINUTE => 60 * MINUTE,
        column => column.saturating_mul(10),
    }
}

fn finest(samples: &[Sample], start: u64, column: u64) -> CellSize {
    let size = |cut: &u64| column / cut;
    let found = CUTS
        .iter()
        .map(size)
        .find(|cell| *cell >= 20 * MILLISECOND && are_most_meaningful(samples, start, *cell));
    // A column of one cell is no heat map.
    let coarsest = column / CUTS[CUTS.len() - 2];
    CellSize { cell: found.unwrap_or(coarsest), column, is_meaningful: found.is_some() }
}

/// Whether at least half of the samples are in cells of enough samples.
fn are_most_meaningful(samples: &[Sample], start: u64, cell: u64) -> bool {
    let mut counts: HashMap<u64, u64> = HashMap::new();
    for sample in samples {
        *counts.entry(sample.time.saturating_sub(start) / cell).or_default() += sample.count;
    }
    let all: u64 = counts.values().sum();
    let meaningful: u64 = counts.values().filter(|count| **count >= MEANINGFUL).sum();
    all > 0 && meaningful * 2 >= all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(hertz: u64, seconds: u64) -> Vec<Sample> {
        let sample = |number| Sample {
            time: number * SECOND / hertz,
            thread: u32::try_from(number % 2).unwrap_or(0),
            group: 0,
            count: 1,
            weight: 1,
        };
        (0..hertz * seconds).map(sample).collect()
    }

    #[test]
    fn dense_recordings_have_fine_cells_and_thin_ones_coarse_cells() {
        for (hertz, seconds, cell, column) in [
            (2000, 60, 20, 1_000),
            (700, 60, 50, 1_000),
            (90, 60, 500, 1_000),
            (49, 60, 500, 1_000),
            (5, 600, 5_000, 10_000),
            (2000, 3_000, 200, 10_000),
        ] {
            let samples = steady(hertz, seconds);
            let (all, _) = CellSize::choose(&samples, &[], (0, seconds * SECOND));
            let found = (all.cell / MILLISECOND, all.column / MILLISECOND);
            assert_eq!((found, all.is_meaningful), ((cell, column), true), "{hertz} Hz");
        }
    }

    #[test]
    fn threads_have_coarser_cells_than_all_of_them_and_the_same_columns() {
        let (all, own) = CellSize::choose(&steady(500, 60), &[0, 1], (0, 60 * SECOND));
        assert_eq!((all.cell, own[0].cell), (50 * MILLISECOND, 100 * MILLISECOND));
        assert_eq!(all.column, own[0].column);
    }

    #[test]
    fn too_few_samples_are_said_to_be_too_few() {
        let (all, _) = CellSize::choose(&steady(1, 10), &[], (0, 10 * SECOND));
        assert!(!all.is_meaningful);
        let (none, _) = CellSize::choose(&[], &[], (0, 0));
        assert!(!none.is_meaningful);
    }

    #[test]
    fn a_clock_that_jumps_makes_no_endless_picture() {
        let mut samples = steady(100, 1);
        samples.push(Sample { time: u64::MAX - 1, ..samples[0] });
        let (all, _) = CellSize::choose(&samples, &[], (0, u64::MAX));
        assert!(u64::MAX / all.column <= MAX_COLUMNS);
    }
}
