//! Recordings cut at random places: every sample that lies before the cut is in the profile.
#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::path::Path;

use perf_data::{PerfData, RecordKind};
use session::{Options, Selection, convert};

fn samples(bytes: &[u8]) -> u64 {
    let perf = PerfData::parse(bytes).unwrap();
    let selection = Selection::default();
    let options = Options { labels: Vec::new(), selection, threads: NonZeroUsize::MIN };
    convert(&perf, &options, None, &|_| {}).profile.samples.total(0).count
}

#[test]
fn fifty_cuts_keep_all_samples_before_them() {
    // A generator of Lehmer's: the same places each time, and no pattern of the file's.
    let mut state = 42_u64;
    let mut random = |below: usize| {
        state = state * 48_271 % 0x7fff_ffff;
        usize::try_from(state).unwrap() % below
    };
    for name in ["envoy.perf", "edge-proxy/edge-proxy.perf", "small/pipe.perf"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
        let whole = std::fs::read(path).unwrap();
        let perf = PerfData::parse(&whole).unwrap();
        let records: Vec<_> = perf.records().collect();
        let first = usize::try_from(records[0].offset).unwrap();
        for _ in 0..50 {
            let cut = first + random(whole.len() - first);
            let is_before = |end: u64| end <= cut as u64;
            let expected = records
                .iter()
                .filter(|record| record.kind == RecordKind::SAMPLE)
                .filter(|record| is_before(record.offset + 8 + record.body.len() as u64));
            assert_eq!(samples(&whole[..cut]), expected.count() as u64, "{name}, cut at {cut}");
        }
    }
}
