//! Recordings drawn at random, of which the truth is known.
#![allow(missing_docs, clippy::unwrap_used, clippy::cast_precision_loss)]

mod draw;

use draw::{Draw, Program};
use regress::{Call, Options, Tree, compare};

/// 1,000 pairs of recordings: the interval of each function holds the true difference in 93 to 97 %
/// of them, at every share, with and without over-dispersion.
#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    for burst in [1, 6] {
        let shares = [0.35, 0.2, 0.1, 0.05, 0.02, 0.01, 0.27];
        let changed = [0.35, 0.22, 0.1, 0.06, 0.02, 0.01, 0.24];
        let mut draw = Draw::seeded(7);
        let mut hits = [0; 7];
        for _ in 0..1000 {
            let mut tree = Tree::default();
            let base = Program::new(&mut tree, &shares).record(&mut draw, 60, 50, burst);
            let head = Program::new(&mut tree, &changed).record(&mut draw, 60, 50, burst);
            let found = compare(&tree, &[base], &[head], &Options::default());
            for row in &found.rows {
                let function = Program::number_of(&tree, row.function);
                let truth = changed[function] - shares[function];
                hits[function] += usize::from(row.own.interval.holds(truth));
            }
        }
        println!("bursts of {burst}: {hits:?}");
        assert!(hits.iter().all(|hits| (930..=970).contains(hits)), "bursts of {burst}: {hits:?}");
    }
}

/// Nothing changed: at most one pair in a hundred calls any function.
#[test]
fn without_a_change_hardly_anything_is_called() {
    let shares: Vec<f64> = (1..=200).map(|rank| 1.0 / f64::from(rank)).collect();
    let sum: f64 = shares.iter().sum();
    let shares: Vec<f64> = shares.iter().map(|share| share / sum).collect();
    let mut draw = Draw::seeded(11);
    let mut called = 0;
    for _ in 0..300 {
        let mut tree = Tree::default();
        let program = Program::new(&mut tree, &shares);
        let runs = [(); 2].map(|()| program.record(&mut draw, 60, 40, 3));
        let [base, head] = runs;
        let found = compare(&tree, &[base], &[head], &Options::default());
        called += usize::from(found.rows.iter().any(|row| row.own.call != Call::Same));
    }
    println!("{called} of 300 pairs called something");
    assert!(called <= 3, "{called} of 300");
}

/// What is printed as the power is how often a change is found.
#[test]
fn a_change_is_found_as_often_as_the_power_says() {
    let rest = 0.9 / 60.0;
    let shares: Vec<f64> = std::iter::once(0.1).chain([rest; 60]).collect();
    for rise in [0.02, 0.03, 0.04] {
        let mut changed = shares.clone();
        changed[0] += rise;
        changed[1..].iter_mut().for_each(|share| *share *= (0.9 - rise) / 0.9);
        let mut draw = Draw::seeded(13);
        let (mut found, mut said) = (0, 0.0);
        for _ in 0..100 {
            let mut tree = Tree::default();
            let base = Program::new(&mut tree, &shares).record(&mut draw, 60, 50, 1);
            let head = Program::new(&mut tree, &changed).record(&mut draw, 60, 50, 1);
            let comparison = compare(&tree, &[base], &[head], &Options::default());
            let row = comparison
                .rows
                .iter()
                .find(|row| Program::number_of(&tree, row.function) == 0)
                .unwrap();
            found += usize::from(row.own.call == Call::Regressed);
            said += comparison.chance_of(0.1, 0.1 + rise);
        }
        println!("a rise by {rise}: found {found} of 100, said {said:.1}");
        assert!((found as f64 - said).abs() <= 10.0, "a rise by {rise}: {found}, said {said}");
    }
}

/// Runs differ more than their blocks do; what five of them tell of that holds for the one on the
/// other side, too.
#[test]
fn a_single_run_is_judged_by_how_much_the_others_differ() {
    let shares = [0.3, 0.2, 0.1, 0.05, 0.35];
    let mut draw = Draw::seeded(17);
    let runs = |tree: &mut Tree, count: usize, draw: &mut Draw| -> Vec<_> {
        let run = |_| {
            // Each start of the program has its own layout, and so other shares.
            let shares: Vec<f64> =
                shares.iter().map(|share| share * draw.around_one(0.2)).collect();
            Program::new(tree, &shares).record(draw, 60, 50, 1)
        };
        (0..count).map(run).collect()
    };
    let (mut hits, mut called) = (0, 0);
    for _ in 0..400 {
        let mut tree = Tree::default();
        let base = runs(&mut tree, 5, &mut draw);
        let head = runs(&mut tree, 1, &mut draw);
        let found = compare(&tree, &base, &head, &Options::default());
        hits += found.rows.iter().filter(|row| row.own.interval.holds(0.0)).count();
        called += usize::from(found.rows.iter().any(|row| row.own.call != Call::Same));
    }
    println!("{hits} of 2000 intervals hold no difference, {called} of 400 pairs called something");
    assert!(hits >= 1800, "{hits}");
    assert!(called <= 12, "{called}");
}
