//! From addresses to names, in the edge-proxy of the fixtures.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use binaries::{ElfImage, Locator, Sources};
use criterion::{BenchmarkId, Criterion, Throughput};
use profile::{Binary, BinaryKind, FileOffset, Frame, FrameKind, Mapping, Profile, RuntimeAddr};
use symbolize::{Options, Symbolized};

use crate::{repository, stage};

/// Addresses, evenly spread over the code.
const ADDRESSES: [u64; 3] = [100, 1_000, 10_000];

fn debug_directory() -> PathBuf {
    repository("fixtures/edge-proxy/debug")
}

/// A profile that was sampled at so many addresses.
fn sampled(addresses: u64) -> Profile {
    let image = ElfImage::open(&debug_directory().join("usr/local/bin/edge-proxy")).unwrap();
    let mut profile = Profile::new();
    let binary = Binary {
        path: profile.strings.intern_ref("/usr/local/bin/edge-proxy"),
        build_id: image.build_id(),
        kind: BinaryKind::File,
        relocation: None,
    };
    let binary = profile.binaries.intern(binary);
    let segment = image.layout().executable().next().unwrap();
    let start = FileOffset(segment.offset.0 / 4096 * 4096);
    let len = (segment.offset.0 + segment.file_size).next_multiple_of(4096) - start.0;
    let address = RuntimeAddr(segment.address.0 / 4096 * 4096);
    profile.mappings.intern(Mapping { binary, start: address, len, file_offset: start });
    for n in 0..addresses {
        let offset = FileOffset(segment.offset.0 + segment.file_size * n / addresses);
        profile.frames.intern(Frame { binary, kind: FrameKind::InstructionPointer, offset });
    }
    profile
}

fn named(profile: &Profile, image: PathBuf) -> Symbolized {
    let sources = Sources { images: vec![image], ..Sources::none() };
    let threads = NonZeroUsize::MIN;
    let options = Options { sources, kallsyms: None, vmlinux: None, inlines: true, threads };
    let named = symbolize::symbolize(profile, &options, &|_| {});
    assert!(named.symbols.functions.len() > 10, "nothing was found");
    named
}

fn symbolize(criterion: &mut Criterion, name: &str, image: &Path) {
    let mut group = stage(criterion, name);
    for addresses in ADDRESSES {
        let profile = sampled(addresses);
        group.throughput(Throughput::Elements(addresses));
        group.bench_function(BenchmarkId::from_parameter(addresses), |bencher| {
            bencher.iter(|| named(&profile, image.to_owned()));
        });
    }
}

/// From DWARF and its package.
pub(crate) fn symbolize_cold(criterion: &mut Criterion) {
    symbolize(criterion, "symbolize cold", &debug_directory());
}

/// From a symbol pack.
pub(crate) fn symbolize_warm(criterion: &mut Criterion) {
    let sources = Sources { images: vec![debug_directory()], ..Sources::none() };
    let given = Locator::new(&sources).given_binaries();
    let directory = tempfile::tempdir().unwrap();
    let pack = directory.path().join("edge-proxy.pack");
    symbolize::pack(&given[0], 1).writer.finish(File::create(&pack).unwrap()).unwrap();
    symbolize(criterion, "symbolize warm", &pack);
}

/// Each name of edge-proxy, 1, 10 and 100 times.
pub(crate) fn demangle(criterion: &mut Criterion) {
    let symbols = named(&sampled(10_000), debug_directory()).symbols;
    let functions = symbols.functions.iter();
    let names: Vec<&str> =
        functions.map(|(_, function)| symbols.text(function.system_name)).collect();
    let mut group = stage(criterion, "demangle");
    for times in [1, 10, 100] {
        let count = names.len() * times;
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| {
                let all = names.iter().cycle().take(count);
                all.map(|name| symbolize::demangle(name).len()).sum::<usize>()
            });
        });
    }
}
