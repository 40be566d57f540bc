//! From a callchain to frames: which address space each address belongs to, what was mapped
//! there, and where the chain stops making sense.

use perf_data::{CallchainEntry, Context, CpuMode};
use profile::{Binary, BinaryKind, FileOffset, Frame, FrameKind, Id, RuntimeAddr, Table};

use crate::StackEnd;
use crate::index::Index;
use crate::spaces::SpaceVersion;

/// The address spaces that a sample can reach, as they were at its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SampleSpaces {
    pub(crate) user: SpaceVersion,
    pub(crate) kernel: SpaceVersion,
    pub(crate) guest_user: SpaceVersion,
    pub(crate) guest_kernel: SpaceVersion,
}

/// An address of a callchain, and how to read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) address: u64,
    pub(crate) kind: FrameKind,
    pub(crate) context: Context,
}

/// The addresses of a callchain that the kernel walked. A cookie in place of its user part is no
/// address, and left out.
pub(crate) fn recorded(
    entries: impl Iterator<Item = CallchainEntry>,
    mode: CpuMode,
) -> impl Iterator<Item = Entry> {
    let mut context = context_of(mode);
    let mut is_first = true;
    let mut is_interrupted = false;
    entries.filter_map(move |entry| match entry {
        CallchainEntry::Context(mark) => {
            is_interrupted = context == Context::Kernel && mark == Context::User;
            context = mark;
            None
        }
        CallchainEntry::Address(_) if context == Context::UserDeferred => None,
        CallchainEntry::Address(address) => {
            // Where the kernel took over, by a system call or a fault, the user's next
            // instruction is recorded: no call stands before it.
            let kind = if is_first || is_interrupted {
                FrameKind::InstructionPointer
            } else {
                FrameKind::ReturnAddress
            };
            (is_first, is_interrupted) = (false, false);
            Some(Entry { address, kind, context })
        }
    })
}

/// The instruction pointer of a sample.
pub(crate) fn leaf(ip: u64, mode: CpuMode) -> Entry {
    Entry { address: ip, kind: FrameKind::InstructionPointer, context: context_of(mode) }
}

fn context_of(mode: CpuMode) -> Context {
    match mode {
        CpuMode::Kernel => Context::Kernel,
        CpuMode::Hypervisor => Context::Hypervisor,
        CpuMode::GuestKernel => Context::GuestKernel,
        CpuMode::GuestUser => Context::GuestUser,
        CpuMode::User | CpuMode::Unknown => Context::User,
    }
}

/// A sample's stack, innermost frame first.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) frames: Vec<Frame>,
    /// Why it ends. A chain is [broken](StackEnd::Broken) at a caller that lies in no mapping of
    /// the process: what the kernel found behind it, following frame pointers that were none, is
    /// noise.
    pub(crate) end: StackEnd,
    /// Nothing was mapped at the instruction pointer itself.
    pub(crate) is_leaf_unmapped: bool,
}

impl Default for Chain {
    fn default() -> Self {
        Self { frames: Vec::new(), end: StackEnd::Whole, is_leaf_unmapped: false }
    }
}

/// Places addresses in binaries.
pub(crate) struct Resolver<'a> {
    index: &'a Index,
    stand_ins: &'a StandIns,
    /// Which of the recorded mappings were hit.
    pub(crate) used: Vec<bool>,
}

/// Binaries for addresses of which the recording says only in which mode they ran.
#[derive(Debug)]
pub(crate) struct StandIns {
    unmapped: Id<Binary>,
    kernel: Id<Binary>,
    hypervisor: Id<Binary>,
    guest: Id<Binary>,
}

impl StandIns {
    pub(crate) fn new(strings: &mut Table<String>, binaries: &mut Table<Binary>) -> Self {
        let mut binary = |path, kind| {
            let path = strings.intern_ref(path);
            binaries.intern(Binary { path, build_id: None, kind, relocation: None })
        };
        Self {
            unmapped: binary("[unknown]", BinaryKind::Unmapped),
            kernel: binary("[kernel]", BinaryKind::Kernel),
            hypervisor: binary("[hypervisor]", BinaryKind::Guest),
            guest: binary("[guest]", BinaryKind::Guest),
        }
    }
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(index: &'a Index, stand_ins: &'a StandIns) -> Self {
        Self { index, stand_ins, used: vec![false; index.mappings.len()] }
    }

    /// Fills `chain` from the addresses of a callchain, which ends because of `end`. Without any
    /// address, the instruction pointer is the whole stack. Returns whether none of them lies nowhere.
    pub(crate) fn resolve(
        &mut self,
        entries: impl Iterator<Item = Entry>,
        end: StackEnd,
        leaf: Option<Entry>,
        spaces: &SampleSpaces,
        chain: &mut Chain,
    ) -> bool {
        chain.frames.clear();
        chain.end = end;
        chain.is_leaf_unmapped = false;
        let mut is_whole = true;
        for entry in entries {
            if !self.push(entry, spaces, chain) {
                chain.end = StackEnd::Broken;
                is_whole = false;
                break;
            }
        }
        if chain.frames.is_empty()
            && let Some(leaf) = leaf
        {
            self.push(leaf, spaces, chain);
        }
        is_whole
    }

    /// Adds a frame; `false` if it is a caller that lies nowhere.
    fn push(&mut self, entry: Entry, spaces: &SampleSpaces, chain: &mut Chain) -> bool {
        let Entry { address, kind, context } = entry;
        let is_leaf = chain.frames.is_empty();
        let (space, stand_in) = match context {
            Context::Kernel => (Some(spaces.kernel), self.stand_ins.kernel),
            Context::User | Context::UserDeferred => (Some(spaces.user), self.stand_ins.unmapped),
            Context::GuestKernel => (Some(spaces.guest_kernel), self.stand_ins.guest),
            Context::Guest | Context::GuestUser => (Some(spaces.guest_user), self.stand_ins.guest),
            Context::Hypervisor => (None, self.stand_ins.hypervisor),
            Context::Unknown => (None, self.stand_ins.unmapped),
        };
        // A return address may be one past the end of its mapping; the call is inside.
        let probe = match kind {
            FrameKind::ReturnAddress => address.saturating_sub(1),
            FrameKind::InstructionPointer | FrameKind::Marker => address,
        };
        let mapping = space.and_then(|space| self.index.spaces.lookup(space, probe));
        let frame = match mapping {
            Some(mapping) => {
                self.used[mapping as usize] = true;
                let mapping = &self.index.mappings[mapping as usize];
                let offset = mapping.file_offset_of(RuntimeAddr(address));
                Frame { binary: mapping.binary, kind, offset }
            }
            None if stand_in == self.stand_ins.unmapped && !is_leaf => return false,
            None => {
                chain.is_leaf_unmapped |= stand_in == self.stand_ins.unmapped;
                Frame { binary: stand_in, kind, offset: FileOffset(address) }
            }
        };
        chain.frames.push(frame);
        true
    }
}
