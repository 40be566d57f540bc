//! Against perf itself: every sample of every recording at hand has the event, the weight and,
//! frame by frame, the binary and offset that `perf script` gives it.
//!
//! perf's view of the fixtures is recorded beside them (`scripts/oracle/perf_script_samples.py`
//! wrote it). Recordings of the corpus are asked for as the test runs, where corpus and perf are
//! there.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use perf_data::{PerfData, write_records};
use profile::{BinaryKind, Frame, LabelValue, Profile};
use session::{LabelKey, Options, Selection, convert};

/// Samples and weight by thread, event and stack.
type Rows = BTreeMap<String, (u64, u64)>;

#[test]
fn fixtures_agree_with_perf() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let mut compared = 0;
    for folder in [fixtures.clone(), fixtures.join("edge-proxy"), fixtures.join("small")] {
        for oracle in files(&folder, ".samples.tsv.gz") {
            let mut lines = String::new();
            flate2::read::GzDecoder::new(File::open(&oracle).unwrap())
                .read_to_string(&mut lines)
                .unwrap();
            let recording = oracle.to_str().unwrap().replace(".samples.tsv.gz", ".perf");
            if NOT_HERE.iter().any(|name| recording.ends_with(name)) {
                continue;
            }
            compare(Path::new(&recording), &lines);
            compared += 1;
        }
    }
    assert!(compared >= 2, "the fixtures are not where they should be");
}

/// Stacks to be unwound are compared in the tests of the crate that does it.
const NOT_HERE: [&str; 1] = ["/dwarf.perf"];

#[test]
fn recordings_of_real_envoys_agree_with_perf() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let corpus = root.join("../shared/corpus/envoy");
    if !corpus.is_dir() || Command::new("perf").arg("--version").output().is_err() {
        println!("skipped: needs perf, and real recordings at {}", corpus.display());
        return;
    }
    for recording in files(&corpus, ".perf") {
        if recording.ends_with("ctr-inside-dwarf.perf") {
            continue; // to be unwound, as above
        }
        let oracle = Command::new("python3")
            .arg(root.join("scripts/oracle/perf_script_samples.py"))
            .arg(&recording)
            .output()
            .unwrap();
        assert!(oracle.status.success(), "{}", String::from_utf8_lossy(&oracle.stderr));
        compare(&recording, &String::from_utf8(oracle.stdout).unwrap());
    }
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(suffix));
    paths.sort();
    paths
}

fn compare(recording: &Path, oracle: &str) {
    let shown = recording.display();
    let expected = expected(oracle);
    let found = found(recording);
    let sum = |rows: &Rows| rows.values().fold((0, 0), |(n, w), row| (n + row.0, w + row.1));
    println!(
        "{shown}: {} samples, weight {}, {} rows",
        sum(&expected).0,
        sum(&expected).1,
        expected.len()
    );
    let ours: Vec<_> = found.iter().filter(|(row, sum)| expected.get(*row) != Some(sum)).collect();
    let perfs: Vec<_> = expected.iter().filter(|(row, sum)| found.get(*row) != Some(sum)).collect();
    assert!(ours.is_empty() && perfs.is_empty(), "{shown}: ours\n{ours:#?}\nperf's\n{perfs:#?}");
    assert_eq!(sum(&found), sum(&expected), "{shown}");
}

fn found(recording: &Path) -> Rows {
    let bytes = fs::read(recording).unwrap();
    let mut perf = PerfData::parse(&bytes).unwrap();
    let mut inflated = Vec::new();
    if perf.is_compressed() {
        let (records, offset) = perf.record_bytes();
        let losses = write_records(records, offset, perf.endian(), &mut inflated).unwrap();
        assert!(losses.is_empty(), "{losses:?}");
        perf = perf.with_records(&inflated);
    }
    let options = Options {
        labels: vec![LabelKey::Pid, LabelKey::Tid],
        selection: Selection::default(),
        threads: NonZeroUsize::MIN,
    };
    let profile = convert(&perf, &options, None, &|_| {}).profile;
    let mut rows = Rows::new();
    for (key, value) in profile.samples.iter() {
        let ids: Vec<_> =
            profile.labels[key.labels].iter().map(|label| number(label.value)).collect();
        let event = without_precision(&profile.events[key.event as usize].recorded_name);
        let frames: Vec<_> =
            profile.frames_of(key.stack).map(|id| shown(&profile, &profile.frames[id])).collect();
        let frames = module_names(&frames.join(" "));
        let row = format!("{} {} {event} {frames}", ids[0], ids[1]);
        let sum = rows.entry(row).or_default();
        *sum = (sum.0 + value.count, sum.1 + value.weight);
    }
    rows
}

