//! Stacks that the kernel did not walk: from dumps, from branches, from later records.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use perf_data::PerfData;
use perf_data_builder::{Bytes, Event, Order, PerfFile, flags};
use profile::{FrameKind, Mapping, Profile, RuntimeAddr};
use session::{
    Conversion, Options, Selection, StackEnd, Unwind, Unwinder, UserDump, UserFrame, convert,
};

const KERNEL: u64 = (-128_i64).cast_unsigned();
const USER: u64 = (-512_i64).cast_unsigned();
const USER_DEFERRED: u64 = (-640_i64).cast_unsigned();

/// IP, TID, TIME: what all samples here begin with.
const PLACE: u64 = 0b111;
const CALLCHAIN: u64 = 1 << 5;
const BRANCH_STACK: u64 = 1 << 11;
const REGS_USER: u64 = 1 << 12;
const STACK_USER: u64 = 1 << 13;

/// The kernel's code, and three pages of a program.
fn recording(event: Event) -> PerfFile {
    let mut file = PerfFile::new(Order::Little);
    file.event(event.flags(flags::SAMPLE_ID_ALL));
    file.record(1, 1, |body| {
        body.i32(-1).i32(0).u64(0xffff_8000_0000_0000).u64(0x1000_0000).u64(0xffff_8000_0000_0000);
        body.text("[kernel.kallsyms]_text").i32(0).i32(0).u64(0)
    });
    file.mmap2(1, 0x1000, 0x3000, 0, "/envoy", 1);
    file
}

/// A sample of thread 2 of process 1; `fields` are those behind the time.
fn sample(
    file: &mut PerfFile,
    (misc, ip): (u16, u64),
    time: u64,
    fields: impl FnOnce(&mut Bytes) -> &mut Bytes,
) {
    file.record(9, misc, |body| fields(body.u64(ip).i32(1).i32(2).u64(time)));
}

fn words<'a>(body: &'a mut Bytes, words: &[u64]) -> &'a mut Bytes {
    words.iter().fold(body, |body, word| body.u64(*word))
}

fn callchain<'a>(body: &'a mut Bytes, entries: &[u64]) -> &'a mut Bytes {
    words(body.u64(entries.len() as u64), entries)
}

fn conversion(file: &PerfFile, unwind: Option<&dyn Unwind>) -> Conversion {
    let bytes = file.build();
    let options =
        Options { labels: Vec::new(), selection: Selection::default(), threads: NonZeroUsize::MIN };
    convert(&PerfData::parse(&bytes).unwrap(), &options, unwind, &|_| {})
}

/// Each stack, innermost frame first: `i` before an instruction, `r` before a return address.
fn stacks(profile: &Profile) -> Vec<String> {
    let shown = |id| {
        let frame = &profile.frames[id];
        let binary = &profile.binaries[frame.binary];
        let is_kernel = if binary.kind.is_kernel() { "kernel+" } else { "" };
        match frame.kind {
            FrameKind::InstructionPointer => format!("i {is_kernel}{:x}", frame.offset),
            FrameKind::ReturnAddress => format!("r {is_kernel}{:x}", frame.offset),
            FrameKind::Marker => profile.strings[frame.marker_text().unwrap()].clone(),
        }
    };
    let stack = |key: &profile::SampleKey| {
        profile.frames_of(key.stack).map(shown).collect::<Vec<_>>().join(", ")
    };
    profile.samples.iter().map(|(key, value)| format!("{}: {}", value.count, stack(key))).collect()
}

mod dumps {
    use super::*;

    /// Says that the stack is what was dumped of it, word by word, and ends so.
    struct Reads(StackEnd);

    impl Unwind for Reads {
        fn unwinder<'a>(&'a self, _: &'a Profile) -> Box<dyn Unwinder + 'a> {
            Box::new(Reads(self.0))
        }
    }

    impl Unwinder for Reads {
        fn unwind(
            &mut self,
            dump: &UserDump<'_>,
            mapping_at: &dyn Fn(RuntimeAddr) -> Option<Mapping>,
            frames: &mut Vec<UserFrame>,
        ) -> StackEnd {
            let ip = dump.registers.get(8).unwrap();
            assert!(mapping_at(RuntimeAddr(ip)).is_some() && mapping_at(RuntimeAddr(1)).is_none());
            let frame = |address, kind| UserFrame { address: RuntimeAddr(address), kind };
            frames.push(frame(ip, FrameKind::InstructionPointer));
            let (callers, _) = dump.stack.bytes.as_chunks();
            let callers = callers.iter().map(|bytes| u64::from_le_bytes(*bytes));
            frames.extend(callers.map(|caller| frame(caller, FrameKind::ReturnAddress)));
            self.0
        }
    }

    fn event() -> Event {
        let fields = PLACE | CALLCHAIN | REGS_USER | STACK_USER;
        Event { regs_user: 1 << 8, ..Event::cpu_clock().sample_type(fields) }
    }

