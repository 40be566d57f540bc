//! `perf2pprof symbolize`: the same names as a conversion with symbols gives, and nothing else changed.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pprof_format::{encode, proto};
use tempfile::TempDir;

const BROKEN: &str = "[broken stack]";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name).canonicalize().unwrap()
}

/// A directory to work in, and what is to be found there.
struct Run(TempDir);

impl Run {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn profile(&self, name: &str) -> proto::Profile {
        pprof_format::read(&self.read(name)).unwrap()
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perf2pprof"));
        command.current_dir(self.0.path()).args(args).stdin(Stdio::null());
        command.output().unwrap()
    }

    #[track_caller]
    fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{stderr}");
        stderr
    }

    /// What `perf_to_profile` would write.
    fn perf_to_profile(&self, recording: &Path, output: &str) {
        let status = Command::new(env!("CARGO_BIN_EXE_perf_to_profile"))
            .current_dir(self.0.path())
            .env("PERF2PPROF_COMPAT", "strict")
            .args(["-f", "-o", output, "-i"])
            .arg(recording)
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// The fixture converted with names, without, and as `perf_to_profile` does it.
    fn with_fixture() -> Self {
        let run = Self::new();
        let recording = fixture("edge-proxy/edge-proxy.perf");
        let text = recording.to_str().unwrap();
        run.succeed(&[&[text, "-q", "-o", "direct.pb.gz"], &symbols()[..]].concat());
        run.succeed(&[text, "-q", "-o", "bare.pb.gz", "--no-symbols"]);
        run.perf_to_profile(&recording, "strict.pb");
        run
    }
}

/// Nothing but the fixture's own debug image, whatever the machine has.
fn symbols() -> [&'static str; 4] {
    static DEBUG: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| fixture("edge-proxy/debug").to_str().unwrap().to_owned());
    ["--debug-image", &DEBUG, "--sysroot", "nowhere"]
}

/// A function as a person sees it, with its file and line.
type Named = (String, String, String, i64);

/// The functions of a location, innermost first; its address in `[]` if it has none.
fn functions(profile: &proto::Profile, id: u64) -> Vec<Named> {
    let location = &profile.location[usize::try_from(id).unwrap() - 1];
    assert_eq!(location.id, id);
    if location.line.is_empty() {
        return vec![(format!("[{:#x}]", location.address), String::new(), String::new(), 0)];
    }
    let text = |index| profile.text(index).unwrap().to_owned();
    let named = |line: &proto::Line| {
        let function = &profile.function[usize::try_from(line.function_id).unwrap() - 1];
        assert_eq!(function.id, line.function_id);
        (text(function.name), text(function.system_name), text(function.filename), line.line)
    };
    location.line.iter().map(named).collect()
}

/// Every sample as a person sees it: its stack, and the value that is shown first.
fn stacks(profile: &proto::Profile) -> Vec<(Vec<Named>, i64)> {
    let known: Vec<_> = profile.location.iter().map(|row| functions(profile, row.id)).collect();
    let of = |id: &u64| known[usize::try_from(*id).unwrap() - 1].clone();
    let samples = profile.sample.iter();
    samples
        .map(|sample| (sample.location_id.iter().flat_map(of).collect(), sample.value[1]))
        .collect()
}

/// By name: what it weighs itself, and with what it calls.
fn weights(profile: &proto::Profile) -> BTreeMap<String, (i64, i64)> {
    let mut weights = BTreeMap::<String, (i64, i64)>::new();
    for (stack, value) in stacks(profile) {
        let mut names: Vec<_> = stack.into_iter().map(|(name, ..)| name).collect();
        // A marker is no caller.
        names.retain(|name| name != BROKEN);
        weights.entry(names[0].clone()).or_default().0 += value;
        names.sort();
        names.dedup();
        for name in names {
            weights.entry(name).or_default().1 += value;
        }
    }
    weights
}

