//! What each node of the tree weighs on one side.

use regress::{Run, Tree};

/// By node of the tree.
pub(crate) struct Weights {
    /// What ended there.
    pub(crate) own: Vec<f64>,
    /// How many samples did.
    pub(crate) count: Vec<u64>,
    /// What ended there or in what it called.
    pub(crate) total: Vec<f64>,
}

impl Weights {
    /// Of all runs of a side.
    pub(crate) fn of(tree: &Tree, runs: &[Run]) -> Self {
        let (mut own, mut count) = (vec![0.0; tree.len()], vec![0_u64; tree.len()]);
        for cell in runs.iter().flat_map(|run| &run.cells) {
            own[cell.node.index()] += cell.weight;
            let sum = &mut count[cell.node.index()];
            *sum = sum.saturating_add(cell.count);
        }
        let mut total = own.clone();
        for (id, node) in tree.nodes().rev().filter(|(id, _)| *id != Tree::ROOT) {
            total[node.parent.index()] += total[id.index()];
        }
        Self { own, count, total }
    }
}
