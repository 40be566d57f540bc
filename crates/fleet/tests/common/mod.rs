//! Profiles of any kind, what they say, and the program itself.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Parser;
use fleet::Args;
use perf2pprof::Failure;
use pprof_format::{Merger, encode, proto, read};
use proptest::prelude::*;

/// Runs the program.
pub(crate) fn fleet(args: &[&str]) -> Result<(), Failure> {
    let args = [&["perf2pprof-fleet"], args].concat();
    Args::try_parse_from(args).unwrap().command.run().map(drop)
}

/// A text of a path.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A profile of a few functions, with labels and time blocks. Its ids and addresses are its own.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    samples: Vec<(Vec<usize>, [i64; 4], usize)>,
    first_id: u64,
    start: u64,
    has_blocks: bool,
    times: (i64, i64),
    nonce: u32,
}

prop_compose! {
    /// Any of them.
    pub(crate) fn random()(
        samples in prop::collection::vec(
            (
                prop::collection::vec(0..8_usize, 0..5),
                [0..9_i64, 0..99_i64, 0..3_i64, 0..3_i64],
                0..7_usize,
            ),
            0..12,
        ),
        first_id in 1..500_u64,
        start in 0..4_u64,
        has_blocks in any::<bool>(),
        times in (0..5_000_000_000_000_000_i64, 0..1_000_000_000_000_i64),
        nonce in any::<u32>(),
    ) -> Random {
        Random { samples, first_id, start: start << 20, has_blocks, times, nonce }
    }
}

const TEXTS: [&str; 27] = [
    "",
    "cycles:ppp_sample",
    "count",
    "cycles:ppp_event",
    "faults_sample",
    "faults_event",
    "/bin/envoy",
    "beef",
    "[vdso]",
    "main",
    "_Zmain",
    "main.cc",
    "run",
    "[envoy+0x1]",
    "inl",
    "thread_comm",
    "wrk:worker_0",
    "comm",
    "envoy",
    "pid",
    "bytes",
    "subsystem",
    "http",
    "cycles:ppp",
    "a comment",
    "zone",
    "faults",
];

fn label(key: i64, str: i64, num: i64, num_unit: i64) -> proto::Label {
    proto::Label { key, str, num, num_unit }
}

fn labels(kind: usize) -> Vec<proto::Label> {
    let thread = label(15, 16, 0, 0);
    match kind {
        0 => Vec::new(),
        1 => vec![thread],
        2 => vec![label(17, 18, 0, 0), thread],
        3 => vec![thread, label(19, 0, 7, 0), label(19, 0, 7, 20)],
        4 => vec![thread, label(15, 18, 0, 0)],
        5 => vec![label(25, 22, 0, 0), label(21, 22, 0, 0)],
        _ => vec![label(15, 0, 3, 0), label(17, 18, 0, 0)],
    }
}

impl Random {
    /// The profile.
    pub(crate) fn profile(&self) -> proto::Profile {
        let value_type = |name, unit| proto::ValueType { r#type: name, unit };
        let id = |index: usize| self.first_id + index as u64;
        let sample = |(stack, value, kind): &(Vec<usize>, [i64; 4], usize)| {
            let half = |value: i64, of: i64| if of == 0 { value / 2 } else { value - value / 2 };
            let cell = |event: usize, block: i64| {
                let values = [value[2 * event], value[2 * event + 1]].map(|v| half(v, block));
                [
                    block.cast_unsigned(),
                    event as u64,
                    values[0].cast_unsigned(),
                    values[1].cast_unsigned(),
                ]
            };
            let cells = [cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)].concat();
            proto::Sample {
                location_id: stack.iter().map(|at| id(*at)).collect(),
                value: value.to_vec(),
                label: labels(*kind),
                block_cell: if self.has_blocks { cells } else { Vec::new() },
            }
        };
        let mut texts = TEXTS.map(str::to_owned).to_vec();
        texts.push(format!("nonce {}", self.nonce));
        let location = |at: usize| {
            let line =
                |function: usize, line| proto::Line { function_id: id(function), line, column: 0 };
            let address = self.start + at as u64;
            let place = |mapping_id, address, line| proto::Location {
                id: id(at),
                mapping_id,
                address,
                line,
                is_folded: at == 3,
            };
            match at {
                5 => place(0, 0xffff_ffff_8000_0000, vec![line(2, 0)]),
                6 => place(7, address, vec![line(4, 3), line(0, 9)]),
                7 => place(9, 0x7000_0000, Vec::new()),
                _ => place(7, address, vec![line(at % 4, 3)]),
            }
        };
        let function = |at: usize, name, system_name, filename| proto::Function {
            id: id(at),
            name,
            system_name,
            filename,
            start_line: i64::try_from(at).unwrap(),
        };
        proto::Profile {
            sample_type: vec![
                value_type(1, 2),
                value_type(3, 2),
                value_type(4, 2),
                value_type(5, 2),
            ],
            sample: self.samples.iter().map(sample).collect(),
            mapping: vec![
                proto::Mapping {
                    id: 7,
                    memory_start: self.start,
                    memory_limit: self.start + 0x1000,
                    filename: 6,
                    build_id: 7,
                    has_functions: true,
                    has_line_numbers: self.first_id.is_multiple_of(2),
                    ..proto::Mapping::default()
                },
                proto::Mapping {
                    id: 9,
                    memory_start: 0x7000_0000,
                    memory_limit: 0x7000_2000,
                    filename: 8,
                    ..proto::Mapping::default()
                },
            ],
            location: (0..8).map(location).collect(),
            function: vec![
                function(0, 9, 10, 11),
                function(1, 12, 12, 11),
                function(2, 12, 12, 0),
                function(3, 13, 13, 0),
                function(4, 14, 14, 11),
            ],
            string_table: texts,
            time_nanos: self.times.0,
            duration_nanos: self.times.1,
            period_type: Some(value_type(23, 2)),
            period: self.times.1 % 1000,
            comment: vec![24, 27],
            default_sample_type: 3,
            block_length: if self.has_blocks { vec![700_000_000_000, 2] } else { Vec::new() },
            ..proto::Profile::default()
        }
    }
}

