//! Every address of a real recording, against llvm-symbolizer 19.
//!
//! `fixtures/edge-proxy` is a proxy in the shape of Envoy, built with its flags: clang, lld, split
//! DWARF 5 in a package, a build ID that its other builds share.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};

use binaries::{ElfImage, Quality, Refusal};
use flate2::read::GzDecoder;
use profile::{ElfAddr, Reason};
use serde_json::Value;
use symbolize::symbolize;

use support::{Recording, fixture, lines, options};

const RECORDED_PATH: &str = "/usr/local/bin/edge-proxy";
const STRIPPED: &str = "edge-proxy/bin/edge-proxy";
const DEBUG: &str = "edge-proxy/debug/usr/local/bin/edge-proxy";
const PACKAGE: &str = "edge-proxy/debug/usr/local/bin/edge-proxy.dwp";
const TWIN: &str = "edge-proxy/twin/usr/local/bin/edge-proxy";

/// Linker's name, file, line, line of the declaration; the innermost function first.
type Lines = Vec<(String, String, u32, u32)>;

/// Addresses of the recording, and what llvm-symbolizer says of each.
fn expected() -> BTreeMap<u64, Lines> {
    let file = File::open(fixture("edge-proxy/expected/llvm-symbolizer.jsonl.gz")).unwrap();
    let rows = BufReader::new(GzDecoder::new(file)).lines();
    rows.map(|row| {
        let row: Value = serde_json::from_str(&row.unwrap()).unwrap();
        let address = row["address"].as_str().unwrap().trim_start_matches("0x");
        let symbols = row["symbols"].as_array().unwrap().iter().map(line);
        (u64::from_str_radix(address, 16).unwrap(), symbols.collect())
    })
    .collect()
}

fn line(symbol: &Value) -> (String, String, u32, u32) {
    let text = |key: &str| symbol[key].as_str().unwrap_or("").to_owned();
    let number = |key: &str| u32::try_from(symbol[key].as_u64().unwrap_or(0)).unwrap();
    // A difference by intent: llvm-symbolizer prints paths as they are stored, we fold them.
    let file = text("file").replace("/bin/../", "/").replace("/./", "/");
    (text("function"), file, number("line"), number("start_line"))
}

#[test]
fn every_address_is_named_as_llvm_symbolizer_names_it() {
    let expected = expected();
    let image = ElfImage::open(&fixture(DEBUG)).unwrap();
    let mut recording = Recording::of(&image, RECORDED_PATH);
    let frames: Vec<_> = expected
        .keys()
        .map(|&address| (address, recording.sample_at(&image, ElfAddr(address))))
        .collect();
    let options = options(&[&fixture("edge-proxy/debug")], 2);
    let symbolized = symbolize(&recording.profile, &options, &|_| {});
    let used = symbolized.binaries[0].used.as_ref().unwrap();
    assert_eq!(used.quality, Quality::DwarfWithPackage);
    assert_eq!(used.package.as_deref(), Some(&*fixture(PACKAGE)));

    let mut with_inlines = 0;
    for (address, frame) in frames {
        let found = lines(&symbolized.symbols, frame);
        assert_eq!(found, expected[&address], "{address:#x}");
        with_inlines += usize::from(found.len() > 1);
    }
    assert!(with_inlines > 200, "only {with_inlines} addresses are in inlined calls");
}

#[test]
fn threads_do_not_change_a_single_id() {
    let image = ElfImage::open(&fixture(DEBUG)).unwrap();
    let mut recording = Recording::of(&image, RECORDED_PATH);
    let text = *image.layout().executable().next().unwrap();
    for offset in (text.offset.0..text.offset.0 + text.file_size).step_by(7) {
        recording.sample(profile::FileOffset(offset));
    }
    let of = |threads| {
        let options = options(&[&fixture("edge-proxy/debug")], threads);
        format!("{:?}", symbolize(&recording.profile, &options, &|_| {}).symbols)
    };
    let one = of(1);
    assert_eq!(one, of(2));
    assert_eq!(one, of(7));
}

