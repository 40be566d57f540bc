//! When samples were taken, as coarsely as statistics need it.

use crate::SampleValue;

/// The samples of each row by blocks of the recording's time: what tells how much the share of a
/// function varies in time, and so whether a difference between two recordings is noise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeBlocks {
    /// How long each block lasted, in nanoseconds.
    pub lengths: Vec<u64>,
    cells: Vec<BlockCell>,
}

/// The samples of one row in one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockCell {
    /// The row: the number that [`Samples::add`](crate::Samples::add) returned.
    pub row: u32,
    /// The block, an index into [`TimeBlocks::lengths`].
    pub block: u32,
    /// What was counted there.
    pub value: SampleValue,
}

impl TimeBlocks {
    /// Brings cells into the order of rows and blocks, and adds up those of one row and block.
    pub fn new(lengths: Vec<u64>, mut cells: Vec<BlockCell>) -> Self {
        cells.sort_unstable_by_key(|cell| (cell.row, cell.block));
        cells.dedup_by(|next, cell| {
            let is_same = (next.row, next.block) == (cell.row, cell.block);
            if is_same {
                cell.value.add(next.value);
            }
            is_same
        });
        Self { lengths, cells }
    }

    /// The cells, sorted by row and then by block, each once. Rows without a time (`[lost]`) have
    /// none.
    pub fn cells(&self) -> &[BlockCell] {
        &self.cells
    }

    /// Puts the blocks of another recording behind these. `rows` has the new number of each of its
    /// rows.
    pub(crate) fn append(&mut self, other: &Self, rows: &[u32]) {
        let Ok(first) = u32::try_from(self.lengths.len()) else { return };
        let renumbered = other.cells.iter().filter_map(|cell| {
            let (row, block) = (*rows.get(cell.row as usize)?, cell.block.checked_add(first)?);
            Some(BlockCell { row, block, ..*cell })
        });
        let mut cells = std::mem::take(&mut self.cells);
        cells.extend(renumbered);
        let mut lengths = std::mem::take(&mut self.lengths);
        lengths.extend_from_slice(&other.lengths);
        *self = Self::new(lengths, cells);
    }
}
