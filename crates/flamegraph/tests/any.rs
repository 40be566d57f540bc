//! Whatever the frames are called: the lines read back as they were meant, and the boxes of the
//! SVG are those of the folded stacks.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../pprof-format/tests/build/mod.rs"]
mod build;

use std::collections::BTreeMap;

use build::{Build, Value};
use flamegraph::MinWidth;
use profile::{BinaryKind, Sampling, Unit};
use proptest::prelude::*;

prop_compose! {
    fn any_build()(
        names in prop::collection::vec(prop::collection::vec("\\PC{0,4}|[a-c;# 1.&<\"\n]{0,4}", 0..3), 1..8),
        samples in prop::collection::vec(
            (prop::collection::vec(any::<prop::sample::Index>(), 0..5),
             prop::option::of("[a-c ;]{0,2}"), prop_oneof![0_u64..1000, Just(50_000_000)]),
            1..20,
        ),
    ) -> Build {
        let mut b = Build::default();
        let event = b.event("cycles", Unit::Count, Sampling::Period(1));
        let kinds = [BinaryKind::File, BinaryKind::Kernel];
        let binaries = kinds.map(|kind| b.binary("/bin/a b;c", kind, &[]));
        let frames: Vec<_> = (0_u64..)
            .zip(&names)
            .map(|(offset, names)| {
                let frame = b.ip(binaries[names.len() % 2], offset);
                let lines: Vec<_> = names.iter().map(|name| (&name[..], "", 1)).collect();
                b.name(frame, &lines);
                frame
            })
            .collect();
        for (stack, thread, weight) in samples {
            let stack: Vec<_> = stack.iter().map(|frame| *frame.get(&frames)).collect();
            let label = thread.map(|name| ("thread_comm", Value::Text(name)));
            b.sample(event, &stack, label.as_slice(), (1, weight));
        }
        b
    }
}

/// Folded lines as flame graph tools read them.
fn parse(folded: &str) -> Vec<(Vec<&str>, u64)> {
    let lines = folded.lines().map(|line| {
        let (stack, weight) = line.rsplit_once(' ').unwrap();
        (stack.split(';').collect(), weight.parse().unwrap())
    });
    lines.collect()
}

/// How heavy the boxes of each depth are together.
fn rows_of_folded(stacks: &[(Vec<&str>, u64)]) -> BTreeMap<usize, u64> {
    let mut rows = BTreeMap::new();
    for (stack, weight) in stacks {
        for depth in 0..=stack.len() {
            *rows.entry(depth).or_default() += weight;
        }
    }
    rows
}

fn attribute<'s>(element: &'s str, name: &str) -> &'s str {
    element.split_once(&format!(" {name}=\"")).unwrap().1.split_once('"').unwrap().0
}

/// The boxes of an SVG: depth and weight.
fn boxes(svg: &str) -> Vec<(usize, u64)> {
    let rects = svg.split("<rect").filter(|rect| rect.contains("fg:w="));
    let boxes: Vec<(usize, u64)> = rects
        .map(|rect| {
            (attribute(rect, "y").parse().unwrap(), attribute(rect, "fg:w").parse().unwrap())
        })
        .collect();
    let top = boxes.iter().map(|(y, _)| *y).min().unwrap_or(0);
    boxes.iter().map(|(y, weight)| ((y - top) / 16, *weight)).collect()
}

proptest! {
    #[test]
    fn every_output_has_all_of_the_weight(build in any_build()) {
        let (profile, symbols) = (&build.profile, build.symbols());
        let total = profile.samples.total(0).weight;

        let mut folded = Vec::new();
        prop_assert_eq!(flamegraph::folded(profile, &symbols, 0, &mut folded).unwrap(), total);
        let folded = String::from_utf8(folded).unwrap();
        let stacks = parse(&folded);
        prop_assert_eq!(stacks.iter().map(|(_, weight)| weight).sum::<u64>(), total);
        let distinct: BTreeMap<_, _> = stacks.iter().cloned().collect();
        prop_assert_eq!(distinct.len(), stacks.len(), "a stack is one line");

        let mut svg = Vec::new();
        prop_assert_eq!(flamegraph::svg(profile, &symbols, 0, "any", MinWidth::default(), &mut svg).unwrap(), total);
        let svg = String::from_utf8(svg).unwrap();
        if total > 0 {
            let mut rows = BTreeMap::new();
            for (depth, weight) in boxes(&svg) {
                *rows.entry(depth).or_default() += weight;
            }
            prop_assert_eq!((rows[&0], rows[&1]), (total, total), "no thread is left out");
            if total < 20_000 {
                // No box is too light to draw.
                prop_assert_eq!(rows, rows_of_folded(&stacks));
            }
        }
    }

    /// Frames that need no replacement are read back as they are, each one in its place.
    #[test]
    fn plain_names_read_back(names in prop::collection::vec("[a-zA-Z_:<>&,*~ ]{0,9}[a-z>)]", 1..6)) {
        let mut b = Build::default();
        let event = b.event("cycles", Unit::Count, Sampling::Period(1));
        let binary = b.binary("/bin/a", BinaryKind::File, &[]);
        let frame = b.ip(binary, 1);
        let lines: Vec<_> = names.iter().map(|name| (name.trim(), "", 1)).collect();
        b.name(frame, &lines);
        b.sample(event, &[frame], &[], (1, 7));
        let mut folded = Vec::new();
        flamegraph::folded(&b.profile, &b.symbols(), 0, &mut folded).unwrap();
        let folded = String::from_utf8(folded).unwrap();
        let expected: Vec<_> = names.iter().rev().map(|name| name.trim()).collect();
        prop_assert_eq!(parse(&folded), [(expected, 7)]);
    }
}
