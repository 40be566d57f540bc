//! What each function has in each time block of a run.

use profile::Id;

use crate::{Node, Tree};

/// A part of a recording's time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Block {
    /// How long it lasted, in seconds; 0 if that is not known.
    pub seconds: f64,
}

/// The samples of one stack in one block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// The stack.
    pub node: Id<Node>,
    /// The block: an index into [`Run::blocks`].
    pub block: u32,
    /// The sum of the samples' weights.
    pub weight: f64,
    /// How many samples.
    pub count: u64,
}

/// A recording.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// What it is called in messages.
    pub name: String,
    /// Its time blocks, in order; one for a profile that has no time.
    pub blocks: Vec<Block>,
    /// Its samples.
    pub cells: Vec<Cell>,
    /// The sum of the squares of all samples' weights; `None` to take samples of one cell as
    /// equally heavy.
    pub sum_of_squares: Option<f64>,
}

impl Run {
    /// How long it lasted, in seconds.
    pub fn seconds(&self) -> f64 {
        self.blocks.iter().map(|block| block.seconds).sum()
    }

    /// The weight of all samples.
    pub fn weight(&self) -> f64 {
        self.cells.iter().map(|cell| cell.weight).sum()
    }

    /// How many samples.
    pub fn samples(&self) -> u64 {
        self.cells.iter().map(|cell| cell.count).sum()
    }

    pub(crate) fn sum_of_squares(&self) -> f64 {
        let by_cell = || {
            let cells = self.cells.iter().filter(|cell| cell.count > 0);
            cells.map(|cell| cell.weight * cell.weight / crate::number::float(cell.count)).sum()
        };
        self.sum_of_squares.unwrap_or_else(by_cell)
    }
}

/// The weights of all functions in one block: a row for each function of the tree.
#[derive(Clone, Debug, Default)]
pub struct FunctionSums {
    /// Where the function itself ran.
    pub own: Vec<f64>,
    /// Where it or what it called ran.
    pub total: Vec<f64>,
    /// All of the block.
    pub all: f64,
}

impl FunctionSums {
    /// The sums of each block of a run. Each cell walks up to the root: a large tree has few cells in each block.
    pub fn of(tree: &Tree, run: &Run) -> Vec<Self> {
        let functions = tree.functions.len();
        let none = || Self { own: vec![0.0; functions], total: vec![0.0; functions], all: 0.0 };
        let mut blocks: Vec<Self> = run.blocks.iter().map(|_| none()).collect();
        for cell in &run.cells {
            let Some(sums) = blocks.get_mut(cell.block as usize) else { continue };
            sums.all += cell.weight;
            sums.own[tree.function(cell.node).index()] += cell.weight;
            for (node, function) in tree.path(cell.node) {
                if tree.is_outermost(node) {
                    sums.total[function.index()] += cell.weight;
                }
            }
        }
        blocks
    }
}
