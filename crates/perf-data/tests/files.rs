//! Headers, features and records of whole files, honest and not.
#![allow(missing_docs, clippy::unwrap_used)]

use perf_data::{
    Comm, CpuMode, Damage, Error, Lost, Mmap, PerfData, RecordKind, RecordsEnd, Task, Truncation,
};
use perf_data_builder::{Event, Order, PerfFile, flags};
use proptest::prelude::*;

/// IP, TID, TIME, PERIOD
const SAMPLE_TYPE: u64 = 0b1_0000_0111;

fn small(order: Order) -> PerfFile {
    let mut file = PerfFile::new(order);
    file.event(Event::cpu_clock().sample_type(SAMPLE_TYPE).flags(flags::SAMPLE_ID_ALL));
    file.mmap2(7, 0x1000, 0x2000, 0x3000, "/usr/local/bin/envoy", 5);
    file.record(3, 1 << 13, |body| body.i32(7).i32(8).text("envoy").i32(7).i32(8).u64(6));
    for time in 10..20 {
        file.record(9, 2, |body| body.u64(0x1234).i32(7).i32(8).u64(time).u64(1_000));
    }
    file.feature(3, |body| body.sized_text("envoy-7c5f9d"));
    file.feature(6, |body| body.sized_text("x86_64"));
    file.feature(11, |body| body.u32(2).sized_text("perf").sized_text("record"));
    file
}

#[test]
fn a_whole_file_in_both_byte_orders() {
    for order in [Order::Little, Order::Big] {
        let bytes = small(order).build();
        let perf = PerfData::parse(&bytes).unwrap();
        assert_eq!(perf.truncation(), None);
        assert_eq!(perf.features().hostname.as_deref(), Some("envoy-7c5f9d"));
        assert_eq!(perf.features().arch.as_deref(), Some("x86_64"));
        assert_eq!(
            perf.features().command_line.as_deref(),
            Some(&["perf".to_owned(), "record".to_owned()][..])
        );
        let attr = &perf.events()[0].attr;
        assert_eq!((attr.sample_period(), attr.sample_frequency()), (Some(1_000_000), None));
        let mut records = perf.records();
        let mmap = records.next().unwrap();
        assert_eq!(mmap.cpu_mode(), CpuMode::User);
        assert_eq!(perf.trailer(&mmap).unwrap().time, Some(5));
        let mmap = Mmap::parse(&mmap, perf.endian()).unwrap();
        assert_eq!((mmap.start, mmap.len, mmap.file_offset), (0x1000, 0x2000, 0x3000));
        assert_eq!((mmap.path, mmap.build_id), (&b"/usr/local/bin/envoy"[..], None));
        let comm = records.next().unwrap();
        assert_eq!(perf.trailer(&comm).unwrap().pid_tid, Some((7, 8)));
        let comm = Comm::parse(&comm, perf.endian()).unwrap();
        assert_eq!((comm.name, comm.tid, comm.is_exec), (&b"envoy"[..], 8, true));
        let times = records.by_ref().map(|record| perf.sample(&record).unwrap().1.time.unwrap());
        assert_eq!(times.collect::<Vec<_>>(), (10..20).collect::<Vec<_>>());
        assert_eq!(records.end(), RecordsEnd::Complete);
    }
}

#[test]
fn a_pipe_brings_its_events_as_records() {
    let bytes = small(Order::Little).build_pipe();
    let perf = PerfData::parse(&bytes).unwrap();
    assert!(perf.is_pipe());
    assert_eq!(perf.events().len(), 1);
    let samples = perf.records().filter(|record| record.kind == RecordKind::SAMPLE);
    assert_eq!(samples.filter_map(|record| perf.sample(&record)).count(), 10);
}

#[test]
fn attributes_of_older_and_newer_perf() {
    for size in [64, 72, 96, 128, 144] {
        let mut file = small(Order::Little);
        let bytes = file.attr_size(size).build();
        let perf = PerfData::parse(&bytes).unwrap();
        assert_eq!(perf.events()[0].attr.sample_type.0, SAMPLE_TYPE);
        assert_eq!(perf.records().count(), 12);
    }
    let bytes = small(Order::Little).attr_size(56).build();
    assert!(matches!(PerfData::parse(&bytes), Err(Error::Events { .. })));
}

