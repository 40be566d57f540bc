//! Names from places other than a debug file: a packed symbol table, a kernel module, our own vdso.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use binaries::{ElfImage, Quality, Sources};
use object::write::{Object as Written, SectionId, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, Object, ObjectSymbol, SectionKind, SymbolKind,
};
use profile::{
    Binary, BinaryKind, BuildId, ElfAddr, FileOffset, Frame, FrameKind, Id, Mapping, Profile,
    Reason, RuntimeAddr,
};
use symbolize::{Options, symbolize};

use support::{Recording, fixture, lines, options};

#[test]
fn functions_come_from_the_packed_symbols_of_a_stripped_binary() {
    let path = fixture("small/packed-symbols/recursive");
    let image = ElfImage::open(&path).unwrap();
    assert!(image.quality() < Quality::Symbols);
    // The oracle is the same program before it was stripped.
    let whole = ElfImage::open(&fixture("small/sysroot/usr/local/bin/recursive")).unwrap();
    let object = whole.object().unwrap();
    let functions: Vec<_> = object
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .map(|symbol| (symbol.name().unwrap().to_owned(), symbol.address() + symbol.size() - 1))
        .collect();
    assert!(functions.iter().any(|(name, _)| name == "descend"));
    let mut recording = Recording::of(&image, "/usr/local/bin/recursive");
    let frames: Vec<_> = functions
        .iter()
        .map(|(_, address)| recording.sample_at(&image, ElfAddr(*address)))
        .collect();
    let symbolized = symbolize(&recording.profile, &options(&[&path], 1), &|_| {});
    for (frame, (name, _)) in frames.into_iter().zip(&functions) {
        assert_eq!(&lines(&symbolized.symbols, frame)[0].0, name);
    }
    assert_eq!(symbolized.binaries[0].used.as_ref().unwrap().quality, Quality::Symbols);
}

const BUILD_ID: [u8; 20] = [7; 20];
const LOADED_AT: u64 = 0xffff_ffff_c012_3000;

/// A kernel module with code in sections of different alignment, one of them for initialisation.
fn module() -> Vec<u8> {
    let mut file = Written::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let note = [&[4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0][..], b"GNU\0", &BUILD_ID].concat();
    add_section(&mut file, ".note.gnu.build-id", SectionKind::Note, &note, 4);
    let text = add_section(&mut file, ".text", SectionKind::Text, &[0xc3; 0x25], 16);
    let init = add_section(&mut file, ".init.text", SectionKind::Text, &[0xc3; 0x40], 16);
    let unlikely = add_section(&mut file, ".text.unlikely", SectionKind::Text, &[0xc3; 0x20], 32);
    let functions = [
        ("receive", text, 0, 0x10),
        ("send", text, 0x10, 0x15),
        ("init", init, 0, 0x40),
        ("fail", unlikely, 0x8, 0x18),
    ];
    for (name, section, value, size) in functions {
        file.add_symbol(Symbol {
            name: name.into(),
            value,
            size,
            kind: SymbolKind::Text,
            scope: object::SymbolScope::Compilation,
            weak: false,
            section: SymbolSection::Section(section),
            flags: object::SymbolFlags::None,
        });
    }
    file.write().unwrap()
}

fn add_section(
    file: &mut Written<'_>,
    name: &str,
    kind: SectionKind,
    bytes: &[u8],
    align: u64,
) -> SectionId {
    let section = file.add_section(Vec::new(), name.into(), kind);
    file.append_section_data(section, bytes, align);
    section
}

fn module_frames(profile: &mut Profile, distances: &[u64]) -> Vec<Id<Frame>> {
    let path = "/lib/modules/6.1.0-test/kernel/drivers/net/veth.ko".to_owned();
    let path = profile.strings.intern(path);
    let build_id = BuildId::new(&BUILD_ID);
    let kind = BinaryKind::KernelModule;
    let binary = profile.binaries.intern(Binary { path, build_id, kind, relocation: None });
    let file_offset = FileOffset(0);
    profile.mappings.intern(Mapping {
        binary,
        start: RuntimeAddr(LOADED_AT),
        len: 0x1000,
        file_offset,
    });
    let kind = FrameKind::InstructionPointer;
    let frame = |at: &u64| Frame { binary, kind, offset: FileOffset(LOADED_AT + at) };
    distances.iter().map(|at| profile.frames.intern(frame(at))).collect()
}

