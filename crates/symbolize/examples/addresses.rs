//! Looks up ELF addresses in one file, for comparison with other tools and for measurements.
//!
//! ```text
//! cargo run --release --example addresses -- [--no-inlines] [--threads N] ELF [DEBUG_FILE...] < addresses
//! ```
//!
//! The addresses are those of the first file. Takes one hexadecimal address a line, as `llvm-symbolizer --obj=ELF` does, and prints for each
//! its lines, the innermost inlined function first, as `function file:line (declared at line)`,
//! then an empty line. `system_name` is printed, not the demangled name.

use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use binaries::{ElfImage, Sources};
use profile::{
    Binary, BinaryKind, ElfAddr, FileOffset, Frame, FrameKind, Id, Mapping, Profile, RuntimeAddr,
    Symbols,
};
use symbolize::{Options, symbolize};

fn main() -> Result<(), Box<dyn Error>> {
    let mut inlines = true;
    let mut threads = NonZeroUsize::MIN;
    let mut images = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--no-inlines" => inlines = false,
            "--threads" => threads = arguments.next().ok_or("--threads needs a number")?.parse()?,
            _ => images.push(PathBuf::from(argument).canonicalize()?),
        }
    }
    let (profile, frames) = profile_of(images.first().ok_or("which ELF file?")?)?;
    let sources = Sources { images, ..Sources::default() };
    let options = Options { sources, kallsyms: None, vmlinux: None, inlines, threads };

    let begin = std::time::Instant::now();
    let symbolized = symbolize(&profile, &options, &|_| {});
    let report = &symbolized.binaries;
    eprintln!("{:?} with {threads} threads: {report:#?}", begin.elapsed());

    let mut out = BufWriter::new(io::stdout().lock());
    for (address, frame) in frames {
        writeln!(out, "{address:#x}")?;
        if let Some(frame) = frame {
            print(&mut out, &symbolized.symbols, frame)?;
        }
        writeln!(out)?;
    }
    Ok(out.flush()?)
}

fn print(out: &mut impl Write, symbols: &Symbols, frame: Id<Frame>) -> io::Result<()> {
    for line in symbols.lines(frame) {
        let function = symbols.functions[line.function];
        let (name, file) = (symbols.text(function.system_name), symbols.text(function.filename));
        writeln!(out, "{name} {file}:{} ({})", line.line, function.start_line)?;
    }
    Ok(())
}

/// An address, and its frame if it is in the file.
type Asked = (ElfAddr, Option<Id<Frame>>);

/// A profile with a frame for each address of standard input, as if the file had been mapped.
fn profile_of(path: &Path) -> Result<(Profile, Vec<Asked>), Box<dyn Error>> {
    let image = ElfImage::open(path)?;
    let mut profile = Profile::new();
    let name = path.to_str().ok_or("not UTF-8")?.to_owned();
    let binary = Binary {
        path: profile.strings.intern(name),
        build_id: image.build_id(),
        kind: BinaryKind::File,
        relocation: None,
    };
    let binary = profile.binaries.intern(binary);
    for segment in image.layout().executable() {
        let start = FileOffset(segment.offset.0 / 4096 * 4096);
        let end = (segment.offset.0 + segment.file_size).next_multiple_of(4096);
        let start_address = RuntimeAddr(segment.address.0 / 4096 * 4096);
        let len = end - start.0;
        profile.mappings.intern(Mapping { binary, start: start_address, len, file_offset: start });
    }
    let mut frames = Vec::new();
    for line in io::stdin().lines() {
        let line = line?;
        let address = ElfAddr(u64::from_str_radix(line.trim().trim_start_matches("0x"), 16)?);
        let frame = image.layout().offset_of(address).map(|offset| {
            profile.frames.intern(Frame { binary, kind: FrameKind::InstructionPointer, offset })
        });
        frames.push((address, frame));
    }
    Ok((profile, frames))
}
