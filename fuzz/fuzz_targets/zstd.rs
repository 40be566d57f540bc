//! A stream of records, some of them compressed. What is made of it is whole records, and no more
//! than a thousand times as much.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perf_data::{PerfData, write_records};
use perf_data_builder::{Event, Order, PerfFile};

fuzz_target!(|input: &[u8]| {
    let mut file = PerfFile::new(Order::Little);
    file.event(Event::cpu_clock().sample_type(0b111));
    let header = file.build();
    // A seed is a recording; of others all bytes are the stream.
    let perf = PerfData::parse(input).unwrap_or_else(|_| PerfData::parse(&header).unwrap());
    let stream = if input.starts_with(b"PERFILE2") { perf.record_bytes().0 } else { input };
    let mut out = Vec::new();
    write_records(stream, 0, perf.endian(), &mut out).unwrap();
    // What a block may add behind the limit, and what the window holds back.
    let slack = (2 << 20) + (128 << 20);
    assert!(out.len() <= 1001 * stream.len() + slack);
    let perf = perf.with_records(&out);
    let mut records = perf.records();
    records.by_ref().for_each(drop);
    // The payload behind AUXTRACE is the only thing that may be missing.
    assert!(records.damage().is_none());
});
