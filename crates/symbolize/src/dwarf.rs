//! Functions, lines and inlined calls from DWARF: in one file, or split over an ELF file and the
//! package (`.dwp`) of its units.
//!
//! addr2line does the looking up. Two limits are its own. It descends into inlined calls by
//! recursion, so that a file made for it, with calls nested tens of thousands deep, can exhaust the
//! stack of a worker, large as that is. And where GNU ld dropped a function whose line program set
//! its address twice, the lines of the next function are lost: half a percent of the places in a
//! large GCC build (ceph-mds); clang and lld, and so Envoy, make no such programs.

use std::borrow::Cow;
use std::sync::Arc;

use addr2line::{Context, Frame, LookupContinuation, LookupResult};
use binaries::{ElfError, ElfImage, Layout, Match};
use gimli::{
    DwarfPackage, DwarfPackageSections, DwarfSections, EndianSlice, RunTimeEndian, SectionId,
};
use object::Object;
use profile::ElfAddr;

use crate::answer::RawLine;
use crate::declaration::Declarations;

/// The bytes of a section.
pub(crate) type Reader<'data> = EndianSlice<'data, RunTimeEndian>;

/// No function is larger than this. See [`replace_tombstones`].
const LARGEST_FUNCTION: u64 = 1 << 20;

/// The DWARF sections of one binary, unpacked if they were compressed.
pub(crate) struct DwarfData<'image> {
    endian: RunTimeEndian,
    sections: DwarfSections<Cow<'image, [u8]>>,
    package: Option<DwarfPackageSections<Cow<'image, [u8]>>>,
}

/// The same sections, parsed as far as all workers share it.
pub(crate) struct Dwarf<'data> {
    sections: Arc<gimli::Dwarf<Reader<'data>>>,
    package: Option<DwarfPackage<Reader<'data>>>,
}

/// One worker's view: what it has parsed of the units that it met.
pub(crate) struct DwarfLookup<'data> {
    context: Context<Reader<'data>>,
    package: Option<&'data DwarfPackage<Reader<'data>>>,
    declarations: Declarations<'data>,
    inlines: bool,
}

/// Why a file's DWARF cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DwarfError {
    /// A section lies outside the file or does not unpack.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// The indexes of the sections make no sense.
    #[error("damaged DWARF: {0}")]
    Dwarf(#[from] gimli::Error),
}

impl<'image> DwarfData<'image> {
    /// Takes the sections out of the files. Nothing is read yet unless it must be unpacked.
    pub(crate) fn load(found: &'image Match) -> Result<Self, DwarfError> {
        let image = &found.image;
        let endian = if image.object()?.is_little_endian() {
            RunTimeEndian::Little
        } else {
            RunTimeEndian::Big
        };
        let sections = DwarfSections::load(|id| -> Result<_, DwarfError> {
            if !is_needed(id) {
                return Ok(Cow::default());
            }
            let bytes = load(image, id.name())?;
            let addresses = id == SectionId::DebugAddr;
            Ok(if addresses { replace_tombstones(bytes, &found.layout) } else { bytes })
        })?;
        // All of them: a unit is cut out of each section, and an empty one would be too short.
        let package = found.package.as_ref().map(|package| {
            DwarfPackageSections::load(|id| -> Result<_, DwarfError> {
                match id.dwo_name() {
                    Some(name) => load(package, name),
                    None => Ok(Cow::default()),
                }
            })
        });
        Ok(Self { endian, sections, package: package.transpose()? })
    }

    /// Parses the indexes.
    pub(crate) fn parse(&self) -> Result<Dwarf<'_>, DwarfError> {
        let reader = |bytes| EndianSlice::new(bytes, self.endian);
        let mut sections = self.sections.borrow(|bytes| reader(bytes));
        sections.populate_abbreviations_cache(gimli::AbbreviationsCacheStrategy::Duplicates);
        let package = self.package.as_ref();
        let package = package.map(|package| package.borrow(|bytes| reader(bytes), reader(&[])));
        Ok(Dwarf { sections: Arc::new(sections), package: package.transpose()? })
    }
}

/// Whether a section leads to functions or lines. The others, of variables, types and macros, are
/// half of what would have to be unpacked.
fn is_needed(id: SectionId) -> bool {
    !matches!(
        id,
        SectionId::DebugLoc
            | SectionId::DebugLocLists
            | SectionId::DebugMacinfo
            | SectionId::DebugMacro
            | SectionId::DebugNames
            | SectionId::DebugTuIndex
            | SectionId::DebugTypes
    )
}

