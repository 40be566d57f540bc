//! What holds for any two sides, whatever is in them.
#![allow(missing_docs, clippy::cast_precision_loss, clippy::float_cmp)]

use proptest::prelude::*;
use regress::{
    Block, Call, Cell, Change, Comparison, Function, Interval, Measure, Options, Run, Tree, compare,
};

/// Samples of a run: the functions of the stack, outermost first, the block, count and weight of one.
type Samples = Vec<(Vec<usize>, u32, u64, u32)>;

const BLOCKS: u32 = 6;

fn samples() -> impl Strategy<Value = Samples> {
    let stack = prop::collection::vec(0..6_usize, 1..4);
    prop::collection::vec((stack, 0..BLOCKS, 1..400_u64, 1..5_u32), 1..40)
}

fn side() -> impl Strategy<Value = Vec<Samples>> {
    prop::collection::vec(samples(), 1..4)
}

fn run(tree: &mut Tree, samples: &Samples) -> Run {
    let cells = samples.iter().map(|(stack, block, count, weight)| {
        let node = stack.iter().fold(Tree::ROOT, |node, number| {
            let function = Function { name: format!("f{number}"), file: String::new() };
            let function = tree.functions.intern(function);
            tree.child(node, function)
        });
        Cell { node, block: *block, weight: (count * u64::from(*weight)) as f64, count: *count }
    });
    let cells = cells.collect();
    let blocks = vec![Block { seconds: 1.0 }; BLOCKS as usize];
    Run { name: String::new(), blocks, cells, sum_of_squares: None }
}

fn runs(tree: &mut Tree, side: &[Samples]) -> Vec<Run> {
    side.iter().map(|samples| run(tree, samples)).collect()
}

/// Of each function, itself and with what it calls, in the order of the tree.
fn changes(comparison: &Comparison) -> Vec<Change> {
    let mut rows = comparison.rows.clone();
    rows.sort_by_key(|row| row.function);
    rows.iter().flat_map(|row| [row.own, row.total]).chain([comparison.overall]).collect()
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-9 * one.abs().max(other.abs()).max(1.0)
}

fn mirrored(call: Call) -> Call {
    match call {
        Call::Same => Call::Same,
        Call::Regressed => Call::Improved,
        Call::Improved => Call::Regressed,
    }
}

/// Of a rate the ratio is estimated: that is turned upside down.
fn is_mirrored(measure: Measure, there: &Change, back: &Change) -> bool {
    if measure == Measure::Share {
        let Interval { low, high } = there.interval;
        return near(low, -back.interval.high) && near(high, -back.interval.low);
    }
    let (base, head) = (there.base.value, back.base.value);
    if base == 0.0 || head == 0.0 {
        return true;
    }
    let ratio = |difference: f64, of: f64| 1.0 + difference / of;
    near(ratio(there.interval.low, base) * ratio(back.interval.high, head), 1.0)
        && near(ratio(there.interval.high, base) * ratio(back.interval.low, head), 1.0)
}

proptest! {
    #[test]
    fn a_side_does_not_differ_from_itself(side in side(), per_second in any::<bool>()) {
        let mut tree = Tree::default();
        let side = runs(&mut tree, &side);
        let measure = if per_second { Measure::PerSecond } else { Measure::Share };
        let options = Options { measure, ..Options::default() };
        let found = compare(&tree, &side, &side, &options);
        for change in changes(&found) {
            prop_assert_eq!(change.difference, 0.0);
            prop_assert_eq!(change.base.weight, change.head.weight);
            prop_assert_eq!(change.call, Call::Same);
            prop_assert!(change.interval.holds(0.0), "{:?}", change);
            prop_assert!(change.p_value.is_none_or(|p| near(p, 1.0)), "{:?}", change);
        }
    }

    #[test]
    fn the_way_back_is_the_way_there_turned_round(
        base in side(),
        head in side(),
        per_second in any::<bool>(),
    ) {
        let mut tree = Tree::default();
        let (base, head) = (runs(&mut tree, &base), runs(&mut tree, &head));
        let measure = if per_second { Measure::PerSecond } else { Measure::Share };
        // What is small in relation to what it was need not be so the other way round.
        let options =
            Options { measure, min_relative: 0.0, min_change: 0.0, ..Options::default() };
        let there = changes(&compare(&tree, &base, &head, &options));
        let back = changes(&compare(&tree, &head, &base, &options));
        prop_assert_eq!(there.len(), back.len());
        for (there, back) in there.iter().zip(&back) {
            prop_assert_eq!(there.difference, -back.difference);
            prop_assert_eq!(there.base, back.head);
            prop_assert_eq!(there.call, mirrored(back.call));
            let p_values = there.p_value.zip(back.p_value);
            prop_assert_eq!(there.p_value.is_some(), back.p_value.is_some());
            prop_assert!(p_values.is_none_or(|(there, back)| near(there, back)));
            prop_assert!(is_mirrored(measure, there, back), "{:?} {:?}", there, back);
        }
    }

    /// However the runs are split up or ordered, a function weighs the same.
    #[test]
    fn weights_do_not_depend_on_how_they_are_dealt_to_runs(
        mut base in side(),
        mut head in side(),
    ) {
        let weights = |base: &[Samples], head: &[Samples]| {
            let mut tree = Tree::default();
            let (base, head) = (runs(&mut tree, base), runs(&mut tree, head));
            let found = compare(&tree, &base, &head, &Options::default());
            let name = |row: &regress::Row| tree.functions[row.function].name.clone();
            let mut rows: Vec<_> = found
                .rows
                .iter()
                .map(|row| (name(row), [row.own, row.total].map(|change| {
                    (change.base.weight, change.head.weight, change.difference)
                })))
                .collect();
            rows.sort_by(|one, other| one.0.cmp(&other.0));
            rows
        };
        let parts = weights(&base, &head);
        let sums = weights(&[base.concat()], &[head.concat()]);
        prop_assert_eq!(&parts, &sums);
        base.reverse();
        head.reverse();
        prop_assert_eq!(&parts, &weights(&base, &head));
    }
}
