//! A sample that says nothing new allocates nothing.
//!
//! Memory follows what is distinct in a recording (`memory.rs`), and so does the work of the
//! allocator: ten times as many samples of the same stacks cost no more calls of it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::alloc::System;
use std::num::NonZeroUsize;

use perf_data::PerfData;
use perf_data_builder::{Event, Order, PerfFile, flags};
use session::{LabelKey, Options, Selection, convert};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const STACKS: u64 = 500;
const THREADS: i32 = 8;

/// A recording of so many samples: 500 stacks on eight threads of two processes, one millisecond
/// apart, so that each stack is on each thread.
fn recording(samples: u64) -> Vec<u8> {
    let mut file = PerfFile::new(Order::Little);
    // IP, TID, TIME, CALLCHAIN, PERIOD
    file.event(Event::cpu_clock().sample_type(0b1_0010_0111).flags(flags::SAMPLE_ID_ALL));
    for pid in [1, 2] {
        file.mmap2(pid, 0x40_0000, 0x10_0000, 0, "/usr/local/bin/envoy", 1);
    }
    let mut thread = 0;
    for n in 0..samples {
        thread = (thread + 1) % THREADS;
        let (ip, tid) = (0x40_0000 + n % STACKS * 16, 100 + thread);
        file.record(9, 2, |body| {
            body.u64(ip).i32(1 + thread % 2).i32(tid).u64(1000 + n * 1_000_000).u64(1_000_000);
            body.u64(5).u64((-512_i64).cast_unsigned()).u64(ip).u64(ip + 0x2000);
            body.u64(0x40_5000 + n % STACKS / 10 * 64).u64(0x40_9000)
        });
    }
    file.build()
}

/// How often converting the recording asks for memory, asking for more of it included.
fn allocations(bytes: &[u8], labels: &[LabelKey]) -> usize {
    let labels = labels.to_vec();
    let options = Options { labels, selection: Selection::default(), threads: NonZeroUsize::MIN };
    let perf = PerfData::parse(bytes).unwrap();
    let region = Region::new(ALLOCATOR);
    drop(convert(&perf, &options, None, &|_| {}));
    let counted = region.change();
    counted.allocations + counted.reallocations
}

/// One test: others beside it would allocate, too.
#[test]
fn allocations_do_not_follow_samples() {
    const FEW: u64 = 20_000;
    let (short, long) = (recording(FEW), recording(10 * FEW));
    for labels in [&[][..], &[LabelKey::Comm, LabelKey::ThreadComm, LabelKey::Pid, LabelKey::Tid]] {
        let few = allocations(&short, labels);
        let many = allocations(&long, labels);
        #[expect(clippy::cast_precision_loss)]
        let each = many.saturating_sub(few) as f64 / (9 * FEW) as f64;
        println!(
            "{} labels: {few} for {FEW} samples, {many} for {}: {each:.5} for each more",
            labels.len(),
            10 * FEW
        );
        assert!(few > 0, "nothing was counted");
        assert!(each < 0.001, "{each} for each additional sample");
    }
}