    fn dump<'a>(body: &'a mut Bytes, ip: u64, stack: &[u64]) -> &'a mut Bytes {
        let size = 8 * stack.len() as u64;
        words(body.u64(2).u64(ip).u64(size), stack).u64(size)
    }

    #[test]
    fn the_kernels_part_is_recorded_and_the_users_is_unwound() {
        let mut file = recording(event());
        for time in [2, 3] {
            sample(&mut file, (1, 0xffff_8000_0000_1000), time, |body| {
                callchain(body, &[KERNEL, 0xffff_8000_0000_1000, 0xffff_8000_0000_2000]);
                dump(body, 0x1100, &[0x1200, 0x1300])
            });
        }
        sample(&mut file, (2, 0x1100), 4, |body| {
            dump(callchain(body, &[]), 0x1100, &[0x1200, 0x1300])
        });
        let unwound = conversion(&file, Some(&Reads(StackEnd::Whole)));
        assert_eq!(
            stacks(&unwound.profile),
            [
                "2: i kernel+ffff800000001000, r kernel+ffff800000002000, i 100, r 200, r 300",
                "1: i 100, r 200, r 300"
            ]
        );
    }

    #[test]
    fn a_thread_of_the_kernel_has_no_users_part() {
        let mut file = recording(event());
        sample(&mut file, (1, 0xffff_8000_0000_1000), 2, |body| {
            callchain(body, &[KERNEL, 0xffff_8000_0000_1000]).u64(0).u64(0)
        });
        let unwound = conversion(&file, Some(&Reads(StackEnd::Whole)));
        assert_eq!(stacks(&unwound.profile), ["1: i kernel+ffff800000001000"]);
    }

    #[test]
    fn why_a_stack_ends_is_its_outermost_frame_and_is_counted() {
        let mut file = recording(event());
        sample(&mut file, (2, 0x1100), 2, |body| dump(callchain(body, &[]), 0x1100, &[0x1200]));
        let ending = |end| conversion(&file, Some(&Reads(end)));

        let truncated = ending(StackEnd::Truncated);
        assert_eq!(stacks(&truncated.profile), ["1: i 100, r 200, [truncated stack]"]);
        assert_eq!(truncated.losses.truncated_stacks.count, 1);

        let broken = ending(StackEnd::Broken);
        assert_eq!(stacks(&broken.profile), ["1: i 100, r 200, [broken stack]"]);
        assert_eq!(broken.losses.broken_stacks.count, 1);

        let envoy = truncated.profile.main_binary.unwrap();
        let unknown = ending(StackEnd::NoUnwindInfo(envoy));
        assert_eq!(stacks(&unknown.profile), ["1: i 100, r 200, [no unwind info]"]);
        assert_eq!(unknown.losses.without_unwind_info[&envoy].count, 1);

        let unsupported = conversion(&file, None);
        assert_eq!(stacks(&unsupported.profile), ["1: i 100, [no unwind info]"]);
        assert_eq!(unsupported.losses.unsupported_stacks.count, 1);
    }

    #[test]
    fn an_unwound_caller_that_lies_nowhere_breaks_the_stack() {
        let mut file = recording(event());
        sample(&mut file, (2, 0x1100), 2, |body| {
            dump(callchain(body, &[]), 0x1100, &[0x1200, 0xdead_beef, 0x1300])
        });
        let unwound = conversion(&file, Some(&Reads(StackEnd::Whole)));
        assert_eq!(stacks(&unwound.profile), ["1: i 100, r 200, [broken stack]"]);
        assert_eq!(unwound.losses.broken_stacks.count, 1);
    }
}

mod branches {
    use super::*;

