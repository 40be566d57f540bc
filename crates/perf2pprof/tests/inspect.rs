//! `perf2pprof inspect`: what it says of recordings and profiles, and the keys of its JSON.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
    path.canonicalize().unwrap().to_str().unwrap().to_owned()
}

fn command(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perf2pprof"));
    // Of this machine no debug file is to be found.
    command.env("HOME", dir).current_dir(dir).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Inspects a file, with nothing of this machine at hand.
fn inspect(file: &str, more: &[&str]) -> (Value, String) {
    let dir = TempDir::new().unwrap();
    let args = ["inspect", file, "--sysroot", "nowhere"];
    let json = command(dir.path(), &[&args[..], more, &["--json"]].concat());
    let text = command(dir.path(), &[&args[..], more].concat());
    assert!(json.status.success() && text.status.success());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "it writes nothing");
    let text = String::from_utf8(text.stdout).unwrap();
    (serde_json::from_slice(&json.stdout).unwrap(), text)
}

fn binary<'a>(inspection: &'a Value, path: &str) -> &'a Value {
    let binaries = inspection["binaries"].as_array().unwrap();
    binaries.iter().find(|binary| binary["path"] == path).unwrap()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// README.md has the same list.
#[test]
fn the_keys_for_machines_are_these() {
    let (inspection, _) = inspect(&fixture("envoy.perf"), &[]);
    assert_eq!(
        keys(&inspection),
        [
            "advice",
            "binaries",
            "comments",
            "duration_seconds",
            "events",
            "file",
            "host",
            "kind",
            "losses",
            "named",
            "perf_version",
            "stacks",
            "threads",
            "with_lines"
        ]
    );
    assert_eq!(
        keys(&inspection["stacks"]),
        ["end_early", "ends", "not_judged", "reach_start", "without_callers"]
    );
    assert_eq!(
        keys(&inspection["threads"][0]),
        ["pid", "process", "samples", "share", "thread", "tid"]
    );
    let binary = binary(&inspection, "/usr/local/bin/envoy");
    for key in ["path", "build_id", "share", "named", "proof", "refused", "looked_in", "envoy"] {
        assert!(binary.get(key).is_some(), "{key}: {binary}");
    }
    assert_eq!(keys(&binary["envoy"]), ["commit", "contrib_debug_image", "debug_image", "version"]);
    assert!(binary.get("id").is_none(), "a number of this run only");
}

#[test]
fn of_an_envoy_the_release_and_its_debug_image_are_known_by_the_build_id_alone() {
    let (inspection, text) = inspect(&fixture("envoy.perf"), &["--debug-dir", "debug-files"]);
    let binary = binary(&inspection, "/usr/local/bin/envoy");
    let envoy = &binary["envoy"];
    assert_eq!(envoy["commit"], "9e5580933739775e8bce696a57a2e1bc99368f23");
    assert_eq!(envoy["version"], "1.40.0");
    assert_eq!(envoy["debug_image"], "envoyproxy/envoy:debug-v1.40.0");
    let looked_in = binary["looked_in"].as_array().unwrap();
    assert!(looked_in.contains(&Value::from("nowhere/usr/local/bin/envoy")), "{looked_in:?}");
    assert!(looked_in.contains(&Value::from("debug-files")), "{looked_in:?}");
    assert!(text.contains("Envoy 1.40.0, debug image `envoyproxy/envoy:debug-v1.40.0`"), "{text}");
    assert!(text.contains("--debug-image docker://envoyproxy/envoy:debug-v1.40.0"), "{text}");

    // Another commit, of no release.
    let dir = TempDir::new().unwrap();
    let mut bytes = fs::read(fixture("envoy.perf")).unwrap();
    let id = [0x9e, 0x55, 0x80, 0x93, 0x37, 0x39, 0x77, 0x5e, 0x8b, 0xce];
    let at = bytes.windows(id.len()).position(|window| window == id).unwrap();
    bytes[at] = 0xff;
    let path = dir.path().join("envoy.perf");
    fs::write(&path, bytes).unwrap();
    let (inspection, text) = inspect(path.to_str().unwrap(), &[]);
    let envoy = &self::binary(&inspection, "/usr/local/bin/envoy")["envoy"];
    assert!(envoy["version"].is_null() && envoy["debug_image"].is_null(), "{envoy}");
    let unknown =
        "Envoy of commit ff5580933739775e8bce696a57a2e1bc99368f23, which is no release known here";
    assert!(text.contains(unknown), "{text}");
}

