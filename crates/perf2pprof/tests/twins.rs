//! Files that look like the recorded one: which are used, which are refused, and with what words.
//!
//! All are made of the fixture's: an Envoy's build ID is its commit, so that each of them could lie in
//! an image of the right name.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pprof_format::proto;
use serde_json::Value;
use tempfile::TempDir;

const RECORDED: &str = "/usr/local/bin/edge-proxy";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy").join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

fn debug() -> Vec<u8> {
    read("debug/usr/local/bin/edge-proxy")
}

fn word(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap()
}

fn half(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
}

/// Where the executable segment is in a file.
fn code(elf: &[u8]) -> Range<usize> {
    let (table, count) = (word(elf, 0x20), half(elf, 0x38));
    let mut headers = (0..count).map(|index| table + index * 56);
    let at = headers.find(|&at| elf[at] == 1 && elf[at + 4] & 1 != 0).unwrap();
    let start = word(elf, at + 8);
    start..start + word(elf, at + 32)
}

/// Where a section is in a file.
fn section(elf: &[u8], name: &str) -> Range<usize> {
    let (table, count) = (word(elf, 0x28), half(elf, 0x3c));
    let header = |index: usize| table + index * 64;
    let offset = |at: usize| word(elf, at + 24);
    let names = offset(header(half(elf, 0x3e)));
    let is_named = |&at: &usize| {
        let start = names + u32::from_le_bytes(elf[at..at + 4].try_into().unwrap()) as usize;
        elf[start..].starts_with(&[name.as_bytes(), b"\0"].concat())
    };
    let at = (0..count).map(header).find(is_named).unwrap();
    offset(at)..offset(at) + word(elf, at + 32)
}

/// Another program with the same build ID, and its code in the same place: what build ID and layout
/// cannot tell apart.
fn twin_in_the_same_place(elf: Vec<u8>) -> Vec<u8> {
    let mut elf = elf;
    let code = code(&elf);
    elf[code].rotate_right(1);
    elf
}

/// Code for arm64, in an image for several machines.
fn of_another_machine() -> Vec<u8> {
    let mut elf = debug();
    elf[18] = 183;
    elf
}

/// The release before, with the same path.
fn older_build() -> Vec<u8> {
    let mut elf = debug();
    let id = section(&elf, ".note.gnu.build-id");
    elf[id.end - 1] ^= 1;
    elf
}

/// The package of another build: the same form, other units.
fn package_of_another_build() -> Vec<u8> {
    let mut package = read("debug/usr/local/bin/edge-proxy.dwp");
    let index = section(&package, ".debug_cu_index");
    let slots = u32::from_le_bytes(package[index.start + 12..][..4].try_into().unwrap()) as usize;
    for slot in 0..slots {
        let at = index.start + 16 + slot * 8;
        if package[at..at + 8] != [0; 8] {
            package[at + 4] ^= 0x55;
        }
    }
    package
}