#[test]
fn a_profile_of_perf_to_profile_gets_the_names_and_numbers_of_a_conversion() {
    let run = Run::with_fixture();
    run.succeed(&[&["symbolize", "strict.pb"], &symbols()[..]].concat());
    let (direct, named) =
        (weights(&run.profile("direct.pb.gz")), weights(&run.profile("strict.named.pb.gz")));
    assert!(named.len() > 400, "{}", named.len());
    // libc and the kernel are not at hand. In what `perf_to_profile` writes they have no names, not
    // even that of the place, because pprof might find some.
    let is_named = |name: &&String| !name.starts_with('[');
    let only = |weights: &BTreeMap<String, (i64, i64)>| -> BTreeMap<String, (i64, i64)> {
        weights.iter().filter(|(name, _)| is_named(name)).map(|(k, v)| (k.clone(), *v)).collect()
    };
    assert_eq!(only(&direct), only(&named));
}

#[test]
fn an_earlier_run_without_the_image_becomes_the_run_with_it() {
    let run = Run::with_fixture();
    run.succeed(&[&["symbolize", "bare.pb.gz"], &symbols()[..]].concat());
    let (direct, named) = (run.profile("direct.pb.gz"), run.profile("bare.named.pb.gz"));
    assert_eq!(stacks(&direct), stacks(&named));
    let flags = |profile: &proto::Profile| -> Vec<_> {
        let rows = profile.mapping.iter();
        let flags = rows
            .map(|m| (m.has_functions, m.has_filenames, m.has_line_numbers, m.has_inline_frames));
        flags.collect()
    };
    assert_eq!(flags(&direct), flags(&named));
}

#[test]
fn what_is_named_already_stays_and_a_second_time_changes_nothing() {
    let run = Run::with_fixture();
    run.succeed(&[&["symbolize", "direct.pb.gz", "-o", "again.pb.gz"], &symbols()[..]].concat());
    let (mut direct, mut again) = (run.profile("direct.pb.gz"), run.profile("again.pb.gz"));
    let comment = again.comment.pop().and_then(|index| again.text(index).map(str::to_owned));
    assert!(comment.unwrap().starts_with("symbolized-by:perf2pprof"));
    again.string_table.truncate(direct.string_table.len());
    assert_eq!(direct, again);

    // Names that somebody else gave are not ours to change.
    for function in &mut direct.function {
        function.system_name = 0;
    }
    fs::write(run.path("theirs.pb"), encode(&direct)).unwrap();
    run.succeed(&[&["symbolize", "theirs.pb"], &symbols()[..]].concat());
    assert_eq!(run.profile("theirs.named.pb.gz").function, direct.function);
}

/// All bytes that are no mapping and no location stand in the result as they stood, in their order,
/// those of fields that no version knows among them.
#[test]
fn the_message_is_added_to_and_not_written_anew() {
    let run = Run::with_fixture();
    let mut bytes = run.read("strict.pb");
    // Field 1000: a text; field 1001: a number.
    let unknown = b"\xc2\x3e\x05hello\xc8\x3e\x2a";
    bytes.extend(unknown);
    fs::write(run.path("strict.pb"), &bytes).unwrap();
    run.succeed(&[&["symbolize", "strict.pb"], &symbols()[..]].concat());
    let mut named = Vec::new();
    let compressed = run.read("strict.named.pb.gz");
    flate2::read::GzDecoder::new(&compressed[..]).read_to_end(&mut named).unwrap();
    let (old, new) = (fields(&bytes), fields(&named));
    let kept = |fields: &[(u64, Vec<u8>)]| -> Vec<(u64, Vec<u8>)> {
        fields.iter().filter(|(number, _)| ![3, 4].contains(number)).cloned().collect()
    };
    let (old_kept, new_kept) = (kept(&old), kept(&new));
    assert!(new_kept.starts_with(&old_kept) && old_kept.last().unwrap().0 == 1001);
    // What is new: functions, strings, one comment.
    assert!(new_kept[old_kept.len()..].iter().all(|(number, _)| [5, 6, 13].contains(number)));
    let changed = |number| {
        let of = |fields: &[(u64, Vec<u8>)]| -> Vec<Vec<u8>> {
            fields.iter().filter(|(n, _)| *n == number).map(|(_, bytes)| bytes.clone()).collect()
        };
        (of(&old), of(&new))
    };
    for (old, new) in [changed(3), changed(4)] {
        assert_eq!(old.len(), new.len());
        // Behind the length, which differs.
        assert!(old.iter().zip(&new).all(|(old, new)| new.ends_with(old) || new.len() > old.len()));
    }
}

