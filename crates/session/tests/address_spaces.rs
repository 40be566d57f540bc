//! Who ran where: each fact on the smallest recording that shows it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroUsize;

use perf_data::PerfData;
use perf_data_builder::{Event, Order, PerfFile, flags};
use profile::FrameKind::{InstructionPointer, ReturnAddress};
use proptest::prelude::*;
use session::{Conversion, LabelKey, Options, Selection, convert};

const KERNEL: u64 = (-128_i64).cast_unsigned();
const USER: u64 = (-512_i64).cast_unsigned();

/// IP, TID, TIME, CALLCHAIN, PERIOD
fn recording() -> PerfFile {
    let mut file = PerfFile::new(Order::Little);
    file.event(Event::cpu_clock().sample_type(0b1_0010_0111).flags(flags::SAMPLE_ID_ALL));
    file
}

fn sample(file: &mut PerfFile, pid: i32, tid: i32, time: u64, chain: &[u64]) {
    let ip = chain.iter().copied().find(|entry| *entry < USER).unwrap_or(0);
    let misc = if chain.first() == Some(&KERNEL) { 1 } else { 2 };
    file.record(9, misc, |body| {
        body.u64(ip).i32(pid).i32(tid).u64(time).u64(10).u64(chain.len() as u64);
        chain.iter().fold(body, |body, entry| body.u64(*entry))
    });
}

fn comm(file: &mut PerfFile, pid: i32, tid: i32, name: &str, is_exec: bool, time: u64) {
    file.record(3, if is_exec { 1 << 13 } else { 0 }, |body| {
        body.i32(pid).i32(tid).text(name).i32(pid).i32(tid).u64(time)
    });
}

fn fork(file: &mut PerfFile, parent: i32, child: i32, time: u64) {
    file.record(7, 0, |body| {
        body.i32(child)
            .i32(parent)
            .i32(child)
            .i32(parent)
            .u64(time)
            .i32(parent)
            .i32(parent)
            .u64(time)
    });
}

fn options(labels: &[LabelKey], threads: usize) -> Options {
    let selection = Selection::default();
    Options { labels: labels.to_vec(), selection, threads: NonZeroUsize::new(threads).unwrap() }
}

fn conversion(file: &PerfFile, labels: &[LabelKey]) -> Conversion {
    let bytes = file.build();
    convert(&PerfData::parse(&bytes).unwrap(), &options(labels, 1), None, &|_| {})
}

/// `label=value binary+offset;binary+offset count`, outermost frame first, a line per row.
fn folded(conversion: &Conversion) -> Vec<String> {
    let profile = &conversion.profile;
    let row = |(key, value): (&profile::SampleKey, profile::SampleValue)| {
        let mut frames: Vec<_> = profile
            .frames_of(key.stack)
            .map(|frame| {
                let frame = &profile.frames[frame];
                let path = &profile.strings[profile.binaries[frame.binary].path];
                let marker = frame.marker_text().map(|text| profile.strings[text].clone());
                marker.unwrap_or_else(|| format!("{path}+{:x}", frame.offset))
            })
            .collect();
        frames.reverse();
        let labels = profile.labels[key.labels].iter().map(|label| match label.value {
            profile::LabelValue::Text(text) => profile.strings[text].clone(),
            profile::LabelValue::Number(number, _) => number.to_string(),
        });
        let labels: Vec<_> = labels.collect();
        format!("{} {} {}", labels.join("/"), frames.join(";"), value.count).trim_start().to_owned()
    };
    profile.samples.iter().map(row).collect()
}

#[test]
fn a_sample_is_looked_up_at_its_own_time_whatever_the_order_of_the_file() {
    let mut file = recording();
    sample(&mut file, 1, 1, 30, &[USER, 0x1100]);
    sample(&mut file, 1, 1, 10, &[USER, 0x1100]);
    file.mmap2(1, 0x1000, 0x1000, 0x8000, "/b", 20);
    file.mmap2(1, 0x1000, 0x1000, 0x4000, "/a", 5);
    assert_eq!(folded(&conversion(&file, &[])), ["/b+8100 1", "/a+4100 1"]);
}

#[test]
fn an_overlapped_mapping_keeps_both_its_ends_and_their_offsets() {
    let mut file = recording();
    file.mmap2(1, 0x1000, 0x3000, 0, "/a", 1);
    file.mmap2(1, 0x2000, 0x1000, 0, "/b", 2);
    for ip in [0x1fff, 0x2000, 0x3000, 0x3fff] {
        sample(&mut file, 1, 1, 3, &[USER, ip]);
    }
    assert_eq!(folded(&conversion(&file, &[])), ["/a+fff 1", "/b+0 1", "/a+2000 1", "/a+2fff 1"]);
}

