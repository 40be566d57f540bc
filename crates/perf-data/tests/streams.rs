//! Compressed records: `perf record -z`, of old and new perf, whole and damaged.
#![allow(missing_docs, clippy::unwrap_used)]

use perf_data::{InflateProblem, PerfData, RecordKind, RecordsEnd, StreamLoss, write_records};
use perf_data_builder::{Bytes, Event, Order, PerfFile};

const COMPRESSED: u32 = 81;
const COMPRESSED2: u32 = 83;

/// The beginning of a frame with a window of 512 KiB that does not say how long it is.
const FRAME: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0, 9 << 3];

/// A block that is not the last one and holds `content` as it is.
fn stored(content: &[u8]) -> Vec<u8> {
    let header = u32::try_from(content.len()).unwrap() << 3;
    [&header.to_le_bytes()[..3], content].concat()
}

/// A block of `len` equal bytes: four bytes that inflate to as many as 128 KiB.
fn run(byte: u8, len: u32) -> Vec<u8> {
    let header = len << 3 | 1 << 1;
    [&header.to_le_bytes()[..3], &[byte]].concat()
}

fn samples(order: Order, times: std::ops::Range<u64>) -> Vec<u8> {
    let mut file = PerfFile::new(order);
    for time in times {
        file.record(9, 2, |body| body.u64(0x1234).i32(7).i32(8).u64(time));
    }
    file.records().to_vec()
}

fn file(order: Order) -> PerfFile {
    let mut file = PerfFile::new(order);
    file.event(Event::cpu_clock().sample_type(0b111)); // IP, TID, TIME
    file
}

fn compressed(file: &mut PerfFile, kind: u32, piece: &[u8]) {
    file.record(kind, 0, |body| {
        if kind == COMPRESSED {
            return body.raw(piece);
        }
        body.u64(piece.len() as u64).raw(piece);
        body.raw(&[0xee; 8][..piece.len().next_multiple_of(8) - piece.len()])
    });
}

/// What [`write_records`] makes of a file: the times of its samples, and the losses.
fn inflate(bytes: &[u8]) -> (Vec<u64>, Vec<StreamLoss>) {
    let perf = PerfData::parse(bytes).unwrap();
    assert!(perf.is_compressed());
    let (stream, offset) = perf.record_bytes();
    let mut out = Vec::new();
    let losses = write_records(stream, offset, perf.endian(), &mut out).unwrap();
    let perf = perf.with_records(&out);
    let mut records = perf.records();
    let samples = records.by_ref().filter(|record| record.kind == RecordKind::SAMPLE);
    let samples = samples.filter_map(|record| perf.sample(&record));
    let times = samples.map(|(_, sample)| sample.time.unwrap()).collect();
    assert_eq!(records.end(), RecordsEnd::Complete);
    (times, losses)
}

#[test]
fn records_span_pieces_of_one_stream() {
    for (order, kind) in [
        (Order::Little, COMPRESSED),
        (Order::Little, COMPRESSED2),
        (Order::Big, COMPRESSED),
        (Order::Big, COMPRESSED2),
    ] {
        let records = samples(order, 0..100);
        // Blocks end within records of samples, and pieces within blocks and headers of blocks.
        let blocks: Vec<u8> = records.chunks(77).flat_map(stored).collect();
        let stream = [&FRAME[..], &blocks].concat();
        for piece_len in [1, 2, 5, 31, 500, 60_000] {
            let mut file = file(order);
            for piece in stream.chunks(piece_len) {
                compressed(&mut file, kind, piece);
                file.record(68, 0, |body| body); // FINISHED_ROUND
            }
            let all: Vec<_> = (0..100).collect();
            assert_eq!(inflate(&file.build()), (all.clone(), vec![]), "{order:?} {piece_len}");
            assert_eq!(inflate(&file.build_pipe()), (all, vec![]), "{order:?} {piece_len}");
        }
    }
}

#[test]
fn what_perf_compressed_is_read() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/small/zstd.perf");
    let (times, losses) = inflate(&std::fs::read(fixture).unwrap());
    assert_eq!((times.len(), losses), (74, vec![]));
}

#[test]
fn a_damaged_stream_keeps_what_came_before() {
    let records = samples(Order::Little, 0..6);
    let (first, second) = records.split_at(64);
    let mut file = file(Order::Little);
    compressed(&mut file, COMPRESSED, &[&FRAME[..], &stored(first)].concat());
    let damage_at = 104 + 144 + file.records().len() as u64;
    compressed(&mut file, COMPRESSED, &[0xff; 24]); // a block of the reserved kind
    compressed(&mut file, COMPRESSED, &stored(second));
    file.record(9, 2, |body| body.u64(0x1234).i32(7).i32(8).u64(99));
    let lost = 24 + stored(second).len() as u64;
    let problem = InflateProblem::Damaged;
    assert_eq!(
        inflate(&file.build()),
        (vec![99, 0, 1], vec![StreamLoss::Compressed { offset: damage_at, lost, problem }])
    );
}

