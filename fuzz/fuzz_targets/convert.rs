//! A whole recording to a profile.
#![no_main]

use std::num::NonZeroUsize;

use libfuzzer_sys::fuzz_target;
use perf_data::{PerfData, write_records};
use session::{LabelKey, Options, Selection, convert};

fuzz_target!(|input: &[u8]| {
    let Ok(mut perf) = PerfData::parse(input) else { return };
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
});
