//! Selecting on the command line: what is taken, what is said of the rest.
#![allow(missing_docs, clippy::unwrap_used)]

mod running;

use std::fs;

use serde_json::Value;

use running::{fixture, run_in, text};

/// The summary and the profile of a conversion.
fn convert(args: &[&str]) -> (Value, pprof_format::proto::Profile) {
    let dir = tempfile::tempdir().unwrap();
    let fixed = ["-o", "p.pb.gz", "--no-symbols", "--summary", "json"];
    let output = run_in(dir.path(), &[args, &fixed].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let profile = pprof_format::read(&fs::read(dir.path().join("p.pb.gz")).unwrap()).unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), profile)
}

fn comments(profile: &pprof_format::proto::Profile) -> Vec<&str> {
    profile.comment.iter().filter_map(|&comment| profile.text(comment)).collect()
}

#[test]
fn what_is_left_out_is_counted_in_the_summary_and_in_the_profile() {
    let recording = fixture("envoy.perf");
    let (all, _) = convert(&[text(&recording)]);
    let (some, profile) =
        convert(&[text(&recording), "--thread", "wrk:worker_0", "--time", "50%,"]);
    let total = |of: &Value| (of["samples"].as_u64().unwrap(), of["weight"].as_u64().unwrap());
    let (taken, left) = (total(&some["events"][0]), total(&some["left_out"][0]));
    assert!(taken.0 > 0 && left.0 > 0);
    assert_eq!((taken.0 + left.0, taken.1 + left.1), total(&all["events"][0]));
    assert_eq!(some["selection"], "--thread wrk:worker_0 --time 50%,");
    let comments = comments(&profile);
    assert!(comments.contains(&"selection:--thread wrk:worker_0 --time 50%,"), "{comments:?}");
    let event = some["events"][0]["name"].as_str().unwrap();
    let expected = format!("left-out:{event}:{}:{}", left.0, left.1);
    assert!(comments.contains(&expected.as_str()), "{comments:?}");
    let shorter = some["duration_seconds"].as_f64().unwrap();
    let whole = all["duration_seconds"].as_f64().unwrap();
    assert!(shorter > 0.0 && shorter <= whole / 2.0, "{shorter} of {whole}");
}

#[test]
fn an_event_by_either_name() {
    let recording = fixture("small/multi-event.perf");
    for name in ["task-clock", "task-clock:ppp"] {
        let dir = tempfile::tempdir().unwrap();
        let output = run_in(
            dir.path(),
            &[text(&recording), "--event", name, "--no-symbols", "-o", "p.pb.gz"],
        );
        if name == "task-clock" {
            assert!(output.status.success());
        } else {
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1));
            assert!(error.contains("has no event `task-clock:ppp`"), "{error}");
            assert!(error.contains("hint: its events are `cpu-clock`, `task-clock`"), "{error}");
        }
    }
    let (summary, profile) = convert(&[text(&recording), "--event", "task-clock"]);
    assert_eq!(summary["events"].as_array().unwrap().len(), 1);
    let types: Vec<_> = profile.sample_type.iter().map(|t| profile.text(t.r#type)).collect();
    assert_eq!(types, [Some("task-clock_sample"), Some("task-clock_event")]);
    assert_eq!(summary["left_out"].as_array().unwrap().len(), 3);
}

#[test]
fn nothing_selected_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let output = run_in(dir.path(), &[text(&fixture("envoy.perf")), "--comm", "nginx"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.starts_with("error: `--comm nginx` selects none of the "), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn narrow_boxes_are_left_out_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let graph = |width: &str| {
        let recording = fixture("edge-proxy/edge-proxy.perf");
        let fixed = ["--no-symbols", "-q", "--flamegraph", "f.svg", "--min-width", width];
        let output = run_in(dir.path(), &[&[text(&recording)], &fixed[..]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(dir.path().join("f.svg")).unwrap()
    };
    let (all, wide) = (graph("0%"), graph("5%"));
    let boxes = |svg: &str| svg.matches("<rect").count();
    assert!(!all.contains("boxes of less than"));
    let left_out = boxes(&all) - boxes(&wide);
    let grouped = format!("{},{:03}", left_out / 1000, left_out % 1000);
    assert!(wide.contains(&format!("; without {grouped} boxes of less than 5 %")), "{grouped}");
    let total = |svg: &str| svg.split("total_samples=").nth(1).unwrap()[..12].to_owned();
    assert_eq!(total(&all), total(&wide));
}

#[test]
fn errors_of_usage_end_with_2() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["a.perf", "--time", "5"][..],
        &["a.perf", "--time", "5,4"],
        &["a.perf", "--time", "0%,200%"],
        &["a.perf", "--pid", "envoy"],
        &["a.perf", "--no-kernel", "--no-user"],
        &["a.perf", "--min-width", "wide"],
    ] {
        assert_eq!(run_in(dir.path(), args).status.code(), Some(2), "{args:?}");
    }
}