#[test]
fn a_cut_stream_says_what_is_missing() {
    let mut file = file(Order::Little);
    let stream = [&FRAME[..], &stored(&samples(Order::Little, 0..9))].concat();
    compressed(&mut file, COMPRESSED, &stream);
    compressed(&mut file, COMPRESSED, &stored(&samples(Order::Little, 9..12)));
    let bytes = file.build();
    let (times, losses) = inflate(&bytes[..bytes.len() - 1]);
    assert_eq!(times, (0..9).collect::<Vec<_>>());
    assert!(
        matches!(losses[..], [StreamLoss::Ended(RecordsEnd::Cut { missing: 1, .. })]),
        "{losses:?}"
    );
}

#[test]
fn half_a_record_at_the_end_is_counted() {
    let mut file = file(Order::Little);
    let records = samples(Order::Little, 0..2);
    compressed(&mut file, COMPRESSED, &[&FRAME[..], &stored(&records[..40])].concat());
    assert_eq!(inflate(&file.build()), (vec![0], vec![StreamLoss::Inflated { lost: 8 }]));
}

#[test]
fn a_stream_that_grows_a_thousandfold_is_given_up() {
    let mut file = file(Order::Little);
    let mut stream = [&FRAME[..], &stored(&samples(Order::Little, 0..1))].concat();
    stream.extend((0..10_000).flat_map(|_| run(1, 128 << 10)));
    compressed(&mut file, COMPRESSED, &stream);
    let bytes = file.build();
    let perf = PerfData::parse(&bytes).unwrap();
    let (stream, offset) = perf.record_bytes();
    let mut out = Vec::new();
    let losses = write_records(stream, offset, perf.endian(), &mut out).unwrap();
    let limit = 1000 * stream.len() + (1 << 20) + (1 << 19) + (128 << 10);
    assert!(out.len() <= limit, "{}", out.len());
    assert!(losses.iter().any(|loss| matches!(
        loss,
        StreamLoss::Compressed { problem: InflateProblem::TooLarge, .. }
    )));
}

#[test]
fn a_window_of_gigabytes_is_refused() {
    let mut file = file(Order::Little);
    let mut stream = FRAME.to_vec();
    stream[5] = 20 << 3; // 1 GiB
    stream.extend(stored(&samples(Order::Little, 0..1)));
    compressed(&mut file, COMPRESSED, &stream);
    let (times, losses) = inflate(&file.build());
    assert!(times.is_empty());
    assert!(matches!(
        losses[..],
        [StreamLoss::Compressed { problem: InflateProblem::Damaged, .. }]
    ));
}

/// perf 6.16 and later add up what one push writes, in 16 bits, and then write no padding.
#[test]
fn sizes_that_perf_let_overflow_are_told_by_the_data_size() {
    let records = samples(Order::Little, 0..5000);
    let mut stream = FRAME.to_vec();
    stream.extend(records.chunks(50_000).flat_map(stored));
    // Where each piece ends: one of just the length at which rounding up overflows, then a push
    // of three records.
    for first in [65_513, 65_519] {
        let (alone, together) = stream.split_at(first);
        let mut bytes = Bytes::new(Order::Little);
        bytes.u32(COMPRESSED2).u16(0).u16(0).u64(first as u64).raw(alone);
        let pieces: Vec<_> = together.chunks(65_519).collect();
        assert_eq!(pieces.len(), 2);
        let total = together.len() + 16 * pieces.len();
        for (index, piece) in pieces.iter().enumerate() {
            let size = if index == 0 { total.next_multiple_of(8) } else { piece.len() + 16 };
            let data_size = if index == 0 { total as u64 - 16 } else { 0xdead_beef };
            bytes
                .u32(COMPRESSED2)
                .u16(0)
                .u16(u16::try_from(size % (1 << 16)).unwrap())
                .u64(data_size)
                .raw(piece);
        }
        bytes.u32(68).u16(0).u16(8);
        let mut out = Vec::new();
        let perf_order = PerfData::parse(&file(Order::Little).build()).unwrap().endian();
        let losses = write_records(&bytes.build(), 0, perf_order, &mut out).unwrap();
        assert_eq!(losses, []);
        assert!(out.ends_with(&records[records.len() - 32..]));
        assert_eq!(out.len(), records.len() + 8);
    }
}

#[test]
fn a_file_with_plain_samples_is_not_compressed() {
    let mut file = file(Order::Little);
    file.record(9, 2, |body| body.u64(0x1234).i32(7).i32(8).u64(99));
    let bytes = file.build();
    let perf = PerfData::parse(&bytes).unwrap();
    assert!(!perf.is_compressed());
    assert_eq!(perf.records().next().unwrap().kind, RecordKind::SAMPLE);
}
