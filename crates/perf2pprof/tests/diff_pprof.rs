//! The profile of a difference: lines as each side has them, and the types of what was compared.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use pprof_format::{encode, proto, read};

fn run(directory: &Path, arguments: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
        .current_dir(directory)
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn profile(path: &Path) -> proto::Profile {
    read(&std::fs::read(path).unwrap()).unwrap()
}

/// By function, file and line of the innermost call, and sign: all values.
fn by_line(profile: &proto::Profile) -> BTreeMap<(String, String, i64), Vec<i64>> {
    let mut lines: BTreeMap<_, Vec<i64>> = BTreeMap::new();
    for sample in &profile.sample {
        let location = profile.location.iter().find(|row| row.id == sample.location_id[0]).unwrap();
        let Some(line) = location.line.first() else { continue };
        let function = profile.function.iter().find(|row| row.id == line.function_id).unwrap();
        let text = |index| profile.text(index).unwrap().to_owned();
        let key = (text(function.name), text(function.filename), line.line);
        let sums = lines.entry(key).or_insert_with(|| vec![0; sample.value.len()]);
        sums.iter_mut().zip(&sample.value).for_each(|(sum, value)| *sum += value);
    }
    lines
}

fn kinds(profile: &proto::Profile) -> Vec<(String, String)> {
    let text = |index| profile.text(index).unwrap().to_owned();
    profile.sample_type.iter().map(|kind| (text(kind.r#type), text(kind.unit))).collect()
}

/// All that one side has, and of the other nothing: the same lines with the same values.
#[test]
fn lines_are_those_of_the_samples() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy");
    let (recording, debug) = (fixture.join("edge-proxy.perf"), fixture.join("debug"));
    let at = |name: &str| directory.path().join(name);
    for (name, time) in [("base", "0%,50%"), ("head", "50%,100%")] {
        let (recording, debug) = (recording.display(), debug.display());
        let source = format!("{recording} -q --debug-image {debug}");
        run(directory.path(), &format!("{source} --time {time} -o {name}"));
    }
    run(directory.path(), "diff -o difference base -- head");
    let difference = profile(&at("difference"));
    assert_eq!(kinds(&difference), kinds(&profile(&at("head"))));
    assert!(difference.mapping[0].has_line_numbers);
    for (name, sign) in [("head", 1), ("base", -1)] {
        let mut side = difference.clone();
        side.sample.retain(|sample| sample.label.is_empty() == (sign == 1));
        let theirs = by_line(&profile(&at(name)));
        let ours = by_line(&side);
        let mut compared = 0;
        for (key, values) in theirs.iter().filter(|(key, _)| key.2 > 0) {
            // Numbered lambdas are one function here, and what has no name or several files is called otherwise.
            let Some(found) = ours.get(key) else { continue };
            let found: Vec<i64> = found.iter().map(|value| sign * value).collect();
            assert_eq!(&found, values, "{name}: {key:?}");
            compared += 1;
        }
        assert!(compared > 150, "{name}: {compared} of {}", theirs.len());
    }
    // What counts the same can be added up, by pprof and by us.
    run(directory.path(), "merge -q difference base -o sum");
}

/// A profile as Go writes it.
fn go(samples: i64) -> Vec<u8> {
    let texts = [
        "",
        "samples",
        "count",
        "cpu",
        "nanoseconds",
        "main.run",
        "/src/main.go",
        "alloc",
        "bytes",
    ];
    let kind = |name, unit| proto::ValueType { r#type: name, unit };
    encode(&proto::Profile {
        string_table: texts.map(str::to_owned).to_vec(),
        sample_type: vec![kind(1, 2), kind(7, 8), kind(3, 4)],
        period_type: Some(kind(3, 4)),
        mapping: vec![proto::Mapping { id: 1, has_functions: true, ..Default::default() }],
        location: vec![proto::Location {
            id: 1,
            mapping_id: 1,
            line: vec![proto::Line { function_id: 1, line: 12, column: 0 }],
            ..Default::default()
        }],
        function: vec![proto::Function { id: 1, name: 5, filename: 6, ..Default::default() }],
        sample: vec![proto::Sample {
            location_id: vec![1],
            value: vec![samples, 512, samples * 10_000_000],
            ..Default::default()
        }],
        ..Default::default()
    })
}

#[test]
fn what_other_tools_count_keeps_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::write(at("base"), go(1000)).unwrap();
    std::fs::write(at("head"), go(1200)).unwrap();
    run(directory.path(), "diff -o difference base -- head");
    let difference = profile(&at("difference"));
    assert_eq!(kinds(&difference), kinds(&profile(&at("base"))));
    assert_eq!(difference.default_sample_type, 0);
    let key = ("main.run".to_owned(), "/src/main.go".to_owned(), 12);
    assert_eq!(by_line(&difference), BTreeMap::from([(key, vec![200, 0, 2_000_000_000])]));
    run(directory.path(), "merge -q difference base -o sum");
    let sum = by_line(&profile(&at("sum")));
    assert_eq!(sum.into_values().next().unwrap(), [1200, 512, 12_000_000_000]);
}
