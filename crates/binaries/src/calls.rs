//! Does a call instruction end here?
//!
//! A return address is what a call left on the stack: the address of the instruction after it. So
//! in the recorded binary a call stands before every return address of the recording, and in any
//! other file that is so by chance only, be its build ID and its layout the same.
//!
//! Nothing is decoded from the beginning of a function: the bytes before the address are read
//! backwards, by the few forms that a call can have. Prefixes (REX, `notrack`, `bnd`, a segment)
//! stand before what is read, and change neither its length nor its meaning. Far calls are left
//! out: no program for Linux makes one.
//!
//! What counts, and what does not:
//! - **Distinct return addresses**, not samples: one hot loop would drown all other evidence.
//! - Not the frame below the kernel's, which is the exact instruction at which a fault or an
//!   interrupt came ([`profile::FrameKind::InstructionPointer`]), nor the trampoline to which the
//!   kernel lets a signal handler return: no call stands before either.
//! - A frame pointer that was none can lead to an address that is no return address and lies in
//!   the file by chance. So not all of them have to follow a call, but [`ASKED_SHARE`].
//! - Of a few addresses one such stray would weigh too much. Of fewer than twenty, a file is
//!   refused if the right one would do as badly less than once in a hundred times, if a call
//!   stood before each address with the probability that is asked for: none of two, one of three,
//!   six of ten. A single address decides nothing.
//! - Stacks that were unwound (`--call-graph dwarf`) took the way that the file itself told. The
//!   addresses are still words that the recorded process had on its stack, so that a wrong file
//!   is found out. But that they follow calls is no proof of it, and is not called one.

use std::fmt;

use object::elf;
use profile::FileOffset;

use crate::{ElfImage, Machine};

/// The most bytes before an address that decide whether a call ends there.
pub const LONGEST_CALL: usize = 7;

/// The share of return addresses that follow a call in the recorded file, at least.
pub const ASKED_SHARE: f64 = 0.95;

/// From so many return addresses on, the share alone decides.
const ENOUGH: usize = 20;

/// With fewer, how improbable the right file must be to be refused.
const IMPROBABLE: f64 = 0.01;

/// How many of a binary's recorded return addresses follow a call instruction in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Distinct return addresses.
    pub addresses: usize,
    /// Those that follow a call.
    pub after_call: usize,
}

impl Calls {
    /// Asks of each address whether it follows a call; those for which that cannot be said do
    /// not count.
    pub fn count(
        addresses: &[FileOffset],
        follows_call: impl Fn(FileOffset) -> Option<bool>,
    ) -> Self {
        let mut calls = Self::default();
        for follows in addresses.iter().filter_map(|&address| follows_call(address)) {
            calls.addresses += 1;
            calls.after_call += usize::from(follows);
        }
        calls
    }

    /// Looks into the code of an image. `None` if it has no code, or none that is understood.
    pub(crate) fn of(image: &ElfImage, addresses: &[FileOffset]) -> Option<Self> {
        let machine = image.machine();
        if let Some(pack) = image.pack() {
            let pack = pack.ok().filter(|pack| pack.facts().has_calls)?;
            return Some(Self::count(addresses, |address| pack.is_after_call(address.0).ok()?));
        }
        let is_known = image.has_code() && has_known_calls(machine);
        is_known.then(|| Self::count(addresses, |address| follows_call(image, machine, address)))
    }

    /// The share of addresses that follow a call, from 0 to 1; 1 without any address.
    #[expect(clippy::cast_precision_loss, reason = "no file has 2^52 return addresses")]
    pub fn share(self) -> f64 {
        if self.addresses == 0 { 1.0 } else { self.after_call as f64 / self.addresses as f64 }
    }

    /// Whether the file cannot be the recorded one.
    pub fn contradict(self) -> bool {
        self.share() < ASKED_SHARE && (self.addresses >= ENOUGH || self.probability() < IMPROBABLE)
    }

    /// Whether the figure says anything for the file: a few addresses follow calls by chance.
    pub fn are_proof(self) -> bool {
        !self.contradict() && self.addresses >= 3
    }

