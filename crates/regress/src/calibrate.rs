//! How often the comparison would be wrong, and how often it would see a change: tried on recordings
//! in which nothing changed.
//!
//! Each draw deals the time blocks of every run at random to two halves, or, of several runs, every other
//! time whole runs. Both halves are of one program under one load, so whatever is called is a false alarm.
//! Then one function of one half is made dearer by what is wanted, and that ought to be found.
//!
//! Blocks dealt at random hide what drifts slowly, since both halves have some of it. Only whole runs tell
//! how much one recording differs from the next.

use fastrand::Rng;
use profile::Id;

use crate::tree::Function;
use crate::{Call, Cell, Comparison, FunctionSums, Options, Run, Tree, compare};

/// What the draws came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// How many were made.
    pub draws: u32,
    /// In so many of them something was called dearer.
    pub false_regressions: u32,
    /// In so many of them something was called dearer or cheaper.
    pub false_changes: u32,
    /// How a change that was made up fared; `None` if no function could be changed so.
    pub made_up: Option<MadeUp>,
}

/// A change that was made up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MadeUp {
    /// Of this function,
    pub function: Id<Function>,
    /// which has this share itself,
    pub share: f64,
    /// by so much of all weight.
    pub change: f64,
    /// In so many draws it was called dearer.
    pub found: u32,
    /// In this part of the draws a function that varies as most do was said to be.
    pub expected: f64,
    /// In this part one that varies as this one does.
    pub expected_of_it: f64,
}

/// Splits the runs so many times, and compares the halves. `None` if there is nothing to split: one
/// run without time. The same seed gives the same draws.
pub fn calibrate(
    tree: &Tree,
    runs: &[Run],
    options: &Options,
    draws: u32,
    seed: u64,
) -> Option<Calibration> {
    let blocks: usize = runs.iter().map(|run| run.blocks.len()).sum();
    if blocks < 2 {
        return None;
    }
    let mut rng = Rng::with_seed(seed);
    let mut made_up = typical(tree, runs, options.want);
    let mut calibration =
        Calibration { draws, false_regressions: 0, false_changes: 0, made_up: None };
    for draw in 0..draws {
        let deals_runs = runs.len() > 1 && (draw % 2 == 1 || blocks == runs.len());
        let (base, mut head) =
            if deals_runs { deal_runs(runs, &mut rng) } else { deal_blocks(runs, &mut rng) };
        let comparison = compare(tree, &base, &head, options);
        let calls = || comparison.rows.iter().flat_map(|row| [row.own.call, row.total.call]);
        calibration.false_regressions += u32::from(calls().any(|call| call == Call::Regressed));
        calibration.false_changes += u32::from(calls().any(Call::is_news));
        if let Some(made_up) = &mut made_up {
            made_up.try_on(tree, (&comparison, &base, &mut head), options);
        }
    }
    calibration.made_up = made_up.map(|made_up| made_up.averaged(draws));
    Some(calibration)
}

/// How often a function is called dearer of which each sample weighs `factor` times as much, in so many random
/// splits of the time blocks. `None` if the runs have fewer than two blocks, or the function no weight.
pub fn power(
    tree: &Tree,
    runs: &[Run],
    options: &Options,
    (function, factor): (Id<Function>, f64),
    draws: u32,
    seed: u64,
) -> Option<MadeUp> {
    let blocks: usize = runs.iter().map(|run| run.blocks.len()).sum();
    let (_, share) = own_shares(tree, runs).into_iter().find(|(other, _)| *other == function)?;
    if blocks < 2 || share <= 0.0 {
        return None;
    }
    let to = share * factor / (1.0 + share * (factor - 1.0));
    let mut made_up = MadeUp::new(function, share, to - share);
    let mut rng = Rng::with_seed(seed);
    for _ in 0..draws {
        let (base, mut head) = deal_blocks(runs, &mut rng);
        let comparison = compare(tree, &base, &head, options);
        made_up.try_on(tree, (&comparison, &base, &mut head), options);
    }
    Some(made_up.averaged(draws))
}

