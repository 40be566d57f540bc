//! From the tables of a profile to files.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use criterion::{BenchmarkId, Criterion, Throughput};
use flamegraph::MinWidth;
use flate2::{Compression, write::GzEncoder};
use perf_data::PerfData;
use profile::{Profile, Reason, Symbols};

use crate::records::{converted, recordings};
use crate::stage;

/// Writes profiles of growing recordings; the throughput is that of their distinct stacks.
fn output(criterion: &mut Criterion, name: &str, write: impl Fn(&Profile, &Symbols)) {
    let mut group = stage(criterion, name);
    for (samples, recording) in recordings() {
        let profile = converted(&PerfData::parse(&recording).unwrap(), None);
        let symbols = Symbols::none(&profile, Reason::NotAsked);
        group.throughput(Throughput::Elements(profile.stacks.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(samples), |bencher| {
            bencher.iter(|| write(&profile, &symbols));
        });
    }
}

/// The message, compressed.
pub(crate) fn pprof(criterion: &mut Criterion) {
    output(criterion, "pprof", |profile, symbols| {
        pprof_format::write(profile, symbols, io::sink(), NonZeroUsize::MIN).unwrap();
    });
}

/// The compression alone.
pub(crate) fn gzip(criterion: &mut Criterion) {
    let mut group = stage(criterion, "gzip");
    for (samples, recording) in recordings() {
        let profile = converted(&PerfData::parse(&recording).unwrap(), None);
        let mut written = Vec::new();
        let symbols = Symbols::none(&profile, Reason::NotAsked);
        pprof_format::write(&profile, &symbols, &mut written, NonZeroUsize::MIN).unwrap();
        let message = pprof_format::inflate(&written).unwrap();
        group.throughput(Throughput::Bytes(message.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(samples), |bencher| {
            bencher.iter(|| {
                let mut encoder = GzEncoder::new(io::sink(), Compression::new(3));
                encoder.write_all(&message).unwrap();
                encoder.finish().unwrap();
            });
        });
    }
}

pub(crate) fn folded(criterion: &mut Criterion) {
    output(criterion, "folded", |profile, symbols| {
        flamegraph::folded(profile, symbols, 0, io::sink()).unwrap();
    });
}

pub(crate) fn svg(criterion: &mut Criterion) {
    output(criterion, "svg", |profile, symbols| {
        flamegraph::svg(profile, symbols, 0, "bench", MinWidth::default(), io::sink()).unwrap();
    });
}
