//! Columns out of rows.

use std::sync::Arc;

use arrow_array::builder::{FixedSizeBinaryBuilder, ListBuilder};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, DataType, Field, TimeUnit};

use crate::hash::Id;

/// The type of ids.
pub(super) const ID: DataType = DataType::FixedSizeBinary(16);

/// The type of times: microseconds since 1970.
pub(super) fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A column without gaps.
pub(super) fn full(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

/// A column in which values may be missing.
pub(super) fn partial(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

/// A column of lists.
pub(super) fn list(name: &str, item: DataType) -> Field {
    full(name, DataType::List(Arc::new(full("element", item))))
}

/// Ids, none of them missing.
pub(super) fn ids(values: impl Iterator<Item = Id>) -> Result<ArrayRef, ArrowError> {
    let mut column = FixedSizeBinaryBuilder::new(16);
    for id in values {
        column.append_value(id.0)?;
    }
    Ok(Arc::new(column.finish()))
}

/// Ids that may be missing.
pub(super) fn some_ids(values: impl Iterator<Item = Option<Id>>) -> Result<ArrayRef, ArrowError> {
    let mut column = FixedSizeBinaryBuilder::new(16);
    for id in values {
        match id {
            Some(id) => column.append_value(id.0)?,
            None => column.append_null(),
        }
    }
    Ok(Arc::new(column.finish()))
}

/// Lists of ids.
pub(super) fn id_lists<'a>(values: impl Iterator<Item = &'a [Id]>) -> Result<ArrayRef, ArrowError> {
    let mut column =
        ListBuilder::new(FixedSizeBinaryBuilder::new(16)).with_field(full("element", ID));
    for ids in values {
        for id in ids {
            column.values().append_value(id.0)?;
        }
        column.append(true);
    }
    Ok(Arc::new(column.finish()))
}

/// Texts, none of them missing.
pub(super) fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// Texts that may be missing.
pub(super) fn some_texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// Numbers, none of them missing.
pub(super) fn numbers(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

/// Numbers that may be missing.
pub(super) fn some_numbers(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

/// Times that may be missing.
pub(super) fn some_times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// Flags.
pub(super) fn flags(values: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<BooleanArray>())
}
