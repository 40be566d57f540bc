//! Halves of one recording differ by chance alone, and that is not to be called a change.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn calibrate(arguments: &[&str], recordings: &[PathBuf]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
        .arg("diff")
        .args(arguments)
        .args(recordings)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn false_regressions(text: &str) -> u32 {
    let line = text.lines().find_map(|line| line.strip_prefix("false regressions: ")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Of 200 splits each, of all recordings together, in one at most.
#[test]
fn halves_of_a_recording_do_not_differ() {
    let production = root().join("../shared/corpus/envoy/production-1.17.0.perf");
    let mut recordings = vec![root().join("fixtures/edge-proxy/edge-proxy.perf")];
    if production.is_file() {
        recordings.push(production);
    } else {
        eprintln!("skipped in part: no `{}`", production.display());
    }
    let mut alarms = 0;
    for recording in recordings {
        let text = calibrate(&["--calibrate"], &[recording]);
        eprintln!("{text}");
        assert!(text.starts_with("200 random splits of `"), "{text}");
        assert!(text.contains("made dearer by 2.0 pp: found in "), "{text}");
        alarms += false_regressions(&text);
    }
    assert!(alarms <= 1, "{alarms}");
}

#[test]
fn runs_are_dealt_whole_too() {
    let recording = root().join("fixtures/edge-proxy/edge-proxy.perf");
    let text = calibrate(&["--calibrate=20"], &[recording.clone(), recording]);
    assert!(text.starts_with("20 random splits of 2 runs in "), "{text}");
    assert!(text.contains("half of the splits deal whole runs"), "{text}");
}
