//! What differs between machines, on recordings that no machine at hand can make.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::num::NonZeroUsize;
use std::path::Path;

use binaries::{ElfImage, Match};
use common::{our_stacks, repository};
use perf_data::PerfData;
use perf_data_builder::{Event, Order, PerfFile, flags};
use profile::{Binary, Id, Profile};
use session::{Conversion, Options, Selection, convert};
use unwind::Unwinding;

/// `IP`, `TID`, `TIME`, `CALLCHAIN`, `REGS_USER`, `STACK_USER`
const FIELDS: u64 = 0b111 | 1 << 5 | 1 << 12 | 1 << 13;
const ARCH: u8 = 6;

/// A user's state: the registers of the mask in order, and the stack from the pointer on.
struct Dump<'a> {
    abi: u64,
    registers: &'a [u64],
    stack: &'a [u64],
}

/// Unwinds one dump in a process that has `elf` at 0x400000, from its first byte on.
fn unwound(arch: &str, mask: u64, elf: &Path, dump: &Dump<'_>) -> Conversion {
    let mut file = PerfFile::new(Order::Little);
    let event = Event::cpu_clock().sample_type(FIELDS).flags(flags::SAMPLE_ID_ALL);
    file.event(Event { regs_user: mask, ..event });
    file.mmap2(1, 0x40_0000, 0x1000, 0, "/lib.so", 1);
    file.record(9, 2, |body| {
        body.u64(0).i32(1).i32(1).u64(2).u64(0).u64(dump.abi);
        dump.registers.iter().fold(&mut *body, |body, word| body.u64(*word));
        let size = 8 * dump.stack.len() as u64;
        dump.stack.iter().fold(body.u64(size), |body, word| body.u64(*word)).u64(size)
    });
    file.feature(ARCH, |body| body.sized_text(arch));

    let image = ElfImage::open(elf).unwrap();
    let layout = image.layout().clone();
    let found = Match::new(image, layout);
    let find = |_: &Profile, _: Id<Binary>| Some(found.clone());
    let selection = Selection::default();
    let options = Options { labels: Vec::new(), selection, threads: NonZeroUsize::MIN };
    let bytes = file.build();
    let perf = PerfData::parse(&bytes).unwrap();
    convert(&perf, &options, Some(&Unwinding::new(&find)), &|_| {})
}

fn stack(conversion: &Conversion) -> Vec<String> {
    let stacks = our_stacks(&conversion.profile);
    stacks.into_keys().next().unwrap().iter().map(|it| it.replace("/lib.so+", "")).collect()
}

mod aarch64 {
    use super::*;

    // Where the functions of `fixtures/small/src/aarch64.c` are in the file; in memory the code
    // is 0x1000 further (`llvm-objdump -d` shows those addresses).
    const START_CALLED: u64 = 0x4e8;
    const LEAF: u64 = 0x4ec;
    const MIDDLE: u64 = 0x4f4;
    const MIDDLE_CALLED: u64 = 0x500;
    const MIDDLE_FREED: u64 = 0x508;
    const OUTER_CALLED: u64 = 0x530;
    const STACK: u64 = 0x7fff_0000;
    /// As `paciasp` leaves it.
    const SIGNATURE: u64 = 0x0052_0000_0000_0000;

    /// The frames of `middle` (16 bytes) and `outer` (0xe0 bytes), return addresses signed.
    fn frames() -> Vec<u64> {
        let mut words = vec![0; 2 + 0xe0 / 8];
        words[0] = address(OUTER_CALLED) | SIGNATURE;
        words[2 + 0xd0 / 8] = address(START_CALLED) | SIGNATURE;
        words
    }

    fn address(offset: u64) -> u64 {
        0x40_0000 + offset
    }

    fn unwound(pc: u64, link: u64, stack_pointer: u64, words: &[u64]) -> Vec<String> {
        let mut registers = [0; 33];
        registers[30] = link;
        registers[31] = stack_pointer;
        registers[32] = address(pc);
        let dump = Dump { abi: 2, registers: &registers, stack: words };
        let elf = repository("fixtures/small/sysroot-aarch64/libcalls.so");
        stack(&super::unwound("aarch64", (1 << 33) - 1, &elf, &dump))
    }

    #[test]
    fn a_leaf_has_its_return_address_in_a_register_and_its_callers_signed_on_the_stack() {
        let stack = unwound(LEAF, address(MIDDLE_CALLED), STACK, &frames());
        assert_eq!(stack, ["0x4ec", "0x4ff", "0x52f", "0x4e7"]);
    }

    #[test]
    fn a_function_that_was_only_just_entered_has_no_frame_yet() {
        let words = &frames()[2..];
        let stack = unwound(MIDDLE, address(OUTER_CALLED), STACK, words);
        assert_eq!(stack, ["0x4f4", "0x52f", "0x4e7"]);
    }

    #[test]
    fn a_function_that_is_about_to_return_has_no_frame_any_more() {
        let words = &frames()[2..];
        let stack = unwound(MIDDLE_FREED, address(OUTER_CALLED) | SIGNATURE, STACK, words);
        assert_eq!(stack, ["0x508", "0x52f", "0x4e7"]);
    }

    #[test]
    fn a_caller_s_return_address_is_not_that_of_its_callee() {
        // Nothing but the register: `middle` cannot have been called by itself.
        let stack = unwound(MIDDLE_CALLED, address(MIDDLE_CALLED), STACK, &[]);
        assert_eq!(stack, ["0x500", "[broken stack]"]);
    }
}

#[test]
fn code_of_32_bits_is_not_unwound() {
    // AX to SS, without the others: bit 8 is IP.
    let mask = 0xfff;
    let mut registers = [0x1000; 12];
    registers[8] = 0x40_0100;
    let elf = repository("fixtures/small/sysroot/usr/local/bin/recursive");
    let dump = Dump { abi: 1, registers: &registers, stack: &[0; 4] };
    let conversion = unwound("x86_64", mask, &elf, &dump);
    assert_eq!(stack(&conversion), ["0x100", "[no unwind info]"]);
    assert_eq!(conversion.losses.unsupported_stacks.count, 1);
}

#[test]
fn a_machine_that_is_not_known_is_not_unwound() {
    let elf = repository("fixtures/small/sysroot/usr/local/bin/recursive");
    let dump = Dump { abi: 2, registers: &[0x40_0100; 12], stack: &[0; 4] };
    let conversion = unwound("riscv64", 0xfff, &elf, &dump);
    assert_eq!(conversion.losses.unsupported_stacks.count, 1);
}
