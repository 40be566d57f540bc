//! The profile of a part of a recording's time.

use std::ops::Range;

use profile::{BlockCell, Profile, SampleKey, Samples, TimeBlocks};
use session::TimedSample;

/// As many blocks as a conversion makes at most.
const MAX_BLOCKS: u64 = 64;

/// A block is no shorter than this, in nanoseconds.
const SHORTEST_BLOCK: u64 = 250_000_000;

/// The rows of a profile with what of them falls into a time. All other tables stay as they are, so that what is known by
/// stack holds for the part, too.
pub(crate) fn of(profile: &Profile, timed: &[TimedSample], range: Range<u64>) -> Profile {
    let keys: Vec<SampleKey> = profile.samples.iter().map(|(key, _)| *key).collect();
    let own = || timed.iter().filter(|sample| range.contains(&sample.time));
    let last = own().map(|sample| sample.time).max().unwrap_or(range.start);
    let end = range.end.min(last.saturating_add(1));
    let span = end.saturating_sub(range.start).max(1);
    let length = span.div_ceil(MAX_BLOCKS).max(SHORTEST_BLOCK);
    let mut samples = Samples::default();
    let mut cells = Vec::new();
    for sample in own() {
        let Some(key) = keys.get(sample.row as usize) else { continue };
        let row = samples.add(*key, sample.value);
        let block = (sample.time - range.start) / length;
        if let (Ok(row), Ok(block)) = (u32::try_from(row), u32::try_from(block)) {
            cells.push(BlockCell { row, block, value: sample.value });
        }
    }
    let lengths = (0..span.div_ceil(length)).map(|block| length.min(span - block * length));
    let mut part = profile.clone();
    part.samples = samples;
    part.blocks = TimeBlocks::new(lengths.collect(), cells);
    part.recording.duration_nanos = Some(span);
    part.recording.start_unix_nanos =
        part.recording.start_unix_nanos.and_then(|start| start.checked_add(range.start));
    debug_assert!(part.check());
    part
}
