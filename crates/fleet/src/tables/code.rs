//! What samples refer to: stacks, frames, functions, mappings. Each has the identity that
//! [`pprof_format::Merger`] gives it.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, Int64Builder, ListBuilder, StructBuilder};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};

use super::build::{ID, flags, full, id_lists, ids, list, numbers, partial, some_ids, texts};
use super::column::{Columns, TableError};
use super::{CodeRow, Row};
use crate::hash::Id;

/// A stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackRow {
    /// Its id.
    pub id: Id,
    /// Its frames, leaf first.
    pub frames: Vec<Id>,
}

impl Row for StackRow {
    const TABLE: &'static str = "stacks";

    fn order(&self, other: &Self) -> Ordering {
        self.frames.iter().rev().cmp(other.frames.iter().rev()).then(self.id.cmp(&other.id))
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![full("id", ID), list("frames", ID)]))
    }

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, TableError> {
        let columns = vec![
            ids(rows.iter().map(|row| row.id))?,
            id_lists(rows.iter().map(|row| row.frames.as_slice()))?,
        ];
        Ok(RecordBatch::try_new(Self::schema(), columns)?)
    }

    fn each(
        batch: &RecordBatch,
        take: &mut dyn FnMut(Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let id = batch.named("id")?.of_ids()?;
        let (lists, items) = batch.named("frames")?.of_lists()?;
        let items = items.of_ids()?;
        for row in 0..batch.num_rows() {
            let frames = lists.range(row).map(|item| items.id(item)).collect::<Result<_, _>>()?;
            take(Self { id: id.id(row)?, frames })?;
        }
        Ok(())
    }
}

/// A place in the code: a location of `profile.proto`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameRow {
    /// The mapping it is in.
    pub mapping: Option<Id>,
    /// How far from the start of the mapping; without one, the address.
    pub address: u64,
    /// The functions at it, innermost inlined one first.
    pub lines: Vec<LineRow>,
    /// Whether identical functions were folded.
    pub is_folded: bool,
    /// Its id.
    pub id: Id,
}

/// A line of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineRow {
    /// The function.
    pub function: Id,
    /// The line.
    pub line: i64,
    /// The column.
    pub column: i64,
}

fn line_fields() -> Fields {
    Fields::from(vec![
        full("function", ID),
        full("line", DataType::Int64),
        full("column", DataType::Int64),
    ])
}

fn lines<'a>(rows: impl Iterator<Item = &'a [LineRow]>) -> Result<Arc<dyn Array>, ArrowError> {
    let items = StructBuilder::new(
        line_fields(),
        vec![
            Box::new(FixedSizeBinaryBuilder::new(16)),
            Box::new(Int64Builder::new()),
            Box::new(Int64Builder::new()),
        ],
    );
    let field = Field::new("element", DataType::Struct(line_fields()), false);
    let mut column = ListBuilder::new(items).with_field(field);
    let lost = || ArrowError::ComputeError("a column is of another type".to_owned());
    for lines in rows {
        for line in lines {
            let items = column.values();
            let ids = items.field_builder::<FixedSizeBinaryBuilder>(0).ok_or_else(lost)?;
            ids.append_value(line.function.0)?;
            for (at, number) in [(1, line.line), (2, line.column)] {
                items.field_builder::<Int64Builder>(at).ok_or_else(lost)?.append_value(number);
            }
            items.append(true);
        }
        column.append(true);
    }
    Ok(Arc::new(column.finish()))
}

impl Row for FrameRow {
    const TABLE: &'static str = "frames";

    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            full("id", ID),
            partial("mapping", ID),
            full("address", DataType::Int64),
            list("lines", DataType::Struct(line_fields())),
            full("is_folded", DataType::Boolean),
        ]))
    }

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, TableError> {
        let columns = vec![
            ids(rows.iter().map(|row| row.id))?,
            some_ids(rows.iter().map(|row| row.mapping))?,
            numbers(rows.iter().map(|row| row.address.cast_signed())),
            lines(rows.iter().map(|row| row.lines.as_slice()))?,
            flags(rows.iter().map(|row| row.is_folded)),
        ];
        Ok(RecordBatch::try_new(Self::schema(), columns)?)
    }

    fn each(
        batch: &RecordBatch,
        take: &mut dyn FnMut(Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let id = batch.named("id")?.of_ids()?;
        let mapping = batch.named("mapping")?.of_ids()?;
        let address = batch.named("address")?.of_numbers()?;
        let (lists, items) = batch.named("lines")?.of_structs()?;
        let function = items.named("function")?.of_ids()?;
        let line = items.named("line")?.of_numbers()?;
        let column = items.named("column")?.of_numbers()?;
        let is_folded = batch.named("is_folded")?.of_flags()?;
        let row_of = |item| {
            Ok::<_, TableError>(LineRow {
                function: function.id(item)?,
                line: line.number(item)?,
                column: column.number(item)?,
            })
        };
        for row in 0..batch.num_rows() {
            take(Self {
                id: id.id(row)?,
                mapping: mapping.some_id(row)?,
                address: address.number(row)?.cast_unsigned(),
                lines: lists.range(row).map(row_of).collect::<Result<_, _>>()?,
                is_folded: is_folded.flag(row)?,
            })?;
        }
        Ok(())
    }
}

/// A function of the source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FunctionRow {
    /// Its name for people.
    pub name: String,
    /// Its name for the linker.
    pub system_name: String,
    /// Its source file.
    pub filename: String,
    /// The line at which it is declared.
    pub start_line: i64,
    /// Its id.
    pub id: Id,
}