    /// The probability of so few calls or fewer in the recorded file: the lower tail of the
    /// binomial distribution.
    fn probability(self) -> f64 {
        let miss = 1.0 - ASKED_SHARE;
        // Each term from the one before: n over k grows by (n - k) / (k + 1).
        let mut term = (0..self.addresses).fold(1.0, |term, _| term * miss);
        let mut sum = 0.0;
        for k in 0..=self.after_call {
            sum += term;
            #[expect(clippy::cast_precision_loss, reason = "fewer than `ENOUGH`")]
            let grown = (self.addresses - k) as f64 / (k + 1) as f64;
            term *= grown * ASKED_SHARE / miss;
        }
        sum
    }
}

/// `105 of 105`, with the share if not all.
impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addresses, after_call } = self;
        write!(f, "{after_call} of {addresses}")?;
        if after_call < addresses {
            // Rounded down, so that no share is shown as one that it did not reach.
            let tenths = (self.share() * 1000.0).floor() / 10.0;
            write!(f, " ({tenths:.1}%)")?;
        }
        Ok(())
    }
}

/// Whether the recorded address, a place in the file, follows a call. `None` if it is the
/// trampoline of a signal.
pub(crate) fn follows_call(
    image: &ElfImage,
    machine: Machine,
    address: FileOffset,
) -> Option<bool> {
    let code_before = |address: FileOffset| {
        let segment = image.layout().executable().find(|segment| {
            let into = address.0.wrapping_sub(segment.offset.0);
            into > 0 && into <= segment.file_size
        })?;
        let start = usize::try_from(segment.offset.0).ok()?;
        let end = usize::try_from(address.0).ok()?;
        let longest = end.saturating_sub(LONGEST_CALL).max(start);
        Some((image.bytes().get(longest..end)?, image.bytes().get(end..)?))
    };
    // Outside of all code there is no call.
    let Some((before, after)) = code_before(address) else { return Some(false) };
    if is_signal_return(machine, after) {
        return None;
    }
    ends_in_call(machine, before)
}

/// Whether code for this machine is understood by [`ends_in_call`].
pub fn has_known_calls(machine: Machine) -> bool {
    matches!(elf::Machine(machine.0), elf::EM_X86_64 | elf::EM_AARCH64)
}

/// Whether the last instruction of `code`, the bytes up to an address, can be a call; `None` for
/// a machine whose calls are not known here. More than the last [`LONGEST_CALL`] bytes are not
/// looked at; what is cut off before them is as if no call was there.
///
/// ```
/// use binaries::{Machine, ends_in_call};
///
/// let x86_64 = Machine(62);
/// assert_eq!(ends_in_call(x86_64, b"\xe8\x10\x00\x00\x00"), Some(true)); // call 0x15
/// assert_eq!(ends_in_call(x86_64, b"\x41\xff\xd4"), Some(true)); // call *%r12
/// assert_eq!(ends_in_call(x86_64, b"\x41\xff\xe4"), Some(false)); // jmp *%r12
/// ```
pub fn ends_in_call(machine: Machine, code: &[u8]) -> Option<bool> {
    match elf::Machine(machine.0) {
        elf::EM_X86_64 => Some(is_x86_64_call(code)),
        elf::EM_AARCH64 => Some(is_arm64_call(code)),
        _ => None,
    }
}

/// `call rel32` (E8), or `call r/m64` (FF /2) with a `ModRM` byte, and what that asks for: a SIB
/// byte, a displacement of 8 or 32 bits.
fn is_x86_64_call(code: &[u8]) -> bool {
    let before = |len: usize| code.len().checked_sub(len).map(|start| &code[start..]);
    if before(5).is_some_and(|code| code[0] == 0xe8) {
        return true;
    }
    (2..=LONGEST_CALL).filter_map(before).any(|code| {
        code[0] == 0xff && is_call_operand(code[1]) && code.len() == 2 + operand_len(&code[1..])
    })
}

/// Whether the `reg` field of a `ModRM` byte says `/2`.
fn is_call_operand(modrm: u8) -> bool {
    modrm >> 3 & 7 == 2
}

