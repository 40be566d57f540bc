//! `perf2pprof merge`, of recordings and of profiles.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use pprof_format::{proto, read};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// Runs it, and returns what it prints; an error as it stands.
fn run(directory: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
        .current_dir(directory)
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn profile(path: &Path) -> proto::Profile {
    read(&std::fs::read(path).unwrap()).unwrap()
}

fn totals(profile: &proto::Profile) -> Vec<i64> {
    (0..profile.sample_type.len())
        .map(|column| profile.sample.iter().map(|sample| sample.value[column]).sum())
        .collect()
}

#[test]
fn recordings_and_profiles_add_up() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let (one, other) = (fixture("envoy.perf"), fixture("edge-proxy/edge-proxy.perf"));
    let (one, other) = (one.to_str().unwrap(), other.to_str().unwrap());
    run(at, &[one, "-q", "-o", "one.pb.gz"]).unwrap();
    run(at, &[other, "-q", "-o", "other.pb.gz"]).unwrap();
    run(at, &["merge", one, "other.pb.gz", one, "-q", "-o", "sum.pb.gz"]).unwrap();
    let sum = profile(&at.join("sum.pb.gz"));
    let (one, other) = (profile(&at.join("one.pb.gz")), profile(&at.join("other.pb.gz")));
    let expected: Vec<i64> =
        totals(&one).iter().zip(totals(&other)).map(|(one, other)| 2 * one + other).collect();
    assert_eq!(totals(&sum), expected);
    assert_eq!(sum.sample.len(), one.sample.len() + other.sample.len());
    assert_eq!(sum.duration_nanos, 2 * one.duration_nanos + other.duration_nanos);
    assert_eq!(sum.time_nanos, one.time_nanos.min(other.time_nanos));
    let lengths: u64 = sum.block_length.iter().sum();
    assert_eq!(lengths, sum.duration_nanos.cast_unsigned());
}

#[test]
fn threads_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let (one, other) = (fixture("envoy.perf"), fixture("edge-proxy/edge-proxy.perf"));
    for threads in ["1", "3"] {
        let inputs = [one.to_str().unwrap(), other.to_str().unwrap(), one.to_str().unwrap()];
        let mut arguments = vec!["merge", "-q", "--threads", threads, "-o", threads];
        arguments.extend(inputs);
        run(at, &arguments).unwrap();
    }
    assert_eq!(std::fs::read(at.join("1")).unwrap(), std::fs::read(at.join("3")).unwrap());
}

/// The difference of sums is the difference of what was summed.
#[test]
fn merging_and_then_comparing_is_comparing_all() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let recording = recording.to_str().unwrap();
    for (name, time) in [("a", "0%,20%"), ("b", "20%,50%"), ("c", "50%,70%"), ("d", "70%,100%")] {
        run(at, &[recording, "-q", "--time", time, "-o", name]).unwrap();
    }
    run(at, &["merge", "-q", "a", "b", "-o", "ab"]).unwrap();
    run(at, &["merge", "-q", "c", "d", "-o", "cd"]).unwrap();
    run(at, &["diff", "a", "b", "--json", "parts.json", "--", "c", "d"]).unwrap();
    run(at, &["diff", "ab", "--json", "sums.json", "--", "cd"]).unwrap();
    let table = |name: &str| {
        let text = std::fs::read_to_string(at.join(name)).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut rows: Vec<_> = json["functions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let weights = |kind: &str| {
                    let weight = |side: &str| row[kind][side].as_f64().unwrap().to_string();
                    format!("{} {}", weight("base_weight"), weight("head_weight"))
                };
                format!("{} {} {} {}", row["name"], row["file"], weights("self"), weights("total"))
            })
            .collect();
        rows.sort();
        rows
    };
    let (parts, sums) = (table("parts.json"), table("sums.json"));
    assert!(parts.len() > 100, "{}", parts.len());
    assert_eq!(parts, sums);
}

#[test]
fn what_does_not_add_up_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let (one, other) = (fixture("envoy.perf"), fixture("small/multi-event.perf"));
    let (one, other) = (one.to_str().unwrap(), other.to_str().unwrap());
    let error = run(at, &["merge", one, other, "-o", "sum.pb.gz"]).unwrap_err();
    assert!(error.contains("where the others have cpu-clock_sample (count)"), "{error}");
    assert!(
        error.contains("hint: merge what was recorded with one `perf record -e EVENT`"),
        "{error}"
    );
    assert!(!at.join("sum.pb.gz").exists());
    std::fs::write(at.join("text"), "no profile").unwrap();
    let error = run(at, &["merge", one, "text", "-o", "sum.pb.gz"]).unwrap_err();
    assert!(error.contains("`text`"), "{error}");
}
