//! What differs between processors.

use gimli::{AArch64, Register, Vendor, X86_64};
use perf_data::Registers;

/// A processor whose stacks can be unwound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Machine {
    X86_64,
    Aarch64,
}

/// The number in `asm/perf_regs.h` of each DWARF register, up to the return address.
const X86_64_REGISTERS: [u32; 17] =
    [0, 3, 2, 1, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, Machine::X86_64_IP];

impl Machine {
    /// `PERF_REG_X86_IP`
    const X86_64_IP: u32 = 8;
    /// `PERF_REG_ARM64_PC`
    const AARCH64_PC: u32 = 32;
    /// One more than the highest DWARF number of a register that is kept.
    pub(crate) const REGISTERS: usize = 33;

    /// The machine of a recording: as its header names it or, where perf was killed before it
    /// wrote that, the one whose program counter was dumped.
    pub(crate) fn of(arch: Option<&str>, registers: &Registers<'_>) -> Option<Self> {
        match arch {
            Some("x86_64") => Some(Self::X86_64),
            Some("aarch64" | "arm64") => Some(Self::Aarch64),
            Some(_) => None,
            None if registers.get(Self::AARCH64_PC).is_some() => Some(Self::Aarch64),
            None => Some(Self::X86_64),
        }
    }

    /// The number in `asm/perf_regs.h` of a DWARF register.
    pub(crate) fn perf_register(self, dwarf: u16) -> Option<u32> {
        match self {
            Self::X86_64 => X86_64_REGISTERS.get(usize::from(dwarf)).copied(),
            Self::Aarch64 => (dwarf <= 32).then_some(u32::from(dwarf)),
        }
    }

    /// The number in `asm/perf_regs.h` of the program counter.
    pub(crate) fn perf_program_counter(self) -> u32 {
        match self {
            Self::X86_64 => Self::X86_64_IP,
            Self::Aarch64 => Self::AARCH64_PC,
        }
    }

    pub(crate) fn stack_pointer(self) -> Register {
        match self {
            Self::X86_64 => X86_64::RSP,
            Self::Aarch64 => AArch64::SP,
        }
    }

    pub(crate) fn frame_pointer(self) -> Register {
        match self {
            Self::X86_64 => X86_64::RBP,
            Self::Aarch64 => AArch64::X29,
        }
    }

    /// Where the tables have the return address: a register of arm64, and none of x86-64.
    pub(crate) fn return_address(self) -> Register {
        match self {
            Self::X86_64 => X86_64::RA,
            Self::Aarch64 => AArch64::X30,
        }
    }

    /// The register that holds the return address when a function is entered; on x86-64 it is on
    /// the stack.
    pub(crate) fn link_register(self) -> Option<Register> {
        match self {
            Self::X86_64 => None,
            Self::Aarch64 => Some(AArch64::X30),
        }
    }

    /// The address in a return address: arm64 may have signed it in its upper bits.
    pub(crate) fn strip(self, address: u64) -> u64 {
        match self {
            Self::X86_64 => address,
            Self::Aarch64 => address & 0x0000_ffff_ffff_ffff,
        }
    }

    /// Whose extensions of the unwind tables are meant.
    pub(crate) fn vendor(self) -> Vendor {
        match self {
            Self::X86_64 => Vendor::Default,
            Self::Aarch64 => Vendor::AArch64,
        }
    }
}
