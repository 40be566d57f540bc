//! Converts recordings with files from given places, and compares the stacks with perf's.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use binaries::{Locator, Recorded, Sources};
use perf_data::PerfData;
use profile::{BinaryKind, Id, Profile, Stack};
use session::{Conversion, LabelKey, Options, convert};
use unwind::Unwinding;

/// A file of the repository, or beside it.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Converts a recording. A binary is the first verified file that one of the roots has.
pub(crate) fn unwound(recording: &[u8], roots: &[&Path], threads: usize) -> Conversion {
    let sources: Vec<_> = roots
        .iter()
        .map(|root| Sources { sysroot: root.to_path_buf(), ..Sources::none() })
        .collect();
    let locators: Vec<_> = sources.iter().map(Locator::new).collect();
    let find = |profile: &Profile, binary| {
        let recorded = Recorded::of(profile, binary);
        locators.iter().find_map(|locator| locator.locate(&recorded).found)
    };
    let perf = PerfData::parse(recording).unwrap();
    let options = Options {
        labels: vec![LabelKey::Pid, LabelKey::Tid],
        selection: session::Selection::default(),
        threads: NonZeroUsize::new(threads).unwrap(),
    };
    convert(&perf, &options, Some(&Unwinding::new(&find)), &|_| {})
}

/// The stacks of a profile, and how many samples each has: frames of user code as `path+offset`,
/// innermost first, callers as return address - 1, and a marker if there is one.
pub(crate) fn our_stacks(profile: &Profile) -> BTreeMap<Vec<String>, u64> {
    let mut stacks = BTreeMap::new();
    for (key, value) in profile.samples.iter() {
        *stacks.entry(frames(profile, key.stack)).or_default() += value.count;
    }
    stacks
}

fn frames(profile: &Profile, stack: Id<Stack>) -> Vec<String> {
    let shown = |id| {
        let frame = &profile.frames[id];
        if let Some(text) = frame.marker_text() {
            return Some(profile.strings[text].clone());
        }
        let binary = &profile.binaries[frame.binary];
        let path = &profile.strings[binary.path];
        match binary.kind {
            kind if kind.is_kernel() => None,
            // perf prints its addresses, and those are other ones in each process.
            BinaryKind::Vdso => Some(path.clone()),
            _ => Some(format!("{path}+{:#x}", frame.lookup_offset())),
        }
    };
    profile.frames_of(stack).filter_map(shown).collect()
}

/// The stacks that perf unwound, from what `scripts/oracle/perf_script_samples.py` wrote.
pub(crate) fn perfs_stacks(oracle: &Path) -> Vec<Vec<String>> {
    let mut lines = String::new();
    flate2::read::GzDecoder::new(File::open(oracle).unwrap()).read_to_string(&mut lines).unwrap();
    let frames = |line: &str| {
        let frames = line.split('\t').nth(5).unwrap_or_default().split(' ');
        let users = frames.filter(|frame| !frame.starts_with("[kernel"));
        // perf has no name for a kernel module's code either, and ends a stack that it could
        // not unwind with an address of all ones.
        users
            .filter(|frame| !frame.is_empty() && !frame.starts_with("[unknown]@0xffff"))
            .map(|frame| match frame.split_once(['@', '+']) {
                Some(("[vdso]", _)) => "[vdso]".to_owned(),
                Some((path, at)) if path.starts_with("/tmp/perf-") => format!("//anon+{at}"),
                _ => frame.replace('@', "+"),
            })
            .collect()
    };
    lines.lines().map(frames).collect()
}

/// A recording with its samples so often that it has `len` bytes. It lacks feature sections: their
/// places in the file are not where they were.
pub(crate) fn repeated(recording: &[u8], len: usize) -> Vec<u8> {
    const SIZE_OF_DATA: usize = 48;
    const FEATURES: usize = 72;
    let perf = PerfData::parse(recording).unwrap();
    let offset = |offset: u64| usize::try_from(offset).unwrap();
    let mut records = perf.records();
    let start = offset(records.offset());
    let first_sample = records.by_ref().find(|record| record.kind.0 == 9).unwrap().offset;
    records.by_ref().for_each(drop);
    let end = offset(records.offset());
    let mut bytes = recording[..end].to_vec();
    while bytes.len() < len {
        bytes.extend_from_slice(&recording[offset(first_sample)..end]);
    }
    let size = (bytes.len() - start) as u64;
    bytes[SIZE_OF_DATA..SIZE_OF_DATA + 8].copy_from_slice(&size.to_le_bytes());
    bytes[FEATURES..FEATURES + 32].fill(0);
    bytes
}
