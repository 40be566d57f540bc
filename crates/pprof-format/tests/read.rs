//! What the reader takes, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod build;

use std::io::Write;
use std::num::NonZeroUsize;

use pprof_format::{Error, MAX_LEN, read, write};

fn gzip(len: usize) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
    let zeros = vec![0; 1 << 20];
    for _ in 0..len.div_ceil(zeros.len()) {
        gzip.write_all(&zeros).unwrap();
    }
    gzip.finish().unwrap()
}

#[test]
fn what_inflates_past_the_limit_is_refused() {
    let bomb = gzip(MAX_LEN + 1);
    assert!(bomb.len() < MAX_LEN / 50);
    assert!(matches!(read(&bomb), Err(Error::TooLong)));
}

#[test]
fn a_cut_or_foreign_file_is_an_error() {
    let build = build::envoy();
    let mut bytes = Vec::new();
    write(&build.profile, &build.symbols(), &mut bytes, NonZeroUsize::MIN).unwrap();
    for len in 2..bytes.len() {
        assert!(matches!(read(&bytes[..len]), Err(Error::Gzip(_))), "{len} bytes");
    }
    assert!(matches!(read(b"PERFILE2"), Err(Error::Message(_))));
}
