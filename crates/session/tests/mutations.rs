//! Recordings with damage: nothing panics, and nothing takes long.
//!
//! A few thousand run with every test. `scripts/fuzz-mutations` runs as many as asked for.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use perf_data::{PerfData, write_records};
use perf_data_builder::{Event, Order, PerfFile, flags};
use session::{LabelKey, Options, Selection, convert};

/// What no input may take, of a few kilobytes each.
const DEADLINE: Duration = Duration::from_secs(1);

/// All that is done with a recording before its profile is written.
fn read(bytes: &[u8]) {
    let Ok(mut perf) = PerfData::parse(bytes) else { return };
    let mut inflated = Vec::new();
    if perf.is_compressed() {
        let (records, offset) = perf.record_bytes();
        write_records(records, offset, perf.endian(), &mut inflated).unwrap();
        perf = perf.with_records(&inflated);
    }
    let options = Options {
        labels: LabelKey::all(),
        selection: Selection::default(),
        threads: NonZeroUsize::MIN,
    };
    let conversion = convert(&perf, &options, None, &|_| {});
    assert!(conversion.profile.check());
}

#[track_caller]
fn read_in_time(bytes: &[u8], what: impl Fn() -> String) {
    let start = Instant::now();
    read(bytes);
    let taken = start.elapsed();
    assert!(taken < DEADLINE, "{} took {taken:?}", what());
}

/// Real recordings, and what no machine at hand can record.
fn recordings() -> Vec<(String, Vec<u8>)> {
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/small");
    let mut recordings: Vec<_> = fs::read_dir(small)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "perf"))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
        })
        .collect();
    recordings.sort();
    for order in [Order::Little, Order::Big] {
        let built = every_field(order);
        recordings.push((format!("built, {order:?}"), built.build()));
        recordings.push((format!("built for a pipe, {order:?}"), built.build_pipe()));
    }
    recordings
}

/// Every field that a sample can have, and records of all types that say what runs where.
fn every_field(order: Order) -> PerfFile {
    let mut file = PerfFile::new(order);
    let event = Event {
        event_type: 4,
        sample_type: 0x1ff_ffff & !(1 << 14), // not WEIGHT, for which WEIGHT_STRUCT stands
        read_format: 0b11111,
        branch_sample_type: 1 << 17 | 1 << 19,
        regs_user: 0b111,
        regs_intr: 0b11,
        flags: flags::SAMPLE_ID_ALL,
        ids: vec![5, 6],
        ..Event::default()
    };
    file.event(event.clone()).event(Event { ids: vec![7], ..event });
    let trailer = |body: &mut perf_data_builder::Bytes, time| {
        body.i32(7).i32(8).u64(time).u64(5).u64(5).u32(0).u32(0).u64(5);
    };
    for time in 0..8_u64 {
        let start = 0x1000 * (time + 1);
        file.record(10, 2, |body| {
            body.i32(7).i32(7).u64(start).u64(0x1800).u64(0x3000);
            body.u32(8).u32(1).u64(42).u64(0).u32(5).u32(2).text("/usr/local/bin/envoy");
            trailer(body, time);
            body
        });
        file.record(3, 1 << 13, |body| {
            body.i32(7).i32(8).text("envoy");
            trailer(body, time);
            body
        });
        file.record(7, 0, |body| {
            body.i32(9).i32(7).i32(9).i32(7).u64(time);
            trailer(body, time);
            body
        });
        file.record(17, 0, |body| {
            body.u64(0xffff_ffff_8000_0000).u32(0x40).u16(1).u16(0).text("bpf_prog");
            trailer(body, time);
            body
        });
        file.record(22, 2, |body| {
            body.u64(time).u64(2).u64(start).u64(start + 16);
            trailer(body, time);
            body
        });
        file.record(9, 2, |body| {
            body.u64(5)
                .u64(start)
                .i32(7)
                .i32(8)
                .u64(time)
                .u64(1)
                .u64(5)
                .u64(5)
                .u32(0)
                .u32(0)
                .u64(9);
            body.u64(2).u64(1).u64(1).u64(time).u64(5).u64(0).u64(2 * time).u64(7).u64(0);
            body.u64(5).u64(0_u64.wrapping_sub(128)).u64(1).u64(0_u64.wrapping_sub(512));
            body.u64(start).u64(start + 8);
            body.u32(4).u32(0);
            body.u64(1).u64(0).u64(start).u64(start).u64(0).u64(0);
            body.u64(2).u64(1).u64(start).u64(2);
            body.u64(16).u64(start).u64(start).u64(16);
            body.u64(3).u64(4).u64(5).u64(2).u64(1).u64(2);
            body.u64(6).u64(7).u64(4096).u64(4096).u64(8).u64(0)
        });
    }
    file.feature(2, |body| {
        body.u32(67)
            .u16(2)
            .u16(8 + 28 + 24)
            .i32(-1)
            .raw(&[7; 20])
            .u32(0)
            .text("/usr/local/bin/envoy")
    });
    file.feature(3, |body| body.sized_text("envoy-7c5f9d"));
    file.feature(11, |body| body.u32(1).sized_text("perf"));
    file
}

/// A sequence of numbers that looks like chance and is the same every time (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }
}

