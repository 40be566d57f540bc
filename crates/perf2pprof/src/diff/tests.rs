//! What holds of comparisons of profiles and recordings, from the files to the calls.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use pprof_format::{Merger, encode, proto};
use proptest::prelude::*;
use regress::{Measure, Options, calibrate, compare, power};

use super::load::{Loaded, Reading};
use super::stacks::Stacks;
use crate::symbol_args::SymbolArgs;

/// Samples: the functions of the stack, innermost first; count, weight and time block.
type Samples = Vec<(Vec<u64>, u64, u64, u64)>;

fn samples() -> impl Strategy<Value = Samples> {
    let stack = prop::collection::vec(1..6_u64, 1..4);
    prop::collection::vec((stack, 1..9_u64, 1..99_u64, 0..3_u64), 1..8)
}

fn side() -> impl Strategy<Value = Vec<Samples>> {
    prop::collection::vec(samples(), 1..4)
}

fn message(samples: &Samples) -> Vec<u8> {
    let texts =
        ["", "cycles_sample", "count", "cycles_event", "/bin/envoy", "f", "g", "h", "i", "j"];
    let kind = |name| proto::ValueType { r#type: name, unit: 2 };
    let line = |id| vec![proto::Line { function_id: id, ..Default::default() }];
    encode(&proto::Profile {
        string_table: texts.map(str::to_owned).to_vec(),
        sample_type: vec![kind(1), kind(3)],
        mapping: vec![proto::Mapping {
            id: 1,
            memory_start: 0x1000,
            memory_limit: 0x2000,
            filename: 4,
            has_functions: true,
            ..Default::default()
        }],
        location: (1..6)
            .map(|id| proto::Location {
                id,
                mapping_id: 1,
                address: 0x1000 + id,
                line: line(id),
                ..Default::default()
            })
            .collect(),
        function: (1..6)
            .map(|id| proto::Function { id, name: id.cast_signed() + 4, ..Default::default() })
            .collect(),
        sample: samples
            .iter()
            .map(|(stack, count, weight, block)| proto::Sample {
                location_id: stack.clone(),
                value: vec![count.cast_signed(), weight.cast_signed()],
                block_cell: vec![*block, 0, *count, *weight],
                ..Default::default()
            })
            .collect(),
        duration_nanos: 3_000_000_000,
        block_length: vec![1_000_000_000; 3],
        ..Default::default()
    })
}

fn reading(symbols: &SymbolArgs) -> Reading<'_> {
    let threads = NonZeroUsize::MIN;
    Reading { symbols, threads, command: "", lens: None, looks_at_all: false }
}

fn merged(side: &[Samples]) -> Vec<u8> {
    let mut merger = Merger::new(str::to_owned);
    for samples in side {
        merger.add(&message(samples)).unwrap();
    }
    let mut bytes = Vec::new();
    merger.encode(&mut bytes).unwrap();
    bytes
}

/// By function: its weight, itself and with what it calls, before and now, and the difference per second.
fn table(base: &[Vec<u8>], head: &[Vec<u8>]) -> Vec<(String, Vec<f64>)> {
    let load = |messages: &[Vec<u8>]| -> Vec<Loaded> {
        let symbols = SymbolArgs::default();
        let load =
            |bytes: &Vec<u8>| Loaded::of_profile("a profile", bytes, &reading(&symbols)).unwrap();
        messages.iter().map(load).collect()
    };
    let stacks = Stacks::of(&load(base), &load(head), None, &[]).unwrap();
    let options = Options { measure: Measure::PerSecond, ..Options::default() };
    let comparison = compare(&stacks.tree, &stacks.base, &stacks.head, &options);
    let mut rows: Vec<_> = comparison
        .rows
        .iter()
        .map(|row| {
            let name = stacks.tree.functions[row.function].name.clone();
            let changes = [row.own, row.total].into_iter();
            let numbers = changes
                .flat_map(|change| [change.base.weight, change.head.weight, change.difference]);
            (name, numbers.collect())
        })
        .collect();
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    rows
}

