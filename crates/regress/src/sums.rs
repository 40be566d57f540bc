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
    /// The sums of each block of a run. One backward loop over the tree per block.
    pub fn of(tree: &Tree, run: &Run) -> Vec<Self> {
        let mut by_node = vec![0.0; tree.len()];
        (0..run.blocks.len())
            .map(|block| {
                by_node.fill(0.0);
                let mut sums = Self {
                    own: vec![0.0; tree.functions.len()],
                    total: vec![0.0; tree.functions.len()],
                    all: 0.0,
                };
                for cell in run.cells.iter().filter(|cell| cell.block as usize == block) {
                    by_node[cell.node.index()] += cell.weight;
                    sums.all += cell.weight;
                }
                sums.add_up(tree, &mut by_node);
                sums
            })
            .collect()
    }

    fn add_up(&mut self, tree: &Tree, by_node: &mut [f64]) {
        for (id, node) in tree.nodes() {
            self.own[node.function.index()] += by_node[id.index()];
        }
        for (id, node) in tree.nodes().rev() {
            let weight = by_node[id.index()];
            if tree.is_outermost(id) {
                self.total[node.function.index()] += weight;
            }
            if id != Tree::ROOT {
                by_node[node.parent.index()] += weight;
            }
        }
    }
}
