//! From an address to the unwind table of its function.
//!
//! Linkers sort that out in `.eh_frame_hdr`: a table of pairs, function and entry, that is searched
//! where it stands, so that of ten megabytes of tables only the pages in use are read. Where it is
//! missing or of an unusual kind, the same table is made here.

use std::ops::Range;

use gimli::{BaseAddresses, CieOrFde, EndianSlice, LittleEndian, UnwindSection};

/// The entries of an unwind section, by the addresses at which their functions begin.
#[derive(Debug)]
pub(crate) enum Index {
    /// The rows of `.eh_frame_hdr`.
    Header(Range<usize>),
    /// Where functions begin, and the offsets of their entries.
    Made(Vec<(u64, usize)>),
}

/// Function and entry, both relative to the header: two numbers of 32 bits.
type Row = [u8; 8];

impl Index {
    /// The rows of `.eh_frame_hdr`, if they are of the kind that all linkers write.
    pub(crate) fn of_header(header: &[u8]) -> Option<Self> {
        const POINTER_OF_FOUR_BYTES: u8 = 0x0b; // DW_EH_PE_sdata4, relative to anything
        const COUNT: u8 = 0x03; // DW_EH_PE_udata4
        const ROWS: u8 = 0x3b; // DW_EH_PE_datarel | DW_EH_PE_sdata4
        let &[1, pointer, COUNT, ROWS] = header.first_chunk()? else { return None };
        if pointer & 0x0f != POINTER_OF_FOUR_BYTES {
            return None;
        }
        let count = u32::from_le_bytes(*header.get(8..)?.first_chunk()?);
        let end = usize::try_from(count).ok()?.checked_mul(size_of::<Row>())?.checked_add(12)?;
        (count > 0 && end <= header.len()).then_some(Self::Header(12..end))
    }

    /// Reads a whole section; what follows damage in it is lost.
    pub(crate) fn make<'a, Section>(section: &Section, bases: &BaseAddresses) -> Self
    where
        Section: UnwindSection<EndianSlice<'a, LittleEndian>>,
    {
        let mut rows = Vec::new();
        let mut entries = section.entries(bases);
        while let Ok(Some(entry)) = entries.next() {
            if let CieOrFde::Fde(partial) = entry
                && let Ok(fde) = partial.parse(Section::cie_from_offset)
            {
                rows.push((fde.initial_address(), fde.offset()));
            }
        }
        rows.sort_unstable();
        Self::Made(rows)
    }

    /// The offset of the entry whose function is the last to begin at or before `address`.
    pub(crate) fn find(&self, address: u64, header: &Header<'_>) -> Option<usize> {
        match self {
            Self::Header(rows) => header.find(rows.clone(), address),
            Self::Made(rows) => {
                let after = rows.partition_point(|(start, _)| *start <= address);
                Some(rows.get(after.checked_sub(1)?)?.1)
            }
        }
    }
}

/// `.eh_frame_hdr`, and what its numbers are relative to.
pub(crate) struct Header<'a> {
    pub(crate) bytes: &'a [u8],
    /// Its own address.
    pub(crate) address: u64,
    /// The address of `.eh_frame`.
    pub(crate) section: u64,
}

impl Header<'_> {
    fn find(&self, rows: Range<usize>, address: u64) -> Option<usize> {
        let (rows, _) = self.bytes.get(rows)?.as_chunks::<{ size_of::<Row>() }>();
        let absolute = |row: &Row, at: usize| {
            let relative = row.get(at..)?.first_chunk().map(|bytes| i32::from_le_bytes(*bytes))?;
            Some(self.address.wrapping_add_signed(relative.into()))
        };
        let after = rows.partition_point(|row| absolute(row, 0).is_some_and(|it| it <= address));
        let entry = absolute(rows.get(after.checked_sub(1)?)?, 4)?;
        usize::try_from(entry.checked_sub(self.section)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(rows: &[(i32, i32)]) -> Vec<u8> {
        let mut bytes = vec![1, 0x1b, 0x03, 0x3b, 0, 0, 0, 0];
        bytes.extend(u32::try_from(rows.len()).unwrap().to_le_bytes());
        for (function, entry) in rows {
            bytes.extend(function.to_le_bytes());
            bytes.extend(entry.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn an_address_belongs_to_the_function_that_begins_before_it() {
        let bytes = header(&[(-0x100, 0x20), (0x40, 0x60)]);
        let index = Index::of_header(&bytes).unwrap();
        let header = Header { bytes: &bytes, address: 0x1000, section: 0x1010 };
        let find = |address| index.find(address, &header);
        assert_eq!(find(0xeff), None);
        assert_eq!(find(0xf00), Some(0x10));
        assert_eq!(find(0x103f), Some(0x10));
        assert_eq!(find(0x1040), Some(0x50));
        assert_eq!(find(u64::MAX), Some(0x50));
    }

    #[test]
    fn a_header_that_claims_more_rows_than_it_has_is_not_used() {
        let mut bytes = header(&[(0, 0)]);
        bytes[8] = 2;
        assert!(Index::of_header(&bytes).is_none());
        bytes[8..12].fill(0xff);
        assert!(Index::of_header(&bytes).is_none());
        assert!(Index::of_header(&bytes[..11]).is_none());
    }
}
