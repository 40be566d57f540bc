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

use object::elf;

use crate::Machine;

/// The most bytes before an address that decide whether a call ends there.
pub const LONGEST_CALL: usize = 7;

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
}
