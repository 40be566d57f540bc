//! A stream of records as one that can be hopped over: compressed records are replaced by those
//! that they hold, and what is no whole record is left out and told of.

use std::io::{self, Write};

use crate::reader::{Endian, Reader};
use crate::record::{Damage, RawRecord, RecordKind, Records, RecordsEnd};
use crate::zstd::{InflateProblem, Inflater, Stop};

/// Something that a stream of records should have held, and that is not in what was made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamLoss {
    /// The stream ends within a record.
    Ended(RecordsEnd),
    /// Bytes between its records are none.
    Damaged(Damage),
    /// The compressed data cannot be inflated from here on.
    Compressed {
        /// Where the compressed record begins in the file.
        offset: u64,
        /// Compressed bytes from there on, all of them lost.
        lost: u64,
        /// Why.
        problem: InflateProblem,
    },
    /// What was inflated ends within a record, or with something that is no record.
    Inflated {
        /// Inflated bytes that are no record.
        lost: u64,
    },
}

/// Writes the whole records of `stream`, which stands at `offset` in its file, and those that its
/// compressed records hold. Equal streams give equal bytes.
///
/// # Errors
/// If `out` takes no more.
pub fn write_records(
    stream: &[u8],
    offset: u64,
    endian: Endian,
    out: &mut dyn Write,
) -> io::Result<Vec<StreamLoss>> {
    let mut splitter = Splitter { out, endian, partial: Vec::new(), lost: 0 };
    let mut inflater = Inflater::default();
    let mut losses = Vec::new();
    // Where compressed data began to be unreadable, and how much of it followed.
    let mut damage: Option<(u64, u64, InflateProblem)> = None;
    let mut walk = Walk::new(stream, offset, endian);
    while let Some(step) = walk.next() {
        let (offset, piece) = match step {
            Step::Plain(bytes) => {
                splitter.out.write_all(bytes)?;
                continue;
            }
            Step::Compressed { offset, piece } => (offset, piece),
        };
        let len = piece.len() as u64;
        if let Some((_, lost, _)) = &mut damage {
            *lost = lost.saturating_add(len);
            continue;
        }
        match inflater.push(piece, &mut splitter) {
            Ok(()) => {}
            Err(Stop::Output(error)) => return Err(error),
            Err(Stop::Problem(problem)) => damage = Some((offset, len, problem)),
        }
    }
    let end = walk.records.end();
    if end != RecordsEnd::Complete {
        losses.push(StreamLoss::Ended(end));
    }
    losses.extend(walk.records.damage().map(StreamLoss::Damaged));
    match inflater.finish(&mut splitter) {
        Ok(0) => {}
        Ok(lost) if damage.is_none() => {
            damage = Some((walk.records.offset(), lost, InflateProblem::Damaged));
        }
        Err(Stop::Output(error)) => return Err(error),
        Ok(_) | Err(Stop::Problem(_)) => {}
    }
    losses.extend(damage.map(|(offset, lost, problem)| StreamLoss::Compressed {
        offset,
        lost,
        problem,
    }));
    let lost = splitter.lost.saturating_add(splitter.partial.len() as u64);
    if lost > 0 {
        losses.push(StreamLoss::Inflated { lost });
    }
    Ok(losses)
}

/// What the stream holds next.
enum Step<'a> {
    /// Records as they stand.
    Plain(&'a [u8]),
    /// A piece of the compressed stream.
    Compressed { offset: u64, piece: &'a [u8] },
}

/// Goes through a stream, compressed records apart.
struct Walk<'a> {
    stream: &'a [u8],
    offset: u64,
    endian: Endian,
    records: Records<'a>,
    /// Where pieces of one overlong record end: see [`Walk::enter_overlong`].
    overlong_end: u64,
}

/// `offsetof(struct perf_record_compressed2, data)`
const COMPRESSED2_HEADER: u64 = 16;

impl<'a> Walk<'a> {
    fn new(stream: &'a [u8], offset: u64, endian: Endian) -> Self {
        let records = Records::new(stream, offset, endian);
        Self { stream, offset, endian, records, overlong_end: 0 }
    }

