//! From a recorded callchain to frames: which address space each address belongs to, what was
//! mapped there, and where the chain stops making sense.

use perf_data::{CallchainEntry, Context, CpuMode};
use profile::{Binary, BinaryKind, FileOffset, Frame, FrameKind, Id, Table};

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

/// A sample's stack, innermost frame first.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    pub(crate) frames: Vec<Frame>,
    /// The chain was cut at a caller that lies in no mapping of the process. What the kernel
    /// found behind it, following frame pointers that were none, is noise.
    pub(crate) is_broken: bool,
    /// Nothing was mapped at the instruction pointer itself.
    pub(crate) is_leaf_unmapped: bool,
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

    /// Fills `chain` from the entries of a callchain. Without any address in them, the
    /// instruction pointer is the whole stack.
    pub(crate) fn resolve(
        &mut self,
        entries: impl Iterator<Item = CallchainEntry>,
        (ip, mode): (Option<u64>, CpuMode),
        spaces: &SampleSpaces,
        chain: &mut Chain,
    ) {
        chain.frames.clear();
        chain.is_broken = false;
        chain.is_leaf_unmapped = false;
        let mut context = match mode {
            CpuMode::Kernel => Context::Kernel,
            CpuMode::Hypervisor => Context::Hypervisor,
            CpuMode::GuestKernel => Context::GuestKernel,
            CpuMode::GuestUser => Context::GuestUser,
            CpuMode::User | CpuMode::Unknown => Context::User,
        };
        let ip_context = context;
        let mut is_interrupted = false;
        for entry in entries {
            match entry {
                CallchainEntry::Context(mark) => {
                    is_interrupted = context == Context::Kernel && mark == Context::User;
                    context = mark;
                }
                CallchainEntry::Address(address) => {
                    // The cookie of a deferred callchain is no address.
                    if context == Context::UserDeferred {
                        continue;
                    }
                    // Where the kernel took over, by a system call or a fault, the user's next
                    // instruction is recorded: no call stands before it.
                    let kind = if chain.frames.is_empty() || is_interrupted {
                        FrameKind::InstructionPointer
                    } else {
                        FrameKind::ReturnAddress
                    };
                    is_interrupted = false;
                    if !self.push(address, kind, context, spaces, chain) {
                        break;
                    }
                }
            }
        }
        if chain.frames.is_empty()
            && let Some(ip) = ip
        {
            self.push(ip, FrameKind::InstructionPointer, ip_context, spaces, chain);
        }
    }

    /// Adds a frame; `false` if the chain ends here.
    fn push(
        &mut self,
        address: u64,
        kind: FrameKind,
        context: Context,
        spaces: &SampleSpaces,
        chain: &mut Chain,
    ) -> bool {
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
                let offset = mapping.file_offset_of(profile::RuntimeAddr(address));
                Frame { binary: mapping.binary, kind, offset }
            }
            None if stand_in == self.stand_ins.unmapped && !is_leaf => {
                chain.is_broken = true;
                return false;
            }
            None => {
                chain.is_leaf_unmapped |= stand_in == self.stand_ins.unmapped;
                Frame { binary: stand_in, kind, offset: FileOffset(address) }
            }
        };
        chain.frames.push(frame);
        true
    }
}
