//! The mappings of the profile: one per binary and segment, for all processes together.
//!
//! The same segment of a library is at another address in each process, and a process that runs
//! on after a fork or a `mprotect` maps pieces of it anew:
//!
//! ```text
//!  file offsets     |--------- .text ---------|       |-- .text of another segment --|
//!  process 1, at A  [=========================]
//!  process 2, at B           [================]       [==============================]
//!                   \_______ one segment _____/       \________ the next one ________/
//! ```
//!
//! Mappings whose file offsets overlap are one segment, which takes its addresses from the one
//! that was recorded first. So one function has one address, and it is an address at which the
//! file really was mapped: for an executable that is not position independent no other would
//! lead pprof's disassembly to the right bytes. Memory that no file backs is its own offset,
//! and all this leaves it as it is.

use profile::{Binary, FileOffset, Id, Mapping, Profile};

/// The unit in which pprof rounds the sizes of mappings before it compares them.
const PAGE: u64 = 0x1000;

/// A contiguous part of a binary, and where the profile says that it is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) binary: Id<Binary>,
    /// The first byte in the file.
    low: u64,
    /// The byte after the last.
    high: u64,
    /// What makes an address of an offset; wraps.
    displacement: u64,
    /// The position of the first recorded mapping of the segment.
    pub(crate) recorded: usize,
}

/// All segments of a profile. Those of one binary do not overlap.
#[derive(Debug)]
pub(crate) struct Segments {
    /// By binary, then by offset.
    rows: Vec<Segment>,
}

impl Segments {
    /// Groups the recorded mappings.
    pub(crate) fn of(profile: &Profile) -> Self {
        let mut pieces: Vec<Segment> =
            profile.mappings.iter().map(|(id, mapping)| Segment::new(id, mapping)).collect();
        pieces.retain(|piece| piece.low < piece.high);
        pieces.sort_unstable_by_key(|piece| (piece.binary, piece.low, piece.recorded));

        let mut rows: Vec<Segment> = Vec::new();
        for piece in pieces {
            match rows.last_mut() {
                Some(last) if last.continues_with(&piece) => last.join(&piece),
                _ => rows.push(piece),
            }
        }
        rows.iter_mut().for_each(Segment::keep_within_memory);
        Self { rows }
    }

    /// The number of the segment that holds a place in a binary.
    pub(crate) fn find(&self, binary: Id<Binary>, offset: FileOffset) -> Option<usize> {
        let after = self.rows.partition_point(|row| (row.binary, row.low) <= (binary, offset.0));
        let index = after.checked_sub(1)?;
        let row = &self.rows[index];
        (row.binary == binary && offset.0 < row.high).then_some(index)
    }

    /// The segment of a number that [`Segments::find`] gave.
    pub(crate) fn get(&self, index: usize) -> &Segment {
        &self.rows[index]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }
}

impl Segment {
    fn new(id: Id<Mapping>, mapping: &Mapping) -> Self {
        Self {
            binary: mapping.binary,
            low: mapping.file_offset.0,
            high: mapping.file_offset.0.saturating_add(mapping.len),
            displacement: mapping.start.0.wrapping_sub(mapping.file_offset.0),
            recorded: id.index(),
        }
    }

    /// Whether `next`, which begins no earlier, is a part of the same segment: it overlaps, or
    /// it follows without a gap, in the file as in memory.
    fn continues_with(&self, next: &Self) -> bool {
        self.binary == next.binary
            && (next.low < self.high
                || next.low == self.high && next.displacement == self.displacement)
    }

    fn join(&mut self, other: &Self) {
        self.high = self.high.max(other.high);
        if other.recorded < self.recorded {
            self.recorded = other.recorded;
            self.displacement = other.displacement;
        }
    }

    /// A segment that grew past either end of memory is shown at its file offsets instead.
    /// Only a broken recording has one.
    fn keep_within_memory(&mut self) {
        let start = self.low.wrapping_add(self.displacement);
        if start.checked_add(self.high - self.low - 1).is_none() {
            self.displacement = 0;
        }
    }

    /// `memory_start`.
    pub(crate) fn start(&self) -> u64 {
        self.low.wrapping_add(self.displacement)
    }

    /// `memory_limit`. The size is a multiple of the page size unless memory ends before.
    pub(crate) fn limit(&self) -> u64 {
        let len = self.high - self.low;
        self.start().saturating_add(len.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX))
    }

    /// `file_offset`.
    pub(crate) fn file_offset(&self) -> u64 {
        self.low
    }

    /// The address of a place in the segment.
    pub(crate) fn address_of(&self, offset: FileOffset) -> u64 {
        offset.0.wrapping_add(self.displacement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use profile::RuntimeAddr;

    /// The segments of `(binary, start, len, file_offset)` as
    /// `(binary, start, limit, file_offset)`.
    fn segments(mappings: &[(usize, u64, u64, u64)]) -> Vec<(usize, u64, u64, u64)> {
        let mut profile = Profile::new();
        for &(binary, start, len, file_offset) in mappings {
            profile.mappings.intern(Mapping {
                binary: Id::new(binary),
                start: RuntimeAddr(start),
                len,
                file_offset: FileOffset(file_offset),
            });
        }
        let all = Segments::of(&profile).rows;
        all.iter().map(|s| (s.binary.index(), s.start(), s.limit(), s.file_offset())).collect()
    }

    #[test]
    fn one_segment_in_two_processes_is_at_its_first_address() {
        assert_eq!(
            segments(&[(1, 0x7f00_0000, 0x4000, 0x1000), (1, 0x5500_0000, 0x4000, 0x1000)]),
            [(1, 0x7f00_0000, 0x7f00_4000, 0x1000)]
        );
    }

    #[test]
    fn a_segment_grows_to_both_sides_and_keeps_the_addresses_of_the_first() {
        assert_eq!(
            segments(&[(1, 0x9000, 0x2000, 0x3000), (1, 0x5000_0000, 0x6000, 0x1000)]),
            [(1, 0x7000, 0xd000, 0x1000)]
        );
    }

    #[test]
    fn other_segments_and_other_binaries_stay_apart() {
        let apart = [
            (1, 0x1_0000, 0x1_1000, 0x1000),
            (1, 0x3_0000, 0x3_1000, 0x2000),
            (2, 0x5_0000, 0x5_1000, 0x1000),
        ];
        assert_eq!(
            segments(&[
                (1, 0x1_0000, 0x1000, 0x1000),
                (1, 0x3_0000, 0x1000, 0x2000),
                (2, 0x5_0000, 0x1000, 0x1000),
            ]),
            apart
        );
    }

    #[test]
    fn pieces_that_follow_each_other_in_file_and_memory_are_one() {
        assert_eq!(
            segments(&[(1, 0x8000, 0x1000, 0x8000), (1, 0x9000, 0x1000, 0x9000)]),
            [(1, 0x8000, 0xa000, 0x8000)]
        );
    }

    #[test]
    fn the_last_page_of_memory_and_sizes_that_wrap_are_kept_in_bounds() {
        let kernel = 0xffff_ffff_8100_0000;
        assert_eq!(segments(&[(1, kernel, 0x7f00_0000, kernel)]), [(1, kernel, u64::MAX, kernel)]);
        assert_eq!(segments(&[(1, 0x1000, 0x2000, 0), (1, 0, 0x1000, 0x2000)])[0].1, 0x1000);
        // Grown by 0x5000 to the front, it would begin below address 0.
        assert_eq!(
            segments(&[(1, 0x1000, 0x2000, 0x5000), (1, 0x9000, 0x6000, 0)]),
            [(1, 0, 0x7000, 0)]
        );
    }
}
