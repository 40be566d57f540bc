//! What the first versions of perf wrote, and machines that are rare today.
#![allow(missing_docs, clippy::unwrap_used)]

use perf_data::{Endian, PerfData, RecordKind};
use perf_data_builder::{Bytes, Event, Order, PerfFile};

fn tracepoint() -> Event {
    Event { event_type: 2, config: 318, sample_type: 0b111, ..Event::default() }
}

fn with_hostname(order: Order) -> PerfFile {
    let mut file = PerfFile::new(order);
    file.event(tracepoint());
    file.record(9, 2, |body| body.u64(0x1234).i32(7).i32(8).u64(99));
    file.feature(3, |body| body.sized_text("router"));
    file
}

#[test]
fn the_first_magic_does_not_tell_the_byte_order() {
    for (order, endian) in [(Order::Little, Endian::Little), (Order::Big, Endian::Big)] {
        for mut bytes in [with_hostname(order).build(), with_hostname(order).build_pipe()] {
            bytes[..8].copy_from_slice(b"PERFFILE");
            let perf = PerfData::parse(&bytes).unwrap();
            assert_eq!(perf.endian(), endian);
            assert_eq!(perf.records().last().unwrap().kind, RecordKind::SAMPLE);
        }
    }
}

#[test]
fn a_header_without_features() {
    let mut bytes = with_hostname(Order::Little).build();
    bytes[8] = 72;
    let perf = PerfData::parse(&bytes).unwrap();
    assert_eq!((perf.records().count(), perf.features().hostname.as_deref()), (1, None));
}

#[test]
fn features_of_a_big_endian_machine_of_32_bits() {
    let mut bytes = with_hostname(Order::Big).build();
    // `unsigned long adds_features[8]` of four bytes each: bit 3 is in the first.
    bytes[72..80].rotate_left(4);
    assert_eq!(&bytes[72..80], [0, 0, 0, 8, 0, 0, 0, 0]);
    let perf = PerfData::parse(&bytes).unwrap();
    assert_eq!(perf.features().hostname.as_deref(), Some("router"));
}

#[test]
fn build_ids_without_a_process() {
    let mut file = PerfFile::new(Order::Little);
    file.event(tracepoint());
    file.record(68, 0, |body| body);
    file.feature(2, |body| {
        for (mode, id, path) in [(1, 1, "[kernel.kallsyms]"), (2, 2, "/usr/bin/envoy")] {
            let path_len = (path.len() + 1).next_multiple_of(64);
            body.u32(67).u16(mode).u16(u16::try_from(8 + 24 + path_len).unwrap());
            body.raw(&[id; 20]).u32(0).raw(path.as_bytes());
            body.raw(&vec![0; path_len - path.len()]);
        }
        body
    });
    let bytes = file.build();
    let perf = PerfData::parse(&bytes).unwrap();
    let found: Vec<_> = perf.features().build_ids.iter().collect();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].path.as_str(), found[0].build_id), ("[kernel.kallsyms]", [1; 20]));
    assert_eq!((found[1].path.as_str(), found[1].build_id), ("/usr/bin/envoy", [2; 20]));
    assert!(found[0].is_kernel && !found[1].is_kernel);
}

#[test]
fn names_of_tracepoints_by_number() {
    let mut pipe = PerfFile::new(Order::Little);
    pipe.event(tracepoint());
    pipe.record(65, 0, |body| body.u64(318).text("sched:sched_switch"));
    let bytes = pipe.build_pipe();
    let perf = PerfData::parse(&bytes).unwrap();
    assert_eq!(perf.events()[0].name.as_deref(), Some("sched:sched_switch"));

    // In a file they are a section of their own.
    let mut bytes = with_hostname(Order::Little).build();
    let end = bytes.len() as u64;
    bytes[56..64].copy_from_slice(&end.to_le_bytes());
    bytes[64..72].copy_from_slice(&72_u64.to_le_bytes());
    let mut event_type = Bytes::new(Order::Little);
    event_type.u64(318).raw(b"sched:sched_switch").raw(&[0; 46]);
    bytes.extend(event_type.build());
    let perf = PerfData::parse(&bytes).unwrap();
    assert_eq!(perf.events()[0].name.as_deref(), Some("sched:sched_switch"));
}

#[test]
fn an_update_names_an_event_of_a_pipe() {
    let mut file = PerfFile::new(Order::Big);
    file.event(tracepoint().ids(&[40, 41]));
    file.record(78, 0, |body| body.u64(2).u64(41).text("sched:sched_wakeup"));
    let bytes = file.build_pipe();
    let perf = PerfData::parse(&bytes).unwrap();
    assert_eq!(perf.events()[0].name.as_deref(), Some("sched:sched_wakeup"));
}

/// The data of tracepoints follows its record, padded, and may look like anything.
#[test]
fn tracing_data_in_a_pipe_is_no_record() {
    let mut file = PerfFile::new(Order::Little);
    file.event(tracepoint());
    let mut bytes = file.build_pipe();
    let mut tail = Bytes::new(Order::Little);
    tail.u32(66).u16(0).u16(12).u32(13).raw(&[0; 16]);
    tail.u32(9).u16(2).u16(32).u64(0x1234).i32(7).i32(8).u64(99);
    bytes.extend(tail.build());
    let perf = PerfData::parse(&bytes).unwrap();
    let kinds: Vec<_> = perf.records().map(|record| record.kind.name().unwrap()).collect();
    assert_eq!(kinds, ["HEADER_ATTR", "HEADER_TRACING_DATA", "SAMPLE"]);
}

#[test]
fn every_known_type_has_a_name() {
    // Linux 6.18 and its perf.
    for kind in (1..=22).chain(64..=86) {
        assert!(RecordKind(kind).name().is_some(), "{kind}");
    }
    assert_eq!(RecordKind(87).name(), None);
}
