//! What unpacks to more than any machine has, with a look at the memory that it takes. One test:
//! memory is the whole program's.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use cache::Cache;
use common::{elf, gzip, header, image, layout, tar_of};
use debug_image::{Source, Wanted, find};
use flate2::Compression;
use flate2::write::GzEncoder;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// What an image may cost at most, whatever it claims: the largest window of zstd, half of it once
/// more while it grows, and some.
const MAX_MEMORY: usize = 256 << 20;

/// A frame of blocks that each repeat a zero 128 KiB times: a terabyte in 32 MiB.
fn zstd_bomb(start: &[u8]) -> Vec<u8> {
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88]; // a window of 128 MiB
    // A block of `start` as it is, and then blocks of one repeated byte (type 1).
    let block = |len: usize, kind: usize| ((len << 3) | (kind << 1)).to_le_bytes();
    bomb.extend(&block(start.len(), 0)[..3]);
    bomb.extend(start);
    for _ in 0..(1u64 << 40) / (128 << 10) {
        bomb.extend(&block(128 << 10, 1)[..3]);
        bomb.push(0);
    }
    bomb
}

fn gzip_bomb(start: &[u8]) -> Vec<u8> {
    let mut bomb = gzip(start);
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![0; 64 << 20]).unwrap();
    let member = member.finish().unwrap();
    for _ in 0..64 {
        bomb.extend(&member);
    }
    bomb
}

#[track_caller]
fn fails(image: &[u8], why: &str) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("image");
    fs::write(&path, image).unwrap();
    let cache = Cache::at(&dir.path().join("cache"), 100 << 20).unwrap();
    let used = |path: &Path| fs::read_dir(path).unwrap().count();
    ALLOCATOR.reset_peak_usage();
    let (before, begun) = (ALLOCATOR.current_usage(), Instant::now());
    let source = Source::parse(path.as_os_str()).unwrap();
    let error = find(&source, &Wanted::default(), &cache, &|_| {}).unwrap_err().to_string();
    let (memory, time) = (ALLOCATOR.peak_usage() - before, begun.elapsed());
    println!("{} bytes: {error}; {} MiB, {time:?}", image.len(), memory >> 20);
    assert!(error.contains(why), "{error}");
    assert!(memory < MAX_MEMORY, "{memory} bytes");
    assert!(time < Duration::from_mins(1), "{time:?}");
    assert_eq!((used(&cache.dir().join("files")), used(&cache.dir().join("tmp"))), (0, 0));
    assert_eq!(used(dir.path()), 2);
}

#[test]
fn a_terabyte_in_a_few_megabytes() {
    let zeros = header(b"zeros", 1 << 40);
    let mut envoy = header(b"envoy", 1 << 40);
    envoy.extend(elf(1, 200));
    for bomb in [zstd_bomb(&zeros), gzip_bomb(&zeros)] {
        fails(&bomb, "unpack to more than");
        fails(&tar_of(&layout(&[(&image(&[bomb]), "")])), "unpack to more than");
    }
    for bomb in [zstd_bomb(&envoy), gzip_bomb(&envoy)] {
        fails(&bomb, "`envoy` in it has 1099511627776 bytes");
    }
}
