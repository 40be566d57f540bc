//! The units of `.debug_info`, one after the other: in place, or unpacked as they are reached.

use std::io::{self, Read};
use std::iter;

use binaries::{Match, SectionReader};
use gimli::{
    DebugInfo, DebugInfoOffset, DwAt, DwForm, Reader as _, RunTimeEndian, SectionId, UnitHeader,
    constants,
};

use super::sections::Parsed;
use super::{DwarfError, Reader};

/// How many bytes of a unit are unpacked at once.
const UNPACKED_AT_ONCE: u64 = 1 << 20;

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

/// A unit, or what kept it and those behind it from being read.
pub(crate) type NextUnit = Result<RawUnit, DwarfError>;

/// The units of a section that is at hand as a whole.
pub(crate) fn in_place(parsed: &Parsed<'_>) -> impl Iterator<Item = NextUnit> + Send {
    let mut headers = parsed.dwarf.units();
    let mut number = 0..;
    iter::from_fn(move || {
        loop {
            match headers.next() {
                Ok(None) => return None,
                Ok(Some(header)) => {
                    if let Some(offset) = header.debug_info_offset() {
                        let bytes = Bytes::InPlace(offset);
                        return Some(Ok(RawUnit { number: number.next()?, bytes }));
                    }
                }
                Err(error) => return Some(Err(error.into())),
            }
        }
    })
}

/// The units of a compressed section, unpacked one by one. `None` if it is not compressed, or if
/// entries may refer to other units, for which all of it is needed.
pub(crate) fn unpacked<'image>(
    found: &'image Match,
    abbreviations: Reader<'_>,
) -> Result<Option<impl Iterator<Item = NextUnit> + Send + use<'image>>, DwarfError> {
    if !refer_within_units(abbreviations).unwrap_or(false) {
        return Ok(None);
    }
    let endian = abbreviations.endian();
    let section = found.image.compressed_section(SectionId::DebugInfo.name())?;
    Ok(section.map(|mut section| {
        let mut number = 0..;
        iter::from_fn(move || {
            let bytes = unpack(&mut section, endian).transpose()?;
            let number = number.next()?;
            Some(bytes.map(|bytes| RawUnit { number, bytes }).map_err(DwarfError::from))
        })
    }))
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
    // Memory grows with what is there, not with what is claimed. Large pieces, since each call
    // costs the inflater a copy of its window.
    while len > 0 {
        let piece = len.min(UNPACKED_AT_ONCE);
        let start = bytes.len();
        bytes.resize(start + piece as usize, 0);
        reader.read_exact(&mut bytes[start..])?;
        len -= piece;
    }
    Ok(Some(Bytes::Unpacked(bytes, endian)))
}

/// Whether no entry of a function can refer to another unit's, as link-time optimisation and dwz
/// make them do. Only then can units be read one by one.
fn refer_within_units(mut abbreviations: Reader<'_>) -> gimli::Result<bool> {
    while !abbreviations.is_empty() {
        // The number of an abbreviation; 0 ends those of a unit.
        if abbreviations.read_uleb128()? == 0 {
            continue;
        }
        let (_tag, _has_children) = (abbreviations.read_uleb128()?, abbreviations.read_u8()?);
        loop {
            let (name, form) =
                (abbreviations.read_uleb128_u16()?, abbreviations.read_uleb128_u16()?);
            if (name, form) == (0, 0) {
                break;
            }
            if DwForm(form) == constants::DW_FORM_implicit_const {
                abbreviations.read_sleb128()?;
            }
            let is_origin = matches!(
                DwAt(name),
                constants::DW_AT_abstract_origin | constants::DW_AT_specification
            );
            if is_origin && DwForm(form) == constants::DW_FORM_ref_addr {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
