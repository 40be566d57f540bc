//! Where binaries are found, and which are refused, on the files of `fixtures/edge-proxy`.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use binaries::{
    Calls, ElfError, ElfImage, Located, Locator, Machine, Note, Quality, Recorded, RecordedRange,
    Refusal, Sources, ends_in_call,
};
use profile::{BinaryKind, BuildId, FileOffset};
use tempfile::TempDir;

const RECORDED: &str = "/usr/local/bin/edge-proxy";

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy").join(path)
}

fn stripped() -> PathBuf {
    fixture("bin/edge-proxy")
}

fn debug() -> PathBuf {
    fixture("debug/usr/local/bin/edge-proxy")
}

fn package() -> PathBuf {
    fixture("debug/usr/local/bin/edge-proxy.dwp")
}

fn twin() -> PathBuf {
    fixture("twin/usr/local/bin/edge-proxy")
}

/// What a recording of the stripped binary says.
fn recorded() -> Recorded<'static> {
    let image = ElfImage::open(&stripped()).unwrap();
    let range = |segment: &binaries::Segment| {
        let first = segment.offset.0 / 4096 * 4096;
        let last = (segment.offset.0 + segment.file_size).next_multiple_of(4096);
        RecordedRange { offset: FileOffset(first), len: last - first }
    };
    Recorded {
        path: RECORDED,
        deleted: false,
        build_id: image.build_id(),
        kind: BinaryKind::File,
        arch: Some("x86_64"),
        ranges: image.layout().executable().map(range).collect(),
        has_true_ranges: true,
        return_addresses: Vec::new(),
    }
}

/// An empty file system to put files into.
struct Root(TempDir);