/// How many bytes follow a `ModRM` byte, which is the first of `operand`.
fn operand_len(operand: &[u8]) -> usize {
    let (modrm, sib) = (operand[0], operand.get(1));
    let (mode, register) = (modrm >> 6, modrm & 7);
    let has_sib = mode != 3 && register == 4;
    let displacement = match mode {
        // Relative to the instruction pointer.
        0 if register == 5 => 4,
        // Without a base register.
        0 if has_sib && sib.is_some_and(|sib| sib & 7 == 5) => 4,
        1 => 1,
        2 => 4,
        _ => 0,
    };
    usize::from(has_sib) + displacement
}

/// `bl`, `blr`, and `blr` with pointer authentication (`blraa`, `blrab`, `blraaz`, `blrabz`).
fn is_arm64_call(code: &[u8]) -> bool {
    let Some(word) = code.last_chunk().map(|bytes| u32::from_le_bytes(*bytes)) else {
        return false;
    };
    let is = |mask: u32, bits: u32| word & mask == bits;
    is(0xfc00_0000, 0x9400_0000) // bl
        || is(0xffff_fc1f, 0xd63f_0000) // blr
        || is(0xffff_f81f, 0xd63f_081f) // blraaz, blrabz
        || is(0xffff_f800, 0xd73f_0800) // blraa, blrab
}