#[test]
fn a_cut_file_keeps_the_records_before_the_cut() {
    let file = small(Order::Little);
    let whole = file.build();
    let data_end = 104 + 144 + file.records().len();
    // Each sample takes 40 bytes.
    for (cut, whole_records, missing) in
        [(1, 11, Some(1)), (30, 11, Some(30)), (40, 11, None), (47, 10, Some(7))]
    {
        let bytes = &whole[..data_end - cut];
        let perf = PerfData::parse(bytes).unwrap();
        assert_eq!(
            perf.truncation(),
            Some(Truncation::Cut { expected_end: data_end as u64, file_len: bytes.len() as u64 })
        );
        let mut records = perf.records();
        assert_eq!(records.by_ref().count(), whole_records);
        let found = match records.end() {
            RecordsEnd::Cut { missing, .. } => Some(missing),
            RecordsEnd::Complete => None,
        };
        assert_eq!(found, missing);
    }
}

#[test]
fn perf_that_was_killed_left_no_size() {
    let mut bytes = small(Order::Little).build();
    bytes[48..56].fill(0); // data.size
    let perf = PerfData::parse(&bytes).unwrap();
    assert_eq!(perf.truncation(), Some(Truncation::NeverFinished));
    assert!(perf.features().hostname.is_none(), "where features are is not known");
    let samples = perf.records().filter(|record| record.kind == RecordKind::SAMPLE);
    assert_eq!(samples.count(), 10);
}

#[test]
fn a_record_smaller_than_its_header_ends_the_walk_where_no_records_follow() {
    let mut file = small(Order::Little);
    file.record(9, 2, |body| body.u64(0));
    let mut bytes = file.build();
    let size_at = 104 + 144 + file.records().len() - 16 + 6;
    bytes[size_at..size_at + 2].fill(0);
    let perf = PerfData::parse(&bytes).unwrap();
    let mut records = perf.records();
    assert_eq!(records.by_ref().count(), 12);
    assert!(matches!(records.damage(), Some(Damage { size: 0, lost: 16, places: 1, .. })));
}

#[test]
fn a_damaged_record_costs_itself_alone() {
    let mut file = small(Order::Little);
    for _ in 0..3 {
        let damaged_at = 104 + 144 + file.records().len();
        file.record(9, 2, |body| body.u64(u64::MAX));
        for _ in 0..20 {
            file.record(9, 2, |body| body.u64(0));
        }
        let mut bytes = file.build();
        bytes[damaged_at + 6..damaged_at + 8].fill(0);
        let perf = PerfData::parse(&bytes).unwrap();
        let mut records = perf.records();
        let offsets: Vec<_> = records.by_ref().map(|record| record.offset).collect();
        let damaged_at = damaged_at as u64;
        assert!(!offsets.contains(&damaged_at) && offsets.contains(&(damaged_at + 16)));
        assert_eq!(
            records.damage(),
            Some(Damage { offset: damaged_at, size: 0, lost: 16, places: 1 })
        );
        assert_eq!(records.end(), RecordsEnd::Complete);
    }
}

#[test]
fn a_file_that_is_damage_throughout_is_given_up() {
    let mut file = small(Order::Little);
    let start = file.records().len();
    for _ in 0..100 {
        file.record(9, 0, |body| body);
        for _ in 0..16 {
            file.record(9, 2, |body| body.u64(0));
        }
    }
    let mut bytes = file.build();
    let records = 104 + 144 + start;
    for at in (records..).step_by(8 + 16 * 16).take(100) {
        bytes[at + 6..at + 8].fill(0);
    }
    let perf = PerfData::parse(&bytes).unwrap();
    let mut records = perf.records();
    assert_eq!(records.by_ref().count(), 12 + 64 * 16);
    assert_eq!(records.damage().unwrap().places, 65);
}

