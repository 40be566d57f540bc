//! Converts recordings, with files from the roots that are given.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use binaries::{Locator, Recorded, Sources};
use perf_data::PerfData;
use profile::{Id, Profile, Stack};
use session::{Conversion, LabelKey, Options, convert};
use unwind::Unwinding;

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Converts a recording. A binary is the first verified file in one of the roots.
pub fn unwound(recording: &[u8], roots: &[&Path], threads: usize) -> Conversion {
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
        threads: NonZeroUsize::new(threads).unwrap(),
    };
    convert(&perf, &options, Some(&Unwinding::new(&find)), &|_| {})
}

/// A stack as `binary+offset` of each frame, innermost first; callers as return address - 1.
pub fn frames(profile: &Profile, stack: Id<Stack>) -> Vec<String> {
    let shown = |id| {
        let frame = &profile.frames[id];
        if let Some(text) = frame.marker_text() {
            return profile.strings[text].clone();
        }
        let binary = &profile.binaries[frame.binary];
        let path = &profile.strings[binary.path];
        format!("{path}+{:#x}", frame.lookup_offset())
    };
    profile.frames_of(stack).map(shown).collect()
}
