//! Does the code lie in a file as the recording says it lay in memory?
//!
//! A build ID alone does not prove that a file is the one that was recorded: Envoy's is its git
//! commit, and the builds for x86-64 and arm64, plain and contrib, FIPS and not all share it. A
//! wrong one still "resolves" 98 % of the addresses and gets none right. What the recording holds
//! besides is the place of each executable mapping in its file, and that is the link's fingerprint:
//!
//! ```text
//!   recorded   pgoff                          pgoff + len
//!                │                                 │
//!   in file  ────┼──┬───────────────────────────┬──┼────
//!                │  p_offset    p_offset + p_filesz │        rounded outwards to pages
//! ```
//!
//! The rule: every recorded mapping lies within one page-rounded executable segment, and the
//! mappings together reach from the first to the last page of at least one such segment.
//! - *Within* alone would not do: the mapping of a smaller twin lies within a larger one.
//! - *Each one whole* would be too much: `mprotect` on a part of the code, or a later mapping over
//!   it, leaves pieces.
//! - Two shapes are no mistake. Segments that adjoin in file and memory become one mapping in
//!   `/proc/PID/maps`. And where the code is in the file's *first* segment (linked before
//!   separate-code, or by Go), `ld.so` first maps the length of the whole image, and that is the
//!   length that perf records.

use profile::FileOffset;

use crate::{Layout, Segment};

/// A part of a file as it was mapped executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordedRange {
    /// Where in the file it begins (`pgoff`).
    pub offset: FileOffset,
    /// Its length in bytes, whole pages.
    pub len: u64,
}

impl RecordedRange {
    fn end(&self) -> u64 {
        self.offset.0.saturating_add(self.len)
    }
}

/// An executable part of a file, in whole pages.
#[derive(Clone, Copy, Debug)]
struct Pages {
    start: u64,
    end: u64,
    /// As `end`, if the loader mapped the whole image through this segment.
    image_end: u64,
}

/// Whether a file with this layout can have been mapped so, on a machine with one of these page
/// sizes.
pub(crate) fn fits(layout: &Layout, recorded: &[RecordedRange], page_sizes: &[u64]) -> bool {
    page_sizes.iter().any(|&page| fits_pages(&executable_pages(layout, page), recorded))
}

fn fits_pages(segments: &[Pages], recorded: &[RecordedRange]) -> bool {
    let all_within =
        recorded.iter().all(|range| segments.iter().any(|segment| segment.may_hold(range)));
    all_within && segments.iter().any(|segment| segment.is_covered_by(recorded))
}

impl Pages {
    fn may_hold(&self, range: &RecordedRange) -> bool {
        range.offset.0 >= self.start && range.end() <= self.end.max(self.image_end)
    }

    /// Whether the mappings reach from its first to its last page. Holes between them are no
    /// contradiction: the profile keeps only mappings that were sampled.
    fn is_covered_by(&self, recorded: &[RecordedRange]) -> bool {
        let inside = || recorded.iter().filter(|range| self.may_hold(range));
        let first = inside().map(|range| range.offset.0).min();
        let last = inside().map(RecordedRange::end).max();
        first == Some(self.start) && (last == Some(self.end) || last == Some(self.image_end))
    }
}

/// The executable segments in whole pages, those that adjoin joined.
fn executable_pages(layout: &Layout, page: u64) -> Vec<Pages> {
    let mut pages: Vec<(Pages, &Segment)> = Vec::new();
    for segment in layout.executable() {
        let start = round_down(segment.offset.0, page);
        let end = round_up(segment.offset.0.saturating_add(segment.file_size), page);
        let image_end = if layout.segments().first() == Some(segment) {
            whole_image_end(layout, segment, page)
        } else {
            end
        };
        match pages.last_mut() {
            Some((before, last))
                if before.end == start
                    && segment.address.0.wrapping_sub(segment.offset.0)
                        == last.address.0.wrapping_sub(last.offset.0) =>
            {
                before.end = end;
                before.image_end = before.image_end.max(end);
            }
            _ => pages.push((Pages { start, end, image_end }, segment)),
        }
    }
    pages.into_iter().map(|(pages, _)| pages).collect()
}

/// Where the first mapping of the image ends in the file, if it is made as long as all segments
/// need in memory.
fn whole_image_end(layout: &Layout, first: &Segment, page: u64) -> u64 {
    let memory_end = |segment: &Segment| segment.address.0.saturating_add(segment.memory_size);
    let end = layout.segments().iter().map(memory_end).max().unwrap_or_default();
    let len = round_up(end, page).saturating_sub(round_down(first.address.0, page));
    round_down(first.offset.0, page).saturating_add(len)
}

/// The layout of a debug file that has lost its file offsets, found again from the recorded
/// mappings. Its addresses and sizes in memory are right, and offset and address agree within a
/// page (`p_offset ≡ p_vaddr` modulo the page size), so a recorded mapping whose length is that of
/// an executable segment tells where in the file that segment was.
///
/// `None` if no recorded mapping has the length of an executable segment, or several have and
/// disagree.
pub(crate) fn recover(
    layout: &Layout,
    recorded: &[RecordedRange],
    page_sizes: &[u64],
) -> Option<Layout> {
    page_sizes.iter().find_map(|&page| {
        let segments: Vec<Segment> = layout
            .executable()
            .filter_map(|segment| {
                let start = round_down(segment.address.0, page);
                let end = round_up(segment.address.0.saturating_add(segment.memory_size), page);
                let mut offsets =
                    recorded.iter().filter(|r| r.len == end - start).map(|range| range.offset.0);
                let first = offsets.next()?;
                let offset = FileOffset(first.checked_add(segment.address.0 - start)?);
                offsets.all(|offset| offset == first).then_some(Segment {
                    offset,
                    file_size: segment.memory_size,
                    ..*segment
                })
            })
            .collect();
        let recovered = Layout::new(segments);
        fits(&recovered, recorded, &[page]).then_some(recovered)
    })
}

