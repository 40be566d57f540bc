//! The command as its user meets it: what it writes, what it says, and how it ends.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name).canonicalize().unwrap()
}

/// Runs the command in an empty directory.
struct Run {
    dir: TempDir,
}

impl Run {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perf2pprof"));
        command.current_dir(self.dir.path()).args(args).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Fails as a user wants it: one line of error, a hint, status 1, and no file that was not there.
#[track_caller]
fn assert_fails(run: &Run, args: &[&str], error: &str, hint: &str) {
    let before = run.files();
    let output = run.run(args);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    assert!(first.starts_with("error: ") && first.contains(error), "{text}");
    assert!(lines.next().unwrap_or_default().starts_with("hint: "), "{text}");
    assert!(text.contains(hint), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert_eq!(run.files(), before, "something was left behind");
    assert!(output.stdout.is_empty());
}

#[test]
fn without_options_the_profile_and_the_flame_graph_stand_beside_each_other() {
    let run = Run::new();
    let output = run.run(&[fixture("envoy.perf").to_str().unwrap()]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(run.files(), ["envoy.pb.gz", "envoy.svg"]);
    assert!(stderr(&output).contains("wrote `envoy.pb.gz` and `envoy.svg`"));
    assert!(output.stdout.is_empty());
}

#[test]
fn what_was_asked_for_is_written_and_nothing_else() {
    let run = Run::new();
    let recording = fixture("envoy.perf");
    let output = run.run(&[recording.to_str().unwrap(), "--folded", "out.folded", "-q"]);
    assert!(output.status.success());
    assert_eq!((run.files(), stderr(&output)), (vec!["out.folded".to_owned()], String::new()));
}

#[test]
fn the_total_of_every_output_is_the_same_number() {
    for (name, event) in
        [("envoy.perf", 0), ("edge-proxy/edge-proxy.perf", 0), ("small/multi-event.perf", 0)]
    {
        let run = Run::new();
        let recording = fixture(name);
        let recording = recording.to_str().unwrap();
        let output = run.run(&[
            recording,
            "-o",
            "p.pb.gz",
            "--flamegraph",
            "p.svg",
            "--folded",
            "p.folded",
            "--summary",
            "json",
        ]);
        assert!(output.status.success(), "{}", stderr(&output));
        let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let total = summary["events"][event]["weight"].as_u64().unwrap();
        let folded = fs::read_to_string(run.dir.path().join("p.folded")).unwrap();
        let weight = |line: &str| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        assert_eq!(folded.lines().map(weight).sum::<u64>(), total, "{name}: folded");
        let profile =
            pprof_format::read(&fs::read(run.dir.path().join("p.pb.gz")).unwrap()).unwrap();
        let column = 2 * event + 1;
        let sum: i64 = profile.sample.iter().map(|sample| sample.value[column]).sum();
        assert_eq!(u64::try_from(sum).unwrap(), total, "{name}: pprof");
        let svg = fs::read_to_string(run.dir.path().join("p.svg")).unwrap();
        assert!(svg.contains(&format!("total_samples=\"{total}\"")), "{name}: svg has no {total}");
    }
}

#[test]
fn twice_and_with_any_number_of_threads_every_byte_is_the_same() {
    let debug = fixture("edge-proxy/debug");
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let outputs = |threads: &[&str]| {
        let run = Run::new();
        let args = [recording.to_str().unwrap(), "--debug-image", debug.to_str().unwrap(), "-q"];
        assert!(run.run(&[&args[..], threads].concat()).status.success());
        ["edge-proxy.pb.gz", "edge-proxy.svg"]
            .map(|name| fs::read(run.dir.path().join(name)).unwrap())
    };
    let first = outputs(&["--threads", "1"]);
    for threads in [&["--threads", "1"][..], &["--threads", "2"], &[]] {
        assert!(outputs(threads) == first, "{threads:?}");
    }
}

#[test]
fn standard_input_and_output() {
    let run = Run::new();
    let recording = fs::read(fixture("envoy.perf")).unwrap();
    // Through a pipe, which can be read once only.
    let mut child = run
        .command(&["-", "-o", "-", "-q"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&recording));
    let mut piped = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut piped).unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    let profile = pprof_format::read(&piped).unwrap();
    assert!(!profile.sample.is_empty());
    assert_eq!(run.files(), Vec::<String>::new());
}

#[test]
fn what_is_no_recording_is_named_for_what_it_is() {
    let run = Run::new();
    let file = |name, bytes: &[u8]| {
        run.write(name, bytes);
        name
    };
    let empty = file("empty.perf", b"");
    assert_fails(&run, &[empty], "`empty.perf` is empty", "disk full");
    let text = file("notes.txt", b"Dear diary,\ntoday Envoy was slow.\n");
    assert_fails(&run, &[text], "it starts with \"Dear dia\", not \"PERFILE2\"", "perf record -o");
    let script =
        file("out.txt", b"swapper     0 [001]  1234.567890:   20408163 cpu-clock:\n\tffff\n");
    assert_fails(&run, &[script], "not a perf.data file", "looks like the output of `perf script`");
    let gzip = file("envoy.perf.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    assert_fails(&run, &[gzip], "compressed with gzip", "`gunzip -c envoy.perf.gz | perf2pprof -`");
    let profile = file("envoy.pb.gz", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    assert_fails(&run, &[profile], "compressed with gzip", "`pprof -http=: envoy.pb.gz`");
    let elf = fixture("edge-proxy/bin/edge-proxy");
    assert_fails(&run, &[elf.to_str().unwrap()], "is an ELF binary", "--debug-image");
    let header = file("header.perf", b"PERFILE2\x68\0\0\0\0\0\0\0");
    assert_fails(&run, &[header], "its header takes 104 bytes, and the file has 16", "whole");
}

#[test]
fn what_cannot_be_opened_or_written_says_why() {
    let run = Run::new();
    let recording = fixture("envoy.perf");
    let recording = recording.to_str().unwrap();
    assert_fails(&run, &["nowhere.perf"], "cannot open `nowhere.perf`: no such file", "kubectl cp");
    assert_fails(&run, &["."], "`.` is a directory", "./perf.data");
    assert_fails(
        &run,
        &[recording, "-o", "no/such/dir.pb.gz"],
        "cannot write `no/such/dir.pb.gz`",
        "`mkdir -p no/such`",
    );
    fs::create_dir(run.dir.path().join("taken")).unwrap();
    assert_fails(
        &run,
        &[recording, "-o", "taken"],
        "cannot write `taken`: it is a directory",
        "name a file in it",
    );
}

#[test]
fn a_file_of_another_user_says_how_to_get_it() {
    let run = Run::new();
    let path = run.write("secret.perf", b"PERFILE2");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything, so the command runs as nobody: from a copy that nobody may start.
    fs::set_permissions(run.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = run.dir.path().join("perf2pprof");
    fs::copy(env!("CARGO_BIN_EXE_perf2pprof"), &program).unwrap();
    let mut command = Command::new(program);
    command.current_dir(run.dir.path()).arg("secret.perf");
    if fs::File::open(&path).is_ok() {
        command.uid(65534);
    }
    let output = command.output().unwrap();
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.starts_with("error: cannot open `secret.perf`: permission denied\nhint: "),
        "{text}"
    );
    assert!(text.contains("sudo chown \"$USER\" secret.perf"), "{text}");
}

#[test]
fn an_output_that_fails_in_the_middle_leaves_nothing() {
    let run = Run::new();
    let recording = fixture("envoy.perf");
    let before = run.write("p.pb.gz", b"the profile of yesterday");
    let output =
        run.run(&[recording.to_str().unwrap(), "-o", "p.pb.gz", "--flamegraph", "/dev/full", "-q"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).starts_with("error: cannot write `/dev/full`: no space left"),
        "{}",
        stderr(&output)
    );
    assert_eq!(run.files(), ["p.pb.gz"]);
    assert_eq!(fs::read(before).unwrap(), b"the profile of yesterday");
}

#[test]
fn errors_of_usage_end_with_2() {
    let run = Run::new();
    for args in [
        &["a.perf", "--no-such-option"][..],
        &["a.perf", "--labels", "colour"],
        &["a.perf", "--threads", "0"],
        &["a.perf", "-o", "-", "--folded", "-"],
        &["a.perf", "-o", "-", "--summary", "json"],
        &["a.perf", "-o", "x", "--folded", "x"],
    ] {
        let output = run.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with("error: "));
    }
    let recording = run.write("own.perf", b"PERFILE2");
    let output = run.run(&["own.perf", "-o", "own.perf"]);
    assert_eq!(output.status.code(), Some(2), "a recording is not to be overwritten");
    assert_eq!(fs::read(recording).unwrap(), b"PERFILE2");
}

#[test]
fn a_cut_recording_is_converted_as_far_as_it_goes_unless_strict() {
    let run = Run::new();
    let whole = fs::read(fixture("envoy.perf")).unwrap();
    run.write("cut.perf", &whole[..whole.len() / 2]);
    let output = run.run(&["cut.perf"]);
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    assert!(
        text.starts_with("warning: `cut.perf` is cut short: its data section should end at byte"),
        "{text}"
    );
    assert!(text.contains("kept: the "), "{text}");
    assert_eq!(run.files(), ["cut.pb.gz", "cut.perf", "cut.svg"]);
    let strict = Run::new();
    strict.write("cut.perf", &whole[..whole.len() / 2]);
    let output = strict.run(&["cut.perf", "--strict"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).starts_with("error: `cut.perf` is cut short"), "{}", stderr(&output));
    assert_eq!(strict.files(), ["cut.perf"]);
}

#[test]
fn a_twin_names_nothing_and_says_so() {
    let run = Run::new();
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let twin = fixture("edge-proxy/twin");
    let args = [recording.to_str().unwrap(), "--debug-image", twin.to_str().unwrap()];
    let sysroot = ["--sysroot", "/nonexistent", "--folded", "p.folded"];
    let output = run.run(&[&args[..], &sysroot].concat());
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("is not the `/usr/local/bin/edge-proxy` that was recorded"), "{text}");
    assert!(text.contains("its code is laid out differently"), "{text}");
    let folded = fs::read_to_string(run.dir.path().join("p.folded")).unwrap();
    assert!(!folded.contains("Edge::") && folded.contains("[edge-proxy+0x"), "{folded}");
    let strict = Run::new();
    assert_eq!(strict.run(&[&args[..], &sysroot, &["--strict"]].concat()).status.code(), Some(1));
    assert_eq!(strict.files(), Vec::<String>::new());
}

#[test]
fn an_envoy_without_names_is_told_which_image_to_fetch() {
    let run = Run::new();
    let output = run.run(&[fixture("envoy.perf").to_str().unwrap(), "--sysroot", "/nonexistent"]);
    let text = stderr(&output);
    assert!(text.contains("9e5580933739775e8bce696a57a2e1bc99368f23"), "{text}");
    assert!(text.contains("envoyproxy/envoy:debug-v"), "{text}");
}

fn total_samples(run: &Run, args: &[&str]) -> (u64, String) {
    let output = run.run(&[args, &["-o", "-", "--quiet"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let profile = pprof_format::read(&output.stdout).unwrap();
    let samples = profile.sample.iter().map(|sample| sample.value[0].unsigned_abs()).sum();
    (samples, stderr(&output))
}

#[test]
fn compressed_recordings_are_unpacked() {
    let run = Run::new();
    let zstd = fixture("small/zstd.perf");
    assert_eq!(total_samples(&run, &[zstd.to_str().unwrap()]), (74, String::new()));
    // Damage in the middle of the only compressed record.
    let mut bytes = fs::read(&zstd).unwrap();
    let header = bytes.windows(4).position(|window| window == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    bytes[header + 5] = 0xff; // a window of 2^41 bytes
    run.write("damaged.perf", &bytes);
    let output = run.run(&["damaged.perf", "-o", "-", "--quiet"]);
    let message = stderr(&output);
    assert!(
        message.contains("warning: `damaged.perf` is damaged: what is compressed"),
        "{message}"
    );
    assert!(message.contains("compressed bytes are lost"), "{message}");
}

/// `perf record --threads` writes one file for each thread of perf.
#[test]
fn a_directory_is_one_recording() {
    let run = Run::new();
    let whole = fs::read(fixture("small/no-callchain.perf")).unwrap();
    let number = |at: usize| {
        usize::try_from(u64::from_le_bytes(whole[at..at + 8].try_into().unwrap())).unwrap()
    };
    let (data, len) = (number(40), number(48));
    let mut offsets = vec![data];
    while *offsets.last().unwrap() < data + len {
        let at = offsets.last().unwrap();
        let size = u16::from_le_bytes([whole[at + 6], whole[at + 7]]);
        offsets.push(at + usize::from(size));
    }
    let count = offsets.len();
    let [first, second, third] = [count / 4, count / 2, count * 3 / 4].map(|index| offsets[index]);
    let mut header = whole[..first].to_vec();
    header[48..56].copy_from_slice(&(first as u64 - data as u64).to_le_bytes());
    header[72..104].fill(0); // no features
    fs::create_dir(run.dir.path().join("dir.perf")).unwrap();
    run.write("dir.perf/data", &header);
    run.write("dir.perf/data.0", &whole[second..third]);
    run.write("dir.perf/data.2", &whole[first..second]);
    run.write("dir.perf/data.10", &whole[third..data + len]);
    assert_eq!(total_samples(&run, &["dir.perf"]), (74, String::new()));

    run.write("dir.perf/data.0", &whole[second..third - 5]);
    let (samples, message) = total_samples(&run, &["dir.perf"]);
    assert_eq!(samples, 73);
    assert!(message.contains("`dir.perf/data.0` ends within the record at byte"), "{message}");
    let output = run.run(&["dir.perf", "-o", "-", "--strict"]);
    assert_eq!(output.status.code(), Some(1));
}
