//! A profile as its rows stand in the message: found, and neither copied nor believed.

use std::collections::HashMap;

use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::rows::LabelRow;
use crate::fields;

/// A field of a message.
pub(super) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A number of fixed size: `profile.proto` has none.
    Other,
}

/// A number. Most have one byte or two.
#[inline]
fn varint(bytes: &mut &[u8]) -> Result<u64, DecodeError> {
    match **bytes {
        [one, ..] if one < 0x80 => {
            *bytes = &bytes[1..];
            Ok(u64::from(one))
        }
        [one, two, ..] if two < 0x80 => {
            *bytes = &bytes[2..];
            Ok(u64::from(one & 0x7f) | u64::from(two) << 7)
        }
        _ => decode_varint(bytes),
    }
}

/// A field's number, and how it is written.
#[inline]
fn key(bytes: &mut &[u8]) -> Result<(u32, WireType), DecodeError> {
    // Fields 1 to 15, a number or with a length.
    let kind = bytes.first().filter(|key| (8..0x80).contains(*key)).map(|key| key & 7);
    let kind = match kind {
        Some(0) => WireType::Varint,
        Some(2) => WireType::LengthDelimited,
        _ => return decode_key(bytes),
    };
    let number = u32::from(bytes[0] >> 3);
    *bytes = &bytes[1..];
    Ok((number, kind))
}

/// Reads the fields of a message one after another.
pub(super) fn each_field<'a>(
    mut rest: &'a [u8],
    mut take: impl FnMut(u64, Value<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    while !rest.is_empty() {
        let (number, kind) = key(&mut rest)?;
        let value = match kind {
            WireType::Varint => Value::Number(varint(&mut rest)?),
            WireType::LengthDelimited => {
                let mut whole = rest;
                let len = usize::try_from(varint(&mut rest)?).unwrap_or(usize::MAX);
                let Some((content, behind)) = rest.split_at_checked(len) else {
                    // Says what is wrong.
                    return skip_field(kind, number, &mut whole, DecodeContext::default());
                };
                rest = behind;
                Value::Bytes(content)
            }
            _ => {
                skip_field(kind, number, &mut rest, DecodeContext::default())?;
                Value::Other
            }
        };
        take(u64::from(number), value)?;
    }
    Ok(())
}

/// Adds the numbers of a list, whether they stand under one length or one by one.
fn extend(list: &mut Vec<u64>, value: &Value<'_>) -> Result<(), DecodeError> {
    match value {
        Value::Number(number) => list.push(*number),
        &Value::Bytes(mut bytes) => {
            while !bytes.is_empty() {
                list.push(varint(&mut bytes)?);
            }
        }
        Value::Other => {}
    }
    Ok(())
}

/// Two numbers: a name and a unit.
fn pair(content: &[u8]) -> Result<(u64, u64), DecodeError> {
    let (mut name, mut unit) = (0, 0);
    each_field(content, |field, value| {
        match (field, value) {
            (fields::value_type::TYPE, Value::Number(number)) => name = number,
            (fields::value_type::UNIT, Value::Number(number)) => unit = number,
            _ => {}
        }
        Ok(())
    })?;
    Ok((name, unit))
}

/// A profile.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) sample_types: Vec<(u64, u64)>,
    pub(super) samples: Vec<&'a [u8]>,
    pub(super) mappings: Vec<&'a [u8]>,
    pub(super) locations: Vec<&'a [u8]>,
    pub(super) functions: Vec<&'a [u8]>,
    pub(super) strings: Vec<&'a [u8]>,
    pub(super) drop_frames: u64,
    pub(super) keep_frames: u64,
    pub(super) time_nanos: i64,
    pub(super) duration_nanos: i64,
    pub(super) period_type: Option<(u64, u64)>,
    pub(super) period: i64,
    pub(super) comments: Vec<u64>,
    pub(super) default_type: u64,
    pub(super) doc_url: u64,
    pub(super) block_lengths: Vec<u64>,
}

