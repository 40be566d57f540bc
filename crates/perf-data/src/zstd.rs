//! The zstd stream in compressed records, block by block.
//!
//! perf compresses all of a file (or of one file of a directory) as one zstd frame, flushed after
//! each record and never ended. A record may end within a block, so that the rest of it waits for
//! the next record.

use std::io::{self, Write};

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Inflates one stream.
///
/// What a hostile stream can ask for is bounded: memory by zstd's own recommended limit of the
/// window (128 MiB, of which only what was really inflated is used) and two blocks of 128 KiB, and
/// the output by [`Inflater::MAX_RATIO`].
#[derive(Default)]
pub(crate) struct Inflater {
    /// Compressed bytes that are not used yet: less than a block, between two calls.
    pending: Vec<u8>,
    frame: Option<Frame>,
    /// Compressed bytes so far.
    consumed: u64,
    /// Inflated bytes so far.
    produced: u64,
}

struct Frame {
    decoder: Box<FrameDecoder>,
    has_checksum: bool,
}

/// Why a stream could not be inflated to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InflateProblem {
    /// It is no zstd stream, or a damaged one.
    Damaged,
    /// It grows to more than a thousand times its size, which no recording does.
    TooLarge,
}

/// Why inflating stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    Problem(InflateProblem),
    Output(io::Error),
}

impl Inflater {
    /// perf's records shrink to a tenth, those of an idle machine to a hundredth.
    const MAX_RATIO: u64 = 1000;
    /// What even a short stream may inflate to.
    const ALWAYS_ALLOWED: u64 = 1 << 20;

    /// Takes the next piece of the stream, and writes what it inflates to. zstd holds back as
    /// much as its window until [`Self::finish`].
    pub(crate) fn push(&mut self, piece: &[u8], out: &mut dyn Write) -> Result<(), Stop> {
        self.consumed = self.consumed.saturating_add(piece.len() as u64);
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(piece);
        let mut rest = pending.as_slice();
        while let Some(used) = self.step(rest, out)? {
            rest = rest.get(used..).unwrap_or_default();
        }
        let used = pending.len().saturating_sub(rest.len());
        pending.drain(..used);
        self.pending = pending;
        Ok(())
    }

    /// Writes what zstd held back, and says how many compressed bytes remain that are no block.
    pub(crate) fn finish(&mut self, out: &mut dyn Write) -> Result<u64, Stop> {
        // Since perf does not end the frame, an empty last block does.
        const LAST_BLOCK: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        if self.frame.is_some() {
            self.step(&LAST_BLOCK, out)?;
        }
        Ok(self.pending.len() as u64)
    }

    /// Takes the header of a frame or a block from the input. `None` if neither is whole.
    fn step(&mut self, input: &[u8], out: &mut dyn Write) -> Result<Option<usize>, Stop> {
        let Some(frame) = &mut self.frame else {
            return self.begin_frame(input);
        };
        let Some(block) = block(input, frame.has_checksum)? else { return Ok(None) };
        frame
            .decoder
            .decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1))
            .map_err(|_| Stop::Problem(InflateProblem::Damaged))?;
        let written = frame.decoder.collect_to_writer(out).map_err(Stop::Output)?;
        if frame.decoder.is_finished() {
            self.frame = None;
        }
        self.produced = self.produced.saturating_add(written as u64);
        let allowed =
            self.consumed.saturating_mul(Self::MAX_RATIO).saturating_add(Self::ALWAYS_ALLOWED);
        if self.produced > allowed {
            return Err(Stop::Problem(InflateProblem::TooLarge));
        }
        Ok(Some(block.len()))
    }

    fn begin_frame(&mut self, input: &[u8]) -> Result<Option<usize>, Stop> {
        const CHECKSUM: u8 = 1 << 2;
        let Some(&descriptor) = input.get(4) else { return Ok(None) };
        let Some(header) = input.get(..frame_header_len(descriptor)) else { return Ok(None) };
        // A new decoder reserves nothing; one that is used again reserves the whole window.
        let mut decoder = Box::new(FrameDecoder::new());
        decoder.init(header).map_err(|_| Stop::Problem(InflateProblem::Damaged))?;
        self.frame = Some(Frame { decoder, has_checksum: descriptor & CHECKSUM != 0 });
        Ok(Some(header.len()))
    }
}

/// The length of a frame's header, magic included (RFC 8878, section 3.1.1.1).
fn frame_header_len(descriptor: u8) -> usize {
    let is_single_segment = descriptor & (1 << 5) != 0;
    let window_len = usize::from(!is_single_segment);
    let dictionary_id_len = [0, 1, 2, 4].get(usize::from(descriptor & 0b11)).copied().unwrap_or(0);
    let content_size_len = match descriptor >> 6 {
        0 => usize::from(is_single_segment),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    [5, window_len, dictionary_id_len, content_size_len].iter().sum()
}

/// The first block, with its header and, if it is the last one, with the frame's checksum. `None`
/// if that is not all there (RFC 8878, section 3.1.1.2).
fn block(input: &[u8], has_checksum: bool) -> Result<Option<&[u8]>, Stop> {
    const RUN_OF_ONE_BYTE: usize = 1;
    const RESERVED: usize = 3;
    const MAX_LEN: usize = 128 << 10;
    let [first, second, third, ..] = *input else { return Ok(None) };
    let header = usize::from(first) | usize::from(second) << 8 | usize::from(third) << 16;
    let (is_last, kind, len) = (header & 1 != 0, header >> 1 & 0b11, header >> 3);
    if kind == RESERVED || len > MAX_LEN {
        return Err(Stop::Problem(InflateProblem::Damaged));
    }
    let content = if kind == RUN_OF_ONE_BYTE { 1 } else { len };
    let checksum = if is_last && has_checksum { 4 } else { 0 };
    Ok(input.get(..[3, content, checksum].iter().sum()))
}
