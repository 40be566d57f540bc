//! A binary that says no more of its functions than where they are, and that in `.debug_frame`,
//! against what llvm-symbolizer 19 said of it before it was stripped.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs::File;

use binaries::{ElfImage, Quality};
use flate2::read::GzDecoder;
use profile::{ElfAddr, Reason};
use serde_json::Value;
use symbolize::symbolize;

use support::{Recording, fixture, options};

#[test]
fn debug_frame_tells_where_functions_begin_if_there_is_no_eh_frame() {
    let path = fixture("small/debug-frame/shapes-one");
    let image = ElfImage::open(&path).unwrap();
    assert_eq!(image.quality(), Quality::Boundaries);
    let mut recording = Recording::of(&image, "/usr/local/bin/shapes-one");
    let expected = File::open(fixture("small/debug-frame/shapes-one.jsonl.gz")).unwrap();
    let expected = std::io::read_to_string(GzDecoder::new(expected)).unwrap();
    let number = |value: &Value| {
        u64::from_str_radix(value.as_str()?.trim_start_matches("0x"), 16).ok().map(ElfAddr)
    };
    let rows: Vec<_> = expected
        .lines()
        .map(|row| {
            let row: Value = serde_json::from_str(row).unwrap();
            let address = number(&row["Address"]).unwrap();
            // The physical function is the last one.
            let function = row["Symbol"].as_array().unwrap().last().unwrap();
            (recording.sample_at(&image, address), number(&function["StartAddress"]))
        })
        .collect();
    let symbols = symbolize(&recording.profile, &options(&[&path], 1), &|_| {}).symbols;
    let mut inside = 0;
    for (frame, start) in &rows {
        let unnamed = symbols.unnamed(*frame).unwrap();
        assert_eq!(unnamed.reason, Reason::Stripped);
        let found = unnamed.function_start.map(|start| image.layout().address_of(start).unwrap());
        assert_eq!(found, *start);
        inside += usize::from(start.is_some());
    }
    assert_eq!((rows.len(), inside), (28, 25), "all instructions but those between functions");
}
