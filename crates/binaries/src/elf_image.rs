//! An ELF file that is open, and the facts by which it is recognised and ranked.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use object::read::elf::{ElfFile, FileHeader, ProgramHeader, SectionHeader};
use object::{
    CompressedData, CompressionFormat, Endianness, File, Object, ObjectSection, ObjectSymbol,
    SymbolKind, SymbolSection, elf,
};
use profile::{BuildId, ElfAddr, FileOffset};
use symbol_pack::{Pack, PackError};

use crate::unpack::unpack;
use crate::{Layout, MappedFile, Quality, SectionReader, Segment, pack};

/// A compressed section may claim this many times its own size when unpacked. Debug sections
/// shrink to a third, seldom to a twentieth; a claim beyond this is an attack or damage.
const MAX_COMPRESSION_RATIO: u64 = 100;

/// How the names of files end that are packed as a whole.
pub(crate) const PACKED: [&str; 3] = ["xz", "zst", "gz"];

/// An ELF file, mapped into memory, with what its headers say. Or a symbol pack that stands for
/// one: it says the same of itself, and has no sections.
#[derive(Debug)]
pub struct ElfImage {
    path: PathBuf,
    file: MappedFile,
    facts: Facts,
}

/// What is read from an ELF file once, when it is opened; or what a symbol pack says of the one
/// that it was made from.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) build_id: Option<BuildId>,
    pub(crate) machine: Machine,
    pub(crate) layout: Layout,
    pub(crate) has_code: bool,
    pub(crate) is_package: bool,
    pub(crate) quality: Quality,
    pub(crate) debug_link: Option<DebugLink>,
    /// What the file that was packed was called.
    pub(crate) packed_name: Option<String>,
}

/// Why a file is no [`ElfImage`].
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// The file cannot be opened or mapped.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// The file does not begin as an ELF file does.
    #[error("not an ELF file")]
    NotElf,
    /// The file begins as an ELF file does, and what follows makes no sense.
    #[error("a damaged ELF file: {0}")]
    Damaged(#[from] object::Error),
    /// The file begins as a symbol pack does, and is of no use.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// A compressed section claims to be larger than compression can make it.
    #[error("section `{section}` claims {claimed} bytes from {compressed} compressed ones")]
    Inflated {
        /// The section.
        section: String,
        /// The bytes that it has in the file.
        compressed: u64,
        /// The bytes that it claims to unpack to.
        claimed: u64,
    },
}

/// The machine that a file's code is for (`e_machine`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine(pub u16);

/// Where a stripped file's debug info went (`.gnu_debuglink`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugLink {
    /// The name of the debug file, without a directory.
    pub name: String,
    /// The CRC-32 of the debug file's bytes.
    pub crc: u32,
}

impl ElfImage {
    /// Opens and parses the headers of an ELF file, or of a symbol pack.
    ///
    /// # Errors
    /// If it cannot be read or is not a usable ELF file.
    pub fn open(path: &Path) -> Result<Self, ElfError> {
        let file = MappedFile::open(path)?;
        let is_packed =
            path.extension().is_some_and(|end| PACKED.iter().any(|other| *other == end));
        if is_packed && let Some(unpacked) = unpack(&file) {
            return Self::in_memory(path, unpacked?);
        }
        Self::of_file(path, file)
    }

    /// An ELF file that is not in a file of its own. `path` says where it is from.
    ///
    /// # Errors
    /// If it is not a usable ELF file.
    pub fn in_memory(path: &Path, bytes: Vec<u8>) -> Result<Self, ElfError> {
        Self::of_file(path, MappedFile::from(bytes))
    }

    fn of_file(path: &Path, file: MappedFile) -> Result<Self, ElfError> {
        let facts = match pack::facts(&file)? {
            Some(facts) => facts,
            None => Facts::read(&file)?,
        };
        Ok(Self { path: path.to_owned(), file, facts })
    }

