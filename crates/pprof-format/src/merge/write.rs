//! The sum as a file.

use std::io::{self, Write};

use super::rows::MappingRow;
use super::{Merger, number};
use crate::Written;
use crate::fields;
use crate::gzip::Gzip;
use crate::wire::{Message, Output};

impl Merger {
    /// Writes the sum as gzip-compressed `profile.proto`.
    pub fn write(self, out: impl Write) -> io::Result<Written> {
        let mut gzip = Gzip::new(out)?;
        let written = self.encode(&mut gzip)?;
        gzip.finish()?;
        Ok(written)
    }

    /// Writes the sum as a plain message.
    pub fn encode(mut self, out: impl Write) -> io::Result<Written> {
        if self.comments.left_out > 0 {
            let text = format!("comments-left-out:{}", self.comments.left_out);
            self.comments.list.push(u64::from(number(self.strings.intern(text))));
        }
        let mut out = Output::new(out);
        for (name, unit) in &self.types {
            out.message(fields::profile::SAMPLE_TYPE, &value_type((*name, *unit)))?;
        }
        let blocks = std::mem::take(&mut self.blocks);
        let (lengths, cells) = blocks.finish();
        let mut rest = cells.as_slice();
        let mut message = Message::default();
        let values = self.values.chunks_exact(self.types.len().max(1));
        for ((row, (stack, labels)), values) in self.samples.iter().zip(values) {
            message.clear();
            let stack = &self.stacks[profile::Id::new(*stack as usize)];
            let ids = stack.iter().map(|location| u64::from(*location) + 1);
            message.packed(fields::sample::LOCATION_ID, ids);
            message.packed(fields::sample::VALUE, values.iter().map(|value| value.cast_unsigned()));
            for label in &self.labels[profile::Id::new(*labels as usize)] {
                let mut row = Message::default();
                row.uint(fields::label::KEY, label.key);
                row.uint(fields::label::STR, label.text);
                row.uint(fields::label::NUM, label.number);
                row.uint(fields::label::NUM_UNIT, label.unit);
                message.message(fields::sample::LABEL, &row);
            }
            let (own, behind) =
                rest.split_at(rest.partition_point(|cell| cell.row as usize <= row.index()));
            rest = behind;
            let numbers = own.iter().flat_map(|cell| {
                [u64::from(cell.block), u64::from(cell.event), cell.count, cell.weight]
            });
            message.packed(fields::sample::BLOCK_CELL, numbers);
            out.message(fields::profile::SAMPLE, &message)?;
        }
        for (id, row) in (1..).zip(&self.mappings.rows) {
            out.message(fields::profile::MAPPING, &mapping(id, row))?;
        }
        self.locations(&mut out)?;
        for (id, row) in self.functions.iter() {
            message.clear();
            message.uint(fields::function::ID, id.index() as u64 + 1);
            message.uint(fields::function::NAME, row.name);
            message.uint(fields::function::SYSTEM_NAME, row.system_name);
            message.uint(fields::function::FILENAME, row.filename);
            message.uint(fields::function::START_LINE, row.start_line);
            out.message(fields::profile::FUNCTION, &message)?;
        }
        for (_, text) in self.strings.iter() {
            out.text(fields::profile::STRING_TABLE, text)?;
        }
        out.fields(&self.numbers(&lengths))?;
        Ok(Written {
            samples: self.samples.len(),
            mappings: self.mappings.rows.len(),
            locations: self.locations.len(),
            functions: self.functions.len(),
            strings: self.strings.len(),
        })
    }

    fn locations<W: Write>(&self, out: &mut Output<W>) -> io::Result<()> {
        let mut message = Message::default();
        for (id, row) in self.locations.iter() {
            message.clear();
            let mapping = usize::try_from(row.mapping).unwrap_or(0).checked_sub(1);
            let start = mapping.map_or(0, |mapping| self.mappings.rows[mapping].memory_start);
            message.uint(fields::location::ID, id.index() as u64 + 1);
            message.uint(fields::location::MAPPING_ID, row.mapping);
            message.uint(fields::location::ADDRESS, row.address.wrapping_add(start));
            for line in &self.lines[profile::Id::new(row.lines as usize)] {
                let mut one = Message::default();
                one.uint(fields::line::FUNCTION_ID, line.function + 1);
                one.uint(fields::line::LINE, line.line);
                one.uint(fields::line::COLUMN, line.column);
                message.message(fields::location::LINE, &one);
            }
            message.flag(fields::location::IS_FOLDED, row.is_folded);
            out.message(fields::profile::LOCATION, &message)?;
        }
        Ok(())
    }

    /// What a profile has once.
    fn numbers(&self, lengths: &[u64]) -> Message {
        let mut rest = Message::default();
        rest.uint(fields::profile::DROP_FRAMES, self.drop_frames);
        rest.uint(fields::profile::KEEP_FRAMES, self.keep_frames);
        rest.int(fields::profile::TIME_NANOS, self.time_nanos);
        rest.int(fields::profile::DURATION_NANOS, self.duration_nanos);
        if let Some(row) = self.period_type {
            rest.message(fields::profile::PERIOD_TYPE, &value_type(row));
        }
        rest.int(fields::profile::PERIOD, self.period);
        rest.packed(fields::profile::COMMENT, self.comments.list.iter().copied());
        rest.uint(fields::profile::DEFAULT_SAMPLE_TYPE, self.default_type.unwrap_or(0));
        rest.uint(fields::profile::DOC_URL, self.doc_url);
        rest.packed(fields::profile::BLOCK_LENGTH, lengths.iter().copied());
        rest
    }
}

fn value_type((name, unit): (u64, u64)) -> Message {
    let mut message = Message::default();
    message.uint(fields::value_type::TYPE, name);
    message.uint(fields::value_type::UNIT, unit);
    message
}

fn mapping(id: u64, row: &MappingRow) -> Message {
    let mut message = Message::default();
    message.uint(fields::mapping::ID, id);
    message.uint(fields::mapping::MEMORY_START, row.memory_start);
    message.uint(fields::mapping::MEMORY_LIMIT, row.memory_limit);
    message.uint(fields::mapping::FILE_OFFSET, row.file_offset);
    message.uint(fields::mapping::FILENAME, row.filename);
    message.uint(fields::mapping::BUILD_ID, row.build_id);
    message.flag(fields::mapping::HAS_FUNCTIONS, row.has[0]);
    message.flag(fields::mapping::HAS_FILENAMES, row.has[1]);
    message.flag(fields::mapping::HAS_LINE_NUMBERS, row.has[2]);
    message.flag(fields::mapping::HAS_INLINE_FRAMES, row.has[3]);
    message
}
