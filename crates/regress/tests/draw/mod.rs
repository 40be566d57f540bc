//! A made program, and recordings of it.

use profile::Id;
use regress::{Block, Cell, Function, Node, Run, Tree};

/// Lehmer's generator with 128 bits of state: the same draws each time.
pub(crate) struct Draw(u128);

impl Draw {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self((u128::from(seed) << 64) | 0x1234_5678_9abc_def1)
    }

    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(0xda94_2042_e4dd_58b5);
        ((self.0 >> 75) as u64) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly from `1 - spread` to `1 + spread`.
    pub(crate) fn around_one(&mut self, spread: f64) -> f64 {
        1.0 - spread + 2.0 * spread * self.unit()
    }

    fn pick(&mut self, cumulated: &[f64]) -> usize {
        let at = self.unit() * cumulated.last().unwrap();
        cumulated.partition_point(|end| *end <= at).min(cumulated.len() - 1)
    }
}

/// Functions that each take a share of the time.
pub(crate) struct Program {
    nodes: Vec<Id<Node>>,
    cumulated: Vec<f64>,
}

impl Program {
    pub(crate) fn new(tree: &mut Tree, shares: &[f64]) -> Self {
        let mut sum = 0.0;
        let cumulated = shares.iter().map(|share| {
            sum += share;
            sum
        });
        let cumulated = cumulated.collect();
        let nodes = (0..shares.len()).map(|number| {
            let function = Function { name: format!("f{number}"), file: String::new() };
            let function = tree.functions.intern(function);
            tree.child(Tree::ROOT, function)
        });
        Self { nodes: nodes.collect(), cumulated }
    }

    pub(crate) fn number_of(tree: &Tree, function: Id<Function>) -> usize {
        tree.functions[function].name[1..].parse().unwrap()
    }

    /// A recording of so many seconds with so many samples each, which come in bursts of samples of
    /// one function.
    pub(crate) fn record(&self, draw: &mut Draw, seconds: u32, rate: usize, burst: usize) -> Run {
        let mut cells = Vec::new();
        for block in 0..seconds {
            let mut counts = vec![0_u64; self.nodes.len()];
            for _ in 0..rate / burst {
                counts[draw.pick(&self.cumulated)] += burst as u64;
            }
            let cell = |(&node, count): (&Id<Node>, u64)| Cell {
                node,
                block,
                weight: count as f64 * 1e6,
                count,
            };
            cells.extend(self.nodes.iter().zip(counts).filter(|(_, count)| *count > 0).map(cell));
        }
        let blocks = vec![Block { seconds: 1.0 }; seconds as usize];
        Run { name: String::new(), blocks, cells, sum_of_squares: None }
    }
}