#[test]
fn a_child_has_its_parents_mappings_until_it_runs_another_program() {
    let mut file = recording();
    file.mmap2(1, 0x1000, 0x1000, 0, "/sh", 1);
    fork(&mut file, 1, 2, 10);
    file.mmap2(1, 0x1000, 0x1000, 0, "/later", 15);
    sample(&mut file, 2, 2, 20, &[USER, 0x1100]);
    comm(&mut file, 2, 2, "ls", true, 30);
    sample(&mut file, 2, 2, 31, &[USER, 0x1100]);
    file.mmap2(2, 0x5000, 0x1000, 0, "/ls", 32);
    sample(&mut file, 2, 2, 33, &[USER, 0x5100]);
    let conversion = conversion(&file, &[LabelKey::Comm]);
    assert_eq!(folded(&conversion), ["/sh+100 1", "ls [unknown]+1100 1", "ls /ls+100 1"]);
    assert_eq!(conversion.losses.unmapped_leaves.count, 1);
}

#[test]
fn one_library_in_two_processes_is_one_frame() {
    let mut file = recording();
    file.mmap2(1, 0x7000_1000, 0x1000, 0x1000, "/lib/libssl.so", 1);
    file.mmap2(2, 0x6000_3000, 0x1000, 0x1000, "/lib/libssl.so", 1);
    sample(&mut file, 1, 1, 2, &[USER, 0x7000_1234]);
    sample(&mut file, 2, 2, 2, &[USER, 0x6000_3234]);
    assert_eq!(folded(&conversion(&file, &[])), ["/lib/libssl.so+1234 2"]);
}

#[test]
fn kernel_frames_come_from_the_kernels_space_and_callers_from_the_users() {
    let mut file = recording();
    file.record(1, 1, |body| {
        body.i32(-1).i32(0).u64(0xffff_8000_0000_0000).u64(0x1000_0000).u64(0xffff_8000_0000_0000);
        body.text("[kernel.kallsyms]_text").i32(0).i32(0).u64(0)
    });
    file.mmap2(1, 0x1000, 0x1000, 0, "/envoy", 1);
    sample(&mut file, 1, 1, 2, &[KERNEL, 0xffff_8000_0000_1000, USER, 0x1100, 0x1200]);
    let conversion = conversion(&file, &[]);
    let kernel = "[kernel.kallsyms]+ffff800000001000";
    assert_eq!(folded(&conversion), [format!("/envoy+200;/envoy+100;{kernel} 1")]);
    let profile = &conversion.profile;
    let (key, _) = profile.samples.iter().next().unwrap();
    let kinds: Vec<_> =
        profile.frames_of(key.stack).map(|frame| profile.frames[frame].kind).collect();
    // The user's code was interrupted, or called the kernel: its own call comes one further out.
    assert_eq!(kinds, [InstructionPointer, InstructionPointer, ReturnAddress]);
    let (_, binary) =
        profile.binaries.iter().find(|(_, b)| b.kind == profile::BinaryKind::Kernel).unwrap();
    let relocation = binary.relocation.unwrap();
    assert_eq!(profile.strings[relocation.symbol], "_text");
    assert_eq!(relocation.address.0, 0xffff_8000_0000_0000);
    assert_eq!(
        profile.main_binary.map(|id| &*profile.strings[profile.binaries[id].path]),
        Some("/envoy")
    );
}

#[test]
fn a_stack_is_cut_at_the_first_caller_that_lies_nowhere() {
    let mut file = recording();
    file.mmap2(1, 0x1000, 0x1000, 0, "/envoy", 1);
    sample(&mut file, 1, 1, 2, &[USER, 0x1100, 0x1200, 0xdead_beef, 0x1300]);
    let conversion = conversion(&file, &[]);
    assert_eq!(folded(&conversion), ["[broken stack];/envoy+200;/envoy+100 1"]);
    assert_eq!(
        (conversion.losses.broken_stacks.count, conversion.losses.broken_stacks.weight),
        (1, 10)
    );
}

#[test]
fn the_return_address_of_a_call_at_the_very_end_is_inside() {
    let mut file = recording();
    file.mmap2(1, 0x1000, 0x1000, 0, "/envoy", 1);
    sample(&mut file, 1, 1, 2, &[USER, 0x1100, 0x2000]);
    assert_eq!(folded(&conversion(&file, &[])), ["/envoy+1000;/envoy+100 1"]);
}

#[test]
fn threads_inherit_their_name_and_samples_differ_by_it() {
    let mut file = recording();
    file.mmap2(1, 0x1000, 0x1000, 0, "/envoy", 1);
    comm(&mut file, 1, 1, "envoy", true, 0);
    file.mmap2(1, 0x1000, 0x1000, 0, "/envoy", 1);
    file.record(7, 0, |body| body.i32(1).i32(1).i32(5).i32(1).u64(2).i32(1).i32(1).u64(2));
    sample(&mut file, 1, 5, 3, &[USER, 0x1100]);
    comm(&mut file, 1, 5, "wrk:worker_0", false, 4);
    sample(&mut file, 1, 5, 5, &[USER, 0x1100]);
    sample(&mut file, 1, 5, 6, &[USER, 0x1100]);
    let rows = folded(&conversion(&file, &[LabelKey::Comm, LabelKey::ThreadComm]));
    assert_eq!(rows, ["envoy/envoy /envoy+100 1", "envoy/wrk:worker_0 /envoy+100 2"]);
}

