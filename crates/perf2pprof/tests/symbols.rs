//! `perf2pprof symbols`: packs give the same profile as what they were made from, and say what they
//! are.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const BUILD_ID: &str = "38a35343a95f131ba637ff64b59e36dda8920461";

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy").join(path)
}

fn perf2pprof(arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let arguments = arguments.iter().map(AsRef::as_ref);
    Command::new(env!("CARGO_BIN_EXE_perf2pprof")).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A pack of these sources, in a directory of its own.
fn pack(sources: &[&str]) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("edge-proxy.symbols");
    let sources: Vec<_> = sources.iter().map(|source| fixture(source)).collect();
    let mut arguments: Vec<&dyn AsRef<std::ffi::OsStr>> = vec![&"symbols", &"pack", &"-o", &path];
    arguments.extend(sources.iter().map(|source| source as &dyn AsRef<std::ffi::OsStr>));
    let output = perf2pprof(&arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    (directory, path)
}

/// The profile and the folded stacks of the fixture, with nothing but the given symbols.
fn convert(directory: &Path, image: &Path, option: &str) -> (Vec<u8>, Vec<u8>) {
    let (profile, folded) = (directory.join("profile.pb.gz"), directory.join("folded"));
    let empty = directory.join("empty");
    fs::create_dir_all(&empty).unwrap();
    let output = perf2pprof(&[
        &fixture("edge-proxy.perf"),
        &"--quiet",
        &"--sysroot",
        &empty,
        &"--debug-image",
        &image,
        &option,
        &"-o",
        &profile,
        &"--folded",
        &folded,
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    (fs::read(profile).unwrap(), fs::read(folded).unwrap())
}

#[test]
fn a_pack_gives_the_same_profile_as_its_sources() {
    for (source, quality) in [
        ("debug", "DWARF with package"),
        ("debug/usr/local/bin/edge-proxy", "DWARF with package"),
        ("bin", "exported symbols only"),
    ] {
        let (directory, pack) = pack(&[source]);
        for option in ["--threads=2", "--threads=1", "--no-inlines"] {
            let (expected, expected_folded) = convert(directory.path(), &fixture(source), option);
            let (found, found_folded) = convert(directory.path(), &pack, option);
            assert_eq!(
                String::from_utf8_lossy(&found_folded),
                String::from_utf8_lossy(&expected_folded),
                "{source} {option}"
            );
            assert!(found == expected, "{source} {option}");
        }
        let listed = stdout(&perf2pprof(&[&"symbols", &"list", &pack]));
        let expected = format!(
            "{}\n    symbol pack of edge-proxy, x86_64, {quality}\n    build ID {BUILD_ID}\n",
            pack.display()
        );
        assert_eq!(listed, expected);
    }
}

#[test]
fn a_pack_is_small() {
    let (_directory, pack) = pack(&["debug"]);
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    let bin = fixture("debug/usr/local/bin");
    let before = size(&bin.join("edge-proxy")) + size(&bin.join("edge-proxy.dwp"));
    // Of files of half a megabyte; the share falls as they grow.
    assert!(size(&pack) * 100 < before * 6, "{} of {before} bytes", size(&pack));
}

#[test]
fn what_fits_a_recording_is_found_and_the_twin_is_not() {
    let (_directory, pack) = pack(&["debug"]);
    let recording = fixture("edge-proxy.perf");
    let found = perf2pprof(&[&"symbols", &"find", &pack, &recording]);
    assert!(found.status.success());
    let fits = format!("    fits `{}` (DWARF with package)\n", pack.display());
    assert!(stdout(&found).contains(&fits), "{}", stdout(&found));

    let (_directory, twin) = self::pack(&["twin"]);
    let found = perf2pprof(&[&"symbols", &"find", &twin, &recording]);
    assert!(!found.status.success());
    let refused = format!("    not `{}`: its code is laid out differently", twin.display());
    assert!(stdout(&found).contains(&refused), "{}", stdout(&found));
    assert!(stderr(&found).starts_with("error: "), "{}", stderr(&found));
}

#[test]
fn a_pack_proves_itself_by_its_calls() {
    let (directory, pack) = pack(&["debug"]);
    let profile = directory.path().join("profile.pb.gz");
    let output = perf2pprof(&[
        &fixture("edge-proxy.perf"),
        &"--debug-image",
        &pack,
        &"--summary=json",
        &"-o",
        &profile,
    ]);
    let summary: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let text = summary.to_string();
    assert!(!text.contains("machine code is not at hand"), "{text}");
}

#[test]
fn a_damaged_pack_names_nothing_and_says_so() {
    let (directory, pack) = pack(&["debug"]);
    let mut bytes = fs::read(&pack).unwrap();
    // Behind the head, in the code.
    let at = bytes.len() / 3;
    bytes[at] ^= 1;
    fs::write(&pack, &bytes).unwrap();
    let profile = directory.path().join("profile.pb.gz");
    let output =
        perf2pprof(&[&fixture("edge-proxy.perf"), &"--debug-image", &pack, &"-q", &"-o", &profile]);
    assert!(output.status.success());
    assert!(stderr(&output).contains("a damaged symbol pack: the checksum"), "{}", stderr(&output));

    bytes[8] = 77;
    fs::write(&pack, &bytes).unwrap();
    let output = perf2pprof(&[&"symbols", &"list", &pack]);
    let expected = format!(
        "error: `{}`: a symbol pack of version 77, where version 1 is read\n",
        pack.display()
    );
    assert_eq!(stderr(&output), expected);
}

#[test]
fn what_cannot_be_packed_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let output_path = directory.path().join("x.symbols");
    let run = |source: &Path| {
        let output = perf2pprof(&[&"symbols", &"pack", &source, &"-o", &output_path]);
        assert_eq!(output.status.code(), Some(1));
        assert!(!output_path.exists());
        stderr(&output)
    };
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let nothing = run(&empty);
    assert!(nothing.starts_with("error: no ELF file and no symbol pack in `"), "{nothing}");
    let (_directory, pack) = pack(&["bin"]);
    assert!(run(&pack).contains("is a symbol pack already"));
    let several = run(&fixture("..").join("small/sysroot"));
    assert!(several.contains("binaries, and a pack is of one\nhint: name one: `"), "{several}");
}
