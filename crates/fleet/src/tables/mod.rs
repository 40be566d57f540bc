//! The tables: what a row says, and how it stands in Parquet.
//!
//! ```text
//!   recordings <─ samples ─> stacks ─> frames ─┬─> mappings
//!                                              └─> functions
//! ```
//!
//! Rows of the tables on the right are called by [hashes of what they say](crate::hash), so that tables of
//! different machines are put together by putting their files into one directory.
//!
//! A file may be anybody's: columns are looked up by name and checked for type, and a value that cannot be
//! is an error.

mod build;
mod code;
mod column;
mod recordings;
mod samples;

use std::cmp::Ordering;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::hash::Id;

pub use code::{FrameRow, FunctionRow, LineRow, MappingRow, StackRow};
pub use column::TableError;
pub use recordings::{RecordingRow, Text};
pub use samples::{OtherLabel, SampleLabels, SampleRow};

/// The row of a table.
pub trait Row: Sized {
    /// The name of the table, and of its directory.
    const TABLE: &'static str;

    /// The order in files: rows that are alike stand together.
    fn order(&self, other: &Self) -> Ordering;

    /// The columns.
    fn schema() -> SchemaRef;

    /// Rows as columns.
    fn to_batch(rows: &[Self]) -> Result<RecordBatch, TableError>;

    /// Columns as rows. Gives each row to `take`, until that fails.
    fn each(
        batch: &RecordBatch,
        take: &mut dyn FnMut(Self) -> Result<(), TableError>,
    ) -> Result<(), TableError>;
}

/// A row that is called by a hash of what it says.
pub trait CodeRow: Row {
    /// What it is called.
    fn id(&self) -> Id;

    /// Adds what another row of that id says; most say the same.
    fn add(&mut self, _other: &Self) {}
}