#[test]
fn without_times_the_order_of_the_file_is_the_order_of_time() {
    let mut file = PerfFile::new(Order::Little);
    file.event(Event::cpu_clock().sample_type(0b11)); // IP, TID
    let mmap = |file: &mut PerfFile, path| {
        file.record(1, 2, |body| body.i32(1).i32(1).u64(0x1000).u64(0x1000).u64(0).text(path));
    };
    mmap(&mut file, "/a");
    file.record(9, 2, |body| body.u64(0x1100).i32(1).i32(1));
    mmap(&mut file, "/b");
    file.record(9, 2, |body| body.u64(0x1100).i32(1).i32(1));
    let conversion = conversion(&file, &[]);
    assert_eq!(folded(&conversion), ["/a+100 1", "/b+100 1"]);
    // No period in the sample: the attribute's.
    assert_eq!(conversion.profile.samples.total(0).weight, 2_000_000);
}

#[test]
fn anonymous_memory_has_no_offsets() {
    let mut file = recording();
    file.mmap2(1, 0x5000_0000, 0x1000, 0x777_0000, "//anon", 1);
    sample(&mut file, 1, 1, 2, &[USER, 0x5000_0010]);
    assert_eq!(folded(&conversion(&file, &[])), ["//anon+50000010 1"]);
}

#[test]
fn what_is_lost_or_unknown_is_counted() {
    let mut file = recording();
    file.record(2, 0, |body| body.u64(1).u64(42).i32(0).i32(0).u64(1));
    file.record(13, 0, |body| body.u64(3).i32(0).i32(0).u64(1));
    file.record(60, 0, |body| body.u64(0));
    file.record(60, 0, |body| body.u64(0));
    file.record(9, 2, |body| body.u64(0));
    file.record(3, 0, |body| body.u32(0));
    let losses = conversion(&file, &[]).losses;
    assert_eq!((losses.lost_records, losses.lost_samples), (42, 3));
    assert_eq!(losses.unknown_records.values().copied().collect::<Vec<_>>(), [2]);
    assert_eq!((losses.unreadable_samples, losses.broken_records), (1, 1));
}

#[derive(Clone, Debug)]
enum Step {
    Map(i32, u64, u64),
    Fork(i32, i32),
    Exec(i32),
    Sample(i32, Vec<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    let pid = 1..5_i32;
    let address = 0..0x40_u64;
    prop_oneof![
        (pid.clone(), address.clone(), 1..8_u64)
            .prop_map(|(pid, start, len)| Step::Map(pid, start, len)),
        (pid.clone(), 1..5_i32).prop_map(|(parent, child)| Step::Fork(parent, child)),
        pid.clone().prop_map(Step::Exec),
        (pid, prop::collection::vec(address, 1..6))
            .prop_map(|(pid, chain)| Step::Sample(pid, chain)),
    ]
}

proptest! {
    /// Cut into pieces or not, read by one thread or by four: the same tables, row for row.
    #[test]
    fn threads_change_nothing(steps in prop::collection::vec((step(), 0..50_u64), 1..60)) {
        let mut file = recording();
        let padding = vec![0; 65_000];
        for (step, time) in &steps {
            match step {
                Step::Map(pid, start, len) => {
                    file.mmap2(*pid, start << 12, len << 12, start << 12, &format!("/lib{}", start % 5), *time);
                }
                Step::Fork(parent, child) => fork(&mut file, *parent, *child, *time),
                Step::Exec(pid) => comm(&mut file, *pid, *pid, "new", true, *time),
                Step::Sample(pid, chain) => {
                    let chain: Vec<_> = chain.iter().map(|page| (page << 12) + 0x10).collect();
                    sample(&mut file, *pid, *pid, *time, &[&[USER], &chain[..]].concat());
                    // Padding, so that there is more than one chunk.
                    for _ in 0..12 {
                        file.record(61, 0, |body| body.raw(&padding));
                    }
                }
            }
        }
        let bytes = file.build();
        let perf = PerfData::parse(&bytes).unwrap();
        let one = convert(&perf, &options(&[LabelKey::Pid], 1), None, &|_| {});
        let four = convert(&perf, &options(&[LabelKey::Pid], 4), None, &|_| {});
        prop_assert_eq!(format!("{:?}", one.profile), format!("{:?}", four.profile));
        prop_assert_eq!(one.losses, four.losses);
        let samples = steps.iter().filter(|(step, _)| matches!(step, Step::Sample(..))).count();
        prop_assert_eq!(one.profile.samples.total(0).count, samples as u64);
    }
}
