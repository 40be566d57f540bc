//! Debug info that `dwz` moved to a file which several programs share, against what
//! llvm-symbolizer 19 said of the programs before: it reads no such files.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs;
use std::path::Path;

use binaries::{ElfImage, Note, Refusal, Sources};
use profile::ElfAddr;
use symbolize::{BinaryReport, symbolize};

use support::{Lines, Recording, fixture, instructions, lines, options};

/// What llvm-symbolizer says of every instruction of a program.
fn expected(program: &str) -> Vec<(u64, Lines)> {
    instructions(&format!("small/dwz/{program}.jsonl.gz"))
}

/// What we say of the same addresses.
fn found(path: &Path, program: &str, sources: Sources) -> (Vec<(u64, Lines)>, BinaryReport) {
    let image = ElfImage::open(path).unwrap();
    let mut recording = Recording::of(&image, &format!("/usr/local/bin/{program}"));
    let addresses: Vec<_> = expected(program).into_iter().map(|(address, _)| address).collect();
    let mut frame = |address| recording.sample_at(&image, ElfAddr(address));
    let frames: Vec<_> = addresses.into_iter().map(|address| (address, frame(address))).collect();
    let options = symbolize::Options { sources, ..options(&[], 1) };
    let mut symbolized = symbolize(&recording.profile, &options, &|_| {});
    let lines = |(address, frame)| (address, lines(&symbolized.symbols, frame));
    (frames.into_iter().map(lines).collect(), symbolized.binaries.remove(0))
}

fn given(paths: &[&Path]) -> Sources {
    options(paths, 1).sources
}

/// The files of one kind, and of one program.
const FILES: [(&str, &str, usize); 4] = [
    ("small/dwz", "shapes-one", 28),
    ("small/dwz", "shapes-two", 38),
    ("small/dwz/dwarf-5", "shapes-one", 28),
    ("small/dwz/dwarf-5", "shapes-two", 38),
];

#[test]
fn every_instruction_is_named_as_before() {
    for (directory, program, count) in FILES {
        let path = fixture(directory).join(program);
        let common = fixture(directory).join("common.dwz");
        // The file beside it, as its link says, is found without being given.
        let (found, report) = found(&path, program, given(&[&path]));
        assert_eq!(found.len(), count);
        assert_eq!(found, expected(program), "{}", path.display());
        let inlined = found.iter().filter(|(_, lines)| lines.len() > 1).count();
        assert!(inlined > 5, "only {inlined} are in inlined calls");
        assert_eq!(report.used.unwrap().supplement, Some(common.canonicalize().unwrap()));
        assert!(!report.notes.iter().any(|note| matches!(note, Note::SupplementMissing(_))));
        assert!(report.refused.is_empty());
    }
}

#[test]
fn without_the_common_file_what_is_left_is_right_and_said_to_lack_something() {
    for (directory, program, _) in FILES {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(program);
        fs::copy(fixture(directory).join(program), &path).unwrap();
        let (found, report) = found(&path, program, given(&[&path]));
        assert!(report.notes.iter().any(|note| matches!(note, Note::SupplementMissing(_))));
        let (mut named, mut known) = (0, 0);
        for ((address, ours), (_, theirs)) in found.into_iter().zip(expected(program)) {
            // Inlined calls are lost, and no name or line is another one.
            assert!(
                ours.iter().all(|(name, path, line, _)| {
                    theirs.iter().any(|(n, p, l, _)| (n, p, l) == (name, path, line))
                }),
                "{address:#x}: {ours:?} of {theirs:?}"
            );
            named += usize::from(!ours.is_empty());
            known += usize::from(!theirs.is_empty());
        }
        // With its symbol table, a program still knows all of its functions.
        assert!(directory.ends_with("dwarf-5") || named == known, "{named} of {known}");
    }
}

#[test]
fn a_common_file_with_another_id_is_refused() {
    for directory in ["small/dwz", "small/dwz/dwarf-5"] {
        let other = if directory.ends_with("-5") { "small/dwz" } else { "small/dwz/dwarf-5" };
        for wrong in [fixture(other).join("common.dwz"), fixture(directory).join("shapes-two")] {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("shapes-one");
            fs::copy(fixture(directory).join("shapes-one"), &path).unwrap();
            let common = root.path().join("common.dwz");
            fs::copy(wrong, &common).unwrap();
            let (found, report) = found(&path, "shapes-one", given(&[&path]));
            assert!(found.iter().all(|(_, lines)| lines.len() <= 1), "no inlined call is known");
            assert_eq!(report.used.unwrap().supplement, None);
            let [refused] = &report.refused[..] else { panic!("{:?}", report.refused) };
            assert!(refused.path.ends_with("common.dwz"));
            assert!(matches!(refused.refusal, Refusal::Supplement { .. }));
        }
    }
}

#[test]
fn the_common_file_is_found_where_distributions_put_it() {
    let common = fixture("small/dwz/common.dwz");
    let id = ElfImage::open(&common).unwrap().build_id().unwrap().to_string();
    let by_build_id = format!(".build-id/{}/{}.debug", &id[..2], &id[2..]);
    for place in [".dwz/common.dwz", &by_build_id, "usr/lib/debug/.dwz/common.dwz"] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("elsewhere/shapes-one");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(fixture("small/dwz/shapes-one"), &path).unwrap();
        let place = root.path().join(place);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(&common, &place).unwrap();
        let sources = Sources {
            sysroot: root.path().to_owned(),
            debug_dirs: vec![root.path().to_owned()],
            ..given(&[&path])
        };
        let (found, report) = found(&path, "shapes-one", sources);
        assert_eq!(found, expected("shapes-one"), "{}", place.display());
        assert_eq!(report.used.unwrap().supplement, Some(place));
    }
    // Given by hand, it needs no name at all.
    let root = tempfile::tempdir().unwrap();
    for (name, from) in [("a", "small/dwz/shapes-one"), ("z", "small/dwz/common.dwz")] {
        fs::create_dir_all(root.path().join(name)).unwrap();
        fs::copy(fixture(from), root.path().join(name).join("file")).unwrap();
    }
    let path = root.path().join("a/file");
    let (found, _) = found(&path, "shapes-one", given(&[root.path()]));
    assert_eq!(found, expected("shapes-one"));
}
