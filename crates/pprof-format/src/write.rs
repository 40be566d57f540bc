//! The writer: compression around the [encoder](crate::encoder).

use std::io::{self, BufWriter, Write};

use flate2::{Compression, GzBuilder};
use profile::{Profile, Symbols};
use prost::Message;

use crate::{encoder, proto};

/// On real profiles level 3 gives the size of level 6 at five times its speed.
const LEVEL: u32 = 3;

/// The compressor is called for chunks of this size, not for each field.
pub(crate) const CHUNK: usize = 64 << 10;

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
pub fn write(profile: &Profile, symbols: &Symbols, out: impl Write) -> io::Result<Written> {
    debug_assert!(profile.check(), "a table of the profile points nowhere");
    // No time stamp: the same profile is to give the same file.
    let gzip = GzBuilder::new().mtime(0).write(out, compression());
    let mut out = BufWriter::with_capacity(CHUNK, gzip);
    let written = encoder::encode(profile, symbols, &mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?.flush()?;
    Ok(written)
}

/// The same as a message that is not compressed.
pub fn write_plain(profile: &Profile, symbols: &Symbols, out: impl Write) -> io::Result<Written> {
    debug_assert!(profile.check(), "a table of the profile points nowhere");
    encoder::encode(profile, symbols, out)
}

pub(crate) fn compression() -> Compression {
    Compression::new(LEVEL)
}

/// Writes a message of the caller's own making as gzip-compressed `profile.proto`.
pub fn write_message(profile: &proto::Profile, out: impl Write) -> io::Result<()> {
    let mut gzip = GzBuilder::new().mtime(0).write(out, compression());
    gzip.write_all(&encode(profile))?;
    gzip.finish()?.flush()
}

/// A message of somebody else's making as its plain bytes, not compressed.
pub fn encode(profile: &proto::Profile) -> Vec<u8> {
    profile.encode_to_vec()
}
