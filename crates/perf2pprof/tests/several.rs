//! Several recordings, one profile.
#![allow(missing_docs, clippy::unwrap_used)]

mod running;

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use running::{fixture, run_in, text};

fn summary(args: &[&str]) -> (TempDir, Value) {
    let dir = tempfile::tempdir().unwrap();
    let output = run_in(dir.path(), &[args, &["--no-symbols", "--summary", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (dir, serde_json::from_slice(&output.stdout).unwrap())
}

const ONE: &str = "small/fork-exec.perf";
const OTHER: &str = "small/dlopen.perf";

#[test]
fn totals_add_up_in_every_output() {
    let (one, other) = (fixture(ONE), fixture(OTHER));
    let event = |summary: &Value, of: &str| summary["events"][0][of].as_u64().unwrap();
    let (of_one, of_other) = (summary(&[text(&one)]).1, summary(&[text(&other)]).1);
    let (dir, both) = summary(&[text(&one), text(&other), "-o", "p.pb.gz", "--folded", "p.folded"]);
    for of in ["samples", "weight"] {
        assert_eq!(event(&both, of), event(&of_one, of) + event(&of_other, of), "{of}");
    }
    let profile = pprof_format::read(&fs::read(dir.path().join("p.pb.gz")).unwrap()).unwrap();
    let sum: i64 = profile.sample.iter().map(|sample| sample.value[1]).sum();
    assert_eq!(u64::try_from(sum).unwrap(), event(&both, "weight"));
    let folded = fs::read_to_string(dir.path().join("p.folded")).unwrap();
    let weight = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    assert_eq!(folded.lines().map(weight).sum::<u64>(), event(&both, "weight"));
    let seconds = |summary: &Value| summary["duration_seconds"].as_f64().unwrap();
    assert!((seconds(&both) - seconds(&of_one) - seconds(&of_other)).abs() < 1e-6);
}

#[test]
fn outputs_are_named_after_the_first_and_the_summary_names_all() {
    let (one, other) = (fixture(ONE), fixture(OTHER));
    let dir = tempfile::tempdir().unwrap();
    let output = run_in(dir.path(), &[text(&one), text(&other), "--no-symbols"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("fork-exec.perf`") && text.contains("dlopen.perf`"), "{text}");
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["fork-exec.pb.gz", "fork-exec.svg"]);
}

/// A series in the order of time, whatever the order in which its files are named.
#[test]
fn the_order_of_the_arguments_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let names = ["perf.data.1", "perf.data.2"];
    for (name, recording) in names.iter().zip([ONE, OTHER]) {
        let path = dir.path().join(name);
        fs::copy(fixture(recording), &path).unwrap();
        let hours = if *name == "perf.data.1" { 1 } else { 2 };
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(3600 * hours);
        fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    }
    let profile = |order: [&str; 2]| {
        let args = [order[0], order[1], "-o", "p.pb.gz", "-q", "--no-symbols"];
        assert!(run_in(dir.path(), &args).status.success());
        fs::read(dir.path().join("p.pb.gz")).unwrap()
    };
    assert!(profile(names) == profile([names[1], names[0]]));
}

#[test]
fn recordings_of_other_events_are_refused_unless_one_event_is_common() {
    let (one, other) = (fixture(ONE), fixture("small/multi-event.perf"));
    let dir = tempfile::tempdir().unwrap();
    let output = run_in(dir.path(), &[text(&one), text(&other), "--no-symbols"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("multi-event.perf") && error.contains("cannot be added to"), "{error}");
    assert!(error.contains("hint: `--event NAME`"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    summary(&[text(&one), text(&other), "--event", "cpu-clock", "-o", "p.pb.gz"]);
}

#[test]
fn no_recording_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(fixture(OTHER), dir.path().join("b.perf")).unwrap();
    let output = run_in(dir.path(), &[text(&fixture(ONE)), "b.perf", "-o", "b.perf"]);
    assert_eq!(output.status.code(), Some(2));
}