/// `fixtures/README.md`: 34 % of the stacks do not reach the thread start, 304 samples hold unmapped
/// callers.
#[test]
fn threads_losses_and_the_health_of_stacks() {
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let debug = fixture("edge-proxy/debug");
    let (inspection, text) = inspect(&recording, &["--debug-image", &debug]);
    assert_eq!(inspection["kind"], "recording");
    assert_eq!(inspection["events"][0]["samples"], 3885);
    assert_eq!(inspection["losses"]["broken_stacks"], 304);
    let threads = inspection["threads"].as_array().unwrap();
    let names: Vec<_> = threads.iter().map(|thread| thread["thread"].as_str().unwrap()).collect();
    assert_eq!(names, ["wrk:worker_0", "wrk:worker_1", "AccessLogFlush"]);
    let samples: u64 = threads.iter().map(|thread| thread["samples"].as_u64().unwrap()).sum();
    assert_eq!((samples, &threads[0]["tid"]), (3885, &Value::from(14)));
    let stacks = &inspection["stacks"];
    let share = |key: &str| stacks[key].as_f64().unwrap();
    let all = share("reach_start") + share("end_early") + share("not_judged");
    assert!((all - 1.0).abs() < 1e-9, "{stacks}");
    let broken = inspection["losses"]["broken_stacks_share"].as_f64().unwrap();
    assert!(share("end_early") >= broken, "{stacks}");
    assert_eq!(binary(&inspection, "/usr/local/bin/edge-proxy")["proof"]["verdict"], "proven");
    assert!(text.contains("105 of 105 return addresses follow a call"), "{text}");
    assert!(text.contains("what would help, cheapest first:\n1. "), "{text}");
}

/// A stack is whole if its outermost function begins a thread: the fixture's own.
#[test]
fn a_stack_that_begins_in_start_is_whole() {
    let root = fixture("small/sysroot");
    let dir = TempDir::new().unwrap();
    let args = ["inspect", &fixture("small/dwarf.perf"), "--sysroot", &root, "--json"];
    let output = command(dir.path(), &args);
    let inspection: Value = serde_json::from_slice(&output.stdout).unwrap();
    let proof = &binary(&inspection, "/usr/local/bin/recursive")["proof"];
    assert_eq!(proof["verdict"], "unwound", "{inspection:#}");
}

#[test]
fn a_profile_is_inspected_as_the_recording_it_came_from() {
    let dir = TempDir::new().unwrap();
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let labels = ["--labels", "comm,thread_comm,pid,tid"];
    let args = [&[recording.as_str(), "-q", "--no-symbols", "-o", "p.pb.gz"][..], &labels].concat();
    assert!(command(dir.path(), &args).status.success());
    let debug = fixture("edge-proxy/debug");
    let profile = dir.path().join("p.pb.gz");
    let more = ["--debug-image", debug.as_str()];
    let (of_profile, text) = inspect(profile.to_str().unwrap(), &more);
    let (of_recording, _) = inspect(&recording, &more);
    assert_eq!(of_profile["kind"], "profile");
    for key in ["threads", "stacks", "named", "with_lines"] {
        assert_eq!(of_profile[key], of_recording[key], "{key}");
    }
    let path = "/usr/local/bin/edge-proxy";
    assert_eq!(binary(&of_profile, path)["proof"], binary(&of_recording, path)["proof"]);
    let comments = of_profile["comments"].as_array().unwrap();
    assert!(comments.contains(&Value::from("broken-stacks:304")), "{comments:?}");
    assert!(text.contains("comment: broken-stacks:304"), "{text}");
    assert!(of_profile["losses"].is_null() && text.contains("is a profile of 60.0 s"), "{text}");
}

#[test]
fn what_is_neither_is_told_of_as_a_conversion_would() {
    let dir = TempDir::new().unwrap();
    let path: PathBuf = dir.path().join("notes.txt");
    fs::write(&path, "not a recording, and not a profile either").unwrap();
    let output = command(dir.path(), &["inspect", "notes.txt"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.starts_with("error: `notes.txt` is not a perf.data file"), "{stderr}");
    assert!(output.stdout.is_empty());
}
