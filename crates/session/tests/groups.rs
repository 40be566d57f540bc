//! Counters in samples (`perf record -e '{a,b}:S'`), where no recording at hand shows it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroUsize;

use perf_data::PerfData;
use perf_data_builder::{Event, Order, PerfFile};
use session::{Options, Selection, convert};

/// TID, TIME, READ, RAW, IDENTIFIER
const SAMPLE_TYPE: u64 = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 10 | 1 << 16;
/// `PERF_FORMAT_TOTAL_TIME_ENABLED`, `_ID`, `_GROUP` and `_LOST`
const TIME_ENABLED: u64 = 1;
const ID: u64 = 1 << 2;
const GROUP: u64 = 1 << 3;
const LOST: u64 = 1 << 4;
const INHERIT: u64 = 1 << 1;

fn group(read_format: u64, flags: u64) -> PerfFile {
    let event = |config, ids: &[u64]| Event {
        event_type: 0,
        config,
        sample_type: SAMPLE_TYPE,
        read_format,
        flags,
        ids: ids.to_vec(),
        ..Event::default()
    };
    let mut file = PerfFile::new(Order::Little);
    file.event(event(0, &[10, 11])).event(event(1, &[20, 21]));
    file
}

/// A sample of the counters `ids`, with so much data that few samples fill a chunk.
fn sample(file: &mut PerfFile, tid: i32, time: u64, counters: &[(u64, u64)], raw: u32) {
    file.record(9, 2, |body| {
        body.u64(counters[0].0).i32(tid).i32(tid).u64(time).u64(counters.len() as u64);
        for (id, value) in counters {
            body.u64(*value).u64(*id);
        }
        body.u32(raw).raw(&vec![0; raw as usize]).raw(&[0; 4])
    });
}

/// Number and weight of the samples of each event.
fn totals(bytes: &[u8], threads: usize) -> Vec<(u64, u64)> {
    let perf = PerfData::parse(bytes).unwrap();
    let options = Options {
        labels: Vec::new(),
        selection: Selection::default(),
        threads: NonZeroUsize::new(threads).unwrap(),
    };
    let conversion = convert(&perf, &options, None, &|_| {});
    assert_eq!(conversion.losses.unreadable_samples, 0);
    let mut totals = vec![(0, 0); perf.events().len()];
    for (key, value) in conversion.profile.samples.iter() {
        let total = &mut totals[key.event as usize];
        *total = (total.0 + value.count, total.1 + value.weight);
    }
    totals
}

#[test]
fn a_counter_that_did_not_move_has_no_sample() {
    let mut file = group(ID | GROUP, 0);
    sample(&mut file, 7, 1, &[(10, 100), (20, 7)], 0);
    sample(&mut file, 7, 2, &[(10, 150), (20, 7)], 0);
    sample(&mut file, 8, 3, &[(11, 30), (21, 1)], 0);
    sample(&mut file, 7, 4, &[(10, 151), (20, 9)], 0);
    assert_eq!(totals(&file.build(), 1), [(4, 181), (3, 10)]);
}

#[test]
fn all_chunks_know_the_values_before_them() {
    let mut file = group(ID | GROUP, 0);
    // Three chunks of 16 MiB. The counters of the second CPU rest in the middle one.
    for step in 1..=900 {
        sample(&mut file, 7, step, &[(10, 5 * step), (20, step / 2)], 60_000);
        if !(200..700).contains(&step) {
            sample(&mut file, 8, step, &[(11, 3 * step), (21, step)], 0);
        }
    }
    let bytes = file.build();
    assert!(bytes.len() > 3 << 24);
    let expected = [(900 + 400, 4500 + 2700), (450 + 400, 450 + 900)];
    for threads in [1, 2, 4] {
        assert_eq!(totals(&bytes, threads), expected, "{threads} threads");
    }
}

#[test]
fn inherited_counters_count_for_each_thread() {
    let mut file = group(ID | GROUP, INHERIT);
    sample(&mut file, 7, 1, &[(10, 100), (20, 1)], 0);
    sample(&mut file, 8, 2, &[(10, 40), (20, 1)], 0);
    sample(&mut file, 7, 3, &[(10, 110), (20, 2)], 0);
    assert_eq!(totals(&file.build(), 1), [(3, 150), (3, 3)]);
}

#[test]
fn every_format_of_a_lone_counter() {
    let mut file = group(TIME_ENABLED | ID | LOST, 0);
    for (id, value) in [(10, 4), (20, 5), (10, 10), (10, 10)] {
        file.record(9, 2, |body| {
            body.u64(id).i32(7).i32(7).u64(1);
            body.u64(value).u64(999).u64(id).u64(3).u32(4).u32(0)
        });
    }
    assert_eq!(totals(&file.build(), 1), [(2, 10), (1, 5)]);
}

#[test]
fn every_format_of_a_group() {
    let mut file = group(TIME_ENABLED | ID | GROUP | LOST, 0);
    file.record(9, 2, |body| {
        body.u64(10).i32(7).i32(7).u64(1).u64(2).u64(999);
        body.u64(4).u64(10).u64(0).u64(6).u64(20).u64(0).u32(4).u32(0)
    });
    assert_eq!(totals(&file.build(), 1), [(1, 4), (1, 6)]);
}
