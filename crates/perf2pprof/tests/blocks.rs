//! What statistics need of a profile, beside what pprof knows.
#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroUsize;
use std::path::Path;

use perf_data::PerfData;
use profile::{Reason, Symbols};

#[test]
fn the_samples_of_all_blocks_are_those_of_the_row() {
    for (name, events) in
        [("envoy.perf", 1), ("small/multi-event.perf", 4), ("small/group.perf", 2)]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name);
        let bytes = std::fs::read(path).unwrap();
        let perf = PerfData::parse(&bytes).unwrap();
        let options = session::Options {
            labels: Vec::new(),
            selection: session::Selection::default(),
            threads: NonZeroUsize::MIN,
        };
        let profile = session::convert(&perf, &options, None, &|_| {}).profile;
        let symbols = Symbols::none(&profile, Reason::NotAsked);
        let mut written = Vec::new();
        pprof_format::write(&profile, &symbols, &mut written, NonZeroUsize::MIN).unwrap();
        let read = pprof_format::read(&written).unwrap();
        assert_eq!(read.block_length.iter().sum::<u64>(), read.duration_nanos.cast_unsigned());
        let mut cells = 0;
        for sample in &read.sample {
            let mut sums = vec![0; 2 * events];
            for cell in sample.block_cell.chunks(4) {
                let &[block, event, count, weight] = cell else { unreachable!() };
                assert!(block < read.block_length.len() as u64, "{name}");
                let event = usize::try_from(event).unwrap();
                sums[2 * event] += count.cast_signed();
                sums[2 * event + 1] += weight.cast_signed();
                cells += 1;
            }
            assert_eq!(sums, sample.value, "{name}");
        }
        assert!(cells > read.sample.len() / 2, "{name}: {cells}");
    }
}