#[test]
fn a_kernel_module_is_laid_out_as_the_kernel_does() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("lib/modules/6.1.0-test/kernel/drivers/net");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("veth.ko"), module()).unwrap();
    let sources = Sources { sysroot: root.path().to_owned(), ..Sources::none() };
    let options = Options { sources, ..options(&[], 1) };
    let mut profile = Profile::new();
    // `.text` has 0x25 bytes; what is unlikely begins at the next multiple of 32.
    let at = [0x0, 0xf, 0x10, 0x24, 0x25, 0x47, 0x48, 0x5f, 0x60];
    let expected = [
        Some("receive"),
        Some("receive"),
        Some("send"),
        Some("send"),
        None,
        None,
        Some("fail"),
        Some("fail"),
        None,
    ];
    let frames = module_frames(&mut profile, &at);
    let symbols = symbolize(&profile, &options, &|_| {}).symbols;
    for ((frame, expected), at) in frames.into_iter().zip(expected).zip(at) {
        let lines = lines(&symbols, frame);
        assert_eq!(lines.first().map(|line| &*line.0), expected, "{at:#x}");
    }
}

#[test]
fn a_packed_kernel_module_is_unpacked_and_one_of_another_build_refused() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &module()).unwrap();
    let packed = encoder.finish().unwrap();
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("lib/modules/6.1.0-test/kernel/drivers/net");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("veth.ko.gz"), packed).unwrap();
    let sources = Sources { sysroot: root.path().to_owned(), ..Sources::none() };
    let options = Options { sources, ..options(&[], 1) };
    let mut profile = Profile::new();
    let frames = module_frames(&mut profile, &[0x10]);
    let symbolized = symbolize(&profile, &options, &|_| {});
    assert_eq!(lines(&symbolized.symbols, frames[0])[0].0, "send");

    let mut other = module();
    let at = other.windows(20).position(|bytes| bytes == BUILD_ID).unwrap();
    other[at] = 8;
    fs::remove_file(directory.join("veth.ko.gz")).unwrap();
    fs::write(directory.join("veth.ko"), other).unwrap();
    let symbolized = symbolize(&profile, &options, &|_| {});
    assert_eq!(symbolized.symbols.unnamed(frames[0]).unwrap().reason, Reason::NoFile);
    assert_eq!(symbolized.binaries[0].refused.len(), 1);
}

/// Our own, as the kernel gave it to this test.
fn vdso() -> Option<ElfImage> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let [start, end] = [start, end].map(|text| u64::from_str_radix(text, 16).unwrap());
    let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
    let memory = fs::File::open("/proc/self/mem").unwrap();
    std::os::unix::fs::FileExt::read_exact_at(&memory, &mut bytes, start).unwrap();
    Some(ElfImage::in_memory(Path::new("[vdso]"), bytes).unwrap())
}

#[test]
fn the_code_that_the_kernel_gives_to_processes_is_named() {
    let Some(image) = vdso() else {
        println!("skipped: this kernel gives no vdso");
        return;
    };
    let object = image.object().unwrap();
    let function = object
        .dynamic_symbols()
        .find(|symbol| symbol.name().is_ok_and(|name| name.starts_with("__")) && symbol.size() > 0);
    let function = function.unwrap();
    let name = function.name().unwrap();
    let mut profile = Profile::new();
    let path = profile.strings.intern("[vdso]".to_owned());
    let frame = |profile: &mut Profile, build_id| {
        let kind = BinaryKind::Vdso;
        let binary = profile.binaries.intern(Binary { path, build_id, kind, relocation: None });
        let offset = FileOffset(function.address());
        profile.frames.intern(Frame { binary, kind: FrameKind::InstructionPointer, offset })
    };
    let same = frame(&mut profile, image.build_id());
    let other = frame(&mut profile, BuildId::new(&BUILD_ID));
    let symbols = symbolize(&profile, &options(&[], 1), &|_| {}).symbols;
    // The same function has a second name without the prefix.
    assert!(name.ends_with(&lines(&symbols, same)[0].0), "{name}");
    assert_eq!(symbols.unnamed(other).unwrap().reason, Reason::NoFile);
}

#[test]
fn kernel_names_come_from_the_copy_that_perf_keeps() {
    let cache = tempfile::tempdir().unwrap();
    let build_id = BuildId::new(&BUILD_ID).unwrap();
    let (head, tail) = ("07", "07".repeat(19));
    let entry: PathBuf = cache.path().join(".build-id").join(head).join(tail);
    fs::create_dir_all(&entry).unwrap();
    let list = "ffffffff81000000 T _text\nffffffff81000100 T schedule\nffffffff81000200 T _etext\n";
    fs::write(entry.join("kallsyms"), list).unwrap();
    let sources = Sources { build_id_cache: Some(cache.path().to_owned()), ..Sources::none() };
    let options = Options { sources, ..options(&[], 1) };
    let mut profile = Profile::new();
    let path = profile.strings.intern("[kernel.kallsyms]".to_owned());
    let kind = BinaryKind::Kernel;
    let build_id = Some(build_id);
    let binary = profile.binaries.intern(Binary { path, build_id, kind, relocation: None });
    let offset = FileOffset(0xffff_ffff_8100_0123);
    let kind = FrameKind::InstructionPointer;
    let frame = profile.frames.intern(Frame { binary, kind, offset });
    let symbols = symbolize(&profile, &options, &|_| {}).symbols;
    assert_eq!(lines(&symbols, frame)[0].0, "schedule");
}
