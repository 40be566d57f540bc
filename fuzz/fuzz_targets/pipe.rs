//! What may come through a pipe: events, features and samples as records.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perf_data::PerfData;

fuzz_target!(|input: &[u8]| {
    let mut bytes = b"PERFILE2".to_vec();
    bytes.extend(16_u64.to_le_bytes());
    // A seed is a recording as it is; what follows its header is what counts.
    bytes.extend(input.strip_prefix(bytes.clone().as_slice()).unwrap_or(input));
    let Ok(perf) = PerfData::parse(&bytes) else { return };
    for record in perf.records() {
        let _ = perf.sample(&record);
        let _ = perf.trailer(&record);
    }
});
