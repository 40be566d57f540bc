//! Which samples a condition means, and what is said of one that makes no sense.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::PathBuf;

use clap::Parser;
use common::{fixture, fleet, said, selected, text};
use fleet::filter::Filter;
use tempfile::TempDir;

/// Two recordings of two services and versions.
fn tables() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    for (recording, path) in [
        ("small/multi-event.perf", "edge/1.39.0/a/2026-01-02T03:04:05Z.perf"),
        ("small/fork-exec.perf", "inner/1.40.0/b/2026-01-09T03:04:05Z.perf"),
    ] {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(fixture(recording), path).unwrap();
    }
    let tables = directory.path().join("tables");
    let template = "{service}/{version}/{pod}/{time}.perf";
    let inputs = ["edge", "inner"].map(|name| text(&directory.path().join(name)));
    let args = ["export", "--quiet", "--label", "zone=b", "--path-template", template];
    fleet(&[&args[..], &[&inputs[0], &inputs[1], "-o", &text(&tables)]].concat()).unwrap();
    (directory, tables)
}

/// The sum of the weights, by what is counted.
fn weight(tables: &std::path::Path, condition: &str) -> i64 {
    let said = said(&selected(tables, condition));
    let weights = said.samples.values().flat_map(|values| values.iter().skip(1).step_by(2));
    weights.sum()
}

fn refused(tables: &std::path::Path, condition: &str) -> String {
    let out = text(&tables.with_extension("pb.gz"));
    let args = ["perf2pprof-fleet", "pprof", &text(tables), "--where", condition, "-q", "-o", &out];
    match fleet::Args::try_parse_from(args) {
        Err(usage) => usage.to_string(),
        Ok(args) => args.command.run().unwrap_err().to_string(),
    }
}

#[test]
fn conditions_select_recordings_and_samples() {
    let (_directory, tables) = tables();
    let of = |condition: &str| weight(&tables, condition);
    let edge = "service = 'edge' AND event = 'cpu-clock'";
    let all = of(edge);
    assert!(all > 0);
    for same in [
        "SERVICE IN ('edge', 'other') AND event = 'cpu-clock' AND version LIKE '1.39.%'",
        "event = 'cpu-clock' AND version ILIKE '1.39._' AND NOT service <> 'edge'",
        "event = 'cpu-clock' AND pod = 'a' AND labels.zone = 'b' AND error IS NULL",
        "event = 'cpu-clock' AND time >= '2026-01-02' AND time < '2026-01-03'",
        "event = 'cpu-clock' AND start BETWEEN TIMESTAMP '2026-01-02 00:00:00' AND '2026-01-03'",
        "event = 'cpu-clock' AND date = '2026-01-02' AND (host IS NULL OR host IS NOT NULL)",
        "event = 'cpu-clock' AND service = 'edge' AND weight > -1 AND resolved_share <= 1.0",
        "event = 'cpu-clock' AND service = 'edge' AND NOT has_lens_labels",
    ] {
        assert_eq!(of(same), all, "{same}");
    }
    let heavy = of(&format!("{edge} AND weight >= 20000000"));
    let light = of(&format!("{edge} AND weight < 20000000"));
    assert_eq!(heavy + light, all);
    assert_eq!(of(&format!("{edge} AND thread LIKE '%calls' AND comm = thread")), all);
}

#[test]
fn what_is_meant_by_nobody_is_said() {
    let (_directory, tables) = tables();
    let refused = |condition: &str| refused(&tables, condition);
    let nothing = refused("service = 'other'");
    assert!(nothing.starts_with("error: no sample of `"), "{nothing}");
    let unknown = refused("servce = 'edge'");
    assert!(unknown.contains("there is no column `servce`; there are uri, "), "{unknown}");
    assert!(unknown.contains("thread_role"), "{unknown}");
    for (condition, part) in [
        ("version = 1.40", "`version` is to be compared with a text in quotes"),
        ("weight = 'many'", "`weight` is to be compared with a number"),
        ("time > 'noon'", "`noon` is no time"),
        ("service", "`service` alone is no condition"),
        ("service = 'edge' service", "behind the condition"),
        ("service = ", "Expected"),
        ("lower(service) = 'edge'", "is not understood"),
        ("service = 'a' || 'b'", "is not understood"),
        ("a.b = 'c'", "a label is labels.KEY"),
    ] {
        let said = refused(condition);
        assert!(said.contains(part), "{condition}: {said}");
    }
    let two = refused("event IS NOT NULL");
    assert!(two.contains("does not count the same"), "{two}");
}

#[test]
fn no_condition_is_too_deep() {
    let deep = format!("{}service = 'a'{}", "(".repeat(5000), ")".repeat(5000));
    assert!(deep.parse::<Filter>().is_err());
    let long = vec!["service = 'a'"; 800].join(" AND ");
    assert!(long.parse::<Filter>().is_ok());
    assert!(vec!["service = 'a'"; 10_000].join(" OR ").parse::<Filter>().is_err());
}

#[test]
fn values_that_are_missing_are_neither_equal_nor_different() {
    let (_directory, tables) = tables();
    let edge = "service = 'edge' AND event = 'cpu-clock'";
    let said = refused(&tables, &format!("{edge} AND filter = 'x'"));
    assert!(said.contains("no sample"), "{said}");
    let said = refused(&tables, &format!("{edge} AND NOT filter = 'x'"));
    assert!(said.contains("no sample"), "{said}");
    let said = refused(&tables, &format!("{edge} AND filter NOT IN ('x', NULL)"));
    assert!(said.contains("no sample"), "{said}");
    assert!(weight(&tables, &format!("{edge} AND filter IS NULL")) > 0);
}
