//! A part of the file, as the header states it.

use crate::reader::Reader;

/// `struct perf_file_section`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) offset: u64,
    pub(crate) size: u64,
}

impl Section {
    pub(crate) const SIZE: usize = 16;

    pub(crate) fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self { offset: reader.u64()?, size: reader.u64()? })
    }

    /// One past the last byte; `None` if that is no 64-bit number.
    pub(crate) fn end(self) -> Option<u64> {
        self.offset.checked_add(self.size)
    }

    /// The bytes of the section, if all of them are in the file.
    pub(crate) fn of(self, file: &[u8]) -> Option<&[u8]> {
        file.get(usize::try_from(self.offset).ok()?..usize::try_from(self.end()?).ok()?)
    }
}
