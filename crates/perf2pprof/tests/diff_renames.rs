//! Functions that have another name on one side, in recorded data.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const OLD: &str = "Edge::Filters::(anonymous namespace)::BackReferenceEncoder::encode";
const NEW: &str = "Edge::Filters::(anonymous namespace)::BackReferenceEncoder::pack";

/// The halves of the recording as folded stacks; in the second, a function has a new name.
fn halves(directory: &Path, new: &str) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy");
    for (name, time) in [("base", "0%,50%"), ("head", "50%,100%")] {
        let status = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
            .current_dir(directory)
            .arg(fixture.join("edge-proxy.perf"))
            .args(["-q", "--time", time, "--folded", name, "--debug-image"])
            .arg(fixture.join("debug"))
            .status()
            .unwrap();
        assert!(status.success());
    }
    let head = fs::read_to_string(directory.join("head")).unwrap();
    assert!(head.contains(OLD));
    fs::write(directory.join("head"), head.replace(OLD, new)).unwrap();
}

fn diff(directory: &Path, options: &[&str]) -> (Output, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
        .current_dir(directory)
        .args(["diff", "--json", "diff.json", "--markdown", "diff.md"])
        .args(options)
        .args(["base", "--", "head"])
        .output()
        .unwrap();
    let json = fs::read(directory.join("diff.json")).unwrap();
    (output, serde_json::from_slice(&json).unwrap())
}

fn policy(directory: &Path, from: &str) -> PathBuf {
    let path = directory.join("policy.toml");
    let text = format!("[[rename]]\nfrom = \"{from}\"\nto = \"{NEW}\"\nreason = \"it packs\"\n");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_renamed_function_is_proposed_and_changes_no_verdict() {
    let directory = tempfile::tempdir().unwrap();
    halves(directory.path(), NEW);
    let (output, json) = diff(directory.path(), &["--fail-on", "regression"]);
    assert_eq!(output.status.code(), Some(3));
    let renames = json["proposed_renames"].as_array().unwrap();
    assert_eq!(renames.len(), 1, "{renames:?}");
    assert_eq!((&renames[0]["from"], &renames[0]["to"]), (&OLD.into(), &NEW.into()));
    assert_eq!(renames[0]["explains_calls"], true);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("1 function became dearer, and may have had another name before"),
        "{text}"
    );
    assert!(text.contains(&format!("{OLD} -> {NEW}: ")), "{text}");
    let markdown = fs::read_to_string(directory.path().join("diff.md")).unwrap();
    assert!(markdown.contains(&format!("- `{OLD}` → `{NEW}`: ")), "{markdown}");
}

#[test]
fn a_rename_that_is_in_the_policy_makes_one_function_of_two() {
    let directory = tempfile::tempdir().unwrap();
    halves(directory.path(), NEW);
    let policy = policy(directory.path(), OLD);
    let (output, json) = diff(directory.path(), &["--policy", policy.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(json["verdict"], "inconclusive", "{text}");
    assert_eq!(json["proposed_renames"], Value::Array(Vec::new()));
    let functions = json["functions"].as_array().unwrap();
    let row = functions.iter().find(|row| row["name"] == NEW).unwrap();
    assert_eq!((&row["renamed_from"], &row["renamed_because"]), (&OLD.into(), &"it packs".into()));
    assert!(functions.iter().all(|row| row["name"] != OLD));
    // As if nobody had renamed it.
    let renamed = row.clone();
    halves(directory.path(), OLD);
    let (_, json) = diff(directory.path(), &[]);
    let functions = json["functions"].as_array().unwrap();
    let row = functions.iter().find(|row| row["name"] == OLD).unwrap();
    assert_eq!((&row["self"], &row["total"]), (&renamed["self"], &renamed["total"]));
}

#[test]
fn without_a_change_nothing_is_proposed() {
    let directory = tempfile::tempdir().unwrap();
    halves(directory.path(), OLD);
    let (_, json) = diff(directory.path(), &[]);
    assert_eq!(json["proposed_renames"], Value::Array(Vec::new()));
}
