//! Units that were split off and never packed (`.dwo`), against llvm-symbolizer 19 with a package.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs;
use std::path::Path;

use binaries::{ElfImage, Note, Sources};
use profile::ElfAddr;
use symbolize::{BinaryReport, symbolize};

use support::{Lines, Recording, fixture, instructions, lines, options};

const UNITS: [&str; 2] = ["shapes-one.dwo", "shapes-two.dwo"];

/// What we say of every instruction.
fn found(path: &Path, sources: Sources) -> (Vec<(u64, Lines)>, BinaryReport) {
    let image = ElfImage::open(path).unwrap();
    let mut recording = Recording::of(&image, "/usr/local/bin/shapes");
    let mut frame = |address| recording.sample_at(&image, ElfAddr(address));
    let frames: Vec<_> = expected().into_iter().map(|(at, _)| (at, frame(at))).collect();
    let options = symbolize::Options { sources, ..options(&[], 2) };
    let mut symbolized = symbolize(&recording.profile, &options, &|_| {});
    let lines = |(address, frame)| (address, lines(&symbolized.symbols, frame));
    (frames.into_iter().map(lines).collect(), symbolized.binaries.remove(0))
}

fn expected() -> Vec<(u64, Lines)> {
    instructions("small/split/shapes.jsonl.gz")
}

fn given(paths: &[&Path]) -> Sources {
    options(paths, 1).sources
}

/// What is said of split-off units.
fn notes(report: &BinaryReport) -> Vec<Note> {
    let is_split =
        |note: &Note| matches!(note, Note::PackageMissing | Note::PackageIncomplete { .. });
    report.notes.iter().copied().filter(is_split).collect()
}

/// Copies files of the fixture, each to its place below a new directory.
fn placed(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, place) in files {
        let place = root.path().join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(fixture("small/split").join(file), place).unwrap();
    }
    root
}

#[test]
fn units_are_found_beside_the_binary_where_they_were_compiled_and_where_the_user_says() {
    let [one, two] = UNITS;
    let places = [
        placed(&[("shapes", "bin/it"), (one, "bin/shapes-one.dwo"), (two, "bin/shapes-two.dwo")]),
        placed(&[("shapes", "bin/it"), (one, "src/shapes-one.dwo"), (two, "src/shapes-two.dwo")]),
        placed(&[
            ("shapes", "bin/it"),
            (one, "given/1/shapes-one.dwo"),
            (two, "given/shapes-two.dwo"),
        ]),
    ];
    for root in places {
        let (root, path) = (root.path(), root.path().join("bin/it"));
        let sources = Sources { sysroot: root.to_owned(), ..given(&[&path, &root.join("given")]) };
        let (found, report) = found(&path, sources);
        assert_eq!(found.len(), 174);
        assert_eq!(found, expected());
        let inlined = found.iter().filter(|(_, lines)| lines.len() > 1).count();
        assert!(inlined > 30, "only {inlined} are in inlined calls");
        assert_eq!(notes(&report), []);
    }
}

#[test]
fn a_missing_unit_is_counted_and_costs_its_own_inlined_calls_only() {
    let [one, two] = UNITS;
    let missing = Note::PackageIncomplete { found: 1, of: 2 };
    // Absent; of another unit, by its ID; no ELF file at all.
    let places = [
        (placed(&[("shapes", "it"), (one, one)]), missing),
        (placed(&[("shapes", "it"), (one, one), (one, two)]), missing),
        (placed(&[("shapes", "it"), (one, one), ("shapes.jsonl.gz", two)]), missing),
        (placed(&[("shapes", "it")]), Note::PackageMissing),
        (placed(&[("shapes", "it"), (one, two), (two, one)]), Note::PackageMissing),
    ];
    for (root, note) in places {
        let path = root.path().join("it");
        let (found, report) = found(&path, given(&[&path]));
        assert_eq!(notes(&report), [note]);
        let mut whole = 0;
        for ((address, ours), (_, theirs)) in found.into_iter().zip(expected()) {
            let physical = |lines: &Lines| lines.last().map(|(name, ..)| name.clone());
            assert_eq!(physical(&ours), physical(&theirs), "{address:#x}");
            assert!(ours == theirs || ours.len() <= 1, "{address:#x}: {ours:?}");
            whole += usize::from(ours.len() > 1);
        }
        assert_eq!(whole > 0, note == missing);
    }
}

#[test]
fn units_that_no_address_is_in_are_not_missed() {
    let root = placed(&[("shapes", "it"), ("shapes-one.dwo", "shapes-one.dwo")]);
    let path = root.path().join("it");
    let image = ElfImage::open(&path).unwrap();
    let mut recording = Recording::of(&image, "/usr/local/bin/shapes");
    let (address, _) = expected().swap_remove(0);
    recording.sample_at(&image, ElfAddr(address));
    let symbolized = symbolize(&recording.profile, &options(&[&path], 1), &|_| {});
    assert_eq!(notes(&symbolized.binaries[0]), []);
}
