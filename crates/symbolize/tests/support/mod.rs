//! Profiles made up for a file: as if it had been mapped and sampled at given addresses.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use binaries::{ElfImage, Sources};
use flate2::read::GzDecoder;
use profile::{
    Binary, BinaryKind, BuildId, ElfAddr, FileOffset, Frame, FrameKind, Id, Mapping, Profile,
    RuntimeAddr, Symbols,
};
use serde_json::Value;
use symbolize::Options;

/// A recording of one binary.
pub(crate) struct Recording {
    pub(crate) profile: Profile,
    binary: Id<Binary>,
}

impl Recording {
    /// A recording of a process that ran the file at `path` under the name `name`.
    pub(crate) fn of(image: &ElfImage, name: &str) -> Self {
        Self::with_build_id(image, name, image.build_id())
    }

    pub(crate) fn with_build_id(image: &ElfImage, name: &str, build_id: Option<BuildId>) -> Self {
        let mut profile = Profile::new();
        profile.recording.arch = Some("x86_64".to_owned());
        let path = profile.strings.intern(name.to_owned());
        let kind = BinaryKind::File;
        let binary = profile.binaries.intern(Binary { path, build_id, kind, relocation: None });
        for segment in image.layout().executable() {
            let first = segment.offset.0 / 4096 * 4096;
            let last = (segment.offset.0 + segment.file_size).next_multiple_of(4096);
            profile.mappings.intern(Mapping {
                binary,
                start: RuntimeAddr(0x5555_5555_0000 + first),
                len: last - first,
                file_offset: FileOffset(first),
            });
        }
        Self { profile, binary }
    }

    /// A sample at a place in the file.
    pub(crate) fn sample(&mut self, offset: FileOffset) -> Id<Frame> {
        let kind = FrameKind::InstructionPointer;
        self.profile.frames.intern(Frame { binary: self.binary, kind, offset })
    }

    /// A sample at an address of the file.
    pub(crate) fn sample_at(&mut self, image: &ElfImage, address: ElfAddr) -> Id<Frame> {
        self.sample(image.layout().offset_of(address).unwrap())
    }
}

/// Looks only at the given files.
pub(crate) fn options(images: &[&Path], threads: usize) -> Options {
    Options {
        sources: Sources {
            images: images.iter().map(|path| path.to_path_buf()).collect(),
            ..Sources::none()
        },
        kallsyms: None,
        vmlinux: None,
        inlines: true,
        threads: NonZeroUsize::new(threads).unwrap(),
    }
}

/// A file of the repository's fixtures.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

/// The lines of a frame: linker's name, file, line, line of the declaration.
pub(crate) fn lines(symbols: &Symbols, frame: Id<Frame>) -> Vec<(String, String, u32, u32)> {
    let text = |line: &profile::Line| {
        let function = symbols.functions[line.function];
        let name = symbols.text(function.system_name).to_owned();
        (name, symbols.text(function.filename).to_owned(), line.line, function.start_line)
    };
    symbols.lines(frame).iter().map(text).collect()
}

/// Linker's name, file, line, line of the declaration; the innermost function first.
pub(crate) type Lines = Vec<(String, String, u32, u32)>;

/// What llvm-symbolizer says of every instruction of a program, as a fixture has it.
pub(crate) fn instructions(path: &str) -> Vec<(u64, Lines)> {
    let rows = std::io::read_to_string(GzDecoder::new(File::open(fixture(path)).unwrap())).unwrap();
    let row = |row: &str| {
        let row: Value = serde_json::from_str(row).unwrap();
        let address = row["Address"].as_str().unwrap().trim_start_matches("0x");
        // Between functions it has one without a name.
        let symbols = row["Symbol"].as_array().unwrap().iter();
        let lines = symbols.map(line).filter(|(name, ..)| !name.is_empty());
        (u64::from_str_radix(address, 16).unwrap(), lines.collect())
    };
    rows.lines().map(row).collect()
}

fn line(symbol: &Value) -> (String, String, u32, u32) {
    let text = |key: &str| symbol[key].as_str().unwrap().to_owned();
    let number = |key: &str| u32::try_from(symbol[key].as_u64().unwrap()).unwrap();
    (text("FunctionName"), text("FileName"), number("Line"), number("StartLine"))
}
