//! Time blocks of many profiles, one behind the other and not too many.

/// At most so many are kept: twice what one recording has.
pub(super) const MAX: usize = 128;

/// Cells that are added up only when there are twice as many as then were left.
const SLACK: usize = 1 << 16;

/// What was counted in which block.
#[derive(Debug)]
pub(super) struct Blocks {
    lengths: Vec<u64>,
    cells: Vec<Cell>,
    /// So many blocks of the profiles are one here: a power of two.
    joined: u64,
    /// How many blocks the profiles had.
    seen: u64,
    /// So many cells are there at most before equal ones are added up.
    limit: usize,
    /// By row: the cell that it got last.
    latest: Vec<u32>,
}

/// What was counted for a sample in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) row: u32,
    pub(super) block: u16,
    pub(super) event: u16,
    pub(super) count: u64,
    pub(super) weight: u64,
}

impl Default for Blocks {
    fn default() -> Self {
        Self {
            lengths: Vec::new(),
            cells: Vec::new(),
            joined: 1,
            seen: 0,
            limit: SLACK,
            latest: Vec::new(),
        }
    }
}

impl Blocks {
    /// Puts a profile's blocks behind the others. Returns the number of its first one.
    pub(super) fn append(&mut self, lengths: &[u64]) -> u64 {
        let first = self.seen;
        self.seen += lengths.len() as u64;
        while self.seen.div_ceil(self.joined) > MAX as u64 {
            self.join();
        }
        for (at, length) in (first..).zip(lengths) {
            let block = usize::try_from(at / self.joined).unwrap_or(MAX);
            self.lengths.resize(self.lengths.len().max(block + 1), 0);
            self.lengths[block] = self.lengths[block].saturating_add(*length);
        }
        first
    }

    /// Adds what was counted in a block, by its number among the blocks of all profiles.
    pub(super) fn add(&mut self, row: usize, block: u64, event: usize, value: (u64, u64)) {
        let (count, weight) = value;
        let cell = u32::try_from(row).ok().zip(u16::try_from(block / self.joined).ok());
        if let (Some((row, block)), Ok(event)) = (cell, u16::try_from(event)) {
            let cell = Cell { row, block, event, count, weight };
            if !self.is_added_to_latest(&cell) {
                self.latest.resize(self.latest.len().max(row as usize + 1), u32::MAX);
                self.latest[row as usize] = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
                self.cells.push(cell);
            }
        }
        if self.cells.len() > self.limit {
            self.tidy_now();
        }
    }

    /// A row mostly gets what a block has one after another.
    fn is_added_to_latest(&mut self, new: &Cell) -> bool {
        let latest = self.latest.get(new.row as usize).copied().unwrap_or(u32::MAX);
        match self.cells.get_mut(latest as usize) {
            Some(cell) if (cell.row, cell.block, cell.event) == (new.row, new.block, new.event) => {
                cell.count = cell.count.saturating_add(new.count);
                cell.weight = cell.weight.saturating_add(new.weight);
                true
            }
            _ => false,
        }
    }

    /// Adds equal cells up, if there may be many.
    pub(super) fn tidy(&mut self) {
        if self.cells.len() > self.limit {
            self.tidy_now();
        }
    }

    fn tidy_now(&mut self) {
        self.latest.clear();
        self.cells.sort_unstable_by_key(|cell| (cell.row, cell.block, cell.event));
        self.cells.dedup_by(|next, cell| {
            let is_same = (next.row, next.block, next.event) == (cell.row, cell.block, cell.event);
            if is_same {
                cell.count = cell.count.saturating_add(next.count);
                cell.weight = cell.weight.saturating_add(next.weight);
            }
            is_same
        });
        self.limit = 2 * self.cells.len() + SLACK;
    }

    /// Makes one of every two neighbours.
    fn join(&mut self) {
        self.joined *= 2;
        self.lengths = self
            .lengths
            .chunks(2)
            .map(|pair| pair.iter().copied().fold(0, u64::saturating_add))
            .collect();
        self.cells.iter_mut().for_each(|cell| cell.block /= 2);
        self.tidy_now();
    }

    /// The lengths of the blocks, and the cells by sample and block.
    pub(super) fn finish(mut self) -> (Vec<u64>, Vec<Cell>) {
        self.tidy_now();
        (self.lengths, self.cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_joined_evenly_whatever_came_in_how_many_files() {
        let lengths: Vec<u64> = (1..=1000).collect();
        let merged = |files: usize| {
            let mut blocks = Blocks::default();
            for part in lengths.chunks(files) {
                let first = blocks.append(part);
                for (at, length) in (first..).zip(part) {
                    blocks.add(7, at, 0, (1, *length));
                }
            }
            blocks.finish()
        };
        let (all, cells) = merged(1000);
        assert_eq!(all.len(), 125);
        assert_eq!(all.iter().sum::<u64>(), 500_500);
        assert!(cells.iter().zip(&all).all(|(cell, length)| cell.weight == *length));
        for files in [1, 3, 64] {
            assert_eq!(merged(files), (all.clone(), cells.clone()));
        }
    }
}
