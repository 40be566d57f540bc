//! Adding up and then comparing is comparing all of it.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::num::NonZeroUsize;

use pprof_format::{Merger, encode, proto};
use proptest::prelude::*;
use regress::{Measure, Options, compare};

use super::load::Loaded;
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

fn merged(side: &[Samples]) -> Vec<u8> {
    let mut merger = Merger::new(str::to_owned);
    side.iter().for_each(|samples| merger.add(&message(samples)).unwrap());
    let mut bytes = Vec::new();
    merger.encode(&mut bytes).unwrap();
    bytes
}

/// By function: its weight, itself and with what it calls, before and now, and the difference per second.
fn table(base: &[Vec<u8>], head: &[Vec<u8>]) -> Vec<(String, Vec<f64>)> {
    let load = |messages: &[Vec<u8>]| -> Vec<Loaded> {
        let (symbols, one) = (SymbolArgs::default(), NonZeroUsize::MIN);
        let load =
            |bytes: &Vec<u8>| Loaded::of_profile("a profile", bytes, &symbols, one, "").unwrap();
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
