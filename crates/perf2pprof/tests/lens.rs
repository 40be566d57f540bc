//! `perf2pprof lens`, and its labels in profiles, on the recordings of the fixtures.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is a failed test")]

mod running;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use pprof_format::proto;
use serde_json::Value;

use running::{fixture, run, run_ok, text};

/// The options by which the fixture's proxy is looked at.
fn edge_proxy() -> Vec<String> {
    let (debug, rules) = (fixture("edge-proxy/debug"), fixture("edge-proxy/lens-rules.toml"));
    ["--debug-image", text(&debug), "--lens-rules", text(&rules)].map(str::to_owned).to_vec()
}

fn read(path: &Path) -> proto::Profile {
    pprof_format::read(&std::fs::read(path).unwrap()).unwrap()
}

/// The labels of each sample, as texts.
fn labels(profile: &proto::Profile) -> Vec<BTreeMap<&str, &str>> {
    let text = |index| profile.text(index).unwrap();
    let of = |sample: &proto::Sample| {
        let labels: BTreeMap<_, _> =
            sample.label.iter().map(|label| (text(label.key), text(label.str))).collect();
        assert_eq!(labels.len(), sample.label.len(), "one value per key");
        labels
    };
    // The labels borrow from the profile, and so do the samples.
    profile.sample.iter().map(of).collect()
}

#[test]
fn labels_split_no_sample_and_change_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (with, without) = (dir.path().join("with.pb.gz"), dir.path().join("without.pb.gz"));
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let options = edge_proxy();
    let mut args = vec![text(&recording), "--quiet", "-o", text(&with)];
    args.extend(options.iter().map(String::as_str));
    run_ok(&args);
    let args = ["--quiet", "--no-lens", "-o", text(&without), "--debug-image", &options[1]];
    run_ok(&[&[text(&recording)][..], &args].concat());
    let (with, without) = (read(&with), read(&without));
    assert_eq!(with.sample.len(), without.sample.len());
    for (one, other) in with.sample.iter().zip(&without.sample) {
        assert_eq!((&one.location_id, &one.value), (&other.location_id, &other.value));
        assert_eq!(one.block_cell, other.block_cell);
    }
    assert_eq!(with.location, without.location.clone());
    let labels = labels(&with);
    assert!(labels.iter().all(|labels| labels.contains_key("subsystem")));
    assert!(labels.iter().all(|labels| labels.contains_key("work")));
    assert!(labels.iter().all(|labels| !labels["thread_role"].is_empty()));
    let has = |key, value| labels.iter().any(|labels| labels.get(key) == Some(&value));
    assert!(has("filter", "compressor") && has("direction", "upstream"));
    assert!(has("subsystem", "caller lost") && has("thread_role", "worker"));
}

#[test]
fn an_envoy_is_labelled_without_being_asked_and_no_other_program_is() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.pb.gz");
    let keys = |recording: &str, more: &[&str]| {
        let recording = fixture(recording);
        run_ok(&[&[text(&recording), "--quiet", "-o", text(&out)], more].concat());
        let profile = read(&out);
        let labels = labels(&profile);
        labels.iter().any(|labels| labels.contains_key("subsystem"))
    };
    assert!(keys("envoy.perf", &[]));
    assert!(!keys("envoy.perf", &["--no-lens"]));
    assert!(!keys("envoy.perf", &["--no-symbols"]), "it may get its names later");
    assert!(!keys("edge-proxy/edge-proxy.perf", &[]));
    assert!(keys("edge-proxy/edge-proxy.perf", &["--lens"]));
    // Standing in for perf_to_profile, it never is.
    let recording = fixture("envoy.perf");
    let status = Command::new(env!("CARGO_BIN_EXE_perf_to_profile"))
        .args(["-i", text(&recording), "-o", text(&out), "-f"])
        .status()
        .unwrap();
    assert!(status.success());
    assert!(labels(&read(&out)).iter().all(|labels| !labels.contains_key("subsystem")));
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&run_ok(&[args, &["--json", "-"]].concat())).unwrap()
}

/// What the parts of a list weigh together.
fn sum(list: &Value) -> u64 {
    list.as_array().unwrap().iter().map(|part| part["weight"].as_u64().unwrap()).sum()
}

