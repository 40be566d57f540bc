//! One feature section of any bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perf_data::PerfData;
use perf_data_builder::{Event, Order, PerfFile};

fuzz_target!(|input: &[u8]| {
    let [feature, order, section @ ..] = input else { return };
    let order = if order & 1 == 0 { Order::Little } else { Order::Big };
    let mut file = PerfFile::new(order);
    file.event(Event::cpu_clock().ids(&[1, 2])).record(68, 0, |body| body);
    // Big-endian files are known by the host's name.
    file.feature(3, |body| body.sized_text("host"));
    if *feature > 3 {
        file.feature(*feature, |body| body.raw(section));
    }
    let bytes = file.build();
    let perf = PerfData::parse(&bytes).unwrap();
    assert!(perf.features().hostname.is_some());

    let mut pipe = PerfFile::new(order);
    pipe.event(Event::cpu_clock().ids(&[1, 2]));
    pipe.record(80, 0, |body| body.u64(u64::from(*feature)).raw(section));
    let _ = PerfData::parse(&pipe.build_pipe());
});
