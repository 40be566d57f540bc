//! What each node of the tree weighs on one side.

use regress::{Run, Tree};

/// By node of the tree.
pub(crate) struct Weights {
    /// What ended there or in what it called.
    pub(crate) total: Vec<f64>,
}

impl Weights {
    /// Of all runs of a side.
    pub(crate) fn of(tree: &Tree, runs: &[Run]) -> Self {
        let mut total = vec![0.0; tree.len()];
        for cell in runs.iter().flat_map(|run| &run.cells) {
            total[cell.node.index()] += cell.weight;
        }
        for (id, node) in tree.nodes().rev().filter(|(id, _)| *id != Tree::ROOT) {
            total[node.parent.index()] += total[id.index()];
        }
        Self { total }
    }
}