impl Root {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn put(&self, at: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(at.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn copy(&self, at: &str, from: &Path) -> PathBuf {
        self.put(at, &fs::read(from).unwrap())
    }

    fn sources(&self) -> Sources {
        Sources { sysroot: self.path().to_owned(), ..Sources::none() }
    }
}

fn locate(sources: &Sources, recorded: &Recorded<'_>) -> Located {
    Locator::new(sources).locate(recorded)
}

fn given(paths: &[&Path]) -> Sources {
    Sources { images: paths.iter().map(|path| path.to_path_buf()).collect(), ..Sources::none() }
}

/// Where a build-ID directory has a file.
fn by_build_id(build_id: BuildId) -> String {
    let text = build_id.to_string();
    format!(".build-id/{}/{}", &text[..2], &text[2..])
}

/// The path of the file that was found, and what it can tell.
fn found(located: &Located) -> Option<(&Path, Quality)> {
    located.found.as_ref().map(|found| (found.image.path(), found.quality()))
}

#[test]
fn nothing_is_found_where_nothing_is() {
    let located = locate(&Root::new().sources(), &recorded());
    assert!(located.found.is_none() && located.refused.is_empty() && located.notes.is_empty());
}

#[test]
fn the_recorded_path_is_read_in_the_sysroot() {
    let root = Root::new();
    let path = root.copy(RECORDED, &stripped());
    let located = locate(&root.sources(), &recorded());
    assert_eq!(found(&located), Some((&*path, Quality::DynamicSymbols)));
}

#[test]
fn a_debug_file_by_build_id_is_better_than_the_stripped_file() {
    let id = by_build_id(recorded().build_id.unwrap());
    let root = Root::new();
    root.copy(RECORDED, &stripped());
    let path = root.copy(&format!("/usr/lib/debug/{id}.debug"), &debug());
    let located = locate(&root.sources(), &recorded());
    assert_eq!(found(&located), Some((&*path, Quality::Dwarf)));
    assert_eq!(located.notes, [Note::PackageMissing]);

    let elsewhere = Root::new();
    let path = elsewhere.copy(&format!("{id}.debug"), &debug());
    let debug_dirs = vec![elsewhere.path().to_owned()];
    let located = locate(&Sources { debug_dirs, ..root.sources() }, &recorded());
    assert_eq!(found(&located).map(|(path, _)| path), Some(&*path), "given before installed");
}

#[test]
fn perf_s_cache_has_a_directory_for_each_build_id() {
    let root = Root::new();
    let id = by_build_id(recorded().build_id.unwrap());
    let path = root.copy(&format!("{id}/elf"), &debug());
    let sources = Sources { build_id_cache: Some(root.path().to_owned()), ..Sources::none() };
    assert_eq!(found(&locate(&sources, &recorded())), Some((&*path, Quality::Dwarf)));
}

#[test]
fn a_package_is_known_by_its_units_not_by_its_name() {
    let root = Root::new();
    let path = root.copy(RECORDED, &debug());
    let contrib = root.copy("/usr/local/bin/edge-proxy-contrib.dwp", &package());
    let located = locate(&root.sources(), &recorded());
    assert_eq!(found(&located), Some((&*path, Quality::DwarfWithPackage)));
    assert_eq!(located.found.unwrap().package.unwrap().path(), contrib);

    let located = locate(&given(&[&package(), &path]), &recorded());
    assert_eq!(found(&located), Some((&*path, Quality::DwarfWithPackage)));
    assert!(located.notes.is_empty());
}

#[test]
fn directories_are_searched_and_other_files_passed_over() {
    let root = Root::new();
    root.put("etc/passwd", b"root");
    root.put("usr/lib/empty", b"");
    let path = root.copy("opt/unpacked/usr/local/bin/edge-proxy", &debug());
    root.copy("opt/unpacked/usr/local/bin/edge-proxy.dwp", &package());
    std::os::unix::fs::symlink("/", root.path().join("all")).unwrap();
    let sources = given(&[root.path()]);
    assert_eq!(found(&locate(&sources, &recorded())), Some((&*path, Quality::DwarfWithPackage)));
    assert!(Locator::new(&sources).into_refused().is_empty());
}

#[test]
fn a_twin_with_the_same_build_id_is_refused() {
    let located = locate(&given(&[&twin()]), &recorded());
    assert!(located.found.is_none());
    let [refused] = &located.refused[..] else { panic!("{:?}", located.refused) };
    let Refusal::Geometry { recorded, found: Some(found) } = &refused.refusal else {
        panic!("{refused:?}")
    };
    assert_ne!(recorded[0], *found);
}

#[test]
fn another_build_and_another_machine_are_refused() {
    let root = Root::new();
    let id = recorded().build_id.unwrap();
    let mut bytes = fs::read(debug()).unwrap();
    let at = bytes.windows(20).position(|window| window == id.as_bytes()).unwrap();
    bytes[at] ^= 1;
    root.put(RECORDED, &bytes);
    let located = locate(&root.sources(), &recorded());
    assert!(located.found.is_none());
    assert!(matches!(
        located.refused[0].refusal,
        Refusal::BuildId { recorded, found } if recorded == id && found != id
    ));

    bytes[at] ^= 1;
    bytes[18] = 183; // e_machine: AArch64
    root.put(RECORDED, &bytes);
    let refused = &locate(&root.sources(), &recorded()).refused;
    assert_eq!(refused[0].refusal.to_string(), "code for aarch64, recorded on x86_64");
}

#[test]
fn without_a_build_id_the_layout_decides() {
    let root = Root::new();
    let path = root.copy(RECORDED, &stripped());
    let replaced = Recorded { build_id: None, deleted: true, ..recorded() };
    let located = locate(&root.sources(), &replaced);
    assert_eq!(found(&located).map(|(path, _)| path), Some(&*path));
    assert_eq!(located.notes, [Note::NoBuildId]);
    // A file given by name needs no matching name of its own.
    let renamed = root.copy("opt/download.bin", &debug());
    assert_eq!(
        found(&locate(&given(&[&renamed]), &replaced)).map(|(path, _)| path),
        Some(&*renamed)
    );
    root.copy(RECORDED, &twin());
    assert!(locate(&root.sources(), &replaced).found.is_none());
    let unknown = Recorded { ranges: Vec::new(), ..replaced };
    let refused = locate(&root.sources(), &unknown).refused;
    assert!(matches!(refused[0].refusal, Refusal::Unverifiable));
}

#[test]
fn what_is_no_elf_file_is_refused_where_a_binary_should_be() {
    let root = Root::new();
    root.put(RECORDED, b"#!/bin/sh\n");
    let refused = locate(&root.sources(), &recorded()).refused;
    assert!(matches!(refused[0].refusal, Refusal::Elf(ElfError::NotElf)));

    let text = root.put("notes.txt", b"not ELF");
    let sources = given(&[&text, Path::new("/nonexistent")]);
    let refused = Locator::new(&sources).into_refused();
    let shown: Vec<_> = refused.iter().map(|refused| refused.refusal.to_string()).collect();
    assert_eq!(shown[0], "not an ELF file");
    assert!(shown[1].starts_with("cannot be read: "), "{}", shown[1]);
}

/// As `objcopy --only-keep-debug` leaves it: headers of the code without its bytes, and segments
/// whose place in the file means nothing.
fn without_code(mut bytes: Vec<u8>) -> Vec<u8> {
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let half = |bytes: &[u8], at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
    let (segments, sections) = (word(&bytes, 0x20), word(&bytes, 0x28));
    for index in 0..u64::from(half(&bytes, 0x38)) {
        let at = usize::try_from(segments + index * 56).unwrap();
        let (p_offset, p_filesz) = (at + 8, at + 32);
        if bytes[at..at + 4] == [1, 0, 0, 0] {
            bytes[p_offset..p_offset + 8].fill(0);
            bytes[p_filesz..p_filesz + 8].fill(0);
        }
    }
    for index in 0..u64::from(half(&bytes, 0x3c)) {
        let at = usize::try_from(sections + index * 64).unwrap();
        let (sh_type, sh_flags) = (at + 4, at + 8);
        if bytes[sh_flags] & 4 != 0 {
            bytes[sh_type] = 8;
        }
    }
    bytes
}

#[test]
fn a_debug_file_without_code_takes_its_layout_from_the_binary_or_the_recording() {
    let root = Root::new();
    let kept = root.put("edge-proxy.debug", &without_code(fs::read(debug()).unwrap()));
    let truth = ElfImage::open(&stripped()).unwrap();
    let offset = truth.layout().executable().next().unwrap().offset;
    for sources in [given(&[&kept]), given(&[&kept, &stripped()])] {
        let found = locate(&sources, &recorded()).found.unwrap();
        assert_eq!(found.image.path(), kept);
        assert_eq!(found.layout.address_of(offset), truth.layout().address_of(offset));
        assert_eq!(found.code().is_some(), sources.images.len() == 2);
    }
    // With the binary its calls are asked, without it that is told.
    let asked = Recorded { return_addresses: calls_of(&truth, 50), ..recorded() };
    let alone = locate(&given(&[&kept]), &asked);
    assert_eq!((alone.calls, alone.notes.contains(&Note::NoCode)), (None, true));
    let both = locate(&given(&[&kept, &stripped()]), &asked);
    assert_eq!(both.calls, Some(Calls { addresses: 50, after_call: 50 }));
    assert!(!both.notes.contains(&Note::NoCode));
    let bytes = without_code(fs::read(twin()).unwrap());
    let kept_twin = root.put("twin/edge-proxy.debug", &bytes);
    assert!(locate(&given(&[&kept_twin]), &recorded()).found.is_none());
}

/// Places behind calls, as far as the bytes tell: every so many of the first ones.
fn calls_of(image: &ElfImage, count: usize) -> Vec<FileOffset> {
    let segment = image.layout().executable().next().unwrap();
    let start = usize::try_from(segment.offset.0).unwrap();
    let end = start + usize::try_from(segment.file_size).unwrap();
    let is_call =
        |&at: &usize| ends_in_call(image.machine(), &image.bytes()[start.max(at - 7)..at]).unwrap();
    let step = if image.machine() == Machine(183) { 4 } else { 1 };
    let places = (start + step..=end).step_by(step).filter(is_call).take(count);
    places.map(|at| FileOffset(at as u64)).collect()
}

#[test]
fn a_twin_in_the_same_place_is_refused_by_its_calls_whatever_else_is_recorded() {
    let image = ElfImage::open(&stripped()).unwrap();
    let addresses = calls_of(&image, 60);
    let mut bytes = fs::read(debug()).unwrap();
    let segment = image.layout().executable().next().unwrap();
    let code = usize::try_from(segment.offset.0).unwrap()..;
    bytes[code][..usize::try_from(segment.file_size).unwrap()].rotate_right(1);
    let root = Root::new();
    root.put(RECORDED, &bytes);
    for build_id in [recorded().build_id, None] {
        let recorded = Recorded { build_id, return_addresses: addresses.clone(), ..recorded() };
        let located = locate(&root.sources(), &recorded);
        assert!(located.found.is_none());
        let Refusal::Calls(calls) = located.refused[0].refusal else { panic!("{located:?}") };
        assert_eq!(calls.addresses, 60);
        assert!(calls.share() < 0.05, "{calls}");
        // Of one address nothing follows.
        let one = Recorded { return_addresses: addresses[..1].to_vec(), ..recorded };
        assert!(locate(&root.sources(), &one).found.is_some());
    }
}

#[test]
fn calls_of_arm64_prove_and_refuse() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/small/sysroot-aarch64/libcalls.so");
    let image = ElfImage::open(&path).unwrap();
    let addresses = calls_of(&image, 100);
    let page = |value: u64| value / 4096 * 4096;
    let ranges = image.layout().executable().map(|segment| RecordedRange {
        offset: FileOffset(page(segment.offset.0)),
        len: page(segment.offset.0 + segment.file_size + 4095) - page(segment.offset.0),
    });
    let recorded = Recorded {
        path: "/usr/lib/libcalls.so",
        deleted: false,
        build_id: image.build_id(),
        kind: BinaryKind::File,
        arch: Some("aarch64"),
        ranges: ranges.collect(),
        has_true_ranges: true,
        return_addresses: addresses.clone(),
    };
    let sources = given(&[&path]);
    let calls = locate(&sources, &recorded).calls.unwrap();
    // As many as llvm-objdump sees (`tests/calls.rs`).
    assert_eq!(calls, Calls { addresses: 3, after_call: 3 });
    let elsewhere = addresses.iter().map(|address| FileOffset(address.0 + 4)).collect();
    let recorded = Recorded { return_addresses: elsewhere, ..recorded };
    let refused = locate(&sources, &recorded).refused;
    assert!(matches!(refused[0].refusal, Refusal::Calls(_)), "{refused:?}");
}
