//! Merging has no order, no grouping, and loses nothing.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use pprof_format::{MAX_BLOCKS, MergeError, Merger, encode, proto, read};
use proptest::prelude::*;

/// A profile of a few functions, locations and stacks. Its ids are its own.
#[derive(Clone, Debug)]
struct Small {
    samples: Vec<(Vec<usize>, [i64; 2], usize)>,
    first_id: u64,
    start: u64,
    has_blocks: bool,
    times: (i64, i64),
}

prop_compose! {
    fn small()(
        samples in prop::collection::vec(
            (prop::collection::vec(0..6_usize, 0..4), [0..9_i64, 0..99_i64], 0..3_usize), 0..6),
        first_id in 1..500_u64,
        start in 0..4_u64,
        has_blocks in any::<bool>(),
        times in (1..50_i64, 1..50_i64),
    ) -> Small {
        Small { samples, first_id, start: start << 20, has_blocks, times }
    }
}

impl Small {
    fn message(&self) -> Vec<u8> {
        let texts = [
            "",
            "cycles:ppp_sample",
            "count",
            "cycles:ppp_event",
            "/bin/a",
            "beef",
            "f",
            "g",
            "h",
            "thread",
            "w0",
            "w1",
            "a comment",
            "cycles",
        ];
        let value_type = |name, unit| proto::ValueType { r#type: name, unit };
        let id = |index: usize| self.first_id + index as u64;
        let sample = |(stack, value, label): &(Vec<usize>, [i64; 2], usize)| proto::Sample {
            location_id: stack.iter().map(|at| id(*at)).collect(),
            value: value.to_vec(),
            label: (*label > 0)
                .then(|| proto::Label {
                    key: 9,
                    str: 9 + i64::try_from(*label).unwrap(),
                    num: 0,
                    num_unit: 0,
                })
                .into_iter()
                .collect(),
            block_cell: if self.has_blocks {
                vec![1, 0, value[0].cast_unsigned(), value[1].cast_unsigned()]
            } else {
                Vec::new()
            },
        };
        encode(&proto::Profile {
            sample_type: vec![value_type(1, 2), value_type(3, 2)],
            sample: self.samples.iter().map(sample).collect(),
            mapping: vec![proto::Mapping {
                id: 7,
                memory_start: self.start,
                memory_limit: self.start + 0x1000,
                filename: 4,
                build_id: 5,
                has_functions: true,
                ..proto::Mapping::default()
            }],
            location: (0..6)
                .map(|at| proto::Location {
                    id: id(at),
                    mapping_id: if at == 5 { 0 } else { 7 },
                    address: if at == 5 { 0 } else { self.start + at as u64 },
                    line: vec![proto::Line { function_id: id(at % 3), line: 3, column: 0 }],
                    is_folded: false,
                })
                .collect(),
            function: (0..3)
                .map(|at| proto::Function {
                    id: id(at),
                    name: 6 + i64::try_from(at).unwrap(),
                    ..proto::Function::default()
                })
                .collect(),
            string_table: texts.map(str::to_owned).to_vec(),
            time_nanos: self.times.0,
            duration_nanos: self.times.1,
            period_type: Some(value_type(13, 2)),
            period: self.times.0,
            comment: vec![12],
            default_sample_type: 3,
            block_length: if self.has_blocks { vec![1, 2] } else { Vec::new() },
            ..proto::Profile::default()
        })
    }
}

fn name(event: &str) -> String {
    event.trim_end_matches(":ppp").to_owned()
}

fn merged(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut merger = Merger::new(name);
    for message in messages {
        merger.add(message).unwrap();
    }
    let mut bytes = Vec::new();
    merger.encode(&mut bytes).unwrap();
    bytes
}

/// Everything that a profile says, without the order and the ids of its rows.
#[derive(Debug, PartialEq)]
struct Said {
    /// By stack (mapping's build ID, offset, function) and label.
    samples: BTreeMap<String, Vec<i64>>,
    types: Vec<String>,
    numbers: [i64; 3],
    comments: Vec<String>,
    /// What each block has, in any order.
    blocks: Vec<(u64, u64, u64)>,
}

fn said(message: &[u8]) -> Said {
    let profile = read(message).unwrap();
    let text = |index| profile.text(index).unwrap();
    let mut samples: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut blocks: Vec<_> = profile.block_length.iter().map(|length| (*length, 0, 0)).collect();
    for sample in &profile.sample {
        let mut key = String::new();
        for id in &sample.location_id {
            let location = profile.location.iter().find(|row| row.id == *id).unwrap();
            let mapping = profile.mapping.iter().find(|row| row.id == location.mapping_id);
            let start = mapping.map_or(0, |row| row.memory_start);
            let build_id = mapping.map_or("", |row| text(row.build_id));
            let function = location.line[0].function_id;
            let function = profile.function.iter().find(|row| row.id == function).unwrap();
            let (offset, name) = (location.address - start, text(function.name));
            key += &[build_id, &offset.to_string(), name, ";"].join(" ");
        }
        let label = sample.label.first();
        key += label.map_or("", |label| text(label.str));
        assert!(samples.insert(key, sample.value.clone()).is_none(), "a row is there twice");
        for cell in sample.block_cell.chunks(4) {
            let block = &mut blocks[usize::try_from(cell[0]).unwrap()];
            (block.1, block.2) = (block.1 + cell[2], block.2 + cell[3]);
        }
    }
    blocks.sort_unstable();
    let comments = profile.comment.iter().map(|comment| text(*comment).to_owned()).collect();
    Said {
        samples,
        types: profile.sample_type.iter().map(|row| text(row.r#type).to_owned()).collect(),
        numbers: [profile.time_nanos, profile.duration_nanos, profile.period],
        comments,
        blocks,
    }
}

proptest! {
    #[test]
    fn order_and_grouping_do_not_matter(a in small(), b in small(), c in small()) {
        let (a, b, c) = (a.message(), b.message(), c.message());
        let all = said(&merged(&[a.clone(), b.clone(), c.clone()]));
        prop_assert_eq!(&said(&merged(&[c.clone(), a.clone(), b.clone()])), &all);
        let first_two = merged(&[a.clone(), b.clone()]);
        prop_assert_eq!(&said(&merged(&[first_two, c.clone()])), &all);
        let last_two = merged(&[b, c]);
        prop_assert_eq!(&said(&merged(&[a, last_two])), &all);
        prop_assert_eq!(&all.types, &["cycles_sample", "cycles_event"]);
    }

    #[test]
    fn totals_are_kept(parts in prop::collection::vec(small(), 1..5)) {
        let messages: Vec<_> = parts.iter().map(Small::message).collect();
        let all = said(&merged(&messages));
        for column in 0..2 {
            let ours: i64 = all.samples.values().map(|values| values[column]).sum();
            let theirs = parts.iter().flat_map(|part| &part.samples);
            prop_assert_eq!(ours, theirs.map(|(_, values, _)| values[column]).sum::<i64>());
        }
        let weight: u64 = all.blocks.iter().map(|block| block.2).sum();
        let values: i64 = all.samples.values().map(|values| values[1]).sum();
        prop_assert_eq!(weight, values.cast_unsigned());
        let blocks: usize = parts.iter().map(|part| if part.has_blocks { 2 } else { 1 }).sum();
        prop_assert_eq!(all.blocks.len(), blocks);
        prop_assert_eq!(all.numbers[0], parts.iter().map(|part| part.times.0).min().unwrap());
        prop_assert_eq!(all.numbers[1], parts.iter().map(|part| part.times.1).sum::<i64>());
    }

    #[test]
    fn damage_is_an_error(part in small(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let mut message = part.message();
        let at = at.index(message.len());
        message[at] ^= 1_u8 << bit;
        let mut merger = Merger::new(name);
        // Whatever it is now.
        if merger.add(&message).is_ok() {
            let mut bytes = Vec::new();
            merger.encode(&mut bytes).unwrap();
        }
        let _ = Merger::new(name).add(&message[..at]);
    }
}

fn one() -> Small {
    Small {
        samples: vec![(vec![0, 5], [2, 30], 0)],
        first_id: 1,
        start: 0,
        has_blocks: true,
        times: (5, 10),
    }
}

#[test]
fn many_blocks_are_joined_and_keep_what_they_count() {
    let messages = vec![one().message(); 1000];
    let all = said(&merged(&messages));
    assert!((MAX_BLOCKS / 2..=MAX_BLOCKS).contains(&all.blocks.len()), "{}", all.blocks.len());
    assert_eq!(all.blocks.iter().map(|block| block.0).sum::<u64>(), 3000);
    assert_eq!(all.blocks.iter().map(|block| block.2).sum::<u64>(), 30_000);
}

#[test]
fn other_events_are_refused() {
    let mut other = read(&one().message()).unwrap();
    other.string_table[3] = "faults_event".to_owned();
    let mut merger = Merger::new(name);
    merger.add(&one().message()).unwrap();
    let error = merger.add(&encode(&other)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it has cycles_sample (count), faults_event (count) where the others have \
         cycles_sample (count), cycles_event (count)"
    );
}

#[test]
fn what_points_nowhere_is_refused() {
    let changed = |change: &dyn Fn(&mut proto::Profile)| {
        let mut profile = read(&one().message()).unwrap();
        change(&mut profile);
        Merger::new(name).add(&encode(&profile)).unwrap_err().to_string()
    };
    assert_eq!(changed(&|p| p.sample[0].location_id[0] = 77), "a location is missing in it");
    assert_eq!(changed(&|p| p.location[0].mapping_id = 77), "a mapping is missing in it");
    assert_eq!(changed(&|p| p.function[0].name = 77), "a text is missing in it");
    assert_eq!(changed(&|p| p.sample[0].value.truncate(1)), "a value of a sample is missing in it");
    assert_eq!(changed(&|p| p.block_length.truncate(1)), "a time block is missing in it");
    assert_eq!(changed(&|p| p.sample_type.clear()), "what it counts is missing in it");
    let error = Merger::new(name).add(b"\xff\xff\xff").unwrap_err();
    assert!(matches!(error, MergeError::Unreadable(_)), "{error}");
}
