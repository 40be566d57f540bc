//! Flame graphs and comparisons of tables are those of `perf2pprof`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use clap::Parser;
use common::{fixture, fleet, text};
use fleet::Args;

#[test]
fn a_flame_graph_has_the_functions_of_what_is_meant() {
    let directory = tempfile::tempdir().unwrap();
    let (tables, svg) = (text(&directory.path().join("t")), directory.path().join("out.svg"));
    let debug = text(&fixture("edge-proxy/debug"));
    let recording = text(&fixture("edge-proxy/edge-proxy.perf"));
    fleet(&["export", "-q", &recording, "--debug-image", &debug, "-o", &tables]).unwrap();
    let worker = "thread LIKE 'wrk:worker_%'";
    fleet(&["flamegraph", &tables, "--where", worker, "-q", "-o", &text(&svg)]).unwrap();
    let drawn = std::fs::read_to_string(&svg).unwrap();
    assert!(drawn.contains("<svg") && drawn.contains("Edge::Filters::"), "{}", drawn.len());
}

#[test]
fn the_same_samples_differ_in_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let tables = text(&directory.path().join("t"));
    let recording = text(&fixture("edge-proxy/edge-proxy.perf"));
    fleet(&["export", "-q", &recording, "--label", "version=1", "-o", &tables]).unwrap();
    let json = directory.path().join("diff.json");
    let diff = |head: &str, options: &[&str]| {
        let sides =
            ["perf2pprof-fleet", "diff", &tables, "--base", "version = '1'", "--head", head];
        let args = Args::try_parse_from([&sides, options].concat()).unwrap();
        args.command.run()
    };
    diff("version IN ('1')", &["--", "--json", &text(&json)]).unwrap();
    let said = std::fs::read_to_string(&json).unwrap();
    assert!(said.starts_with('{') && said.contains("base.pb.gz"), "{said}");
    let nothing = diff("version = '2'", &[]).unwrap_err().to_string();
    assert!(nothing.contains("no sample"), "{nothing}");
    let unknown = diff("version = '1'", &["--", "--jsn"]).unwrap_err().to_string();
    assert!(unknown.contains("--jsn"), "{unknown}");
}