impl Row for FunctionRow {
    const TABLE: &'static str = "functions";

    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![
            full("id", ID),
            full("name", DataType::Utf8),
            full("system_name", DataType::Utf8),
            full("filename", DataType::Utf8),
            full("start_line", DataType::Int64),
        ]))
    }

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, TableError> {
        let columns = vec![
            ids(rows.iter().map(|row| row.id))?,
            texts(rows.iter().map(|row| row.name.as_str())),
            texts(rows.iter().map(|row| row.system_name.as_str())),
            texts(rows.iter().map(|row| row.filename.as_str())),
            numbers(rows.iter().map(|row| row.start_line)),
        ];
        Ok(RecordBatch::try_new(Self::schema(), columns)?)
    }

    fn each(
        batch: &RecordBatch,
        take: &mut dyn FnMut(Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let id = batch.named("id")?.of_ids()?;
        let name = batch.named("name")?.of_texts()?;
        let system_name = batch.named("system_name")?.of_texts()?;
        let filename = batch.named("filename")?.of_texts()?;
        let start_line = batch.named("start_line")?.of_numbers()?;
        for row in 0..batch.num_rows() {
            take(Self {
                id: id.id(row)?,
                name: name.text(row)?.to_owned(),
                system_name: system_name.text(row)?.to_owned(),
                filename: filename.text(row)?.to_owned(),
                start_line: start_line.number(row)?,
            })?;
        }
        Ok(())
    }
}

/// A piece of a binary in memory.
///
/// The id says size, offset and build ID (or what is known in its place), not the address, which differs in
/// each process. So rows of one id may differ in the rest: the smallest holds, and has the flags of all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MappingRow {
    /// Its id.
    pub id: Id,
    /// The first address.
    pub start: u64,
    /// The address after the last one.
    pub limit: u64,
    /// Where in the file the first address is.
    pub offset: u64,
    /// The file.
    pub file: String,
    /// Its build ID.
    pub build_id: String,
    /// Whether its frames have functions, those file names, line numbers, and inlined calls.
    pub has: [bool; 4],
}

/// The names of the flags.
const HAS: [&str; 4] = ["has_functions", "has_filenames", "has_line_numbers", "has_inline_frames"];

impl MappingRow {
    /// Adds what another row of the same id says. Tells whether this is another row now.
    pub fn join(&mut self, other: &Self) -> bool {
        let before = self.clone();
        let has = std::array::from_fn(|at| self.has[at] || other.has[at]);
        let place = |row: &Self| (row.start, row.limit, row.offset, row.file.clone());
        if place(other) < place(self) {
            self.clone_from(other);
        }
        self.has = has;
        *self != before
    }
}

impl Row for MappingRow {
    const TABLE: &'static str = "mappings";

    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }

    fn schema() -> SchemaRef {
        let mut fields = vec![full("id", ID)];
        fields.extend(["start", "limit", "offset"].map(|name| full(name, DataType::Int64)));
        fields.extend(["file", "build_id"].map(|name| full(name, DataType::Utf8)));
        fields.extend(HAS.map(|name| full(name, DataType::Boolean)));
        Arc::new(Schema::new(fields))
    }

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, TableError> {
        let mut columns = vec![
            ids(rows.iter().map(|row| row.id))?,
            numbers(rows.iter().map(|row| row.start.cast_signed())),
            numbers(rows.iter().map(|row| row.limit.cast_signed())),
            numbers(rows.iter().map(|row| row.offset.cast_signed())),
            texts(rows.iter().map(|row| row.file.as_str())),
            texts(rows.iter().map(|row| row.build_id.as_str())),
        ];
        columns.extend((0..HAS.len()).map(|at| flags(rows.iter().map(|row| row.has[at]))));
        Ok(RecordBatch::try_new(Self::schema(), columns)?)
    }

    fn each(
        batch: &RecordBatch,
        take: &mut dyn FnMut(Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let id = batch.named("id")?.of_ids()?;
        let start = batch.named("start")?.of_numbers()?;
        let limit = batch.named("limit")?.of_numbers()?;
        let offset = batch.named("offset")?.of_numbers()?;
        let file = batch.named("file")?.of_texts()?;
        let build_id = batch.named("build_id")?.of_texts()?;
        let mut has = Vec::new();
        for name in HAS {
            has.push(batch.named(name)?.of_flags()?);
        }
        for row in 0..batch.num_rows() {
            let mut flags = [false; 4];
            for (flag, column) in flags.iter_mut().zip(&has) {
                *flag = column.flag(row)?;
            }
            take(Self {
                id: id.id(row)?,
                start: start.number(row)?.cast_unsigned(),
                limit: limit.number(row)?.cast_unsigned(),
                offset: offset.number(row)?.cast_unsigned(),
                file: file.text(row)?.to_owned(),
                build_id: build_id.text(row)?.to_owned(),
                has: flags,
            })?;
        }
        Ok(())
    }
}

impl CodeRow for StackRow {
    fn id(&self) -> Id {
        self.id
    }
}

impl CodeRow for FrameRow {
    fn id(&self) -> Id {
        self.id
    }
}

impl CodeRow for FunctionRow {
    fn id(&self) -> Id {
        self.id
    }
}

impl CodeRow for MappingRow {
    fn id(&self) -> Id {
        self.id
    }

    fn add(&mut self, other: &Self) {
        self.join(other);
    }
}