impl<'a> Message<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, crate::Error> {
        use fields::profile as field;
        if bytes.len() > crate::MAX_LEN {
            return Err(crate::Error::TooLong);
        }
        let mut message = Self::default();
        each_field(bytes, |number, value| {
            match (number, value) {
                (field::SAMPLE_TYPE, Value::Bytes(row)) => message.sample_types.push(pair(row)?),
                (field::SAMPLE, Value::Bytes(row)) => message.samples.push(row),
                (field::MAPPING, Value::Bytes(row)) => message.mappings.push(row),
                (field::LOCATION, Value::Bytes(row)) => message.locations.push(row),
                (field::FUNCTION, Value::Bytes(row)) => message.functions.push(row),
                (field::STRING_TABLE, Value::Bytes(text)) => message.strings.push(text),
                (field::DROP_FRAMES, Value::Number(text)) => message.drop_frames = text,
                (field::KEEP_FRAMES, Value::Number(text)) => message.keep_frames = text,
                (field::TIME_NANOS, Value::Number(time)) => {
                    message.time_nanos = time.cast_signed();
                }
                (field::DURATION_NANOS, Value::Number(time)) => {
                    message.duration_nanos = time.cast_signed();
                }
                (field::PERIOD_TYPE, Value::Bytes(row)) => message.period_type = Some(pair(row)?),
                (field::PERIOD, Value::Number(period)) => message.period = period.cast_signed(),
                (field::COMMENT, value) => extend(&mut message.comments, &value)?,
                (field::DEFAULT_SAMPLE_TYPE, Value::Number(text)) => message.default_type = text,
                (field::DOC_URL, Value::Number(text)) => message.doc_url = text,
                (field::BLOCK_LENGTH, value) => extend(&mut message.block_lengths, &value)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }
}

/// A sample. Its buffers are used again for the next.
#[derive(Debug, Default)]
pub(super) struct Sample {
    /// The file's own ids, leaf first.
    pub(super) locations: Vec<u64>,
    /// Those of the sum.
    pub(super) stack: Vec<u32>,
    pub(super) values: Vec<u64>,
    /// With the file's own texts.
    pub(super) labels: Vec<LabelRow>,
    pub(super) cells: Vec<u64>,
}

impl Sample {
    pub(super) fn parse(&mut self, content: &[u8]) -> Result<(), crate::Error> {
        use fields::sample as field;
        let Self { locations, values, labels, cells, .. } = self;
        [&mut *locations, &mut *values, &mut *cells].into_iter().for_each(Vec::clear);
        labels.clear();
        each_field(content, |number, value| match (number, value) {
            (field::LOCATION_ID, value) => extend(locations, &value),
            (field::VALUE, value) => extend(values, &value),
            (field::BLOCK_CELL, value) => extend(cells, &value),
            (field::LABEL, Value::Bytes(row)) => {
                labels.push(LabelRow::parse(row)?);
                Ok(())
            }
            _ => Ok(()),
        })?;
        Ok(())
    }
}

/// What became of the rows of a file, by its own ids. They mostly count from 1.
pub(super) struct IdMap<T> {
    dense: Vec<Option<T>>,
    sparse: HashMap<u64, T>,
}

impl<T: Copy> IdMap<T> {
    pub(super) fn new(rows: usize) -> Self {
        Self { dense: vec![None; rows + 1], sparse: HashMap::new() }
    }

    pub(super) fn insert(&mut self, id: u64, row: T) {
        match usize::try_from(id).ok().and_then(|id| self.dense.get_mut(id)) {
            Some(place) => *place = Some(row),
            None => {
                self.sparse.insert(id, row);
            }
        }
    }

    pub(super) fn get(&self, id: u64) -> Option<T> {
        match usize::try_from(id).ok().and_then(|id| self.dense.get(id)) {
            Some(place) => *place,
            None => self.sparse.get(&id).copied(),
        }
    }
}
