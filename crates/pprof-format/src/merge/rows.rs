//! The rows of the sum, and how they stand in a file.

use std::collections::HashSet;

use profile::Table;
use prost::DecodeError;

use super::message::{Value, each_field};
use crate::fields;

/// A mapping. Texts are those of the file until they are known in the sum.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MappingRow {
    pub(super) id: u64,
    pub(super) memory_start: u64,
    pub(super) memory_limit: u64,
    pub(super) file_offset: u64,
    pub(super) filename: u64,
    pub(super) build_id: u64,
    /// Functions, file names, line numbers, inlined calls.
    pub(super) has: [bool; 4],
}

impl MappingRow {
    pub(super) fn parse(content: &[u8]) -> Result<Self, crate::Error> {
        use fields::mapping as field;
        let mut row = Self::default();
        each_field(content, |number, value| {
            let Value::Number(value) = value else { return Ok(()) };
            match number {
                field::ID => row.id = value,
                field::MEMORY_START => row.memory_start = value,
                field::MEMORY_LIMIT => row.memory_limit = value,
                field::FILE_OFFSET => row.file_offset = value,
                field::FILENAME => row.filename = value,
                field::BUILD_ID => row.build_id = value,
                field::HAS_FUNCTIONS => row.has[0] = value != 0,
                field::HAS_FILENAMES => row.has[1] = value != 0,
                field::HAS_LINE_NUMBERS => row.has[2] = value != 0,
                field::HAS_INLINE_FRAMES => row.has[3] = value != 0,
                _ => {}
            }
            Ok(())
        })?;
        Ok(row)
    }
}

/// What makes two mappings one: pprof's rule, but for memory that no file backs, which is the same
/// only at the same address, and for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct MappingKey {
    /// In whole pages.
    size: u64,
    file_offset: u64,
    build_id: u64,
    /// Without a build ID.
    filename: u64,
    /// Without a build ID and a file.
    memory_start: u64,
    has_functions: bool,
}

/// Distinct mappings.
#[derive(Debug, Default)]
pub(super) struct MappingTable {
    keys: Table<MappingKey>,
    /// As the first file has each.
    pub(super) rows: Vec<MappingRow>,
}

impl MappingTable {
    pub(super) fn add(&mut self, row: MappingRow, is_file: bool) -> u32 {
        let len = row.memory_limit.saturating_sub(row.memory_start);
        let has_build_id = row.build_id != 0;
        let key = MappingKey {
            size: len.checked_next_multiple_of(4096).unwrap_or(len),
            file_offset: row.file_offset,
            build_id: row.build_id,
            filename: if has_build_id { 0 } else { row.filename },
            memory_start: if has_build_id || is_file { 0 } else { row.memory_start },
            has_functions: row.has[0],
        };
        let id = self.keys.intern(key);
        match self.rows.get_mut(id.index()) {
            Some(known) => {
                known.has.iter_mut().zip(row.has).for_each(|(known, also)| *known |= also);
            }
            None => self.rows.push(row),
        }
        super::number(id)
    }
}

/// A function. Texts as above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct FunctionRow {
    pub(super) name: u64,
    pub(super) system_name: u64,
    pub(super) filename: u64,
    pub(super) start_line: u64,
}

impl FunctionRow {
    /// The row, behind its id.
    pub(super) fn parse(content: &[u8]) -> Result<(u64, Self), crate::Error> {
        use fields::function as field;
        let (mut id, mut row) = (0, Self::default());
        each_field(content, |number, value| {
            let Value::Number(value) = value else { return Ok(()) };
            match number {
                field::ID => id = value,
                field::NAME => row.name = value,
                field::SYSTEM_NAME => row.system_name = value,
                field::FILENAME => row.filename = value,
                field::START_LINE => row.start_line = value,
                _ => {}
            }
            Ok(())
        })?;
        Ok((id, row))
    }
}

/// A line of a location.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct LineRow {
    pub(super) function: u64,
    pub(super) line: u64,
    pub(super) column: u64,
}

impl LineRow {
    fn parse(content: &[u8]) -> Result<Self, DecodeError> {
        use fields::line as field;
        let mut row = Self::default();
        each_field(content, |number, value| {
            let Value::Number(value) = value else { return Ok(()) };
            match number {
                field::FUNCTION_ID => row.function = value,
                field::LINE => row.line = value,
                field::COLUMN => row.column = value,
                _ => {}
            }
            Ok(())
        })?;
        Ok(row)
    }
}

/// A place in the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct LocationRow {
    /// The mapping: its id in the file, and then one more than its row; 0 for none.
    pub(super) mapping: u64,
    /// From the start of the mapping.
    pub(super) address: u64,
    pub(super) lines: u32,
    pub(super) is_folded: bool,
}

impl LocationRow {
    /// The row, behind its id. Its lines are put into `lines`.
    pub(super) fn parse(
        content: &[u8],
        lines: &mut Vec<LineRow>,
    ) -> Result<(u64, Self), crate::Error> {
        use fields::location as field;
        let (mut id, mut row) = (0, Self::default());
        each_field(content, |number, value| {
            match (number, value) {
                (field::ID, Value::Number(value)) => id = value,
                (field::MAPPING_ID, Value::Number(value)) => row.mapping = value,
                (field::ADDRESS, Value::Number(value)) => row.address = value,
                (field::LINE, Value::Bytes(line)) => lines.push(LineRow::parse(line)?),
                (field::IS_FOLDED, Value::Number(value)) => row.is_folded = value != 0,
                _ => {}
            }
            Ok(())
        })?;
        Ok((id, row))
    }
}

/// A label of a sample. Texts as above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LabelRow {
    pub(super) key: u64,
    pub(super) text: u64,
    pub(super) number: u64,
    pub(super) unit: u64,
}

impl LabelRow {
    pub(super) fn parse(content: &[u8]) -> Result<Self, DecodeError> {
        use fields::label as field;
        let mut row = Self::default();
        each_field(content, |number, value| {
            let Value::Number(value) = value else { return Ok(()) };
            match number {
                field::KEY => row.key = value,
                field::STR => row.text = value,
                field::NUM => row.number = value,
                field::NUM_UNIT => row.unit = value,
                _ => {}
            }
            Ok(())
        })?;
        Ok(row)
    }
}

/// Comments are free text, of which each file may have its own.
const MAX_COMMENTS: usize = 4096;

/// Distinct comments, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Comments {
    known: HashSet<u64>,
    pub(super) list: Vec<u64>,
    /// How many were one too many.
    pub(super) left_out: u64,
}

impl Comments {
    pub(super) fn add(&mut self, text: u64) {
        if self.known.contains(&text) {
            return;
        }
        if self.list.len() == MAX_COMMENTS {
            self.left_out += 1;
        } else {
            self.known.insert(text);
            self.list.push(text);
        }
    }
}
