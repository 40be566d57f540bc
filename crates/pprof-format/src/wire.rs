//! The protobuf wire format, as far as `profile.proto` needs it: numbers, texts, messages.
//!
//! Written by hand because the writer knows each message in pieces and at different times; a
//! struct per message would have to be built, encoded and dropped for each of millions of
//! samples. The result is what prost would write, byte for byte, and a test holds it to that.

use std::io::{self, Write};

/// A message that is being written. Its buffer is kept by [`Message::clear`].
#[derive(Debug, Default)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

/// The wire type of numbers.
const VARINT: u64 = 0;
/// The wire type of everything that states its length.
const LENGTH_DELIMITED: u64 = 2;

impl Message {
    /// Starts over.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The message as it goes into the file.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message, when it is whole.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A number; 0 is the default and takes no space.
    pub(crate) fn uint(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.varint(field << 3 | VARINT);
            self.varint(value);
        }
    }

    /// A signed number: protobuf's `int64` is the two's complement.
    pub(crate) fn int(&mut self, field: u64, value: i64) {
        self.uint(field, value.cast_unsigned());
    }

    /// A flag; `false` takes no space.
    pub(crate) fn flag(&mut self, field: u64, value: bool) {
        self.uint(field, u64::from(value));
    }

    /// A text, even if it is empty.
    pub(crate) fn text(&mut self, field: u64, value: &str) {
        self.delimited(field, value.as_bytes());
    }

    /// A message within this one, even if it is empty.
    pub(crate) fn message(&mut self, field: u64, value: &Self) {
        self.delimited(field, &value.bytes);
    }

    /// What another message consists of, as it stands.
    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A list of numbers under one length.
    pub(crate) fn packed(&mut self, field: u64, values: impl Iterator<Item = u64> + Clone) {
        let len: usize = values.clone().map(varint_len).sum();
        if len > 0 {
            self.varint(field << 3 | LENGTH_DELIMITED);
            self.varint(len as u64);
            values.for_each(|value| self.varint(value));
        }
    }

    fn delimited(&mut self, field: u64, value: &[u8]) {
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(low_bits(value) | 0x80);
            value >>= 7;
        }
        self.bytes.push(low_bits(value));
    }
}

/// The outermost message: goes straight into the file, field by field.
#[derive(Debug)]
pub(crate) struct Output<W> {
    out: W,
    /// The field that is being written.
    field: Message,
}

impl<W: Write> Output<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, field: Message::default() }
    }

    /// Writes a text, even if it is empty.
    pub(crate) fn text(&mut self, field: u64, value: &str) -> io::Result<()> {
        self.field.clear();
        self.field.text(field, value);
        self.out.write_all(self.field.as_bytes())
    }

    /// Writes a message, even if it is empty.
    pub(crate) fn message(&mut self, field: u64, value: &Message) -> io::Result<()> {
        self.field.clear();
        self.field.message(field, value);
        self.out.write_all(self.field.as_bytes())
    }

    /// What is written into.
    pub(crate) fn inner(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes fields that are encoded already.
    pub(crate) fn bytes(&mut self, fields: &[u8]) -> io::Result<()> {
        self.out.write_all(fields)
    }

    /// Gives back what was written into.
    pub(crate) fn into_inner(self) -> W {
        self.out
    }

    /// Writes the fields of a message as fields of this one.
    pub(crate) fn fields(&mut self, fields: &Message) -> io::Result<()> {
        self.out.write_all(fields.as_bytes())
    }
}

/// The seven bits that one byte of a varint carries.
fn low_bits(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7f
}

/// How many bytes [`Message::varint`] writes.
fn varint_len(value: u64) -> usize {
    ((u64::BITS - (value | 1).leading_zeros()).div_ceil(7)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_varint_is_as_long_as_it_says() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut message = Message::default();
                message.varint(value);
                assert_eq!(message.as_bytes().len(), varint_len(value), "{value:#x}");
            }
        }
    }

    #[test]
    fn defaults_take_no_space_and_lists_are_packed() {
        let mut message = Message::default();
        message.uint(1, 0);
        message.packed(1, std::iter::empty());
        assert_eq!(message.as_bytes(), b"");
        message.packed(2, [1, 300].into_iter());
        assert_eq!(message.as_bytes(), b"\x12\x03\x01\xac\x02");
    }
}