#[test]
fn rows_and_columns_add_up_to_the_whole() {
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let options = edge_proxy();
    let mut args = vec!["lens", text(&recording)];
    args.extend(options.iter().map(String::as_str));
    let report = json(&args);
    let total = report["weight"].as_u64().unwrap();
    for margin in ["subsystems", "works", "cells", "directions", "rules", "threads"] {
        assert_eq!(sum(&report[margin]), total, "{margin}");
    }
    let printed = run_ok(&args);
    assert!(printed.lines().any(|line| line.starts_with("all") && line.contains(" 100.0%")));
    let tenths = |line: &str| -> u32 {
        let share = line.split_whitespace().find_map(|word| word.strip_suffix('%')).unwrap();
        share.replace('.', "").parse().unwrap()
    };
    let rows = printed.lines().skip_while(|line| !line.starts_with("subsystem")).skip(1);
    let rows =
        rows.take_while(|line| !line.starts_with("all ")).filter(|line| !line.starts_with("--"));
    assert_eq!(rows.map(tenths).sum::<u32>(), 1000, "{printed}");
}

#[test]
fn a_profile_made_earlier_has_the_same_answers() {
    let dir = tempfile::tempdir().unwrap();
    let made = dir.path().join("edge-proxy.pb.gz");
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let options = edge_proxy();
    let labels = "comm,thread_comm,pid,tid";
    let debug = ["--debug-image", options[1].as_str()];
    let args = [&[text(&recording), "--quiet", "--labels", labels, "-o", text(&made)], &debug[..]];
    run_ok(&args.concat());
    let rules = ["--lens-rules", options[3].as_str()];
    let of_profile = json(&[&["lens", text(&made)], &rules[..]].concat());
    let of_recording = json(&[&["lens", text(&recording)], &debug[..], &rules[..]].concat());
    for part in ["cells", "filters", "directions", "threads", "workers"] {
        assert_eq!(of_profile[part], of_recording[part], "{part}");
    }
}

#[test]
fn an_envoy_without_symbols_is_told_how_to_get_them() {
    let recording = fixture("envoy.perf");
    let printed = run_ok(&["lens", text(&recording), "--sysroot", "/nonexistent"]);
    assert!(printed.contains("\nunsymbolized "), "{printed}");
    assert!(printed.contains("--debug-image docker://envoyproxy/envoy:debug-v1.40.0"), "{printed}");
    assert!(printed.contains("perf2pprof lens "), "{printed}");
    assert!(printed.contains("do not show time spent waiting"), "{printed}");
}

#[test]
fn graphs_weigh_what_the_samples_do_and_have_a_legend() {
    let dir = tempfile::tempdir().unwrap();
    let (roll_up, colored) = (dir.path().join("rollup.svg"), dir.path().join("subsystems.svg"));
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let options = edge_proxy();
    let mut args = vec!["lens", text(&recording)];
    args.extend(options.iter().map(String::as_str));
    args.extend(["--rollup", text(&roll_up), "--flamegraph", text(&colored)]);
    let report = json(&args);
    let total = report["weight"].as_u64().unwrap();
    for path in [&roll_up, &colored] {
        let svg = std::fs::read_to_string(path).unwrap();
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
        let document = roxmltree::Document::parse_with_options(&svg, options).unwrap();
        let frames = document.descendants().find(|node| node.attribute("id") == Some("frames"));
        let drawn = frames.unwrap().attribute("total_samples").unwrap();
        assert_eq!(drawn.parse::<u64>().unwrap(), total);
        let legend = document.descendants().find(|node| node.attribute("id") == Some("subtitle"));
        let legend: String = legend.unwrap().descendants().filter_map(|node| node.text()).collect();
        assert!(legend.contains("http.filter"), "{legend}");
        assert!(legend.contains("none, or not known"), "{legend}");
    }
    let svg = std::fs::read_to_string(&roll_up).unwrap();
    assert!(svg.contains("<title>json_redact ("), "no box of a filter");
}

#[test]
fn markdown_has_the_table() {
    let recording = fixture("envoy.perf");
    let markdown = run_ok(&["lens", text(&recording), "--markdown", "-"]);
    assert!(markdown.starts_with("### Where in Envoy\n"), "{markdown}");
    assert!(markdown.contains("\n| *unsymbolized* | "), "{markdown}");
    assert!(markdown.contains("| wrk:worker\\_0 | worker | "), "{markdown}");
}

#[test]
fn wrong_rules_are_refused_by_line_and_rule() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.toml");
    let content = "version = 1\n[[rule]]\nid = \"mine\"\nns = [\"Acme\"]\nclass = \"owner\"\n";
    std::fs::write(&rules, content).unwrap();
    let recording = fixture("envoy.perf");
    let output = run(&["lens", text(&recording), "--lens-rules", text(&rules)]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    let expected = "has no rules for the lens: line 2: rule `mine`: its class needs `subsystem`\n";
    assert!(error.contains(expected), "{error}");
    assert!(error.contains("hint: docs/lens.md"), "{error}");
}