/// Writes profiles as files, and returns their names.
pub(crate) fn write_all(directory: &Path, profiles: &[proto::Profile]) -> Vec<String> {
    let write = |(at, profile): (usize, &proto::Profile)| {
        let path = directory.join(format!("{at}.pb.gz"));
        let mut file = std::fs::File::create(&path).unwrap();
        pprof_format::write_message(profile, &mut file).unwrap();
        text(&path)
    };
    profiles.iter().enumerate().map(write).collect()
}

/// What `perf2pprof merge` makes of messages.
pub(crate) fn merged(messages: &[Vec<u8>]) -> proto::Profile {
    let mut merger = Merger::new(session::event_name);
    for message in messages {
        merger.add(message).unwrap();
    }
    let mut bytes = Vec::new();
    merger.encode(&mut bytes).unwrap();
    read(&bytes).unwrap()
}

/// The same for profiles.
pub(crate) fn merged_profiles(profiles: &[proto::Profile]) -> proto::Profile {
    merged(&profiles.iter().map(encode).collect::<Vec<_>>())
}

/// Everything that a profile says of samples and once, without order and ids.
#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    /// By stack and labels.
    pub(crate) samples: BTreeMap<String, Vec<i64>>,
    /// What is counted.
    pub(crate) types: Vec<String>,
    /// What the profile says once.
    pub(crate) once: Vec<String>,
    /// The program.
    pub(crate) main: Option<String>,
}

/// What a profile says.
pub(crate) fn said(profile: &proto::Profile) -> Said {
    let text = |index: i64| profile.text(index).unwrap();
    let mapping = |row: &proto::Mapping| {
        let file = if row.build_id == 0 { text(row.filename) } else { "" };
        let size = (row.memory_limit - row.memory_start).next_multiple_of(4096);
        let has =
            [row.has_functions, row.has_filenames, row.has_line_numbers, row.has_inline_frames];
        format!("{file} {} {size:x} {:x} {has:?}", text(row.build_id), row.file_offset)
    };
    let functions: BTreeMap<u64, String> = profile
        .function
        .iter()
        .map(|row| {
            let texts = [row.name, row.system_name, row.filename].map(text);
            (row.id, format!("{}:{}", texts.join(":"), row.start_line))
        })
        .collect();
    let locations: BTreeMap<u64, String> = profile
        .location
        .iter()
        .map(|row| {
            let within = profile.mapping.iter().find(|mapping| mapping.id == row.mapping_id);
            let start = within.map_or(0, |mapping| mapping.memory_start);
            let mut said = within.map(mapping).unwrap_or_default();
            let address = row.address.wrapping_sub(start);
            write!(said, " {address:x} {}", row.is_folded).unwrap();
            for line in &row.line {
                write!(said, " | {} {}", functions[&line.function_id], line.line).unwrap();
            }
            (row.id, said)
        })
        .collect();
    let mut samples = BTreeMap::new();
    for sample in &profile.sample {
        let mut key: Vec<&str> = Vec::new();
        sample.location_id.iter().for_each(|id| key.push(&locations[id]));
        let mut labels: Vec<String> = sample
            .label
            .iter()
            .map(|row| {
                format!("{}={} {} {}", text(row.key), text(row.str), row.num, text(row.num_unit))
            })
            .collect();
        labels.sort();
        let key = format!("{}\n{}", key.join("\n"), labels.join(", "));
        assert!(samples.insert(key, sample.value.clone()).is_none(), "a row is there twice");
    }
    let mut comments: Vec<_> = profile.comment.iter().map(|comment| text(*comment)).collect();
    comments.sort_unstable();
    let shown = |row: &proto::ValueType| format!("{} {}", text(row.r#type), text(row.unit));
    Said {
        samples,
        types: profile.sample_type.iter().map(shown).collect(),
        once: vec![
            format!("{} {} {}", profile.time_nanos, profile.duration_nanos, profile.period),
            profile.period_type.as_ref().map(shown).unwrap_or_default(),
            text(profile.default_sample_type).to_owned(),
            comments.join("\n"),
        ],
        main: profile.mapping.first().map(|row| text(row.filename).to_owned()),
    }
}

/// The recordings of the repository.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// The profile in a file.
pub(crate) fn profile_in(path: &Path) -> proto::Profile {
    read(&std::fs::read(path).unwrap()).unwrap()
}

/// The profile of all that is in tables, or of a part.
pub(crate) fn selected(tables: &Path, condition: &str) -> proto::Profile {
    let out = tables.with_extension("selected.pb.gz");
    fleet(&["pprof", &text(tables), "--where", condition, "-o", &text(&out), "--quiet"]).unwrap();
    profile_in(&out)
}

/// The files of a directory, by their names below it.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let store = fleet::store::Store::Local(directory.to_owned());
    let entries = store.list("").unwrap().into_iter();
    entries
        .map(|entry| (entry.name.clone(), std::fs::read(directory.join(entry.name)).unwrap()))
        .collect()
}