fn load<'image>(image: &'image ElfImage, name: &str) -> Result<Cow<'image, [u8]>, DwarfError> {
    Ok(image.section(name)?.unwrap_or_default())
}

/// Marks functions that the linker dropped in the way that DWARF readers know.
///
/// `--gc-sections` drops a function and leaves its DWARF, whose addresses lld and GNU ld then write
/// as 0: dead functions lie at `[0, size)`. In a binary whose code begins low, such a range can
/// hold a living address. DWARF 6's tombstone, all ones, cannot. Only `.debug_addr` can be
/// corrected in passing; it is where clang puts all addresses of DWARF 5 and of split units.
/// Where the code begins behind the largest function, as in Envoy, nothing needs to be done.
fn replace_tombstones<'image>(addresses: Cow<'image, [u8]>, layout: &Layout) -> Cow<'image, [u8]> {
    let first_code = layout.executable().map(|segment| segment.address.0).min();
    let is_dead = |address: &[u8]| address == [0; 8];
    if first_code.is_none_or(|first| first == 0 || first >= LARGEST_FUNCTION)
        || !addresses.chunks_exact(8).any(is_dead)
    {
        return addresses;
    }
    // Headers take 8 or 16 bytes, so that all addresses are aligned.
    let mut addresses = addresses.into_owned();
    addresses.chunks_exact_mut(8).filter(|address| is_dead(address)).for_each(|a| a.fill(0xff));
    Cow::Owned(addresses)
}

impl<'data> Dwarf<'data> {
    /// A view for one worker.
    pub(crate) fn lookup(&'data self, inlines: bool) -> Result<DwarfLookup<'data>, DwarfError> {
        Ok(DwarfLookup {
            context: Context::from_arc_dwarf(Arc::clone(&self.sections))?,
            package: self.package.as_ref(),
            declarations: Declarations::new(&self.sections),
            inlines,
        })
    }
}

impl DwarfLookup<'_> {
    /// The lines of an address, the innermost inlined function first. The physical function, the
    /// last one, may lack its name (assembly has lines, and names only in the symbol table).
    /// None if DWARF does not have the address, or is damaged where it should.
    pub(crate) fn find(&mut self, address: ElfAddr) -> Vec<RawLine<'_>> {
        self.try_find(address).unwrap_or_default()
    }

    fn try_find(&mut self, address: ElfAddr) -> Result<Vec<RawLine<'_>>, gimli::Error> {
        let mut frames = complete(self.context.find_frames(address.0), self.package)?;
        let unit = complete(self.context.find_dwarf_and_unit(address.0), self.package);
        let mut lines = Vec::new();
        while let Some(frame) = frames.next()? {
            let start_line = match (unit, frame.dw_die_offset) {
                (Some(unit), Some(entry)) => self.declarations.line(unit, entry),
                _ => 0,
            };
            lines.push(raw_line(frame, start_line));
        }
        if !self.inlines {
            lines.drain(..lines.len().saturating_sub(1));
        }
        Ok(lines)
    }
}

fn raw_line<'found, 'data: 'found>(
    frame: Frame<'found, Reader<'data>>,
    start_line: u32,
) -> RawLine<'found> {
    let function = frame.function;
    let location = frame.location;
    RawLine {
        system_name: function.map(|f| f.name.to_string_lossy()).unwrap_or_default(),
        path: location.as_ref().and_then(|l| l.file).unwrap_or_default().into(),
        start_line,
        line: location.and_then(|location| location.line).unwrap_or(0),
    }
}

/// Drives a lookup to its end, handing it the split-off units that it asks for.
fn complete<'data, L: LookupContinuation<Buf = Reader<'data>>>(
    mut lookup: LookupResult<L>,
    package: Option<&DwarfPackage<Reader<'data>>>,
) -> L::Output {
    loop {
        let (load, continuation) = match lookup {
            LookupResult::Output(output) => return output,
            LookupResult::Load { load, continuation } => (load, continuation),
        };
        let unit = package.and_then(|package| package.find_cu(load.dwo_id, &load.parent).ok()?);
        lookup = continuation.resume(unit.map(Arc::new));
    }
}
