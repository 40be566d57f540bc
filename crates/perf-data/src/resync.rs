//! Finding the way back to the records after bytes that are none.

use crate::reader::{Endian, Reader};
use crate::record::RecordKind;

/// How often the way is looked for in one file. One with more wounds than that is no recording.
pub(crate) const MAX_DAMAGED: u32 = 64;

/// So many records in a row are no chance: the header of each says where the next one begins, and
/// one in a billion words of noise reads as a header.
const RECORDS: usize = 16;

/// At the end of the data fewer will do, if the last of them ends where the data does.
const LAST_RECORDS: usize = 2;

/// How far from the beginning of `bytes` records begin again. The first eight bytes are known to be
/// no header; perf writes records in multiples of eight.
pub(crate) fn resync(bytes: &[u8], endian: Endian) -> Option<usize> {
    (8..bytes.len())
        .step_by(8)
        .find(|&start| bytes.get(start..).is_some_and(|bytes| are_records(bytes, endian)))
}

fn are_records(mut bytes: &[u8], endian: Endian) -> bool {
    for count in 0..RECORDS {
        if bytes.is_empty() {
            return count >= LAST_RECORDS;
        }
        let Some(rest) = behind_record(bytes, endian) else { return false };
        bytes = rest;
    }
    true
}

/// What follows a record of a known kind with a size that perf would write.
fn behind_record(bytes: &[u8], endian: Endian) -> Option<&[u8]> {
    let mut header = Reader::new(bytes, endian);
    let (kind, _misc, size) = (header.u32()?, header.u16()?, header.u16()?);
    RecordKind(kind).name()?;
    let is_sound = size >= 8 && size.is_multiple_of(8);
    if is_sound { bytes.get(usize::from(size)..) } else { None }
}
