//! The samples of a message, which are nearly all of it.
//!
//! When their turn comes, locations and labels are numbered already, so that a block of samples depends on
//! no other.

use profile::{Profile, Stack};

use crate::columns::{self, Row, Rows};
use crate::fields;
use crate::wire::Message;

/// So many samples are one block: some hundred kilobytes.
const BLOCK: usize = 8192;

/// So many stacks are followed at the same time. Each of their frames is somewhere else in memory, and depends on the
/// one before.
const LANES: usize = 8;

/// Samples, ready to be written.
pub(crate) struct Samples<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) rows: &'a Rows,
    /// By frame: its location.
    pub(crate) locations: &'a [u64],
    /// By set of labels: its fields of a sample.
    pub(crate) labels: &'a [Option<Box<[u8]>>],
}

impl Samples<'_> {
    /// How many blocks there are.
    pub(crate) fn blocks(&self) -> usize {
        self.rows.len().div_ceil(BLOCK)
    }

    /// The fields of a message that are the samples of a block.
    pub(crate) fn block(&self, number: usize) -> Vec<u8> {
        let start = number * BLOCK;
        let mut rows = self.rows.between(start..self.rows.len().min(start + BLOCK));
        let (mut block, mut sample) = (Message::default(), Message::default());
        let mut stacks: [Vec<u64>; LANES] = Default::default();
        loop {
            let lanes: Vec<Row<'_>> = rows.by_ref().take(LANES).collect();
            if lanes.is_empty() {
                return block.into_bytes();
            }
            self.follow(&lanes, &mut stacks);
            for (row, stack) in lanes.iter().zip(&stacks) {
                sample.clear();
                sample.packed(fields::sample::LOCATION_ID, stack.iter().copied());
                sample.packed(fields::sample::VALUE, columns::proto_values(row.values));
                sample.raw(self.labels[row.labels.index()].as_deref().unwrap_or_default());
                sample.packed(fields::sample::BLOCK_CELL, row.block_cells());
                block.message(fields::profile::SAMPLE, &sample);
            }
        }
    }

    /// The locations of a few stacks, innermost first.
    fn follow(&self, rows: &[Row<'_>], stacks: &mut [Vec<u64>; LANES]) {
        let mut next = [Stack::EMPTY; LANES];
        for ((row, next), stack) in rows.iter().zip(&mut next).zip(stacks.iter_mut()) {
            *next = row.stack;
            stack.clear();
        }
        while next.iter().any(|next| *next != Stack::EMPTY) {
            for (next, stack) in next.iter_mut().zip(stacks.iter_mut()) {
                if *next != Stack::EMPTY {
                    let Stack { parent, frame } = self.profile.stacks[*next];
                    stack.push(self.locations[frame.index()]);
                    *next = parent;
                }
            }
        }
    }
}