impl MadeUp {
    fn new(function: Id<Function>, share: f64, change: f64) -> Self {
        Self { function, share, change, found: 0, expected: 0.0, expected_of_it: 0.0 }
    }

    /// Makes the change to one half, and compares it with the other.
    fn try_on(
        &mut self,
        tree: &Tree,
        (before, base, head): (&Comparison, &[Run], &mut [Run]),
        options: &Options,
    ) {
        let (from, to) = (self.share, self.share + self.change);
        self.expected += before.chance_of(from, to);
        raise(head, tree, self);
        let comparison = compare(tree, base, head, options);
        let row = comparison.rows.iter().find(|row| row.function == self.function);
        let Some(row) = row else { return };
        self.expected_of_it += comparison.chance_like(&row.own, from, to);
        self.found += u32::from(row.own.call == Call::Regressed);
    }

    fn averaged(self, draws: u32) -> Self {
        let draws = f64::from(draws.max(1));
        let (expected, expected_of_it) = (self.expected / draws, self.expected_of_it / draws);
        Self { expected, expected_of_it, ..self }
    }
}

/// Each function's own share of all weight.
fn own_shares(tree: &Tree, runs: &[Run]) -> Vec<(Id<Function>, f64)> {
    let mut own = vec![0.0; tree.functions.len()];
    for sums in runs.iter().flat_map(|run| FunctionSums::of(tree, run)) {
        own.iter_mut().zip(&sums.own).for_each(|(sum, part)| *sum += part);
    }
    let all: f64 = own.iter().sum();
    own.iter().enumerate().map(|(row, weight)| (Id::new(row), weight / all)).collect()
}

/// The function whose own share is nearest to that of a typical hot one, and has room to grow.
fn typical(tree: &Tree, runs: &[Run], change: f64) -> Option<MadeUp> {
    let distance = |share: f64| (share / Options::TYPICAL).ln().abs();
    let shares = own_shares(tree, runs).into_iter();
    shares
        .filter(|(_, share)| *share > 0.0 && share + change < 1.0)
        .min_by(|(_, one), (_, other)| distance(*one).total_cmp(&distance(*other)))
        .map(|(function, share)| MadeUp::new(function, share, change))
}

/// Weighs the samples of a function so that its share grows by what is wanted.
fn raise(runs: &mut [Run], tree: &Tree, made_up: &MadeUp) {
    let (from, to) = (made_up.share, made_up.share + made_up.change);
    let factor = to * (1.0 - from) / (from * (1.0 - to));
    for cell in runs.iter_mut().flat_map(|run| &mut run.cells) {
        if tree.callers(cell.node).next() == Some(made_up.function) {
            cell.weight *= factor;
        }
    }
}

fn deal_runs(runs: &[Run], rng: &mut Rng) -> (Vec<Run>, Vec<Run>) {
    let mut order: Vec<&Run> = runs.iter().collect();
    rng.shuffle(&mut order);
    let (base, head) = order.split_at(order.len() / 2);
    (base.iter().copied().cloned().collect(), head.iter().copied().cloned().collect())
}

/// Half of each run's blocks to either side. What is one too many goes to a side by chance.
fn deal_blocks(runs: &[Run], rng: &mut Rng) -> (Vec<Run>, Vec<Run>) {
    runs.iter().map(|run| deal_run(run, rng)).unzip()
}

