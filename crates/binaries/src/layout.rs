//! How a file's code lies in memory: its segments, and the way between file offset and ELF address.
//!
//! ```text
//!              file                            memory
//!   p_offset ─> ┌────────┐          p_vaddr ─> ┌────────┐
//!               │ .text  │                     │ .text  │
//!   + p_filesz  └────────┘        + p_memsz    └────────┘
//! ```
//!
//! The two numbers need not agree: with lld, an x86-64 Envoy's executable segment lies 0x1000
//! further in memory than in the file. Taking one for the other names the wrong function for nine
//! frames in ten, without any sign of it.

use profile::{ElfAddr, FileOffset};

/// A part of the file that is loaded into memory (`PT_LOAD`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is in the file (`p_offset`).
    pub offset: FileOffset,
    /// Its bytes in the file (`p_filesz`).
    pub file_size: u64,
    /// Where it is in memory (`p_vaddr`).
    pub address: ElfAddr,
    /// Its bytes in memory (`p_memsz`).
    pub memory_size: u64,
    /// Whether it may be executed (`PF_X`).
    pub executable: bool,
}

/// The executable parts of a file, as offsets that a recording states and as addresses that the
/// file's own tables state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    segments: Vec<Segment>,
}

impl Layout {
    /// The layout of these segments.
    pub fn new(segments: Vec<Segment>) -> Self {
        Self { segments }
    }

    /// All loaded segments, in the order of the file's table.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The segments that hold code.
    pub fn executable(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(|segment| segment.executable)
    }

    /// The address of a place in the file: `offset - p_offset + p_vaddr` of the segment that
    /// holds it. Executable segments come first, since two segments may share the page on which
    /// one ends and the next begins.
    pub fn address_of(&self, offset: FileOffset) -> Option<ElfAddr> {
        let holds = |segment: &&Segment| {
            offset.0.wrapping_sub(segment.offset.0) < segment.file_size.min(segment.memory_size)
        };
        let segment = self.executable().find(holds).or_else(|| self.segments.iter().find(holds))?;
        Some(ElfAddr(offset.0.wrapping_sub(segment.offset.0).wrapping_add(segment.address.0)))
    }

    /// The place in the file of an address; the reverse of [`Layout::address_of`].
    pub fn offset_of(&self, address: ElfAddr) -> Option<FileOffset> {
        let holds = |segment: &&Segment| {
            address.0.wrapping_sub(segment.address.0) < segment.file_size.min(segment.memory_size)
        };
        let segment = self.executable().find(holds).or_else(|| self.segments.iter().find(holds))?;
        Some(FileOffset(address.0.wrapping_sub(segment.address.0).wrapping_add(segment.offset.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of an Envoy linked by lld: `.text` is 0x1000 further in memory than in the file.
    fn envoy() -> Layout {
        let segment = |offset, address, size, executable| Segment {
            offset: FileOffset(offset),
            file_size: size,
            address: ElfAddr(address),
            memory_size: size,
            executable,
        };
        Layout::new(vec![
            segment(0, 0, 0x2_3000, false),
            segment(0x2_3000, 0x2_4000, 0x5_0123, true),
            segment(0x7_3130, 0x7_5130, 0x1000, false),
        ])
    }

    #[test]
    fn offsets_and_addresses_differ_by_the_segment_s_own_shift() {
        let layout = envoy();
        assert_eq!(layout.address_of(FileOffset(0x2_3456)), Some(ElfAddr(0x2_4456)));
        assert_eq!(layout.address_of(FileOffset(0x10)), Some(ElfAddr(0x10)));
        assert_eq!(layout.address_of(FileOffset(0x7_3140)), Some(ElfAddr(0x7_5140)));
        assert_eq!(layout.address_of(FileOffset(0x10_0000)), None);
        assert_eq!(layout.offset_of(ElfAddr(0x2_4456)), Some(FileOffset(0x2_3456)));
    }

    #[test]
    fn segments_at_the_end_of_the_address_space_do_not_overflow() {
        let segment = Segment {
            offset: FileOffset(u64::MAX - 1),
            file_size: u64::MAX,
            address: ElfAddr(u64::MAX),
            memory_size: u64::MAX,
            executable: true,
        };
        let layout = Layout::new(vec![segment]);
        assert_eq!(layout.address_of(FileOffset(u64::MAX)), Some(ElfAddr(0)));
        assert_eq!(layout.offset_of(ElfAddr(1)), Some(FileOffset(0)));
    }
}
