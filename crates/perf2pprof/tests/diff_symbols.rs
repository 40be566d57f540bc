//! Two builds of one program, each with an image of its own, and what is said where one is missing.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

/// The recording, as `base.perf`; the same as `head.perf` with another build ID; the images of both, `old` and
/// `new`; and as `lone.elf` the new one without its package.
fn two_builds() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy");
    let read = |name: &str| fs::read(fixture.join(name)).unwrap();
    let (elf, package) =
        (read("debug/usr/local/bin/edge-proxy"), read("debug/usr/local/bin/edge-proxy.dwp"));
    let recording = read("edge-proxy.perf");
    let build_id = build_id(&elf);
    let rebuilt = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let found = bytes.windows(20).position(|window| window == build_id).unwrap();
        bytes[found + 19] ^= 1;
        bytes
    };
    fs::write(at("base.perf"), &recording).unwrap();
    fs::write(at("head.perf"), rebuilt(&recording)).unwrap();
    for (image, elf) in [("old", elf.clone()), ("new", rebuilt(&elf))] {
        fs::create_dir(at(image)).unwrap();
        fs::write(at(image).join("edge-proxy"), elf).unwrap();
        fs::write(at(image).join("edge-proxy.dwp"), &package).unwrap();
    }
    fs::write(at("lone.elf"), rebuilt(&elf)).unwrap();
    for name in ["base", "head"] {
        let status = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
            .current_dir(directory.path())
            .args([&format!("{name}.perf"), "-q", "--no-symbols", "-o", &format!("{name}.pb.gz")])
            .status()
            .unwrap();
        assert!(status.success());
    }
    directory
}

/// What stands behind the name `GNU` of the note.
fn build_id(elf: &[u8]) -> Vec<u8> {
    let note = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
    let at = elf.windows(note.len()).position(|window| window == note).unwrap() + note.len();
    elf[at..at + 20].to_vec()
}

/// Standard error and the JSON of a comparison.
fn diff(directory: &Path, arguments: &str) -> (String, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
        .current_dir(directory)
        .env_remove("DEBUGINFOD_URLS")
        .args(["diff", "--json", "diff.json"])
        .args(arguments.split(' '))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let json = fs::read(directory.join("diff.json")).unwrap();
    (String::from_utf8(output.stderr).unwrap(), serde_json::from_slice(&json).unwrap())
}

/// The functions of which nothing is left, or was there, on one side.
fn one_sided(json: &Value) -> Vec<&str> {
    let rows = json["functions"].as_array().unwrap().iter();
    let is_one_sided =
        |row: &&Value| row["total"]["base_weight"] == 0.0 || row["total"]["head_weight"] == 0.0;
    rows.filter(is_one_sided).map(|row| row["name"].as_str().unwrap()).collect()
}

fn has(json: &Value, name: &str) -> bool {
    json["functions"].as_array().unwrap().iter().any(|row| row["name"] == name)
}

const ENCODE: &str = "Edge::Filters::(anonymous namespace)::BackReferenceEncoder::encode";

#[test]
fn one_list_of_images_serves_both_builds() {
    let directory = two_builds();
    let images = "--debug-image old --debug-image new";
    for sides in ["base.perf -- head.perf", "base.pb.gz -- head.pb.gz", "base.perf -- head.pb.gz"] {
        let (said, json) = diff(directory.path(), &format!("{images} {sides}"));
        assert_eq!(said, "", "{sides}");
        assert!(has(&json, ENCODE), "{sides}");
        assert!(one_sided(&json).is_empty(), "{sides}: {:?}", one_sided(&json));
    }
}

#[test]
fn each_side_without_names_is_told_of_once() {
    let directory = two_builds();
    let said = |side: &str| {
        format!(
            "warning: in `{side}`, 100.0% of the weight of all frames has no name\n\
             hint: `--debug-image PATH` names the functions of `/usr/local/bin/edge-proxy`: its unstripped \
             build, or a directory with it\n"
        )
    };
    let sides = "base.pb.gz -- head.pb.gz";
    let expected = said("base.pb.gz") + &said("head.pb.gz");
    assert_eq!(diff(directory.path(), sides).0, expected);
}

#[test]
fn a_build_without_its_image_is_compared_as_a_whole() {
    let directory = two_builds();
    let (said, json) = diff(directory.path(), "--debug-image old base.perf -- head.perf");
    assert!(
        said.contains("warning: `old/edge-proxy` is not the `/usr/local/bin/edge-proxy`"),
        "{said}"
    );
    assert!(
        said.contains(
            "warning: `edge-proxy` has names in `base.perf` and none in `head.perf`, and is compared as a whole"
        ),
        "{said}"
    );
    assert!(has(&json, "[edge-proxy]") && !has(&json, ENCODE));
    assert!(one_sided(&json).is_empty(), "{:?}", one_sided(&json));
}

/// With them an inlined function would be new, and its caller cheaper.
#[test]
fn inlined_calls_that_one_side_knows_are_left_out() {
    let directory = two_builds();
    let images = "--debug-image old/edge-proxy --debug-image lone.elf";
    let (said, json) = diff(directory.path(), &format!("{images} base.perf -- head.perf"));
    let expected = "warning: `edge-proxy` has inlined calls in `base.perf` and none in `head.perf`: in both \
                    they count as their caller's\n";
    assert!(said.starts_with(expected), "{said}");
    assert!(one_sided(&json).is_empty(), "{:?}", one_sided(&json));
    for row in json["functions"].as_array().unwrap() {
        assert_eq!(row["self"]["base_weight"], row["self"]["head_weight"], "{}", row["name"]);
    }
}
