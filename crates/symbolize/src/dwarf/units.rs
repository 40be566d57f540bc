//! The units of `.debug_info`, one after the other: in place, or unpacked as they are reached.

use std::io::{self, Read};

use binaries::{Match, SectionReader};
use gimli::{DebugInfo, DebugInfoOffset, RunTimeEndian, SectionId, UnitHeader};

use super::sections::{Parsed, Sections};
use super::{DwarfError, Reader};

/// A unit that is not parsed yet.
#[derive(Debug)]
pub(crate) struct RawUnit {
    /// Units are numbered in their order.
    pub(crate) number: u32,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    /// In the section, at this offset.
    InPlace(DebugInfoOffset),
    /// Unpacked.
    Unpacked(Vec<u8>, RunTimeEndian),
}

/// All units.
pub(crate) struct Units<'data> {
    source: Source<'data>,
    number: u32,
    error: Option<DwarfError>,
}

enum Source<'data> {
    InPlace(gimli::DebugInfoUnitHeadersIter<Reader<'data>>),
    Packed(SectionReader<'data>, RunTimeEndian),
}

impl RawUnit {
    /// The header of the unit, from the section in `dwarf` or the unit's own bytes.
    pub(crate) fn header<'unit>(
        &'unit self,
        dwarf: &gimli::Dwarf<Reader<'unit>>,
    ) -> Option<UnitHeader<Reader<'unit>>> {
        match &self.bytes {
            Bytes::InPlace(offset) => dwarf.debug_info.header_from_offset(*offset).ok(),
            Bytes::Unpacked(bytes, endian) => DebugInfo::new(bytes, *endian).units().next().ok()?,
        }
    }
}

impl<'data> Units<'data> {
    pub(crate) fn new(
        sections: &Sections<'_>,
        parsed: &Parsed<'data>,
        found: &'data Match,
    ) -> Result<Self, DwarfError> {
        let packed = if sections.is_streamed {
            found.image.compressed_section(SectionId::DebugInfo.name())?
        } else {
            None
        };
        let source = match packed {
            Some(reader) => Source::Packed(reader, sections.endian),
            None => Source::InPlace(parsed.dwarf.units()),
        };
        Ok(Self { source, number: 0, error: None })
    }

    /// Tells whether all units could be read.
    pub(crate) fn finish(self) -> Result<(), DwarfError> {
        self.error.map_or(Ok(()), Err)
    }

    fn read(&mut self) -> Result<Option<Bytes>, DwarfError> {
        match &mut self.source {
            Source::InPlace(headers) => {
                while let Some(header) = headers.next()? {
                    if let Some(offset) = header.debug_info_offset() {
                        return Ok(Some(Bytes::InPlace(offset)));
                    }
                }
                Ok(None)
            }
            Source::Packed(reader, endian) => Ok(unpack(reader, *endian)?),
        }
    }
}

impl Iterator for Units<'_> {
    type Item = RawUnit;

    fn next(&mut self) -> Option<RawUnit> {
        let bytes = match self.read() {
            Ok(bytes) => bytes?,
            Err(error) => {
                self.error = Some(error);
                return None;
            }
        };
        let number = self.number;
        self.number += 1;
        Some(RawUnit { number, bytes })
    }
}

/// Unpacks the next unit: its length, in 4 bytes, or 12 of which the first 4 are all ones, and as
/// many bytes.
fn unpack(reader: &mut SectionReader<'_>, endian: RunTimeEndian) -> io::Result<Option<Bytes>> {
    if reader.left() == 0 {
        return Ok(None);
    }
    let is_little = endian == RunTimeEndian::Little;
    let mut bytes = vec![0; 4];
    reader.read_exact(&mut bytes)?;
    let number = |bytes: &[u8]| {
        let significant = |sum, byte: &u8| sum << 8 | u64::from(*byte);
        if is_little {
            bytes.iter().rev().fold(0, significant)
        } else {
            bytes.iter().fold(0, significant)
        }
    };
    let mut len = number(&bytes);
    if bytes == [0xff; 4] {
        bytes.resize(12, 0);
        reader.read_exact(&mut bytes[4..])?;
        len = number(&bytes[4..]);
    }
    if len > reader.left() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a unit is longer than its section",
        ));
    }
    // Memory grows with what is there, not with what is claimed.
    bytes.reserve_exact(usize::try_from(len.min(1 << 20)).unwrap_or(0));
    let read = reader.take(len).read_to_end(&mut bytes)? as u64;
    if read < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(Bytes::Unpacked(bytes, endian)))
}
