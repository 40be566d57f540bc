//! The writer: compression around the [encoder](crate::encoder).

use std::io::{self, Write};
use std::num::NonZeroUsize;

use profile::{Profile, Symbols};
use prost::Message;

use crate::gzip::Gzip;
use crate::{encoder, proto};

/// How much [`write()`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Rows of stack and labels.
    pub samples: usize,
    /// Segments of binaries.
    pub mappings: usize,
    /// Places in the code.
    pub locations: usize,
    /// Functions, with those that stand for places without a name.
    pub functions: usize,
    /// Distinct texts.
    pub strings: usize,
}

/// Writes a profile as gzip-compressed `profile.proto`, with what its samples use and nothing
/// else.
///
/// Each event has two values per sample: `<event>_sample` counts samples, `<event>_event` sums
/// their weights, and the latter of [`Profile::default_event`] is the one that pprof shows first.
/// The period is that of the same event. Where perf adjusted it to reach a frequency, it is the
/// time between two samples at that frequency if the event counts time, and otherwise 0: then
/// the periods varied, and their sum is in the values.
///
/// The file is the same whatever the number of threads.
pub fn write(
    profile: &Profile,
    symbols: &Symbols,
    out: impl Write,
    threads: NonZeroUsize,
) -> io::Result<Written> {
    debug_assert!(profile.check(), "a table of the profile points nowhere");
    let mut gzip = Gzip::new(out)?;
    let written = encoder::encode(profile, symbols, &mut gzip, threads)?;
    gzip.finish()?;
    Ok(written)
}

/// Writes a message of the caller's own making as gzip-compressed `profile.proto`.
pub fn write_message(profile: &proto::Profile, out: impl Write) -> io::Result<()> {
    let mut gzip = Gzip::new(out)?;
    gzip.write_all(&encode(profile))?;
    gzip.finish()
}

/// A message of somebody else's making as its plain bytes, not compressed.
pub fn encode(profile: &proto::Profile) -> Vec<u8> {
    profile.encode_to_vec()
}