    /// Where the file was found.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.file
    }

    /// The mapping of the file, to [release](MappedFile::release) what was read.
    pub fn mapped(&self) -> &MappedFile {
        &self.file
    }

    /// The build ID in its notes.
    pub fn build_id(&self) -> Option<BuildId> {
        self.facts.build_id
    }

    /// The symbol table that a stripped binary carries packed (`.gnu_debugdata`), as an ELF file of
    /// its own.
    ///
    /// # Errors
    /// If there is one, and it does not unpack to an ELF file.
    pub fn packed_symbols(&self) -> Result<Option<Self>, ElfError> {
        if self.facts.packed_name.is_some() {
            return Ok(None);
        }
        let Some(section) = self.section(".gnu_debugdata")? else { return Ok(None) };
        let unpacked = unpack(&section).unwrap_or(Ok(Vec::new()))?;
        Self::in_memory(&self.path, unpacked).map(Some)
    }

    /// The machine that its code is for.
    pub fn machine(&self) -> Machine {
        self.facts.machine
    }

    /// Its segments, as the file states them. Those of a file without code ([`Self::has_code`])
    /// state the right addresses and sizes in memory, and nothing right about the file.
    pub fn layout(&self) -> &Layout {
        &self.facts.layout
    }

    /// Whether the machine code is in the file. Debug files split off by
    /// `objcopy --only-keep-debug` have the section headers of it without the bytes.
    pub fn has_code(&self) -> bool {
        self.facts.has_code
    }

    /// The symbol pack that the file is; `None` if it is an ELF file.
    pub fn pack(&self) -> Option<Result<Pack<'_>, PackError>> {
        self.facts.packed_name.is_some().then(|| Pack::open(&self.file))
    }

    /// What the file is called, or was when it was packed.
    pub fn name(&self) -> &str {
        let name = || self.path.file_name().and_then(|name| name.to_str());
        self.facts.packed_name.as_deref().or_else(name).unwrap_or_default()
    }

    /// Whether the layout states the right file offsets: a debug file's does not.
    pub(crate) fn has_true_layout(&self) -> bool {
        self.facts.has_code || self.facts.packed_name.is_some()
    }

    /// Whether the file is a DWARF package (`.dwp`).
    pub fn is_package(&self) -> bool {
        self.facts.is_package
    }

    /// The best that this file alone can give.
    pub fn quality(&self) -> Quality {
        self.facts.quality
    }

    /// Where its debug info went, if it says so.
    pub fn debug_link(&self) -> Option<&DebugLink> {
        self.facts.debug_link.as_ref()
    }

    /// The parsed file, for its symbols and sections.
    ///
    /// # Errors
    /// None in practice: the same bytes were parsed when the file was opened.
    pub fn object(&self) -> Result<File<'_>, ElfError> {
        parse(&self.file)
    }

    /// The bytes of a section, unpacked if they are compressed (`SHF_COMPRESSED` or `.zdebug_`).
    /// `None` if there is no such section or its bytes are not in this file.
    ///
    /// # Errors
    /// If the section lies outside the file or does not unpack.
    pub fn section(&self, name: &str) -> Result<Option<Cow<'_, [u8]>>, ElfError> {
        let Some(data) = self.section_data(name)? else { return Ok(None) };
        let bytes = data.decompress()?;
        if let Cow::Owned(_) = &bytes {
            // The packed bytes have served, and can be hundreds of megabytes.
            self.release(data.data);
        }
        Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// A section that is compressed with zlib, to be unpacked as it is read. `None` if there is no
    /// such section or it is not compressed so: then [`Self::section`] has it.
    ///
    /// # Errors
    /// If the section lies outside the file or claims too much.
    pub fn compressed_section(&self, name: &str) -> Result<Option<SectionReader<'_>>, ElfError> {
        let data = self.section_data(name)?;
        let data = data.filter(|data| data.format == CompressionFormat::Zlib);
        Ok(data.map(|data| SectionReader::new(self, data.data, data.uncompressed_size)))
    }

    /// Gives the memory of a part of the file back.
    pub(crate) fn release(&self, part: &[u8]) {
        let start = part.as_ptr().addr().saturating_sub(self.file.as_ptr().addr());
        self.file.release(start..start.saturating_add(part.len()));
    }

    fn section_data(&self, name: &str) -> Result<Option<CompressedData<'_>>, ElfError> {
        let object = self.object()?;
        let Some(section) = object.section_by_name(name) else { return Ok(None) };
        let data = section.compressed_data()?;
        let compressed = data.data.len() as u64;
        if data.uncompressed_size > compressed.saturating_mul(MAX_COMPRESSION_RATIO) {
            let (section, claimed) = (name.to_owned(), data.uncompressed_size);
            return Err(ElfError::Inflated { section, compressed, claimed });
        }
        Ok(Some(data))
    }
}

impl Facts {
    fn read(bytes: &[u8]) -> Result<Self, ElfError> {
        match parse(bytes)? {
            File::Elf32(file) => Ok(Self::of(&file)),
            File::Elf64(file) => Ok(Self::of(&file)),
            _ => Err(ElfError::NotElf),
        }
    }

    fn of<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> Self {
        Self {
            build_id: build_id(file),
            machine: Machine(file.elf_header().e_machine(file.endian()).0),
            layout: layout(file),
            has_code: has_code(file),
            is_package: file.section_by_name(".debug_cu_index").is_some(),
            quality: quality(file),
            debug_link: debug_link(file),
            packed_name: None,
        }
    }
}