#[test]
fn the_twin_with_the_same_build_id_names_nothing() {
    let stripped = ElfImage::open(&fixture(STRIPPED)).unwrap();
    let twin = ElfImage::open(&fixture(TWIN)).unwrap();
    assert_eq!(stripped.build_id(), twin.build_id(), "or else it is no twin");
    let mut recording = Recording::of(&stripped, RECORDED_PATH);
    let frames: Vec<_> = expected()
        .keys()
        .map(|&address| recording.sample_at(&stripped, ElfAddr(address)))
        .collect();
    let options = options(&[&fixture("edge-proxy/twin")], 1);
    let symbolized = symbolize(&recording.profile, &options, &|_| {});
    for frame in frames {
        let unnamed = symbolized.symbols.unnamed(frame).unwrap();
        assert_eq!(unnamed.reason, Reason::WrongFile);
    }
    let refused = &symbolized.binaries[0].refused;
    assert!(matches!(refused[..], [ref one] if matches!(one.refusal, Refusal::Geometry { .. })));
}

#[test]
fn a_stripped_binary_never_hides_the_debug_image() {
    let stripped = ElfImage::open(&fixture(STRIPPED)).unwrap();
    let mut recording = Recording::of(&stripped, RECORDED_PATH);
    let frame = recording.sample_at(&stripped, ElfAddr(0x1e663));
    let options = options(
        &[&fixture("edge-proxy/twin"), &fixture("edge-proxy/bin"), &fixture("edge-proxy/debug")],
        1,
    );
    let symbolized = symbolize(&recording.profile, &options, &|_| {});
    assert_eq!(lines(&symbolized.symbols, frame).len(), 1);
    let used = symbolized.binaries[0].used.as_ref().unwrap();
    assert_eq!(used.image, fixture(DEBUG));
}

#[test]
fn a_stripped_binary_tells_where_functions_begin_and_names_only_what_it_exports() {
    let debug = ElfImage::open(&fixture(DEBUG)).unwrap();
    let stripped = ElfImage::open(&fixture(STRIPPED)).unwrap();
    let mut recording = Recording::of(&stripped, RECORDED_PATH);
    let expected = expected();
    let frames: Vec<_> = expected
        .keys()
        .map(|&address| (address, recording.sample_at(&stripped, ElfAddr(address))))
        .collect();
    let of = |path: &str| {
        let options = options(&[&fixture(path)], 1);
        symbolize(&recording.profile, &options, &|_| {}).symbols
    };
    let (without, with) = (of("edge-proxy/bin"), of("edge-proxy/debug"));
    let mut starts = 0;
    for (address, frame) in frames {
        if let Some(unnamed) = without.unnamed(frame) {
            assert_eq!(unnamed.reason, Reason::Stripped, "{address:#x}");
            let Some(start) = unnamed.function_start else { continue };
            starts += 1;
            let start = debug.layout().address_of(start).unwrap();
            assert!(start.0 <= address, "{address:#x} before {start:#x}");
        } else {
            let (exported, real) = (lines(&without, frame), lines(&with, frame));
            assert_eq!(exported.last().unwrap().0, real.last().unwrap().0, "{address:#x}");
        }
    }
    assert!(starts > 600, "only {starts} addresses have the start of their function");
}

#[test]
fn without_inlined_calls_a_frame_is_its_physical_function() {
    let image = ElfImage::open(&fixture(DEBUG)).unwrap();
    let mut recording = Recording::of(&image, RECORDED_PATH);
    let expected = expected();
    let (&address, all) = expected.iter().max_by_key(|(_, lines)| lines.len()).unwrap();
    let frame = recording.sample_at(&image, ElfAddr(address));
    let mut options = options(&[&fixture(DEBUG)], 1);
    options.inlines = false;
    let symbolized = symbolize(&recording.profile, &options, &|_| {});
    assert_eq!(lines(&symbolized.symbols, frame), all[all.len() - 1..]);
}