proptest! {
    #[test]
    fn merging_and_then_comparing_is_comparing_all(base in side(), head in side()) {
        // Sides without a function in common are refused.
        let shared = vec![(vec![1], 1, 1, 0)];
        let with_shared = |side: &[Samples]| -> Vec<Samples> {
            side.iter().cloned().chain([shared.clone()]).collect()
        };
        let (base, head) = (with_shared(&base), with_shared(&head));
        let messages = |side: &[Samples]| -> Vec<_> { side.iter().map(message).collect() };
        prop_assert_eq!(
            table(&messages(&base), &messages(&head)),
            table(&[merged(&base)], &[merged(&head)])
        );
    }
}

/// A recording as one run.
fn recorded(path: &Path) -> Stacks {
    let debug_image = vec![fixture().with_file_name("debug")];
    let symbols = SymbolArgs { debug_image, ..SymbolArgs::default() };
    let loaded = Loaded::read(path, &reading(&symbols)).unwrap();
    Stacks::of(&[loaded], &[], None, &[]).unwrap()
}

/// The functions of which the own share is nearest to each of these.
fn functions_of(stacks: &Stacks, shares: &[f64]) -> Vec<profile::Id<regress::Function>> {
    let side = compare(&stacks.tree, &stacks.base, &stacks.base, &Options::default());
    let nearest = |share: &f64| {
        let rows = side.rows.iter().filter(|row| row.own.base.share > 0.0);
        let distance = |row: &regress::Row| (row.own.base.share / share).ln().abs();
        rows.min_by(|one, other| distance(one).total_cmp(&distance(other))).unwrap().function
    };
    let mut found: Vec<_> = shares.iter().map(nearest).collect();
    found.dedup();
    found
}

/// Prints, for some functions of a recording, how often a rise of their samples' weights is found and is said to be,
/// and gives the largest distance between the two, in points.
fn power_of(path: &Path, shares: &[f64], draws: u32) -> f64 {
    let stacks = recorded(path);
    let options = Options::default();
    let mut worst = 0.0_f64;
    println!("`{}`", path.display());
    println!(
        "{:>6} {:>6} {:>9} {:>7} {:>9} {:>8}",
        "share", "rise", "by", "found", "expected", "typical"
    );
    for function in functions_of(&stacks, shares) {
        for rise in [0.02, 0.05, 0.1, 0.2, 0.5, 1.0] {
            let made_up = (function, 1.0 + rise);
            let done = power(&stacks.tree, &stacks.base, &options, made_up, draws, 1).unwrap();
            let found = f64::from(done.found) / f64::from(draws);
            println!(
                "{:>5.1}% {:>5.0}% {:>6.2} pp {:>6.1}% {:>8.1}% {:>7.1}%",
                done.share * 100.0,
                rise * 100.0,
                done.change * 100.0,
                found * 100.0,
                done.expected_of_it * 100.0,
                done.expected * 100.0
            );
            worst = worst.max((found - done.expected_of_it).abs() * 100.0);
        }
    }
    println!("at most {worst:.1} points between found and expected");
    worst
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy/edge-proxy.perf")
}

#[test]
fn a_change_in_recorded_data_is_found_as_often_as_is_said() {
    let worst = power_of(&fixture(), &[0.05], 20);
    // Twenty draws of a chance of one half are off by this much once in a hundred times.
    assert!(worst <= 30.0, "{worst}");
}

/// The recordings are those of the variable, one per line.
#[test]
#[ignore = "minutes of draws; run by scripts/check-power"]
fn changes_in_recordings_are_found_as_often_as_is_said() {
    let recordings = std::env::var("RECORDINGS").unwrap();
    let mut wrong = Vec::new();
    for path in recordings.lines().map(Path::new) {
        let worst = power_of(path, &[0.2, 0.1, 0.05, 0.02], 100);
        if worst > 10.0 {
            wrong.push(format!("`{}`: {worst:.1} points", path.display()));
        }
        let stacks = recorded(path);
        let done = calibrate(&stacks.tree, &stacks.base, &Options::default(), 200, 1).unwrap();
        println!("{} of 200 random splits called a regression\n", done.false_regressions);
        if done.false_regressions > 1 {
            wrong.push(format!(
                "`{}`: {} false regressions",
                path.display(),
                done.false_regressions
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