/// The fields of a message by number, each with all its bytes.
fn fields(message: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let varint = |at: &mut usize| {
        let (mut value, mut shift) = (0_u64, 0);
        loop {
            let byte = message[*at];
            *at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    };
    let (mut fields, mut at) = (Vec::new(), 0);
    while at < message.len() {
        let start = at;
        let key = varint(&mut at);
        match key & 7 {
            0 => drop(varint(&mut at)),
            2 => {
                let len = usize::try_from(varint(&mut at)).unwrap();
                at += len;
            }
            other => panic!("wire type {other}"),
        }
        fields.push((key >> 3, message[start..at].to_vec()));
    }
    fields
}

#[test]
fn the_wrong_image_names_nothing_and_says_why() {
    let run = Run::with_fixture();
    let twin = fixture("edge-proxy/twin");
    let twin = ["--debug-image", twin.to_str().unwrap(), "--sysroot", "nowhere"];
    let stderr =
        run.succeed(&[&["symbolize", "strict.pb", "-o", "twin.pb.gz"], &twin[..]].concat());
    assert!(stderr.contains("its code is laid out differently: 0x1c000+0x2f000"), "{stderr}");
    let profile = run.profile("twin.pb.gz");
    let main = profile.mapping[0];
    let locations = profile.location.iter().filter(|row| row.mapping_id == main.id);
    assert!(!main.has_functions && locations.clone().count() > 500);
    assert!(locations.into_iter().all(|row| row.line.is_empty()));

    let output = run.run(&[&["symbolize", "strict.pb", "--strict"], &twin[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(!run.path("strict.named.pb.gz").exists());
}

/// A continuous profiler maps a file as one piece, so that the layout says nothing.
#[test]
fn mappings_of_whole_files_are_known_by_build_id_and_calls() {
    let run = Run::with_fixture();
    let mut profile = run.profile("strict.pb");
    for mapping in &mut profile.mapping {
        if profile.string_table[usize::try_from(mapping.filename).unwrap()].ends_with("edge-proxy")
        {
            mapping.memory_start -= mapping.file_offset;
            mapping.file_offset = 0;
            mapping.memory_limit += 0x10_0000;
        }
    }
    fs::write(run.path("whole.pb"), encode(&profile)).unwrap();
    run.succeed(&[&["symbolize", "whole.pb"], &symbols()[..]].concat());
    run.succeed(&[&["symbolize", "strict.pb"], &symbols()[..]].concat());
    let (whole, strict) = (run.profile("whole.named.pb.gz"), run.profile("strict.named.pb.gz"));
    assert_eq!(stacks(&whole), stacks(&strict));

    let twin = fixture("edge-proxy/twin");
    let twin = ["--debug-image", twin.to_str().unwrap(), "--sysroot", "nowhere"];
    run.succeed(&[&["symbolize", "whole.pb", "-o", "twin.pb.gz"], &twin[..]].concat());
    assert!(!run.profile("twin.pb.gz").mapping[0].has_functions);
}

#[test]
fn the_profile_is_never_overwritten_and_what_is_none_is_told_of() {
    let run = Run::with_fixture();
    let before = run.read("bare.pb.gz");
    for (args, error) in [
        (&["symbolize", "bare.pb.gz", "-o", "bare.pb.gz"][..], "is the profile itself"),
        (&["symbolize", "nothing.pb.gz"], "no such file or directory"),
        (&["symbolize", "empty.pb"], "is no pprof profile"),
        (&["symbolize", "text.pb"], "cannot be read as a pprof profile"),
    ] {
        fs::write(run.path("empty.pb"), b"").unwrap();
        fs::write(run.path("text.pb"), b"PERFILE2 or anything else").unwrap();
        let output = run.run(args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with("error: ") && stderr.contains(error), "{stderr}");
    }
    assert_eq!(run.read("bare.pb.gz"), before);
}