    fn bytes(&self, start: u64, end: u64) -> Option<&'a [u8]> {
        let position = |offset: u64| usize::try_from(offset.checked_sub(self.offset)?).ok();
        self.stream.get(position(start)?..position(end)?)
    }

    fn next(&mut self) -> Option<Step<'a>> {
        let offset = self.records.offset();
        if let Some(piece) = self.enter_overlong(offset) {
            return Some(Step::Compressed { offset, piece });
        }
        let record = self.records.next()?;
        if record.kind.is_compressed() {
            let is_inner = record.offset < self.overlong_end;
            let piece = piece(&record, self.endian, is_inner);
            return Some(Step::Compressed { offset: record.offset, piece });
        }
        if self.records.end() != RecordsEnd::Complete {
            return None; // The record is there, and the payload behind it is not.
        }
        self.bytes(record.offset, self.records.offset()).map(Step::Plain)
    }

    /// The length of a `COMPRESSED2` record whose size does not fit into 16 bits.
    ///
    /// perf from 6.16 on rounds sizes up to a multiple of eight, and counts several records of
    /// one push as one: the size of the first is then the sum, modulo 64 KiB, and no padding
    /// follows. `data_size` is right, but for the headers in between.
    fn overlong_at(&self, start: u64) -> Option<u64> {
        if start < self.overlong_end {
            return None;
        }
        let header = self.bytes(start, start.checked_add(COMPRESSED2_HEADER)?)?;
        let mut header = Reader::new(header, self.endian);
        let (kind, _misc, size) = (header.u32()?, header.u16()?, header.u16()?);
        let len = header.u64()?.checked_add(COMPRESSED2_HEADER)?;
        let is_overlong = RecordKind(kind) == RecordKind::COMPRESSED2
            && len.checked_next_multiple_of(8)? > u64::from(size);
        // A claim that the stream cannot keep is a cut or damaged record, not this one.
        (is_overlong && self.bytes(start, start.checked_add(len)?).is_some()).then_some(len)
    }

    /// Takes the first piece of an overlong record. The others have headers of their own, whose
    /// sizes are right.
    fn enter_overlong(&mut self, start: u64) -> Option<&'a [u8]> {
        /// What one record holds at most: `max_record_size` of perf's `zstd_compress`.
        const MAX_PIECE: u64 = u16::MAX as u64 - COMPRESSED2_HEADER;
        let len = self.overlong_at(start)?;
        let end = start.checked_add(len)?;
        let piece_start = start.checked_add(COMPRESSED2_HEADER)?;
        let piece_end = end.min(piece_start.checked_add(MAX_PIECE)?);
        let piece = self.bytes(piece_start, piece_end)?;
        let stream_end = self.offset.checked_add(self.stream.len() as u64)?;
        let rest = self.bytes(piece_end, stream_end)?;
        self.records.go_on_with(rest, piece_end);
        self.overlong_end = end;
        Some(piece)
    }
}

/// The compressed bytes of a record. Those within an overlong one were never told their length.
fn piece<'a>(record: &RawRecord<'a>, endian: Endian, is_inner: bool) -> &'a [u8] {
    if record.kind == RecordKind::COMPRESSED {
        return record.body;
    }
    let mut reader = Reader::new(record.body, endian);
    let stated = reader.u64().and_then(|len| usize::try_from(len).ok());
    let room = reader.rest();
    stated.filter(|_| !is_inner).and_then(|len| room.get(..len)).unwrap_or(room)
}

/// `sizeof(struct perf_event_header)`
const RECORD_HEADER: u16 = 8;

/// Passes on whole records.
struct Splitter<'a> {
    out: &'a mut dyn Write,
    endian: Endian,
    /// The beginning of a record whose end is still to come.
    partial: Vec<u8>,
    /// Bytes that came after something that is no record.
    lost: u64,
}

impl Write for Splitter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.lost > 0 {
            self.lost = self.lost.saturating_add(bytes.len() as u64);
            return Ok(bytes.len());
        }
        self.partial.extend_from_slice(bytes);
        let mut rest = self.partial.as_slice();
        loop {
            let mut header = Reader::new(rest, self.endian);
            let (Some(_kind), Some(_misc), Some(size)) = (header.u32(), header.u16(), header.u16())
            else {
                break;
            };
            if size < RECORD_HEADER {
                self.lost = rest.len() as u64;
                break;
            }
            let Some(behind) = rest.get(usize::from(size)..) else { break };
            rest = behind;
        }
        let whole_len = self.partial.len().saturating_sub(rest.len());
        self.out.write_all(self.partial.get(..whole_len).unwrap_or_default())?;
        self.partial.drain(..whole_len);
        if self.lost > 0 {
            self.partial.clear();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
