//! The seam to whoever can make a callchain of registers and stack bytes
//! (`perf record --call-graph dwarf`).
//!
//! That takes the ELF files of the recorded binaries, which this crate never sees. So it asks:
//! it hands over what the kernel dumped and a way to find what is mapped at an address **at the
//! time of the sample**, and gets addresses back, and why there are no more.

use perf_data::{Registers, UserStack};
use profile::{Binary, FrameKind, Id, Mapping, Profile, RuntimeAddr};

/// Something that unwinds. It is shared by all threads that read samples.
pub trait Unwind: Sync {
    /// What one of those threads needs for itself. `recorded` has the binaries and mappings of
    /// the whole recording, its machine, and no sample yet.
    fn unwinder<'a>(&'a self, recorded: &'a Profile) -> Box<dyn Unwinder + 'a>;
}

/// Unwinds sample after sample. Equal samples must give equal stacks, whatever came before: that
/// is what makes the profile independent of the number of threads.
pub trait Unwinder {
    /// Adds the frames of the user's stack, innermost first, and says why they end.
    fn unwind(
        &mut self,
        dump: &UserDump<'_>,
        mapping_at: &dyn Fn(RuntimeAddr) -> Option<Mapping>,
        frames: &mut Vec<UserFrame>,
    ) -> StackEnd;
}

/// What the kernel dumped of a thread in user mode.
#[derive(Clone, Copy, Debug)]
pub struct UserDump<'a> {
    /// Its registers.
    pub registers: Registers<'a>,
    /// Its stack, from the stack pointer on.
    pub stack: UserStack<'a>,
}

/// An address of the user's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserFrame {
    /// The address.
    pub address: RuntimeAddr,
    /// Whether it is the next instruction or the one behind a call. It is the next instruction
    /// in the innermost frame, and in one that a signal interrupted.
    pub kind: FrameKind,
}

/// Why a stack has no further frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StackEnd {
    /// It is whole, as far as can be told: the function that begins a thread has no caller.
    Whole,
    /// The next frame does not make sense, or lies in no mapping.
    Broken,
    /// The next frame lies behind the end of what was dumped.
    Truncated,
    /// How to go on from code of this binary is not known: its file, or the unwind information
    /// of this code in it, is not at hand.
    NoUnwindInfo(Id<Binary>),
    /// The code is for a machine, or of a width, that is not unwound.
    Unsupported,
    /// The kernel promised the user's part in a later record, which did not come.
    Missing,
}
