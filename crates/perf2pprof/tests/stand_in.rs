//! `perf_to_profile` as pprof runs it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use perf_data_builder::{Event, Order, PerfFile, flags};
use pprof_format::proto::Profile;

/// What the recording of this test is in the middle of.
#[inline(never)]
fn marked_function(number: u64) -> u64 {
    black_box(number).rotate_left(3)
}

/// A recording of this very program, so that there is a binary with names.
fn recording() -> Vec<u8> {
    let address = marked_function as fn(u64) -> u64 as usize as u64;
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut file = PerfFile::new(Order::Little);
    // IP, TID, TIME, PERIOD
    file.event(Event::cpu_clock().sample_type(0b1_0000_0111).flags(flags::SAMPLE_ID_ALL));
    for line in maps.lines().filter(|line| line.contains(" r-xp ") && line.contains('/')) {
        let words: Vec<_> = line.split_whitespace().collect();
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = words[0].split_once('-').unwrap();
        let (start, end) = (number(start), number(end));
        file.mmap2(7, start, end - start, number(words[2]), words[5], 1);
    }
    file.record(9, 2, |body| body.u64(address).i32(7).i32(7).u64(2).u64(5_000_000));
    file.build()
}

struct Run {
    dir: tempfile::TempDir,
}

impl Run {
    fn new() -> Self {
        let run = Self { dir: tempfile::tempdir().unwrap() };
        fs::write(run.path("in.perf"), recording()).unwrap();
        run
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perf_to_profile"));
        command.current_dir(self.dir.path()).args(args).output().unwrap()
    }
}

fn functions(profile: &Profile) -> Vec<&str> {
    profile.function.iter().filter_map(|function| profile.text(function.name)).collect()
}

#[test]
fn a_new_profile_has_names() {
    assert_eq!(marked_function(1), 8);
    let run = Run::new();
    let output = run.run(&["-i", "in.perf", "-o", "out.pb"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
    let profile = pprof_format::read(&fs::read(run.path("out.pb")).unwrap()).unwrap();
    let names = functions(&profile);
    assert!(names.iter().any(|name| name.contains("marked_function")), "{names:?}");
}

#[test]
fn who_has_the_output_open_reads_the_profile_there() {
    let run = Run::new();
    // Longer than the profile: nothing of it is left.
    fs::write(run.path("out.pb"), vec![b'x'; 1 << 16]).unwrap();
    let mut open = File::open(run.path("out.pb")).unwrap();
    let output = run.run(&["-iin.perf", "-fj", "-o", "out.pb"]);
    assert_eq!(output.status.code(), Some(0));
    let mut bytes = Vec::new();
    open.rewind().unwrap();
    open.read_to_end(&mut bytes).unwrap();
    assert!(!pprof_format::read(&bytes).unwrap().sample.is_empty());
}

#[test]
fn an_existing_output_is_refused_without_f() {
    let run = Run::new();
    fs::write(run.path("out.pb"), b"mine").unwrap();
    let output = run.run(&["-i", "in.perf", "-o", "out.pb"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`out.pb` exists"));
    assert_eq!(fs::read(run.path("out.pb")).unwrap(), b"mine");
}

#[test]
fn every_failure_is_1_and_leaves_the_output_alone() {
    let run = Run::new();
    fs::write(run.path("text"), b"no recording").unwrap();
    fs::write(run.path("out.pb"), b"mine").unwrap();
    for args in [
        &["-i", "in.perf"][..],
        &["-i", "in.perf", "-o"],
        &["-i", "in.perf", "-o", "x.pb", "-q"],
        &["in.perf", "-o", "x.pb"],
        &["-i", "text", "-o", "out.pb", "-f"],
        &["-i", "nowhere", "-o", "out.pb", "-f"],
        &["-i", "in.perf", "-o", "in.perf", "-f"],
    ] {
        assert_eq!(run.run(args).status.code(), Some(1), "{args:?}");
    }
    assert!(!run.path("x.pb").exists());
    assert_eq!(fs::read(run.path("out.pb")).unwrap(), b"mine");
    assert!(fs::read(run.path("in.perf")).unwrap().starts_with(b"PERFILE2"));
}

#[test]
fn strict_content_has_neither_names_nor_times() {
    let run = Run::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_perf_to_profile"));
    command.env("PERF2PPROF_COMPAT", "strict").current_dir(run.dir.path());
    assert!(command.args(["-i", "in.perf", "-o", "out.pb"]).status().unwrap().success());
    let profile = pprof_format::read(&fs::read(run.path("out.pb")).unwrap()).unwrap();
    assert_eq!((profile.function.len(), profile.location.len(), profile.time_nanos), (0, 1, 0));
    let executable = std::env::current_exe().unwrap();
    assert_eq!(profile.text(profile.mapping[0].filename), executable.to_str());
    assert_eq!(profile.text(profile.default_sample_type), Some("event_0_event"));
}

/// `PPROF`, as `scripts/install-test-tools` prints it, or what is on the path.
fn pprof() -> Option<PathBuf> {
    let named = std::env::var_os("PPROF").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates =
        named.into_iter().chain(std::env::split_paths(&path).map(|d| d.join("pprof")));
    let found = candidates.find(|candidate| candidate.is_file());
    if found.is_none() {
        println!("skipped: no pprof; `eval $(scripts/install-test-tools)` and `export PPROF`");
    }
    found
}

#[test]
fn pprof_reads_a_recording_and_shows_names() {
    let Some(pprof) = pprof() else { return };
    let run = Run::new();
    let ours = Path::new(env!("CARGO_BIN_EXE_perf_to_profile")).parent().unwrap();
    let path = std::env::join_paths([ours, Path::new("/usr/bin"), Path::new("/bin")]).unwrap();
    let output = Command::new(pprof)
        .args(["-top", "in.perf"])
        .current_dir(run.dir.path())
        .env("PATH", path)
        .env("PPROF_TMPDIR", run.dir.path())
        .output()
        .unwrap();
    let top = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    assert!(top.contains("marked_function"), "{top}{errors}");
    assert!(top.contains("Type: ") && top.contains("5ms"), "{top}");
}
