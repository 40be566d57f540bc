//! The unwind tables of one recorded binary.

use std::ops::Range;
use std::sync::Arc;

use binaries::{ElfImage, Layout, Match};
use gimli::{
    BaseAddresses, DebugFrame, EhFrame, EndianSlice, FrameDescriptionEntry, LittleEndian,
    UnwindContext, UnwindExpression, UnwindSection,
};
use object::{Object, ObjectSection};
use profile::{ElfAddr, FileOffset};

use crate::expression::evaluate;
use crate::index::{Header, Index};
use crate::machine::Machine;
use crate::registers::Registers;
use crate::rule::Rule;
use crate::stack::{Stack, Unreadable};

/// An entry may be this long. Those of Envoy have at most a few hundred bytes; a damaged one may
/// claim the whole section, and would be read anew for each address in it.
const MAX_ENTRY: usize = 64 << 10;

/// What reads the rows of an entry; one per thread.
pub(crate) type Context = UnwindContext<usize>;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// The unwind tables of a binary.
#[derive(Debug)]
pub(crate) struct Tables {
    machine: Machine,
    layout: Layout,
    /// What all programs have, in the file with the code.
    eh_frame: Option<EhFrameTable>,
    /// What some have instead or besides, in the debug file.
    debug_frame: Option<(Vec<u8>, Index)>,
    bases: BaseAddresses,
    /// Jumps to functions of other libraries (`.plt`), which linkers may leave without tables.
    stubs: Vec<Range<u64>>,
}

#[derive(Debug)]
struct EhFrameTable {
    section: Bytes,
    header: Bytes,
    header_address: u64,
    address: u64,
    index: Index,
}

/// A section, where it stands in the file.
#[derive(Debug)]
struct Bytes {
    image: Arc<ElfImage>,
    range: Range<usize>,
}

impl Bytes {
    fn get(&self) -> &[u8] {
        self.image.bytes().get(self.range.clone()).unwrap_or_default()
    }
}

/// In which section a rule stands, and so its expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    EhFrame,
    DebugFrame,
}

impl Tables {
    /// The tables in the files of a binary; `None` if there are none for `machine`.
    pub(crate) fn new(found: &Match, machine: Machine) -> Option<Self> {
        let mut tables = Self {
            machine,
            layout: found.layout.clone(),
            eh_frame: None,
            debug_frame: None,
            bases: BaseAddresses::default(),
            stubs: Vec::new(),
        };
        if let Some(code) = found.code().filter(|code| is_for(code, machine)) {
            tables.read_code(code);
        }
        if is_for(&found.image, machine) {
            tables.read_debug_frame(&found.image);
        }
        (tables.eh_frame.is_some() || tables.debug_frame.is_some()).then_some(tables)
    }

    fn read_code(&mut self, code: &Arc<ElfImage>) -> Option<()> {
        let object = code.object().ok()?;
        let place = |name: &str| {
            let section = object.section_by_name(name)?;
            let (start, size) = section.file_range()?;
            let start = usize::try_from(start).ok()?;
            let range = start..start.checked_add(usize::try_from(size).ok()?)?;
            Some((section.address(), Bytes { image: Arc::clone(code), range }))
        };
        let address_of = |name: &str| object.section_by_name(name).map_or(0, |it| it.address());
        self.bases = BaseAddresses::default()
            .set_eh_frame(address_of(".eh_frame"))
            .set_eh_frame_hdr(address_of(".eh_frame_hdr"))
            .set_text(address_of(".text"))
            .set_got(address_of(".got"));
        self.stubs = object
            .sections()
            .filter(|section| section.name().is_ok_and(|name| name.starts_with(".plt")))
            .map(|section| section.address()..section.address().saturating_add(section.size()))
            .collect();
        let (address, section) = place(".eh_frame")?;
        let (header_address, header) = place(".eh_frame_hdr")
            .unwrap_or_else(|| (0, Bytes { image: Arc::clone(code), range: 0..0 }));
        let index = Index::of_header(header.get())
            .unwrap_or_else(|| Index::make(&self.eh_frame(section.get()), &self.bases));
        self.eh_frame = Some(EhFrameTable { section, header, header_address, address, index });
        Some(())
    }