/// Whether the code at a return address is that of a signal's trampoline. The kernel lets a
/// signal handler return to it (`SA_RESTORER`, or the vDSO), and no call stands before it.
fn is_signal_return(machine: Machine, code: &[u8]) -> bool {
    let forms: &[&[u8]] = match elf::Machine(machine.0) {
        elf::EM_X86_64 => &[
            b"\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", // mov $15, %rax; syscall
            b"\xb8\x0f\x00\x00\x00\x0f\x05",         // mov $15, %eax; syscall
        ],
        elf::EM_AARCH64 => &[b"\x68\x11\x80\xd2\x01\x00\x00\xd4"], // mov x8, #139; svc #0
        _ => &[],
    };
    forms.iter().any(|form| code.starts_with(form))
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86_64: Machine = Machine(62);
    const ARM64: Machine = Machine(183);

    /// Each form as llvm-mc 19 encodes it.
    #[test]
    fn every_form_of_a_call_is_one() {
        let x86_64: [&[u8]; 26] = [
            b"\xe8\x2f\x12\x00\x00",             // call . + 0x1234
            b"\x66\xe8\x2f\x12\x00\x00",         // data16 call . + 0x1234
            b"\x66\x66\x48\xe8\x00\x00\x00\x00", // call __tls_get_addr, as the ABI pads it
            b"\xff\xd0",                         // call *%rax
            b"\x41\xff\xd4",                     // call *%r12
            b"\xff\x10",                         // call *(%rax)
            b"\x41\xff\x55\x00",                 // call *(%r13)
            b"\xff\x14\x24",                     // call *(%rsp)
            b"\x41\xff\x14\x24",                 // call *(%r12)
            b"\xff\x53\x10",                     // call *0x10(%rbx)
            b"\x41\xff\x55\x80",                 // call *-0x80(%r13)
            b"\xff\x92\x00\x10\x00\x00",         // call *0x1000(%rdx)
            b"\x41\xff\x91\x00\x10\x00\x00",     // call *0x1000(%r9)
            b"\xff\x15\x34\x12\x00\x00",         // call *0x1234(%rip)
            b"\xff\x14\x25\x34\x12\x00\x00",     // call *0x1234
            b"\xff\x14\xc8",                     // call *(%rax,%rcx,8)
            b"\xff\x54\xcd\x00",                 // call *(%rbp,%rcx,8)
            b"\xff\x54\x24\x10",                 // call *0x10(%rsp)
            b"\x43\xff\x54\x6c\x10",             // call *0x10(%r12,%r13,2)
            b"\xff\x94\x24\x00\x10\x00\x00",     // call *0x1000(%rsp)
            b"\x42\xff\x94\x80\x00\x10\x00\x00", // call *0x1000(%rax,%r8,4)
            b"\xff\x14\xcd\x00\x10\x00\x00",     // call *0x1000(,%rcx,8)
            b"\x64\xff\x14\x25\x10\x00\x00\x00", // call *%fs:0x10
            b"\x65\xff\x10",                     // call *%gs:(%rax)
            b"\x3e\xff\x54\x24\x10",             // notrack call *0x10(%rsp)
            b"\xf2\x41\xff\xd3",                 // bnd call *%r11
        ];
        for code in x86_64 {
            assert_eq!(ends_in_call(X86_64, code), Some(true), "{code:02x?}");
            let behind_others = [b"\x90\x90\x90\x90\x90\x90\x90", code].concat();
            assert_eq!(ends_in_call(X86_64, &behind_others), Some(true), "{code:02x?}");
        }
        let arm64: [&[u8; 4]; 9] = [
            b"\x00\x04\x00\x94", // bl #0x1000
            b"\xff\xff\xff\x97", // bl #-4
            b"\x00\x00\x3f\xd6", // blr x0
            b"\xc0\x03\x3f\xd6", // blr x30
            b"\x64\x08\x3f\xd7", // blraa x3, x4
            b"\x7f\x08\x3f\xd7", // blraa x3, sp
            b"\x64\x0c\x3f\xd7", // blrab x3, x4
            b"\xbf\x08\x3f\xd6", // blraaz x5
            b"\xbf\x0c\x3f\xd6", // blrabz x5
        ];
        for code in arm64 {
            assert_eq!(ends_in_call(ARM64, code), Some(true), "{code:02x?}");
        }
    }

    #[test]
    fn what_resembles_a_call_is_none() {
        let x86_64: [&[u8]; 8] = [
            b"",
            b"\xff",
            b"\xff\xe0",                         // jmp *%rax
            b"\xe9\x00\x00\x00\x00",             // jmp
            b"\xff\x15\x00\x00\x00",             // cut off
            b"\xff\x70\x10",                     // push 0x10(%rax)
            b"\xff\xd0\x90",                     // a nop behind a call
            b"\x10\x24\x00\x10\x00\x00\xff\x14", // call *(, whose operand is missing
        ];
        for code in x86_64 {
            assert_eq!(ends_in_call(X86_64, code), Some(false), "{code:02x?}");
        }
        let arm64: [&[u8]; 5] = [
            b"\x04\x00\x94",     // cut off
            b"\x00\x00\x00\x14", // b
            b"\xc0\x03\x5f\xd6", // ret
            b"\x00\x00\x1f\xd6", // br x0
            b"\xff\x0b\x5f\xd6", // retaa
        ];
        for code in arm64 {
            assert_eq!(ends_in_call(ARM64, code), Some(false), "{code:02x?}");
        }
        assert_eq!(ends_in_call(Machine(243), b"\xe8\0\0\0\0"), None, "RISC-V is not known");
        assert!(has_known_calls(ARM64) && !has_known_calls(Machine(3)));
    }

    #[test]
    fn a_stray_address_refuses_no_file_and_a_twin_is_refused_by_two() {
        let contradicts = |after_call, addresses| Calls { addresses, after_call }.contradict();
        // The least number of calls with which each number of addresses is accepted.
        let least: Vec<_> = (0..=40)
            .map(|addresses| (0..=addresses).find(|&calls| !contradicts(calls, addresses)).unwrap())
            .collect();
        // By Python's exact `math.comb`.
        assert_eq!(
            least[..20],
            [0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 14, 15]
        );
        assert_eq!(
            least[20..],
            [19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 38]
        );
        assert!(!contradicts(105, 105) && contradicts(99, 105) && contradicts(1, 105));
        assert!(!Calls { addresses: 2, after_call: 2 }.are_proof());
    }

    #[test]
    fn a_share_is_shown_where_it_says_something() {
        let shown = |after_call, addresses| Calls { addresses, after_call }.to_string();
        assert_eq!(shown(105, 105), "105 of 105");
        assert_eq!(shown(9999, 10_000), "9999 of 10000 (99.9%)");
        assert_eq!(shown(1, 105), "1 of 105 (0.9%)");
    }
}
