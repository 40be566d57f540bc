//! Values out of columns that anybody may have written.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_schema::{ArrowError, DataType};

use crate::hash::Id;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A column is not there.
    #[error("it has no column `{0}`")]
    NoColumn(String),
    /// A column has values of another kind.
    #[error("its column `{column}` is of {found}, not of {wanted}")]
    Type {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A value that is always there is missing.
    #[error("its column `{column}` lacks the value of row {row}")]
    Missing {
        /// The column.
        column: String,
        /// The row, from 0.
        row: usize,
    },
    /// An id has another length.
    #[error("its column `{column}` has an id of {len} bytes in row {row}, not of 16")]
    Id {
        /// The column.
        column: String,
        /// The row, from 0.
        row: usize,
        /// Its length.
        len: usize,
    },
    /// Its bytes are not those that were written.
    #[error("it is damaged: its columns have another checksum than its footer says")]
    Damaged,
    /// The file is broken.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// The file is no Parquet, or broken.
    #[error(transparent)]
    Parquet(#[from] parquet::errors::ParquetError),
    /// Rows refer to a row that is nowhere.
    #[error("{0}")]
    Dangling(String),
}

/// Columns by name.
pub(super) trait Columns {
    fn find(&self, name: &str) -> Option<&ArrayRef>;

    /// A column that must be there.
    fn named<'a>(&'a self, name: &'a str) -> Result<Column<'a>, TableError> {
        let array = self.find(name).ok_or_else(|| TableError::NoColumn(name.to_owned()))?;
        Ok(Column { name, array })
    }
}

impl Columns for RecordBatch {
    fn find(&self, name: &str) -> Option<&ArrayRef> {
        self.column_by_name(name)
    }
}

impl Columns for StructArray {
    fn find(&self, name: &str) -> Option<&ArrayRef> {
        self.column_by_name(name)
    }
}

/// A column.
#[derive(Clone, Copy)]
pub(super) struct Column<'a> {
    name: &'a str,
    array: &'a ArrayRef,
}

impl<'a> Column<'a> {
    fn wrong(&self, wanted: &'static str) -> TableError {
        TableError::Type {
            column: self.name.to_owned(),
            found: self.array.data_type().to_string(),
            wanted,
        }
    }

    fn check(self, is_right: bool, wanted: &'static str) -> Result<Self, TableError> {
        if is_right { Ok(self) } else { Err(self.wrong(wanted)) }
    }

    pub(super) fn of_ids(self) -> Result<Self, TableError> {
        let is_id =
            matches!(self.array.data_type(), DataType::FixedSizeBinary(_) | DataType::Binary);
        self.check(is_id, "ids (16 bytes)")
    }

    pub(super) fn of_texts(self) -> Result<Self, TableError> {
        self.check(*self.array.data_type() == DataType::Utf8, "texts")
    }

    pub(super) fn of_numbers(self) -> Result<Self, TableError> {
        self.check(*self.array.data_type() == DataType::Int64, "numbers (64 bits)")
    }

    pub(super) fn of_fractions(self) -> Result<Self, TableError> {
        self.check(*self.array.data_type() == DataType::Float64, "fractions (64 bits)")
    }

    pub(super) fn of_flags(self) -> Result<Self, TableError> {
        self.check(*self.array.data_type() == DataType::Boolean, "flags")
    }

    pub(super) fn of_times(self) -> Result<Self, TableError> {
        let is_time = self.array.as_primitive_opt::<TimestampMicrosecondType>().is_some();
        self.check(is_time, "times (microseconds)")
    }

    /// Lists of structs, with what is in all of them.
    pub(super) fn of_structs(self) -> Result<(Self, &'a StructArray), TableError> {
        let items = match self.array.data_type() {
            DataType::List(_) => self.array.as_list::<i32>().values().as_struct_opt(),
            DataType::Map(..) => Some(self.array.as_map().entries()),
            _ => None,
        };
        Ok((self, items.ok_or_else(|| self.wrong("lists of structs"))?))
    }

    /// Lists, with what is in all of them.
    pub(super) fn of_lists(self) -> Result<(Self, Column<'a>), TableError> {
        let lists = self.array.as_list_opt::<i32>().ok_or_else(|| self.wrong("lists"))?;
        Ok((self, Column { name: self.name, array: lists.values() }))
    }

    /// Which items are in the list of a row.
    pub(super) fn range(&self, row: usize) -> std::ops::Range<usize> {
        if self.array.is_null(row) {
            return 0..0;
        }
        let ends = match self.array.data_type() {
            DataType::Map(..) => self.array.as_map().value_offsets(),
            _ => self.array.as_list::<i32>().value_offsets(),
        };
        let at = |index: usize| usize::try_from(ends[index]).unwrap_or(0);
        at(row)..at(row + 1)
    }

    fn missing(&self, row: usize) -> TableError {
        TableError::Missing { column: self.name.to_owned(), row }
    }

    pub(super) fn some_id(&self, row: usize) -> Result<Option<Id>, TableError> {
        if self.array.is_null(row) {
            return Ok(None);
        }
        let bytes = match self.array.data_type() {
            DataType::Binary => self.array.as_binary::<i32>().value(row),
            _ => self.array.as_fixed_size_binary().value(row),
        };
        let wrong = |_| TableError::Id { column: self.name.to_owned(), row, len: bytes.len() };
        Ok(Some(Id(bytes.try_into().map_err(wrong)?)))
    }

    pub(super) fn id(&self, row: usize) -> Result<Id, TableError> {
        self.some_id(row)?.ok_or_else(|| self.missing(row))
    }

    pub(super) fn some_text(&self, row: usize) -> Option<&'a str> {
        let texts = self.array.as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row))
    }

    pub(super) fn owned(&self, row: usize) -> Option<String> {
        self.some_text(row).map(str::to_owned)
    }

    pub(super) fn text(&self, row: usize) -> Result<&'a str, TableError> {
        self.some_text(row).ok_or_else(|| self.missing(row))
    }

    pub(super) fn some_number(&self, row: usize) -> Option<i64> {
        let numbers = self.array.as_primitive::<Int64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    pub(super) fn number(&self, row: usize) -> Result<i64, TableError> {
        self.some_number(row).ok_or_else(|| self.missing(row))
    }

    pub(super) fn some_fraction(&self, row: usize) -> Option<f64> {
        let numbers = self.array.as_primitive::<Float64Type>();
        numbers.is_valid(row).then(|| numbers.value(row))
    }

    pub(super) fn some_time(&self, row: usize) -> Option<i64> {
        let times = self.array.as_primitive::<TimestampMicrosecondType>();
        times.is_valid(row).then(|| times.value(row))
    }

    pub(super) fn flag(&self, row: usize) -> Result<bool, TableError> {
        let flags = self.array.as_boolean();
        if flags.is_valid(row) { Ok(flags.value(row)) } else { Err(self.missing(row)) }
    }
}
