//! Every address of a real recording, against addr2line: another reader of the same DWARF, its
//! package included.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::borrow::Cow;
use std::sync::Arc;

use addr2line::{Context, LookupContinuation, LookupResult};
use binaries::ElfImage;
use flate2::read::GzDecoder;
use gimli::{Dwarf, DwarfPackageSections, DwarfSections, EndianSlice, LittleEndian};
use object::{Object, ObjectSymbol};
use profile::ElfAddr;
use symbolize::symbolize;

use support::{Recording, fixture, lines, options};

const DEBUG: &str = "edge-proxy/debug/usr/local/bin/edge-proxy";
const PACKAGE: &str = "edge-proxy/debug/usr/local/bin/edge-proxy.dwp";
const EXPECTED: &str = "edge-proxy/expected/llvm-symbolizer.jsonl.gz";

type Reader<'data> = EndianSlice<'data, LittleEndian>;
type Package<'data> = gimli::DwarfPackage<Reader<'data>>;

/// Linker's name, file, line; the innermost function first.
type Lines = Vec<(String, String, u32)>;

/// The addresses of the recording.
fn addresses() -> Vec<u64> {
    let file = std::fs::File::open(fixture(EXPECTED)).unwrap();
    let rows = std::io::read_to_string(GzDecoder::new(file)).unwrap();
    let address = |row: &str| {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let address = row["address"].as_str().unwrap().trim_start_matches("0x").to_owned();
        u64::from_str_radix(&address, 16).unwrap()
    };
    let mut addresses: Vec<_> = rows.lines().map(address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// What addr2line says of an address; what it asks for is in the package.
fn answer<'a>(context: &Context<Reader<'a>>, package: &Package<'a>, address: u64) -> Lines {
    let mut result = context.find_frames(address);
    let mut frames = loop {
        match result {
            LookupResult::Output(frames) => break frames.unwrap(),
            LookupResult::Load { load, continuation } => {
                let unit = package.find_cu(load.dwo_id, &load.parent).unwrap();
                result = continuation.resume(unit.map(Arc::new));
            }
        }
    };
    let mut lines = Vec::new();
    while let Some(frame) = frames.next().unwrap() {
        let name = frame.function.map(|name| name.raw_name().unwrap().into_owned());
        let (file, line) = frame.location.map_or((None, None), |it| (it.file, it.line));
        // A difference by intent: paths as they are stored, where we fold them.
        let file = file.unwrap_or_default().replace("/bin/../", "/").replace("/./", "/");
        lines.push((name.unwrap_or_default(), file, line.unwrap_or(0)));
    }
    lines
}

#[test]
fn every_address_has_the_functions_and_lines_that_addr2line_finds() {
    let (image, package) = (fixture(DEBUG), fixture(PACKAGE));
    let (image, package) = (ElfImage::open(&image).unwrap(), ElfImage::open(&package).unwrap());
    let section = |image: &ElfImage, name: Option<&str>| -> Result<Vec<u8>, gimli::Error> {
        let bytes = name.and_then(|name| image.section(name).unwrap());
        Ok(bytes.map(Cow::into_owned).unwrap_or_default())
    };
    let sections = DwarfSections::load(|id| section(&image, Some(id.name()))).unwrap();
    let packed = DwarfPackageSections::load(|id| section(&package, id.dwo_name())).unwrap();
    let reader = |bytes| EndianSlice::new(bytes, LittleEndian);
    let dwarf: Dwarf<Reader<'_>> = sections.borrow(|bytes| reader(bytes));
    let package = packed.borrow(|bytes| reader(bytes), reader(&[])).unwrap();
    let context = Context::from_dwarf(dwarf).unwrap();

    let mut recording = Recording::of(&image, "/usr/local/bin/edge-proxy");
    let frames: Vec<_> = addresses()
        .into_iter()
        .map(|address| (address, recording.sample_at(&image, ElfAddr(address))))
        .collect();
    let options = options(&[&fixture("edge-proxy/debug")], 2);
    let symbols = symbolize(&recording.profile, &options, &|_| {}).symbols;

    let (mut known, mut with_inlines, mut aliases) = (0, 0, 0);
    for &(address, frame) in &frames {
        let theirs = answer(&context, &package, address);
        let ours = lines(&symbols, frame);
        if theirs.is_empty() {
            // Not in DWARF: at most the symbol table knows it.
            assert!(ours.iter().all(|(_, file, line, _)| file.is_empty() && *line == 0));
            continue;
        }
        let ours: Lines =
            ours.into_iter().map(|(name, file, line, _)| (name, file, line)).collect();
        known += 1;
        with_inlines += usize::from(theirs.len() > 1);
        if ours != theirs {
            assert_alias(&image, &ours, theirs);
            aliases += 1;
        }
    }
    // Of 716 recorded addresses three were recorded in two ways, and 110 are not in DWARF.
    assert_eq!((frames.len(), known, with_inlines), (713, 603, 381));
    // A constructor that has two names.
    assert_eq!(aliases, 1);
}

/// The only difference may be the name of the physical function, ours from the symbol table, as
/// llvm-symbolizer has it, and theirs from DWARF, where both are names of the same code.
fn assert_alias(image: &ElfImage, ours: &Lines, mut theirs: Lines) {
    let object = image.object().unwrap();
    let place = |name: &str| {
        let mut symbols = object.symbols();
        let symbol = symbols.find(|symbol| symbol.name() == Ok(name)).unwrap();
        (symbol.address(), symbol.size())
    };
    let (our, their) = (&ours.last().unwrap().0, &mut theirs.last_mut().unwrap().0);
    assert_eq!(place(our), place(their));
    their.clone_from(our);
    assert_eq!(*ours, theirs);
}
