//! What was counted.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, ListBuilder, StringBuilder, StructBuilder};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};

use super::Row;
use super::build::{
    ID, full, ids, list, numbers, partial, some_numbers, some_texts, some_times, texts, time,
};
use super::column::{Columns, TableError};
use crate::hash::Id;

/// What was counted of an event, in a recording, at a stack, with labels, in a stretch of time. No two rows of a
/// recording are the same in all of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleRow {
    /// The recording.
    pub recording: Id,
    /// The stack.
    pub stack: Id,
    /// The event.
    pub event: Arc<str>,
    /// When the stretch of ten minutes begins, in microseconds since 1970.
    pub time_bucket: Option<i64>,
    /// The labels.
    pub labels: Arc<SampleLabels>,
    /// The sum of the weights, in the event's unit.
    pub weight: i64,
    /// How many samples; nothing if the profile does not count them.
    pub count: Option<i64>,
}

/// The labels of samples. Those with a column of their own have one text each.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleLabels {
    /// As many as there are [`COLUMNS`](SampleLabels::COLUMNS).
    pub texts: [Option<String>; SampleLabels::COLUMNS.len()],
    /// All others, sorted.
    pub others: Vec<OtherLabel>,
}

impl SampleLabels {
    /// Columns, and the keys of the labels in them.
    pub const COLUMNS: [(&'static str, &'static str); 7] = [
        ("thread_role", "thread_role"),
        ("thread", "thread_comm"),
        ("comm", "comm"),
        ("subsystem", "subsystem"),
        ("work", "work"),
        ("filter", "filter"),
        ("direction", "direction"),
    ];

    /// Whether a label is one of those that the lens gives.
    pub fn is_of_lens(key: &str) -> bool {
        matches!(key, "thread_role" | "subsystem" | "work" | "filter" | "direction")
    }
}

/// A label without a column of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OtherLabel {
    /// Its name.
    pub key: String,
    /// Its text, if it is one.
    pub text: String,
    /// Its number, if it is one.
    pub number: i64,
    /// The unit of the number.
    pub unit: String,
}

fn label_fields() -> Fields {
    Fields::from(vec![
        full("key", DataType::Utf8),
        full("text", DataType::Utf8),
        full("number", DataType::Int64),
        full("unit", DataType::Utf8),
    ])
}

fn others<'a>(rows: impl Iterator<Item = &'a [OtherLabel]>) -> Result<Arc<dyn Array>, ArrowError> {
    let items = StructBuilder::new(
        label_fields(),
        vec![
            Box::new(StringBuilder::new()),
            Box::new(StringBuilder::new()),
            Box::new(Int64Builder::new()),
            Box::new(StringBuilder::new()),
        ],
    );
    let field = Field::new("element", DataType::Struct(label_fields()), false);
    let mut column = ListBuilder::new(items).with_field(field);
    let lost = || ArrowError::ComputeError("a column is of another type".to_owned());
    for labels in rows {
        for label in labels {
            let items = column.values();
            for (at, text) in [(0, &label.key), (1, &label.text), (3, &label.unit)] {
                items.field_builder::<StringBuilder>(at).ok_or_else(lost)?.append_value(text);
            }
            let numbers = items.field_builder::<Int64Builder>(2).ok_or_else(lost)?;
            numbers.append_value(label.number);
            items.append(true);
        }
        column.append(true);
    }
    Ok(Arc::new(column.finish()))
}

impl Row for SampleRow {
    const TABLE: &'static str = "samples";

    /// By stack first: 2 to 3 % smaller than by recording first.
    fn order(&self, other: &Self) -> Ordering {
        let key = |row: &Self| (row.stack, row.recording, row.time_bucket);
        key(self)
            .cmp(&key(other))
            .then_with(|| self.event.cmp(&other.event))
            .then_with(|| self.labels.cmp(&other.labels))
    }

    fn schema() -> SchemaRef {
        let mut fields = vec![
            full("recording", ID),
            full("stack", ID),
            full("event", DataType::Utf8),
            partial("time_bucket", time()),
        ];
        fields.extend(SampleLabels::COLUMNS.map(|(name, _)| partial(name, DataType::Utf8)));
        fields.extend([
            list("labels", DataType::Struct(label_fields())),
            full("weight", DataType::Int64),
            partial("count", DataType::Int64),
        ]);
        Arc::new(Schema::new(fields))
    }

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, TableError> {
        let mut columns = vec![
            ids(rows.iter().map(|row| row.recording))?,
            ids(rows.iter().map(|row| row.stack))?,
            texts(rows.iter().map(|row| &*row.event)),
            some_times(rows.iter().map(|row| row.time_bucket)),
        ];
        columns.extend(
            (0..SampleLabels::COLUMNS.len())
                .map(|at| some_texts(rows.iter().map(|row| row.labels.texts[at].as_deref()))),
        );
        columns.extend([
            others(rows.iter().map(|row| row.labels.others.as_slice()))?,
            numbers(rows.iter().map(|row| row.weight)),
            some_numbers(rows.iter().map(|row| row.count)),
        ]);
        Ok(RecordBatch::try_new(Self::schema(), columns)?)
    }

    fn each(
        batch: &RecordBatch,
        take: &mut dyn FnMut(Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let recording = batch.named("recording")?.of_ids()?;
        let stack = batch.named("stack")?.of_ids()?;
        let event = batch.named("event")?.of_texts()?;
        let time_bucket = batch.named("time_bucket")?.of_times()?;
        let mut texts = Vec::new();
        for (name, _) in SampleLabels::COLUMNS {
            texts.push(batch.named(name)?.of_texts()?);
        }
        let (lists, items) = batch.named("labels")?.of_structs()?;
        let key = items.named("key")?.of_texts()?;
        let text = items.named("text")?.of_texts()?;
        let number = items.named("number")?.of_numbers()?;
        let unit = items.named("unit")?.of_texts()?;
        let weight = batch.named("weight")?.of_numbers()?;
        let count = batch.named("count")?.of_numbers()?;
        let other = |item| {
            Ok::<_, TableError>(OtherLabel {
                key: key.text(item)?.to_owned(),
                text: text.text(item)?.to_owned(),
                number: number.number(item)?,
                unit: unit.text(item)?.to_owned(),
            })
        };
        // Rows have mostly what the one before has.
        let mut latest: Option<(Arc<str>, Arc<SampleLabels>)> = None;
        for row in 0..batch.num_rows() {
            let event = event.text(row)?;
            let others = lists.range(row);
            let is_same = latest.as_ref().is_some_and(|(last, labels)| {
                let mut both = texts.iter().zip(&labels.texts);
                **last == *event
                    && others.is_empty()
                    && labels.others.is_empty()
                    && both.all(|(column, text)| column.some_text(row) == text.as_deref())
            });
            if !is_same {
                let labels = SampleLabels {
                    texts: std::array::from_fn(|at| texts[at].owned(row)),
                    others: others.map(other).collect::<Result<_, _>>()?,
                };
                latest = Some((event.into(), Arc::new(labels)));
            }
            let Some((event, labels)) = &latest else { continue };
            take(Self {
                recording: recording.id(row)?,
                stack: stack.id(row)?,
                event: Arc::clone(event),
                time_bucket: time_bucket.some_time(row),
                labels: Arc::clone(labels),
                weight: weight.number(row)?,
                count: count.some_number(row),
            })?;
        }
        Ok(())
    }
}
