//! From the bytes of a recording to the tables of a profile.

use std::fs;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use benches::{busy, repeated};
use binaries::{Locator, Recorded, Sources};
use criterion::{BenchmarkId, Criterion, Throughput};
use perf_data::PerfData;
use profile::{Profile, Stack, Table};
use session::{LabelKey, Options, Selection, Unwind, Visited};
use unwind::Unwinding;

use crate::{SIZES, repository, stage};

/// Recordings of so many samples, of a tenth as many stacks.
pub(crate) fn recordings() -> impl Iterator<Item = (u32, Vec<u8>)> {
    SIZES.into_iter().map(|samples| (samples, busy(samples, samples / 10)))
}

pub(crate) fn converted(perf: &PerfData<'_>, unwind: Option<&dyn Unwind>) -> Profile {
    session::convert(perf, &options(), unwind, &|_| {}).profile
}

fn options() -> Options {
    let labels = vec![LabelKey::Comm, LabelKey::ThreadComm];
    Options { labels, selection: Selection::default(), threads: NonZeroUsize::MIN }
}

/// Every record, every word of every callchain.
pub(crate) fn walk(criterion: &mut Criterion) {
    let mut group = stage(criterion, "walk");
    for (samples, recording) in recordings() {
        let perf = PerfData::parse(&recording).unwrap();
        group.throughput(Throughput::Bytes(recording.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(samples), |bencher| {
            bencher.iter(|| {
                let records = perf.records();
                let chains = records.filter_map(|record| perf.sample(&record)?.1.callchain);
                chains.flat_map(|chain| chain.words().iter()).fold(0, u64::wrapping_add)
            });
        });
    }
}

/// Pass 1: until the last part of the file is indexed.
pub(crate) fn index(criterion: &mut Criterion) {
    let mut group = stage(criterion, "index");
    for (samples, recording) in recordings() {
        let perf = PerfData::parse(&recording).unwrap();
        group.throughput(Throughput::Bytes(recording.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(samples), |bencher| {
            bencher.iter_custom(|times| (0..times).map(|_| index_time(&perf)).sum());
        });
    }
}

fn index_time(perf: &PerfData<'_>) -> Duration {
    let begun = Instant::now();
    let indexed = Mutex::new(begun);
    session::convert(perf, &options(), None, &|visited| {
        if let Visited::Indexed(_) = visited {
            *indexed.lock().unwrap() = Instant::now();
        }
    });
    indexed.into_inner().unwrap() - begun
}

/// Both passes.
pub(crate) fn convert(criterion: &mut Criterion) {
    let mut group = stage(criterion, "convert");
    for (samples, recording) in recordings() {
        let perf = PerfData::parse(&recording).unwrap();
        group.throughput(Throughput::Bytes(recording.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(samples), |bencher| {
            bencher.iter(|| converted(&perf, None));
        });
    }
}

/// The stacks of a profile, each new to the table.
pub(crate) fn intern(criterion: &mut Criterion) {
    let mut group = stage(criterion, "intern");
    for (samples, recording) in recordings() {
        let profile = converted(&PerfData::parse(&recording).unwrap(), None);
        let rows: Vec<Stack> = profile.stacks.iter().map(|(_, stack)| *stack).collect();
        group.throughput(Throughput::Elements(rows.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(samples), |bencher| {
            bencher.iter(|| {
                let mut table = Table::new();
                for row in &rows {
                    black_box(table.intern(*row));
                }
                table
            });
        });
    }
}

/// Stacks of the dwarf fixture, 1, 10 and 100 times.
pub(crate) fn unwind(criterion: &mut Criterion) {
    let fixture = fs::read(repository("fixtures/small/dwarf.perf")).unwrap();
    let sources = Sources { sysroot: repository("fixtures/small/sysroot"), ..Sources::none() };
    let locator = Locator::new(&sources);
    let find = |profile: &Profile, binary| locator.locate(&Recorded::of(profile, binary)).found;
    let mut group = stage(criterion, "unwind");
    for times in [1, 10, 100] {
        let recording = repeated(&fixture, times).unwrap();
        let perf = PerfData::parse(&recording).unwrap();
        let samples = perf.records().filter(|record| perf.sample(record).is_some()).count();
        let profile = converted(&perf, Some(&Unwinding::new(&find)));
        assert!(profile.stacks.len() > 10, "nothing was unwound");
        group.throughput(Throughput::Elements(samples as u64));
        group.bench_function(BenchmarkId::from_parameter(samples), |bencher| {
            bencher.iter(|| converted(&perf, Some(&Unwinding::new(&find))));
        });
    }
}