/// Files of a debug image: path and bytes.
type Files = Vec<(&'static str, Vec<u8>)>;

/// What a conversion of the fixture says and writes.
struct Converted {
    stderr: String,
    binary: Value,
    profile: proto::Profile,
}

/// Converts with these files as the debug image.
fn convert(files: &[(&str, Vec<u8>)], flags: &[&str]) -> Converted {
    let dir = TempDir::new().unwrap();
    let image = dir.path().join("image");
    for (name, bytes) in files {
        let path = image.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
        .current_dir(dir.path())
        .arg(fixture("edge-proxy.perf"))
        .args(["--debug-image", "image", "--sysroot", "nowhere", "-o", "out.pb.gz"])
        .args(["--summary", "json"])
        .args(flags)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let binaries = summary["binaries"].as_array().unwrap();
    let binary = binaries.iter().find(|binary| binary["path"] == RECORDED).unwrap().clone();
    let profile = pprof_format::read(&fs::read(dir.path().join("out.pb.gz")).unwrap()).unwrap();
    Converted { stderr, binary, profile }
}

impl Converted {
    /// How many locations of the binary have a name.
    fn names(&self) -> usize {
        let profile = &self.profile;
        let is_recorded =
            |mapping: &&proto::Mapping| profile.text(mapping.filename) == Some(RECORDED);
        let mapping = profile.mapping.iter().find(is_recorded).unwrap();
        let unnamed = pprof_format::unnamed_locations(profile);
        let locations = profile.location.iter().zip(unnamed);
        locations.filter(|(row, unnamed)| row.mapping_id == mapping.id && !unnamed).count()
    }

    fn comments(&self) -> Vec<&str> {
        self.profile.comment.iter().filter_map(|&index| self.profile.text(index)).collect()
    }
}

#[test]
fn what_is_not_the_recorded_file_is_refused_with_the_reason_and_names_nothing() {
    let table: [(&str, Vec<u8>, &str); 5] = [
        (
            "a twin with the same build ID",
            read("twin/usr/local/bin/edge-proxy"),
            "its code is laid out differently: 0x1c000+0x2f000, recorded 0x1a000+0x30000",
        ),
        (
            "a twin with the same build ID and the same layout",
            twin_in_the_same_place(debug()),
            "0 of 105 (0.0%) recorded return addresses follow a call instruction in it, at least 95% do in the recorded file",
        ),
        ("another machine", of_another_machine(), "code for aarch64, recorded on x86_64"),
        (
            "an older build at the same path",
            older_build(),
            "build ID 38a35343a95f131ba637ff64b59e36dda8920460 instead of 38a35343a95f131ba637ff64b59e36dda8920461",
        ),
        ("a file cut short", debug()[..4096].to_vec(), "a damaged ELF file"),
    ];
    for (what, bytes, message) in table {
        for path in ["edge-proxy", "usr/local/bin/edge-proxy"] {
            let converted = convert(&[(path, bytes.clone())], &[]);
            let Converted { stderr, binary, .. } = &converted;
            assert!(stderr.contains(message), "{what}: {stderr}");
            assert!(stderr.starts_with("warning: `image/"), "{what}: {stderr}");
            assert_eq!(converted.names(), 0, "{what}");
            assert!(binary["proof"].is_null(), "{what}: {binary}");
        }
    }
}

#[test]
fn what_is_the_recorded_file_is_used_and_the_proof_stands_in_the_summary() {
    let package = || read("debug/usr/local/bin/edge-proxy.dwp");
    let table: [(&str, Files, &str, bool); 6] = [
        ("debug", vec![("edge-proxy", debug())], "(DWARF)", true),
        (
            "debug and package",
            vec![("edge-proxy", debug()), ("edge-proxy.dwp", package())],
            "(DWARF with package)",
            true,
        ),
        (
            "contrib's name",
            vec![("envoy", debug()), ("envoy-contrib.dwp", package())],
            "(DWARF with package)",
            true,
        ),
        (
            "beside every twin",
            vec![
                ("a/edge-proxy", twin_in_the_same_place(debug())),
                ("b/edge-proxy", read("twin/usr/local/bin/edge-proxy")),
                ("c/edge-proxy", older_build()),
                ("d/edge-proxy", of_another_machine()),
                ("d/edge-proxy.dwp", package_of_another_build()),
                ("e/edge-proxy", debug()),
                ("e/edge-proxy.dwp", package()),
            ],
            "(DWARF with package)",
            true,
        ),
        (
            "stripped",
            vec![("edge-proxy", read("bin/edge-proxy"))],
            "(exported symbols only)",
            false,
        ),
        (
            "stripped, beside the debug file",
            vec![("edge-proxy", read("bin/edge-proxy")), ("edge-proxy.debug", debug())],
            "(DWARF)",
            true,
        ),
    ];
    for (what, files, quality, is_named) in table {
        let converted = convert(&files, &[]);
        let Converted { stderr, binary, .. } = &converted;
        assert!(binary["symbols"].as_str().unwrap().ends_with(quality), "{what}: {binary}");
        let proof = &binary["proof"];
        assert_eq!(proof["return_addresses"], 105, "{what}: {binary}");
        assert_eq!(proof["after_call"], 105, "{what}: {binary}");
        assert_eq!(proof["verdict"], "proven", "{what}: {binary}");
        assert_eq!(converted.names() > 300, is_named, "{what}: {}", converted.names());
        assert_eq!(stderr.contains("it is stripped: exported symbols only"), !is_named, "{stderr}");
    }
}

#[test]
fn a_package_of_another_build_is_refused_and_the_binary_used_without() {
    let files = [("edge-proxy", debug()), ("edge-proxy.dwp", package_of_another_build())];
    let Converted { stderr, binary, profile } = convert(&files, &[]);
    let message = "`image/edge-proxy.dwp` does not belong to `/usr/local/bin/edge-proxy`: a DWARF package of another build: it has none of the";
    assert!(stderr.contains(message), "{stderr}");
    assert!(binary["symbols"].as_str().unwrap().ends_with("(DWARF)"), "{binary}");
    // Whatever is named is named as without any package.
    let without = convert(&[("edge-proxy", debug())], &[]).profile;
    assert_eq!(profile.location, without.location);
    assert_eq!(profile.function, without.function);
}

#[test]
fn the_user_may_overrule_and_the_profile_says_so() {
    let overruled: [(&str, Vec<u8>, &str); 3] = [
        ("layout", read("twin/usr/local/bin/edge-proxy"), "its code is laid out differently"),
        ("calls", twin_in_the_same_place(debug()), "0 of 105 (0.0%) recorded return addresses"),
        ("build ID", older_build(), "build ID 38a35343a95f131ba637ff64b59e36dda8920460"),
    ];
    for (what, bytes, message) in overruled {
        let converted = convert(&[("edge-proxy", bytes)], &["--force-symbols"]);
        let Converted { stderr, binary, .. } = &converted;
        assert!(stderr.contains("names it because of `--force-symbols`"), "{what}: {stderr}");
        assert!(stderr.contains(message), "{what}: {stderr}");
        assert_eq!(binary["proof"]["verdict"], "overruled", "{what}: {binary}");
        assert!(converted.names() > 300, "{what}");
        let comments = converted.comments();
        let comment = comments.iter().find(|comment| comment.starts_with("forced-symbols:"));
        assert!(comment.is_some_and(|comment| comment.contains(message)), "{what}: {comments:?}");
    }
    let machine = convert(&[("edge-proxy", of_another_machine())], &["--force-symbols"]);
    assert_eq!(machine.names(), 0, "nobody can make names of code for another machine");
    // The right file stands before a forced one, and nothing is said of force.
    let both = [("a/edge-proxy", twin_in_the_same_place(debug())), ("b/edge-proxy", debug())];
    let both = convert(&both, &["--force-symbols"]);
    assert_eq!(both.binary["proof"]["verdict"], "proven", "{}", both.binary);
    assert!(!both.comments().iter().any(|comment| comment.starts_with("forced-symbols")));
}

/// Unwinding goes by the tables of the file at hand, which could speak for itself then. The addresses
/// are the recorded process's all the same, and refuse a file whose code is another.
#[test]
fn a_file_that_unwound_the_stacks_is_no_proof_of_itself_but_can_be_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/small/sysroot");
    let path = "usr/local/bin/recursive";
    let whole = fs::read(root.join(path)).unwrap();
    for (bytes, verdict) in
        [(whole.clone(), Some("unwound")), (twin_in_the_same_place(whole), None)]
    {
        let dir = TempDir::new().unwrap();
        let at = dir.path().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(&at, bytes).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_perf2pprof"))
            .arg(root.join("../dwarf.perf"))
            .args(["-o", "/dev/null", "--summary", "json", "--sysroot"])
            .arg(dir.path())
            .env("HOME", dir.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let binaries = summary["binaries"].as_array().unwrap();
        let binary = binaries.iter().find(|binary| binary["path"] == "/usr/local/bin/recursive");
        let proof = &binary.unwrap()["proof"];
        assert_eq!(proof["verdict"].as_str(), verdict, "{stderr}");
        let is_refused = stderr.contains("return addresses follow a call instruction in it");
        assert_eq!(is_refused, verdict.is_none(), "{stderr}");
        let warning = "stacks through it were unwound by its tables, and are wrong too";
        assert_eq!(stderr.contains(warning), verdict.is_none(), "{stderr}");
    }
}