fn parse(bytes: &[u8]) -> Result<File<'_>, ElfError> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err(ElfError::NotElf);
    }
    Ok(File::parse(bytes)?)
}

/// The build ID, from the program headers if they lead to one, else from the sections: each may be
/// stripped or damaged without the other.
fn build_id<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> Option<BuildId> {
    let endian = file.endian();
    let in_segments = file
        .elf_program_headers()
        .iter()
        .filter_map(|segment| segment.notes(endian, file.data()).ok().flatten());
    let in_sections = file
        .elf_section_table()
        .iter()
        .filter_map(|section| section.notes(endian, file.data()).ok().flatten());
    in_segments
        .chain(in_sections)
        .flat_map(|notes| notes.map_while(Result::ok))
        .find(|note| {
            note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID
        })
        .and_then(|note| BuildId::new(note.desc()))
}

fn layout<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> Layout {
    let endian = file.endian();
    let loaded = file.elf_program_headers().iter().filter(|s| s.p_type(endian) == elf::PT_LOAD);
    let segments = loaded.map(|segment| Segment {
        offset: FileOffset(segment.p_offset(endian).into()),
        file_size: segment.p_filesz(endian).into(),
        address: ElfAddr(segment.p_vaddr(endian).into()),
        memory_size: segment.p_memsz(endian).into(),
        executable: segment.p_flags(endian).contains(elf::PF_X),
    });
    Layout::new(segments.collect())
}

/// Whether an executable section has bytes; without sections, whether an executable segment has.
fn has_code<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> bool {
    let endian = file.endian();
    let sections = file.elf_section_table();
    if sections.is_empty() {
        return layout(file).executable().any(|segment| segment.file_size > 0);
    }
    sections.iter().any(|section| {
        section.sh_flags(endian).contains(elf::SHF_EXECINSTR)
            && section.sh_type(endian) != elf::SHT_NOBITS
    })
}

fn quality<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> Quality {
    let has_bytes = |name: &str| {
        file.section_by_name(name)
            .and_then(|section| section.file_range())
            .is_some_and(|(_, size)| size > 0)
    };
    if has_bytes(".debug_info") {
        Quality::Dwarf
    } else if file.symbols().any(|symbol| is_sized_function(&symbol)) {
        Quality::Symbols
    } else if file.dynamic_symbols().any(|symbol| is_sized_function(&symbol)) {
        Quality::DynamicSymbols
    } else if has_bytes(".eh_frame") || has_bytes(".debug_frame") {
        Quality::Boundaries
    } else {
        Quality::Nothing
    }
}

fn is_sized_function<'data>(symbol: &impl ObjectSymbol<'data>) -> bool {
    symbol.kind() == SymbolKind::Text
        && symbol.size() > 0
        && matches!(symbol.section(), SymbolSection::Section(_))
}

fn debug_link<Elf: FileHeader<Endian = Endianness>>(file: &ElfFile<'_, Elf>) -> Option<DebugLink> {
    let (name, crc) = file.gnu_debuglink().ok().flatten()?;
    let name = str::from_utf8(name).ok()?;
    // The name is a claim of the file; with a directory in it, it would lead out of the places
    // that are searched.
    let is_plain = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
    is_plain.then(|| DebugLink { name: name.to_owned(), crc })
}

/// As `uname -m` and perf name it, for those that Envoy is built for; else the number.
impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match elf::Machine(self.0) {
            elf::EM_X86_64 => f.write_str("x86_64"),
            elf::EM_AARCH64 => f.write_str("aarch64"),
            elf::EM_386 => f.write_str("i386"),
            elf::EM_ARM => f.write_str("arm"),
            elf::Machine(number) => write!(f, "machine {number}"),
        }
    }
}

impl Machine {
    /// Whether code for this machine runs on a host of `arch`, as `uname -m` names it: 32-bit
    /// programs run on 64-bit kernels. `None` for a host that is not known here.
    pub fn runs_on(self, arch: &str) -> Option<bool> {
        let machines: &[elf::Machine] = match arch {
            "x86_64" => &[elf::EM_X86_64, elf::EM_386],
            "i386" | "i486" | "i586" | "i686" => &[elf::EM_386],
            "aarch64" | "arm64" => &[elf::EM_AARCH64, elf::EM_ARM],
            arm if arm.starts_with("armv") => &[elf::EM_ARM],
            "riscv64" => &[elf::EM_RISCV],
            "ppc64" | "ppc64le" => &[elf::EM_PPC64],
            "s390x" => &[elf::EM_S390],
            _ => return None,
        };
        Some(machines.contains(&elf::Machine(self.0)))
    }
}