fn number(value: LabelValue) -> i64 {
    match value {
        LabelValue::Number(number, _) => number,
        LabelValue::Text(_) => panic!("a pid is a number"),
    }
}

fn shown(profile: &Profile, frame: &Frame) -> String {
    if let Some(text) = frame.marker_text() {
        return profile.strings[text].replace(' ', "%20");
    }
    let binary = &profile.binaries[frame.binary];
    let path = profile.strings[binary.path].replace(' ', "%20");
    // Where the recording has no mapping, perf knows nothing; ours still knows the mode.
    let path = if path == "[kernel]" { "[unknown]".to_owned() } else { path };
    if binary.kind.is_identity_mapped() || binary.kind == BinaryKind::Vdso {
        let mapping = profile.mappings.iter().find(|(_, mapping)| mapping.binary == frame.binary);
        let address =
            mapping.map_or(frame.offset.0, |(_, mapping)| mapping.address_of(frame.offset).0);
        return format!("{path}@{address:#x}");
    }
    format!("{path}+{:#x}", frame.offset)
}

/// perf's rows, with the one difference that is meant: ours cuts a stack at the first caller that
/// lies in no mapping, and says so, where perf prints what the kernel found behind it.
fn expected(oracle: &str) -> Rows {
    let mut rows = Rows::new();
    for line in oracle.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        let [_time, pid, tid, event, period, frames] = fields[..] else {
            panic!("not a line of the oracle: {line}");
        };
        let frames = module_names(frames);
        let mut frames: Vec<_> = frames.split(' ').filter(|frame| !frame.is_empty()).collect();
        if let Some(cut) = unmapped_caller(&frames) {
            frames.truncate(cut);
            frames.push("[broken%20stack]");
        }
        let sum = rows
            .entry(format!("{pid} {tid} {} {}", without_precision(event), frames.join(" ")))
            .or_default();
        *sum = (sum.0 + 1, sum.1 + period.parse::<u64>().unwrap());
    }
    rows
}

/// Names of events are lost with the end of a file; perf then makes them up from the attributes.
fn without_precision(event: &str) -> &str {
    event.trim_end_matches(":ppp")
}

/// perf prints a kernel module by the path of its file, as recorded, or by its name.
fn module_names(frames: &str) -> String {
    let name = |frame: &str| match frame.split_once(".ko@") {
        Some((path, address)) => {
            let name = path.rsplit('/').next().unwrap_or(path).replace('-', "_");
            format!("[{name}]@{address}")
        }
        None => frame.to_owned(),
    };
    frames.split(' ').map(name).collect::<Vec<_>>().join(" ")
}

/// Where, behind the instruction pointer, the first caller in user mode stands that lies nowhere.
fn unmapped_caller(frames: &[&str]) -> Option<usize> {
    let is_kernel = |frame: &str| frame.starts_with("[kernel");
    // perf script does not print the mode. Behind a frame of the kernel, an address in the upper
    // half is the kernel's; behind one of the user it is as much noise as any other number.
    let is_upper = |frame: &str| {
        let hex = frame.strip_prefix("[unknown]@0x");
        hex.is_some_and(|hex| u64::from_str_radix(hex, 16).unwrap() >= 0xffff_8000_0000_0000)
    };
    let user = frames.iter().position(|frame| !is_kernel(frame) && !is_upper(frame))?;
    (user.max(1)..frames.len()).find(|&index| frames[index].starts_with("[unknown]@"))
}