fn deal_run(run: &Run, rng: &mut Rng) -> (Run, Run) {
    let mut order: Vec<usize> = (0..run.blocks.len()).collect();
    rng.shuffle(&mut order);
    let half = usize::midpoint(order.len(), usize::from(rng.bool()));
    let mut is_head = vec![true; run.blocks.len()];
    order[..half].iter().for_each(|block| is_head[*block] = false);
    let side = |head: bool| {
        let mut renumbered = vec![None; run.blocks.len()];
        let mut blocks = Vec::new();
        for (index, block) in run.blocks.iter().enumerate().filter(|(at, _)| is_head[*at] == head) {
            renumbered[index] = u32::try_from(blocks.len()).ok();
            blocks.push(*block);
        }
        let cells = run.cells.iter().filter_map(|cell| {
            let block = renumbered.get(cell.block as usize).copied().flatten()?;
            Some(Cell { block, ..*cell })
        });
        // That of the whole says nothing of the halves.
        Run { name: run.name.clone(), cells: cells.collect(), blocks, sum_of_squares: None }
    };
    (side(false), side(true))
}

/// The largest rate that would give as few of so many draws once in twenty times.
pub fn at_most(found: u32, draws: u32) -> f64 {
    use statrs::distribution::{Beta, ContinuousCDF};
    if found >= draws {
        return 1.0;
    }
    let (found, draws) = (f64::from(found), f64::from(draws));
    Beta::new(found + 1.0, draws - found).map_or(1.0, |beta| beta.inverse_cdf(0.95))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Block;
    use crate::number::len;

    /// A run of two functions: one of 5 %, and the rest.
    fn run(tree: &mut Tree, name: &str, rng: &mut Rng) -> Run {
        let mut node = |name: &str| {
            let function = Function { name: name.to_owned(), file: String::new() };
            let function = tree.functions.intern(function);
            tree.child(Tree::ROOT, function)
        };
        let (hot, rest) = (node("hot"), node("rest"));
        let mut cells = Vec::new();
        for block in 0..40 {
            let hits = (0..500).filter(|_| rng.f64() < 0.05).count();
            let cell =
                |node, count: usize| Cell { node, block, weight: len(count), count: count as u64 };
            cells.extend([cell(hot, hits), cell(rest, 500 - hits)]);
        }
        let blocks = vec![Block { seconds: 1.0 }; 40];
        Run { name: name.to_owned(), blocks, cells, sum_of_squares: None }
    }

    #[test]
    fn halves_have_each_block_once() {
        let mut tree = Tree::default();
        let mut rng = Rng::with_seed(3);
        let run = run(&mut tree, "a", &mut rng);
        let (base, head) = deal_run(&run, &mut rng);
        assert_eq!(base.blocks.len() + head.blocks.len(), 40);
        assert_eq!(base.samples() + head.samples(), run.samples());
        assert!((base.weight() + head.weight() - run.weight()).abs() < 1e-9);
    }

    #[test]
    fn noise_is_not_called_and_a_made_up_change_is() {
        let mut tree = Tree::default();
        let mut rng = Rng::with_seed(5);
        let runs = [run(&mut tree, "a", &mut rng), run(&mut tree, "b", &mut rng)];
        let done = calibrate(&tree, &runs, &Options::default(), 100, 1).unwrap();
        assert!(done.false_regressions <= 1, "{done:?}");
        let made_up = done.made_up.unwrap();
        assert_eq!(tree.functions[made_up.function].name, "hot");
        let found = f64::from(made_up.found) / 100.0;
        assert!((found - made_up.expected).abs() < 0.1, "{done:?}");
        assert_eq!(calibrate(&tree, &runs, &Options::default(), 100, 1), Some(done));
    }

    #[test]
    fn one_run_without_time_cannot_be_split() {
        let run = Run { blocks: vec![Block::default()], ..Run::default() };
        assert_eq!(calibrate(&Tree::default(), &[run], &Options::default(), 10, 1), None);
    }

    #[test]
    fn no_alarm_in_two_hundred_is_a_rate_below_two_per_cent() {
        // 0.985 to the 200th is 0.05.
        assert!((at_most(0, 200) - (1.0 - 0.05_f64.powf(1.0 / 200.0))).abs() < 1e-6);
        assert!(at_most(200, 200) >= 1.0);
    }
}
