//! Cost per request, by the counters of the Envoy that was recorded.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let directory = root.join("shared/corpus/envoy-stats");
    if !directory.is_dir() {
        eprintln!("skipped: no `{}`", directory.display());
        return None;
    }
    Some(directory)
}

fn diff(directory: &Path, options: &[&str]) -> Output {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let recording = recording.join("shared/corpus/envoy-stats/envoy.perf");
    Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
        .current_dir(directory)
        .args(["diff", "--base"])
        .arg(&recording)
        .arg("--head")
        .arg(recording)
        .args(options)
        .output()
        .unwrap()
}

fn refused(directory: &Path, base_stats: &str, options: &[&str]) -> String {
    let good = "0-before.txt,2-after.txt";
    let head = format!("{}/{}", corpus().unwrap().display(), good.replace(',', ",CORPUS/"));
    let head = head.replace("CORPUS", &corpus().unwrap().display().to_string());
    let mut all = vec!["--base-stats", base_stats, "--head-stats", &head];
    all.extend(options);
    let output = diff(directory, &all);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_cost_of_a_request_is_that_of_the_load_generators_count() {
    let Some(corpus) = corpus() else { return };
    for after in
        ["0-before.txt,2-after.txt", "0-before.json,2-after.json", "0-before.prom,2-after.prom"]
    {
        let output = diff(&corpus, &["--base-stats", after, "--head-stats", after]);
        let text = String::from_utf8(output.stdout).unwrap();
        // 12.5 CPU seconds and 79,312 requests.
        assert!(text.contains("CPU nanoseconds per request: 157.9k -> 157.9k, +0.0 % ["), "{text}");
        assert!(text.contains("+0.0 ns/request"), "{text}");
    }
}

#[test]
fn a_dearer_request_fails_the_gate() {
    let Some(corpus) = corpus() else { return };
    let directory = tempfile::tempdir().unwrap();
    // The same recording with two thirds of the requests: each costs half as much again.
    let after = std::fs::read_to_string(corpus.join("2-after.txt")).unwrap();
    let fewer = after
        .replace("http.h1.downstream_rq_total: 29994", "http.h1.downstream_rq_total: 3557")
        .replace(
            "http.h1.downstream_rq_http1_total: 29994",
            "http.h1.downstream_rq_http1_total: 3557",
        );
    std::fs::write(directory.path().join("after.txt"), fewer).unwrap();
    std::fs::copy(corpus.join("0-before.txt"), directory.path().join("before.txt")).unwrap();
    let before = format!("{0}/0-before.txt,{0}/2-after.txt", corpus.display());
    let options = ["--base-stats", &before, "--head-stats", "before.txt,after.txt"];
    let gate = ["--fail-on", "regression", "--max-regression", "10%"];
    let output = diff(directory.path(), &[&options[..], &gate].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("CPU nanoseconds per request: 157.9k -> 236.9k, +50.0 % ["), "{text}");
    assert!(text.contains("everything may become dearer by 10.0 %, and did by 50.0 %"), "{text}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn what_cannot_be_counted_is_refused_with_the_reason() {
    let Some(corpus) = corpus() else { return };
    let refused = |stats: &str, options: &[&str]| refused(&corpus, stats, options);
    let reset = refused("2-after.txt,3-after-reset.txt", &[]);
    assert!(reset.contains("fell from ") && reset.contains("hint: record again"), "{reset}");
    let restarted = refused("hotrestart/0-epoch0.txt,hotrestart/4-epoch1-end.txt", &[]);
    assert!(restarted.contains("Envoy was restarted between the snapshots"), "{restarted}");
    let missing = refused("0-before.txt,2-after.txt", &["--per", "http.h9.downstream_rq_total"]);
    assert!(missing.contains("there is no counter `http.h9.downstream_rq_total`"), "{missing}");
    assert!(missing.contains("hint: there is `"), "{missing}");
    let nothing = refused("2-after.txt,2-after.txt", &[]);
    assert!(nothing.contains("did not grow between the snapshots"), "{nothing}");
    let other_form = refused("0-before.txt,2-after.prom", &[]);
    assert!(other_form.contains("those for Prometheus"), "{other_form}");
    let no_snapshot = refused("envoy.perf,2-after.txt", &[]);
    assert!(
        no_snapshot.contains("is no snapshot of Envoy's counters: it is not text"),
        "{no_snapshot}"
    );
    let no_file = refused("none.txt,2-after.txt", &[]);
    assert!(no_file.contains("cannot open `none.txt`: no such file or directory"), "{no_file}");
}

/// The corpus' snapshots with another `/server_info`.
fn with_info(corpus: &Path, commit: &str, uptimes: [u64; 2]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, uptime) in ["0-before", "2-after"].into_iter().zip(uptimes) {
        let file = |end: &str| directory.path().join(format!("{name}{end}"));
        std::fs::copy(corpus.join(format!("{name}.txt")), file(".txt")).unwrap();
        let info = format!(
            r#"{{"version": "{commit}/1.40.0/Clean", "uptime_current_epoch": "{uptime}s", "uptime_all_epochs": "{uptime}s"}}"#
        );
        std::fs::write(file(".server_info.json"), info).unwrap();
    }
    directory
}

const COMMIT: &str = "9e5580933739775e8bce696a57a2e1bc99368f23";

#[test]
fn server_info_beside_a_snapshot_is_checked() {
    let Some(corpus) = corpus() else { return };
    let refused = |directory: &Path| refused(directory, "0-before.txt,2-after.txt", &[]);
    let other = with_info(&corpus, &"ab".repeat(20), [0, 21]);
    let text = refused(other.path());
    let expected = format!(": {}, not {COMMIT}", "ab".repeat(20));
    assert!(text.contains("is of another build than") && text.contains(&expected), "{text}");
    let restarted = with_info(&corpus, COMMIT, [300, 21]);
    let text = refused(restarted.path());
    assert!(text.contains("Envoy was restarted between the snapshots"), "{text}");
    let within = with_info(&corpus, COMMIT, [100, 105]);
    let text = refused(within.path());
    assert!(text.contains("are at most 6 s apart"), "{text}");
}

#[test]
fn snapshots_that_are_wider_than_the_recording_are_scaled_and_that_is_said() {
    let Some(corpus) = corpus() else { return };
    let wider = with_info(&corpus, COMMIT, [0, 40]);
    let pair = "0-before.txt,2-after.txt";
    let output = diff(wider.path(), &["--base-stats", pair, "--head-stats", pair]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("are 40 s apart, and it was recorded for 19.6 s"), "{text}");
    assert!(text.contains("of 79312 counted, "), "{text}");
    assert!(output.status.success());
    // Whole seconds do not show that 21 s are wider than 19.6 s.
    let fitting = with_info(&corpus, COMMIT, [0, 21]);
    let output = diff(fitting.path(), &["--base-stats", pair, "--head-stats", pair]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(!text.contains("snapshots"), "{text}");
}

#[test]
fn each_recording_needs_its_pair() {
    let Some(corpus) = corpus() else { return };
    let pair = "0-before.txt,2-after.txt";
    let two = ["--base-stats", pair, "--base-stats", pair, "--head-stats", pair];
    let text = String::from_utf8(diff(&corpus, &two).stderr).unwrap();
    assert!(
        text.contains("as many pairs of snapshots as recordings are needed, not 2 and 1"),
        "{text}"
    );
    assert_eq!(diff(&corpus, &["--base-stats", pair]).status.code(), Some(2));
    assert_eq!(diff(&corpus, &["--per", "bytes"]).status.code(), Some(2));
}