    fn branches<'a>(body: &'a mut Bytes, from: &[u64]) -> &'a mut Bytes {
        body.u64(from.len() as u64);
        from.iter().fold(body, |body, from| body.u64(*from).u64(0x1fff).u64(0))
    }

    /// `perf record --call-graph lbr`: `USER` and `CALL_STACK`.
    fn call_stacks() -> Event {
        let fields = PLACE | CALLCHAIN | BRANCH_STACK;
        Event { branch_sample_type: 1 | 1 << 11, ..Event::cpu_clock().sample_type(fields) }
    }

    #[test]
    fn the_calls_that_a_thread_is_in_are_its_callers() {
        let mut file = recording(call_stacks());
        sample(&mut file, (2, 0x1100), 2, |body| {
            branches(callchain(body, &[USER, 0x1100, 0x1666]), &[0x1204, 0x1308, 0])
        });
        assert_eq!(stacks(&conversion(&file, None).profile), ["1: i 100, i 204, i 308"]);
    }

    #[test]
    fn below_the_kernel_stands_the_function_that_called_it() {
        let mut file = recording(call_stacks());
        sample(&mut file, (1, 0xffff_8000_0000_1000), 2, |body| {
            let chain =
                [KERNEL, 0xffff_8000_0000_1000, 0xffff_8000_0000_2000, USER, 0x1100, 0x1666];
            branches(callchain(body, &chain), &[0x1204, 0x1308])
        });
        assert_eq!(
            stacks(&conversion(&file, None).profile),
            ["1: i kernel+ffff800000001000, r kernel+ffff800000002000, i 100, i 204, i 308"]
        );
    }

    #[test]
    fn branches_that_are_no_calls_stand_in_where_there_is_no_callchain() {
        let fields = PLACE | BRANCH_STACK;
        let event = Event { branch_sample_type: 1 << 3, ..Event::cpu_clock().sample_type(fields) };
        let mut file = recording(event);
        sample(&mut file, (1, 0xffff_8000_0000_1000), 2, |body| {
            branches(body, &[0xffff_8000_0000_0800, 0x1204])
        });
        assert_eq!(
            stacks(&conversion(&file, None).profile),
            ["1: i kernel+ffff800000001000, i kernel+ffff800000000800, i 204"]
        );
    }

    /// `perf_to_profile`'s figures: samples, distinct stacks, and locations. It numbers locations
    /// by process, so that the same code in two of them is two.
    #[test]
    fn recordings_without_callchains_have_the_stacks_of_perf_to_profile() {
        let quipper = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/quipper");
        for (name, samples, stacks, locations) in
            [("perf.data.branch-4.14", 13, 12, 225), ("perf.data.branch_stack_hw_index", 5, 5, 78)]
        {
            let Ok(bytes) = std::fs::read(format!("{quipper}/{name}")) else {
                println!("skipped: no {quipper}/{name}");
                continue;
            };
            let options = Options {
                labels: Vec::new(),
                selection: Selection::default(),
                threads: NonZeroUsize::MIN,
            };
            let perf = PerfData::parse(&bytes).unwrap();
            let profile = convert(&perf, &options, None, &|_| {}).profile;
            let rows: Vec<_> = profile.samples.iter().collect();
            assert_eq!(rows.iter().map(|(_, value)| value.count).sum::<u64>(), samples, "{name}");
            assert_eq!(rows.len(), stacks, "{name}");
            let frames: BTreeSet<_> =
                rows.iter().flat_map(|(key, _)| profile.frames_of(key.stack)).collect();
            assert!(
                (locations - 6..=locations).contains(&frames.len()),
                "{name}: {}",
                frames.len()
            );
        }
    }

    #[test]
    fn a_recorded_callchain_is_better_than_branches_that_are_no_calls() {
        let fields = PLACE | CALLCHAIN | BRANCH_STACK;
        let event = Event { branch_sample_type: 1 << 3, ..Event::cpu_clock().sample_type(fields) };
        let mut file = recording(event);
        sample(&mut file, (2, 0x1100), 2, |body| {
            branches(callchain(body, &[USER, 0x1100, 0x1200]), &[0x1664, 0x1668])
        });
        assert_eq!(stacks(&conversion(&file, None).profile), ["1: i 100, r 200"]);
    }
}

mod deferred {
    use super::*;

    fn event() -> Event {
        Event::cpu_clock().sample_type(PLACE | CALLCHAIN)
    }

    fn in_kernel(file: &mut PerfFile, time: u64, cookie: u64) {
        sample(file, (1, 0xffff_8000_0000_1000), time, |body| {
            callchain(body, &[KERNEL, 0xffff_8000_0000_1000, USER_DEFERRED, cookie])
        });
    }

    fn user_part(file: &mut PerfFile, tid: i32, cookie: u64, time: u64, chain: &[u64]) {
        file.record(22, 2, |body| callchain(body.u64(cookie), chain).i32(1).i32(tid).u64(time));
    }

    #[test]
    fn the_users_part_comes_later_and_belongs_to_all_samples_of_its_cookie() {
        let mut file = recording(event());
        in_kernel(&mut file, 2, 77);
        in_kernel(&mut file, 3, 77);
        in_kernel(&mut file, 4, 78);
        // Of another thread.
        user_part(&mut file, 3, 77, 5, &[USER, 0x1666]);
        user_part(&mut file, 2, 77, 5, &[USER, 0x1100, 0x1200]);
        user_part(&mut file, 2, 78, 6, &[USER, 0x1300]);
        let conversion = conversion(&file, None);
        assert_eq!(
            stacks(&conversion.profile),
            ["2: i kernel+ffff800000001000, i 100, r 200", "1: i kernel+ffff800000001000, i 300"]
        );
        assert_eq!(conversion.losses, session::Losses::default());
    }

    #[test]
    fn a_users_part_that_never_came_is_missed() {
        let mut file = recording(event());
        in_kernel(&mut file, 2, 77);
        let conversion = conversion(&file, None);
        assert_eq!(stacks(&conversion.profile), ["1: i kernel+ffff800000001000, [broken stack]"]);
        assert_eq!(conversion.losses.missing_user_stacks.count, 1);
    }
}
