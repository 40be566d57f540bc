//! How much memory a recording of a given size can make the reader take, however it was made.
//!
//! Memory follows what is distinct in a recording (stacks, threads, mappings), not how long it
//! is. The worst that a file can do is to say something new with every few bytes: each kind of
//! record does so here.
//!
//! Each change to a map of addresses makes the nodes on one path of a tree anew: of the cases
//! below, only those that map grow faster than the file, by the logarithm of their number.
#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroUsize;

use peak_alloc::PeakAlloc;
use perf_data::PerfData;
use perf_data_builder::{Bytes, Event, Order, PerfFile, flags};
use session::{LabelKey, Options, Selection, convert};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The bound: so many bytes of memory for a byte of the file, and so many in any case.
const MULTIPLE: usize = 100;
const ALWAYS: usize = 1 << 20;

/// A recording of records that are all different: what to add for the number given.
struct Case {
    name: &'static str,
    sample_type: u64,
    add: fn(&mut PerfFile, u64),
}

const CASES: [Case; 10] = [
    Case {
        name: "mappings",
        sample_type: 0,
        add: |file, n| {
            // Scattered, so that trees are made anew everywhere.
            let start = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) << 12;
            file.record(1, 2, |body| {
                body.i32(7).i32(7).u64(start).u64(0x1000).u64(0).raw(&[b'a'; 7]).u8(0)
            });
        },
    },
    Case {
        name: "binaries",
        sample_type: 0,
        add: |file, n| {
            file.record(1, 2, |body| {
                body.i32(7).i32(7).u64(n << 12).u64(0x1000).u64(0).raw(&name(n))
            });
        },
    },
    Case {
        name: "processes with a mapping each",
        sample_type: 0,
        add: |file, n| {
            file.record(1, 2, |body| {
                body.i32(id(n)).i32(id(n)).u64(0).u64(0x1000).u64(0).raw(&[0; 8])
            });
        },
    },
    Case {
        name: "names of threads",
        sample_type: 0,
        add: |file, n| {
            file.record(3, 0, |body| body.i32(id(n)).i32(id(n)).raw(&name(n)));
        },
    },
    Case {
        name: "forks",
        sample_type: 0,
        add: |file, n| {
            file.record(7, 0, |body| {
                body.i32(id(n + 1)).i32(id(n)).i32(id(n + 1)).i32(id(n)).u64(n)
            });
        },
    },
    Case {
        name: "kernel symbols",
        sample_type: 0,
        add: |file, n| {
            file.record(17, 0, |body| body.u64(n << 8).u32(8).u16(1).u16(0).raw(&name(n)));
        },
    },
    Case {
        name: "types of records",
        sample_type: 0,
        add: |file, n| {
            file.record(u32::try_from(1000 + n).unwrap(), 0, |body| body);
        },
    },
    Case {
        name: "addresses",
        sample_type: 1,
        add: |file, n| {
            file.record(9, 2, |body| body.u64(n));
        },
    },
    Case {
        name: "threads",
        sample_type: 0b10,
        add: |file, n| {
            file.record(9, 2, |body| body.i32(id(n)).i32(id(n)));
        },
    },
    Case {
        name: "callchains",
        sample_type: 1 << 5,
        add: |file, n| {
            file.record(9, 2, |body| {
                body.u64(6).u64(n << 8).u64(n << 7).u64(n << 6).u64(n << 5).u64(n << 4).u64(n << 3)
            });
        },
    },
];

fn name(n: u64) -> [u8; 8] {
    let mut name = [0; 8];
    for (index, byte) in name.iter_mut().take(7).enumerate() {
        *byte = b'a' + u8::try_from(n >> (4 * index) & 15).unwrap();
    }
    name
}

fn id(n: u64) -> i32 {
    i32::try_from(n + 1).unwrap()
}

/// Bytes allocated at the peak of reading, what was there before not counted.
fn peak(bytes: &[u8]) -> usize {
    let labels = LabelKey::all();
    let selection = Selection::default();
    let options = Options { labels, selection, threads: NonZeroUsize::MIN };
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    if let Ok(perf) = PerfData::parse(bytes) {
        let conversion = convert(&perf, &options, None, &|_| {});
        drop(conversion);
    }
    ALLOCATOR.peak_usage() - before
}

#[track_caller]
fn assert_bound(name: &str, bytes: &[u8]) {
    let peak = peak(bytes);
    #[expect(clippy::cast_precision_loss)]
    let multiple = peak as f64 / bytes.len() as f64;
    println!("{name}: {} bytes, peak {peak}: {multiple:.1} for each", bytes.len());
    assert!(peak <= MULTIPLE * bytes.len() + ALWAYS, "{name}: {multiple:.1} for each");
}

/// One test: others beside it would allocate, too.
#[test]
fn memory_is_bounded_by_a_multiple_of_the_input() {
    for size in [64 << 10, 512 << 10] {
        for case in &CASES {
            let mut file = PerfFile::new(Order::Little);
            file.event(
                Event::cpu_clock().sample_type(case.sample_type).flags(flags::SAMPLE_ID_ALL),
            );
            let mut n = 0;
            while file.records().len() < size {
                (case.add)(&mut file, n);
                n += 1;
            }
            assert_bound(case.name, &file.build());
            assert_bound(&format!("{} in a pipe", case.name), &file.build_pipe());
        }
        let mut pipe = PerfFile::new(Order::Little);
        pipe.attr_size(64);
        for n in 0..size as u64 / 80 {
            pipe.event(Event::cpu_clock().ids(&[n]));
        }
        assert_bound("events", &pipe.build_pipe());
        assert_bound("events of a file", &pipe.record(68, 0, |body| body).build());
        for (feature, body) in features(size) {
            let mut file = PerfFile::new(Order::Little);
            file.event(Event::cpu_clock()).record(68, 0, |body| body);
            file.feature(feature, |bytes| bytes.raw(&body));
            assert_bound(&format!("feature {feature}"), &file.build());
        }
    }
    // A file of one record claims a gigabyte in every place that has a length.
    let mut claims = PerfFile::new(Order::Little);
    claims.event(Event::cpu_clock().sample_type(1 << 5 | 1 << 10 | 1 << 13));
    claims.record(9, 2, |body| body.u64(1 << 30).u32(1 << 30).u32(0).u64(1 << 30));
    claims.feature(11, |body| body.u32(1 << 30).u32(1 << 30));
    claims.feature(12, |body| body.u32(1 << 30).u32(1 << 30));
    assert_bound("claims", &claims.build());
}

/// Sections full of the shortest entries that they can have.
fn features(size: usize) -> Vec<(u8, Vec<u8>)> {
    let count = u32::MAX;
    let filled = |head: &[u32], entry: &[u32]| {
        let mut bytes = Bytes::new(Order::Little);
        for word in head {
            bytes.u32(*word);
        }
        let mut bytes = bytes.build();
        let entry: Vec<u8> = entry.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(entry.iter().cycle().take(size / entry.len() * entry.len()));
        bytes
    };
    let mut attr = Event::cpu_clock().attr(Order::Little, 64);
    attr.extend([0; 8]);
    let attr: Vec<u32> =
        attr.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    vec![
        (2, filled(&[], &[67, 36 << 16, 0, 0, 0, 0, 0, 0, 0])),
        (11, filled(&[count], &[0])),
        (12, filled(&[count, 64], &attr)),
        (16, filled(&[count], &[0, 0])),
    ]
}
