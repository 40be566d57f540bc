//! How long each stage takes for inputs of three sizes, so that a slope shows.
//!
//! ```text
//! cargo bench -p benches                                       all stages
//! cargo bench -p benches -- unwind                             one of them
//! cargo bench -p benches -- convert --profile-time 5           where it goes: flame graphs in target/criterion
//! ```
//!
//! All inputs are made in memory, or are fixtures: no perf is needed.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod flame_graph;
mod names;
mod outputs;
mod records;

use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};

/// Samples, addresses or names: x1, x10, x100.
const SIZES: [u32; 3] = [2_000, 20_000, 200_000];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// One stage. Largest inputs take a second, so that ten runs must do.
fn stage<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    group
}

criterion_group! {
    name = slopes;
    config = Criterion::default().with_profiler(flame_graph::Sampled::default());
    targets = records::walk, records::index, records::convert, records::intern, records::unwind,
        names::symbolize_cold, names::symbolize_warm, names::demangle,
        outputs::pprof, outputs::gzip, outputs::folded, outputs::svg
}
criterion_main!(slopes);
