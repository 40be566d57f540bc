//! Recordings made in memory, as large as is asked for in one respect: how long they are, how many
//! stacks are distinct, how many threads, processes, mappings and binaries there are.
//!
//! ```
//! let recording = benches::Axis::Threads.recording(100);
//! assert_eq!(&recording[..8], b"PERFILE2");
//! ```

mod repeated;

pub use repeated::repeated;

use perf_data_builder::{Event, Order, PerfFile, flags};

/// Frames of a callchain.
const DEPTH: u32 = 30;
/// Where the recorded program and its memory without a file are mapped.
const PROGRAM: u64 = 0x5555_0000_0000;
const PROGRAM_LEN: u64 = 64 << 20;
const ANON: u64 = 0x7f00_0000_0000;
const LIBRARIES: u64 = 0x7e00_0000_0000;
/// `PERF_CONTEXT_USER`
const USER: u64 = (-512_i64).cast_unsigned();
/// Between two samples.
const PERIOD: u64 = 1_000_000;
/// The process that is there from the beginning.
const PID: i32 = 1;

/// In what respect a recording grows. Everything else in it grows with that in proportion, or not
/// at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Samples of 1000 stacks.
    Samples,
    /// Stacks, each sampled once.
    Stacks,
    /// Threads of one process, each with a name and ten samples.
    Threads,
    /// `//anon` mappings that replace each other, as a JIT makes them; after each two samples, one
    /// of them in that mapping.
    Mappings,
    /// Processes forked from one with 50 mappings, each with ten samples.
    Processes,
    /// Binaries mapped by one process, each with ten samples.
    Binaries,
}

impl Axis {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Samples,
        Self::Stacks,
        Self::Threads,
        Self::Mappings,
        Self::Processes,
        Self::Binaries,
    ];

    /// How it is called on the command line and in plots.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Samples => "samples",
            Self::Stacks => "stacks",
            Self::Threads => "threads",
            Self::Mappings => "mappings",
            Self::Processes => "processes",
            Self::Binaries => "binaries",
        }
    }

    /// A perf.data file with `count` of these.
    pub fn recording(self, count: u32) -> Vec<u8> {
        let mut recording = Recording::new();
        for n in 0..count {
            self.add(&mut recording, n);
        }
        recording.file.build()
    }

    fn add(self, recording: &mut Recording, n: u32) {
        // Thread and process ids; the first is taken.
        let id = n.cast_signed().saturating_add(2);
        match self {
            Self::Samples => recording.sample(PID, PID, n % 1000),
            Self::Stacks => recording.sample(PID, PID, n),
            Self::Threads => {
                recording.fork(PID, id);
                recording.name(PID, id, &format!("wrk:worker_{n}"));
                (0..10).for_each(|stack| recording.sample(PID, id, stack));
            }
            Self::Mappings => {
                let place = ANON + u64::from(n % 64) * 0x8000 + u64::from(n % 3) * 0x1000;
                recording.map(place, 0x8000, "//anon");
                recording.sample(PID, PID, n % 1000);
                recording.sample_at(PID, PID, place + 0x100, n % 1000);
            }
            Self::Processes => {
                recording.fork(id, id);
                recording.name(id, id, "envoy");
                (0..10).for_each(|stack| recording.sample(id, id, stack));
                recording.exit(id);
            }
            Self::Binaries => {
                let place = LIBRARIES + u64::from(n) * 0x10_0000;
                recording.map(place, 0x8000, &format!("/usr/lib/envoy/lib{n}.so"));
                for stack in 0..10 {
                    recording.sample_at(PID, PID, place + u64::from(stack) * 16, stack);
                }
            }
        }
    }
}

/// A recording of `samples` samples, in which `stacks` stacks take turns.
pub fn busy(samples: u32, stacks: u32) -> Vec<u8> {
    let mut recording = Recording::new();
    for n in 0..samples {
        recording.sample(PID, PID, n % stacks);
    }
    recording.file.build()
}

/// A file that is being filled.
struct Recording {
    file: PerfFile,
    time: u64,
}

impl Recording {
    fn new() -> Self {
        let mut file = PerfFile::new(Order::Little);
        // IP, TID, TIME, CALLCHAIN, PERIOD
        let event = Event::cpu_clock().sample_type(0b1_0010_0111).flags(flags::SAMPLE_ID_ALL);
        file.event(event);
        let mut recording = Self { file, time: 1_000_000_000 };
        recording.name(PID, PID, "envoy");
        recording.map(PROGRAM, PROGRAM_LEN, "/usr/local/bin/envoy");
        for n in 0..49 {
            recording.map(ANON - (n + 1) * 0x10_0000, 0x8000, "/usr/lib/libsome.so");
        }
        recording
    }

    fn sample(&mut self, pid: i32, tid: i32, stack: u32) {
        self.sample_at(pid, tid, address(stack, 0), stack);
    }

    /// A sample at an address, called by a stack's callers.
    fn sample_at(&mut self, pid: i32, tid: i32, ip: u64, stack: u32) {
        self.time += PERIOD;
        let time = self.time;
        self.file.record(9, 2, |body| {
            body.u64(ip).i32(pid).i32(tid).u64(time).u64(PERIOD);
            body.u64(u64::from(DEPTH) + 1).u64(USER).u64(ip);
            (1..DEPTH).fold(body, |body, depth| body.u64(address(stack, depth)))
        });
    }

    fn map(&mut self, start: u64, len: u64, path: &str) {
        self.time += 1;
        self.file.mmap2(PID, start, len, 0, path, self.time);
    }

    fn fork(&mut self, pid: i32, tid: i32) {
        self.time += 1;
        let time = self.time;
        self.file.record(7, 0, |body| {
            body.i32(pid).i32(PID).i32(tid).i32(PID).u64(time).i32(pid).i32(tid).u64(time)
        });
    }

    fn exit(&mut self, pid: i32) {
        self.time += 1;
        let time = self.time;
        self.file.record(4, 0, |body| {
            body.i32(pid).i32(PID).i32(pid).i32(PID).u64(time).i32(pid).i32(pid).u64(time)
        });
    }

    fn name(&mut self, pid: i32, tid: i32, name: &str) {
        self.time += 1;
        let time = self.time;
        self.file
            .record(3, 0, |body| body.i32(pid).i32(tid).text(name).i32(pid).i32(tid).u64(time));
    }
}

/// Where a stack's frame of that depth is, the innermost having depth 0. Stacks whose numbers are
/// near have their outer frames in common, four times as many with every level.
fn address(stack: u32, depth: u32) -> u64 {
    let path = u64::from(stack.checked_shr(2 * depth).unwrap_or(0));
    let scattered = (path << 6 | u64::from(depth)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    // A quarter of a million places in the program, 128 bytes apart.
    PROGRAM + (scattered >> 46) * 128
}