/// The segment that a refused file has where the recording has its largest mapping: for messages.
pub(crate) fn largest_executable(layout: &Layout, has_code: bool) -> Option<RecordedRange> {
    let largest = layout.executable().max_by_key(|segment| segment.memory_size)?;
    let page = 4096;
    let (offset, size) = if has_code {
        (largest.offset.0, largest.file_size)
    } else {
        // Only the size means anything, and it is counted from the page of the address.
        (largest.address.0, largest.memory_size)
    };
    let start = round_down(offset, page);
    let len = round_up(offset.saturating_add(size), page) - start;
    Some(RecordedRange { offset: FileOffset(start), len })
}

/// The page sizes that a host of this architecture may have had.
pub(crate) fn page_sizes(arch: Option<&str>) -> &'static [u64] {
    match arch {
        Some("x86_64" | "i386" | "i486" | "i586" | "i686" | "riscv64" | "s390x") => &[0x1000],
        _ => &[0x1000, 0x4000, 0x1_0000],
    }
}

fn round_down(value: u64, page: u64) -> u64 {
    value / page * page
}

/// Rounds up to a page, or down to the last whole page of the address space.
fn round_up(value: u64, page: u64) -> u64 {
    value.checked_next_multiple_of(page).unwrap_or(u64::MAX / page * page)
}

#[cfg(test)]
mod tests {
    use profile::ElfAddr;

    use super::*;

    const PAGES: &[u64] = &[0x1000];

    fn segment(offset: u64, address: u64, size: u64, executable: bool) -> Segment {
        Segment {
            offset: FileOffset(offset),
            file_size: size,
            address: ElfAddr(address),
            memory_size: size,
            executable,
        }
    }

    fn range(offset: u64, len: u64) -> RecordedRange {
        RecordedRange { offset: FileOffset(offset), len }
    }

    fn envoy() -> Layout {
        Layout::new(vec![
            segment(0, 0, 0x23f00, false),
            segment(0x24120, 0x25120, 0x50123, true),
            segment(0x75000, 0x78000, 0x1000, false),
        ])
    }

    #[test]
    fn the_recorded_file_fits() {
        assert!(fits(&envoy(), &[range(0x24000, 0x51000)], PAGES));
    }

    #[test]
    fn a_twin_of_another_size_or_place_does_not() {
        for twin in [range(0x24000, 0x50000), range(0x24000, 0x52000), range(0x23000, 0x51000)] {
            assert!(!fits(&envoy(), &[twin], PAGES), "{twin:x?}");
        }
    }

    #[test]
    fn pieces_fit_if_together_they_are_the_segment() {
        assert!(fits(&envoy(), &[range(0x24000, 0x1000), range(0x30000, 0x45000)], PAGES));
        assert!(!fits(&envoy(), &[range(0x24000, 0x1000), range(0x30000, 0x1000)], PAGES));
    }

    #[test]
    fn code_in_the_first_segment_may_be_mapped_with_the_length_of_the_image() {
        let go =
            Layout::new(vec![segment(0, 0, 0x5000, true), segment(0x5000, 0x8000, 0x100, false)]);
        assert!(fits(&go, &[range(0, 0x9000)], PAGES));
        assert!(fits(&go, &[range(0, 0x5000)], PAGES));
        assert!(!fits(&go, &[range(0, 0x8000)], PAGES));
    }

    #[test]
    fn segments_that_adjoin_are_one_mapping() {
        let layout = Layout::new(vec![
            segment(0, 0, 0x1000, false),
            segment(0x1000, 0x1000, 0x2000, true),
            segment(0x3000, 0x3000, 0x1000, true),
        ]);
        assert!(fits(&layout, &[range(0x1000, 0x3000)], PAGES));
    }

    #[test]
    fn larger_pages_round_further() {
        let layout = Layout::new(vec![segment(0x1_2000, 0x2_2000, 0x3_0000, true)]);
        let recorded = [range(0x1_0000, 0x4_0000)];
        assert!(fits(&layout, &recorded, page_sizes(Some("aarch64"))));
        assert!(!fits(&layout, &recorded, page_sizes(Some("x86_64"))));
    }

    #[test]
    fn a_debug_file_gets_its_offsets_from_the_recording() {
        let mut debug_only = segment(0, 0x25120, 0, true);
        debug_only.memory_size = 0x50123;
        let layout = Layout::new(vec![debug_only]);
        let recovered = recover(&layout, &[range(0x24000, 0x51000)], PAGES).unwrap();
        assert_eq!(recovered.address_of(FileOffset(0x24120)), Some(ElfAddr(0x25120)));
        assert_eq!(recover(&layout, &[range(0x24000, 0x52000)], PAGES), None);
    }

    #[test]
    fn absurd_segments_do_not_overflow() {
        let layout = Layout::new(vec![segment(u64::MAX, u64::MAX, u64::MAX, true)]);
        assert!(!fits(&layout, &[range(u64::MAX, u64::MAX)], PAGES));
        assert_eq!(recover(&layout, &[range(0, 0x1000)], PAGES), None);
        assert!(largest_executable(&layout, true).is_some());
    }
}