/// The input of this number: a recording, damaged in one to four ways.
fn mutated(recordings: &[(String, Vec<u8>)], seed: u64, number: u64) -> (String, Vec<u8>) {
    let mut numbers = Numbers(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
    let (name, bytes) = &recordings[numbers.below(recordings.len())];
    let mut bytes = bytes.clone();
    for _ in 0..=numbers.below(4) {
        damage(&mut bytes, &recordings[numbers.below(recordings.len())].1, &mut numbers);
    }
    (format!("{name}, number {number} of seed {seed}"), bytes)
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], numbers: &mut Numbers) {
    if bytes.is_empty() {
        return;
    }
    // Half of the damage is done to the header and the events.
    let len = bytes.len();
    let at = if numbers.next() & 1 == 0 { numbers.below(len.min(512)) } else { numbers.below(len) };
    match numbers.below(8) {
        0 => bytes[at] ^= 1 << numbers.below(8),
        1 => bytes[at] = u8::try_from(numbers.below(256)).unwrap(),
        // Sizes, counts and offsets are numbers at multiples of their length.
        2 | 3 => {
            let width = 1 << numbers.below(4);
            let number = interesting(numbers, len as u64);
            let at = at / width * width;
            let end = (at + width).min(len);
            bytes[at..end].copy_from_slice(&number.to_le_bytes()[..end - at]);
        }
        4 => bytes.truncate(at),
        5 => {
            let end = (at + numbers.below(256)).min(len);
            bytes.drain(at..end);
        }
        6 => {
            let end = (at + numbers.below(256)).min(len);
            let copy = bytes[at..end].to_vec();
            let to = numbers.below(len) / 8 * 8;
            bytes.splice(to..to, copy);
        }
        _ => {
            let from = numbers.below(other.len()) / 8 * 8;
            let part = &other[from..(from + numbers.below(512)).min(other.len())];
            let to = at / 8 * 8;
            let end = (to + part.len()).min(len);
            bytes[to..end].copy_from_slice(&part[..end - to]);
        }
    }
}

fn interesting(numbers: &mut Numbers, len: u64) -> u64 {
    match numbers.below(8) {
        0 => 0,
        1 => u64::MAX,
        2 => 1 << numbers.below(64),
        3 => (1_u64 << numbers.below(64)).wrapping_sub(1),
        4 => len,
        5 => numbers.below(128) as u64,
        6 => 0_u64.wrapping_sub(numbers.below(4096) as u64),
        _ => numbers.next(),
    }
}

#[test]
fn every_fixture_cut_short() {
    for (name, bytes) in recordings() {
        for len in (0..bytes.len()).step_by(64) {
            read_in_time(&bytes[..len], || format!("{name}, cut to {len} bytes"));
        }
    }
}

#[test]
fn every_byte_of_a_header_flipped() {
    for (name, mut bytes) in recordings() {
        for at in 0..bytes.len().min(104) {
            for flip in [0x01, 0x80, 0xff] {
                bytes[at] ^= flip;
                read_in_time(&bytes, || format!("{name}, byte {at} flipped by {flip:#x}"));
                bytes[at] ^= flip;
            }
        }
    }
}

#[test]
fn damaged_recordings() {
    let recordings = recordings();
    for number in 0..2_000 {
        let (what, bytes) = mutated(&recordings, 1, number);
        read_in_time(&bytes, || what.clone());
    }
}

/// `COUNT` inputs of the seed `SEED`, on all processors.
#[test]
#[ignore = "takes as long as it is told to: scripts/fuzz-mutations"]
fn as_many_as_asked_for() {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse::<u64>().unwrap())
    };
    let (count, seed) = (number("COUNT", 100_000), number("SEED", 1));
    let recordings = recordings();
    let next = AtomicU64::new(0);
    let slowest = AtomicU64::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        let work = || {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return;
                }
                let (what, bytes) = mutated(&recordings, seed, number);
                let outcome = std::panic::catch_unwind(|| {
                    let start = Instant::now();
                    read(&bytes);
                    start.elapsed()
                });
                let Ok(taken) = outcome else { panic!("panic: {what}") };
                assert!(taken < DEADLINE, "{taken:?}: {what}");
                slowest.fetch_max(u64::try_from(taken.as_micros()).unwrap(), Ordering::Relaxed);
            }
        };
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            scope.spawn(work);
        }
    });
    println!(
        "{count} inputs of seed {seed} in {:.0?}: no panic; the slowest took {} us",
        start.elapsed(),
        slowest.into_inner()
    );
}

/// What is to be damaged has to be whole before, or the damage shows nothing.
#[test]
fn the_built_recordings_are_whole() {
    for (name, bytes) in recordings().iter().filter(|(name, _)| name.starts_with("built")) {
        let perf = PerfData::parse(bytes).unwrap();
        let options = Options {
            labels: LabelKey::all(),
            selection: Selection::default(),
            threads: NonZeroUsize::MIN,
        };
        let conversion = convert(&perf, &options, None, &|_| {});
        let losses = conversion.losses;
        assert_eq!((losses.unreadable_samples, losses.broken_records), (0, 0), "{name}");
        let samples = conversion.profile.samples.iter().map(|(_, value)| value.count);
        assert_eq!(samples.sum::<u64>(), 14, "{name}: two counters move seven times each");
    }
}