#[test]
fn the_payload_behind_an_auxtrace_record_is_no_record() {
    let mut file = small(Order::Little);
    file.record(71, 0, |body| body.u64(24).u64(0).u64(0).u64(0).u32(0).u32(0));
    // 24 bytes of trace that would be a record of size 0.
    let records = file.records().to_vec();
    let mut whole = PerfFile::new(Order::Little);
    whole.event(Event::cpu_clock().sample_type(SAMPLE_TYPE));
    let mut bytes = whole.build();
    let len = (records.len() + 24 + 16) as u64;
    bytes[48..56].copy_from_slice(&len.to_le_bytes());
    bytes.extend(&records);
    bytes.extend([0; 24]);
    bytes.extend([68, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let perf = PerfData::parse(&bytes).unwrap();
    assert_eq!(perf.records().last().unwrap().kind, RecordKind(68));
}

#[test]
fn small_records_say_what_they_mean() {
    let mut file = PerfFile::new(Order::Big);
    file.event(Event::cpu_clock().sample_type(SAMPLE_TYPE));
    file.record(7, 1 << 13, |body| body.i32(9).i32(1).i32(10).i32(1).u64(55));
    file.record(2, 0, |body| body.u64(1).u64(42));
    file.record(13, 0, |body| body.u64(43));
    file.record(10, 2 | 1 << 14, |body| {
        body.i32(1).i32(1).u64(0).u64(1).u64(2);
        body.u8(16).u8(0).u16(0).raw(&[0xab; 20]).u32(5).u32(2).text("/lib/libc.so.6")
    });
    let bytes = file.build();
    let perf = PerfData::parse(&bytes).unwrap();
    let records: Vec<_> = perf.records().collect();
    let fork = Task::parse(&records[0], perf.endian()).unwrap();
    assert_eq!((fork.pid, fork.parent_pid, fork.tid, fork.time), (9, 1, 10, 55));
    assert!(fork.is_synthesized);
    let lost = Lost::parse(&records[1], perf.endian()).unwrap();
    assert_eq!((lost.count, lost.are_samples), (42, false));
    let lost = Lost::parse(&records[2], perf.endian()).unwrap();
    assert_eq!((lost.count, lost.are_samples), (43, true));
    let mmap = Mmap::parse(&records[3], perf.endian()).unwrap();
    assert_eq!((mmap.build_id, mmap.path), (Some(&[0xab; 16][..]), &b"/lib/libc.so.6"[..]));
}

#[test]
fn what_is_no_recording_says_so() {
    assert_eq!(PerfData::parse(b"").unwrap_err(), Error::Empty);
    assert_eq!(PerfData::parse(b"swapper 0 [001] 12.3: cycles:").unwrap_err(), Error::NotPerfData);
    assert_eq!(
        PerfData::parse(b"PERFILE2").unwrap_err(),
        Error::HeaderCut { needed: 16, found: 8 }
    );
    let mut bytes = small(Order::Little).build();
    bytes[8] = 17;
    assert_eq!(PerfData::parse(&bytes).unwrap_err(), Error::HeaderSize { size: 17 });
    bytes[8] = 104;
    assert!(matches!(PerfData::parse(&bytes[..100]).unwrap_err(), Error::HeaderCut { .. }));
    bytes[24..32].fill(0xff); // attrs.offset
    assert!(matches!(PerfData::parse(&bytes).unwrap_err(), Error::Events { .. }));
}

/// Reads all that there is to read.
fn read_all(bytes: &[u8]) {
    let Ok(perf) = PerfData::parse(bytes) else { return };
    for record in perf.records() {
        if let Some((_, sample)) = perf.sample(&record) {
            sample.callchain.into_iter().flat_map(|chain| chain.entries()).for_each(drop);
            sample.read.into_iter().flat_map(|read| read.iter()).for_each(drop);
            sample.branch_stack.into_iter().flat_map(|stack| stack.entries()).for_each(drop);
            sample.user_registers.and_then(|registers| registers.get(63));
        }
        perf.trailer(&record);
        Mmap::parse(&record, perf.endian());
        Comm::parse(&record, perf.endian());
        Task::parse(&record, perf.endian());
        Lost::parse(&record, perf.endian());
    }
}

#[test]
fn every_cut_and_every_flipped_byte_is_survived() {
    for bytes in
        [small(Order::Little).build(), small(Order::Big).build(), small(Order::Little).build_pipe()]
    {
        for len in 0..bytes.len() {
            read_all(&bytes[..len]);
        }
        let mut mutated = bytes.clone();
        for index in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                mutated[index] = bytes[index] ^ flip;
                read_all(&mutated);
            }
            mutated[index] = bytes[index];
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_behind_a_magic_are_survived(tail in prop::collection::vec(any::<u8>(), 0..600), pipe: bool) {
        let mut bytes = b"PERFILE2".to_vec();
        if pipe {
            bytes.extend(16_u64.to_le_bytes());
        }
        bytes.extend(tail);
        read_all(&bytes);
    }
}