    fn read_debug_frame(&mut self, image: &ElfImage) -> Option<()> {
        let bytes = image.section(".debug_frame").ok()??.into_owned();
        let index = Index::make(&self.debug_frame(&bytes), &self.bases);
        self.debug_frame = Some((bytes, index));
        Some(())
    }

    fn eh_frame<'a>(&self, bytes: &'a [u8]) -> EhFrame<Slice<'a>> {
        let mut section = EhFrame::new(bytes, LittleEndian);
        section.set_address_size(8);
        section.set_vendor(self.machine.vendor());
        section
    }

    fn debug_frame<'a>(&self, bytes: &'a [u8]) -> DebugFrame<Slice<'a>> {
        let mut section = DebugFrame::new(bytes, LittleEndian);
        section.set_address_size(8);
        section.set_vendor(self.machine.vendor());
        section
    }

    /// The rule for the code at an offset in the file, and the section that it is from. `None`
    /// if the tables say nothing of it.
    pub(crate) fn rule(&self, offset: FileOffset, context: &mut Context) -> Option<(Rule, Origin)> {
        let ElfAddr(address) = self.layout.address_of(offset)?;
        self.rule_of_eh_frame(address, context)
            .map(|rule| (rule, Origin::EhFrame))
            .or_else(|| Some((self.rule_of_debug_frame(address, context)?, Origin::DebugFrame)))
            .or_else(|| Some((self.rule_of_stub(address)?, Origin::EhFrame)))
    }

    fn rule_of_eh_frame(&self, address: u64, context: &mut Context) -> Option<Rule> {
        let table = self.eh_frame.as_ref()?;
        let header = Header {
            bytes: table.header.get(),
            address: table.header_address,
            section: table.address,
        };
        let offset = table.index.find(address, &header)?;
        self.rule_of_entry(&self.eh_frame(table.section.get()), offset, address, context)
    }

    fn rule_of_debug_frame(&self, address: u64, context: &mut Context) -> Option<Rule> {
        let (bytes, index) = self.debug_frame.as_ref()?;
        let offset = index.find(address, &Header { bytes: &[], address: 0, section: 0 })?;
        self.rule_of_entry(&self.debug_frame(bytes), offset, address, context)
    }

    fn rule_of_entry<'a, Section: UnwindSection<Slice<'a>>>(
        &self,
        section: &Section,
        offset: usize,
        address: u64,
        context: &mut Context,
    ) -> Option<Rule> {
        let fde = section
            .fde_from_offset(&self.bases, Section::Offset::from(offset), Section::cie_from_offset)
            .ok()?;
        if !fde.contains(address) || !is_sane(&fde) {
            return None;
        }
        let row = fde.unwind_info_for_address(section, &self.bases, context, address).ok()?;
        Some(Rule::new(row, &fde))
    }

    /// A jump has not touched the stack.
    fn rule_of_stub(&self, address: u64) -> Option<Rule> {
        self.stubs.iter().any(|stub| stub.contains(&address)).then(|| Rule::entered(self.machine))
    }

    /// The value of an expression of a rule from `origin`.
    pub(crate) fn evaluate(
        &self,
        (expression, origin): (UnwindExpression<usize>, Origin),
        rule: &Rule,
        initial: Option<u64>,
        registers: &Registers,
        stack: &Stack<'_>,
    ) -> Result<u64, Unreadable> {
        let expression = match (origin, &self.eh_frame, &self.debug_frame) {
            (Origin::EhFrame, Some(table), _) => {
                expression.get(&self.eh_frame(table.section.get()))
            }
            (Origin::DebugFrame, _, Some((bytes, _))) => expression.get(&self.debug_frame(bytes)),
            _ => return Err(Unreadable::Elsewhere),
        };
        let expression = expression.map_err(|_| Unreadable::Elsewhere)?;
        evaluate(expression, rule.encoding, initial, registers, stack)
    }
}

fn is_for(image: &ElfImage, machine: Machine) -> bool {
    image.machine().runs_on(match machine {
        Machine::X86_64 => "x86_64",
        Machine::Aarch64 => "aarch64",
    }) == Some(true)
}

fn is_sane(fde: &FrameDescriptionEntry<Slice<'_>>) -> bool {
    let cie = fde.cie();
    fde.entry_len() <= MAX_ENTRY && cie.entry_len() <= MAX_ENTRY && cie.address_size() == 8
}
