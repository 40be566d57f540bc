//! What was recorded where, when, and how well.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, MapBuilder, MapFieldNames, StringBuilder};
use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Fields, Schema, SchemaRef};

use super::Row;
use super::build::{
    ID, flags, full, ids, list, numbers, partial, some_ids, some_numbers, some_texts, some_times,
    time,
};
use super::column::{Columns, TableError};
use crate::hash::Id;

/// An event of a recording; or a file that is none, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordingRow {
    /// The digest of the recording's bytes: the same bytes are one recording, whatever they are called.
    pub recording: Id,
    /// The place of the event among those of the recording.
    pub position: i64,
    /// As many as there are [`TEXTS`](RecordingRow::TEXTS).
    pub texts: [Option<String>; RecordingRow::TEXTS.len()],
    /// When it began, in nanoseconds since 1970.
    pub start_ns: Option<i64>,
    /// How long it took.
    pub duration_ns: i64,
    /// How many samples there are of the event; nothing if the profile does not count them.
    pub samples: Option<i64>,
    /// The sum of their weights, in its unit.
    pub weight: i64,
    /// How many records the kernel had no room for; nothing if that is not known.
    pub lost: Option<i64>,
    /// The share of the weight whose innermost function has a name.
    pub resolved_share: Option<f64>,
    /// What is counted between two samples, as far as one number tells it.
    pub period: i64,
    /// The mapping of the program itself.
    pub main_mapping: Option<Id>,
    /// Whether the samples have labels of the lens that the export made, and the recording had not.
    pub has_lens_labels: bool,
    /// What travels with the profile.
    pub comments: Vec<String>,
    /// Labels of the recording without a column of their own.
    pub labels: BTreeMap<String, String>,
}

/// A column of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "docs/fleet-tables.md has what is in each column")]
pub enum Text {
    Uri,
    Digest,
    Host,
    Pod,
    Namespace,
    Node,
    Service,
    Version,
    BuildId,
    Event,
    Unit,
    CountType,
    CountUnit,
    WeightType,
    DefaultType,
    PeriodType,
    PeriodUnit,
    DropFrames,
    KeepFrames,
    DocUrl,
    Error,
}

impl RecordingRow {
    /// The columns of texts, in the order of [`Text`].
    pub const TEXTS: [&'static str; 21] = [
        "uri",
        "digest",
        "host",
        "pod",
        "namespace",
        "node",
        "service",
        "version",
        "build_id",
        "event",
        "unit",
        "count_type",
        "count_unit",
        "weight_type",
        "default_type",
        "period_type",
        "period_unit",
        "drop_frames",
        "keep_frames",
        "doc_url",
        "error",
    ];

    /// A text.
    pub fn text(&self, column: Text) -> Option<&str> {
        self.texts[column as usize].as_deref()
    }

    /// Fills a text in.
    pub fn set(&mut self, column: Text, text: impl Into<String>) {
        self.texts[column as usize] = Some(text.into());
    }

    /// Fills a text in if it is not empty.
    pub fn set_some(&mut self, column: Text, text: &str) {
        if !text.is_empty() {
            self.set(column, text);
        }
    }

    /// When it began, in microseconds since 1970.
    pub fn start(&self) -> Option<i64> {
        self.start_ns.map(|nanos| nanos.div_euclid(1000))
    }
}

fn names() -> MapFieldNames {
    MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() }
}

fn labels_type() -> DataType {
    let fields = Fields::from(vec![full("key", DataType::Utf8), full("value", DataType::Utf8)]);
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(fields), false)), false)
}

fn labels(rows: &[RecordingRow]) -> Result<ArrayRef, ArrowError> {
    let text = StringBuilder::new;
    let mut column = MapBuilder::new(Some(names()), text(), text())
        .with_values_field(full("value", DataType::Utf8));
    for row in rows {
        for (key, value) in &row.labels {
            column.keys().append_value(key);
            column.values().append_value(value);
        }
        column.append(true)?;
    }
    Ok(Arc::new(column.finish()))
}

fn comments(rows: &[RecordingRow]) -> ArrayRef {
    let field = full("element", DataType::Utf8);
    let mut column = ListBuilder::new(StringBuilder::new()).with_field(field);
    for row in rows {
        row.comments.iter().for_each(|comment| column.values().append_value(comment));
        column.append(true);
    }
    Arc::new(column.finish())
}

impl Row for RecordingRow {
    const TABLE: &'static str = "recordings";

    fn order(&self, other: &Self) -> Ordering {
        (self.recording, self.position).cmp(&(other.recording, other.position))
    }

    fn schema() -> SchemaRef {
        let mut fields = vec![full("recording", ID), full("position", DataType::Int64)];
        fields.extend(Self::TEXTS.map(|name| partial(name, DataType::Utf8)));
        fields.extend([
            partial("start", time()),
            partial("start_ns", DataType::Int64),
            full("duration_ns", DataType::Int64),
            partial("samples", DataType::Int64),
            full("weight", DataType::Int64),
            partial("lost", DataType::Int64),
            partial("resolved_share", DataType::Float64),
            full("period", DataType::Int64),
            partial("main_mapping", ID),
            full("has_lens_labels", DataType::Boolean),
            list("comments", DataType::Utf8),
            full("labels", labels_type()),
        ]);
        Arc::new(Schema::new(fields))
    }

    fn to_batch(rows: &[Self]) -> Result<RecordBatch, TableError> {
        let mut columns = vec![
            ids(rows.iter().map(|row| row.recording))?,
            numbers(rows.iter().map(|row| row.position)),
        ];
        columns.extend(
            (0..Self::TEXTS.len())
                .map(|at| some_texts(rows.iter().map(|row| row.texts[at].as_deref()))),
        );
        let shares: Float64Array = rows.iter().map(|row| row.resolved_share).collect();
        columns.extend([
            some_times(rows.iter().map(Self::start)),
            some_numbers(rows.iter().map(|row| row.start_ns)),
            numbers(rows.iter().map(|row| row.duration_ns)),
            some_numbers(rows.iter().map(|row| row.samples)),
            numbers(rows.iter().map(|row| row.weight)),
            some_numbers(rows.iter().map(|row| row.lost)),
            Arc::new(shares),
            numbers(rows.iter().map(|row| row.period)),
            some_ids(rows.iter().map(|row| row.main_mapping))?,
            flags(rows.iter().map(|row| row.has_lens_labels)),
            comments(rows),
            labels(rows)?,
        ]);
        Ok(RecordBatch::try_new(Self::schema(), columns)?)
    }

    fn each(
        batch: &RecordBatch,
        take: &mut dyn FnMut(Self) -> Result<(), TableError>,
    ) -> Result<(), TableError> {
        let recording = batch.named("recording")?.of_ids()?;
        let position = batch.named("position")?.of_numbers()?;
        let mut texts = Vec::new();
        for name in Self::TEXTS {
            texts.push(batch.named(name)?.of_texts()?);
        }
        let start_ns = batch.named("start_ns")?.of_numbers()?;
        let duration_ns = batch.named("duration_ns")?.of_numbers()?;
        let samples = batch.named("samples")?.of_numbers()?;
        let weight = batch.named("weight")?.of_numbers()?;
        let lost = batch.named("lost")?.of_numbers()?;
        let resolved_share = batch.named("resolved_share")?.of_fractions()?;
        let period = batch.named("period")?.of_numbers()?;
        let main_mapping = batch.named("main_mapping")?.of_ids()?;
        let has_lens_labels = batch.named("has_lens_labels")?.of_flags()?;
        let (comment_lists, comments) = batch.named("comments")?.of_lists()?;
        let comments = comments.of_texts()?;
        let (label_lists, labels) = batch.named("labels")?.of_structs()?;
        let key = labels.named("key")?.of_texts()?;
        let value = labels.named("value")?.of_texts()?;
        let text = |item| comments.text(item).map(str::to_owned);
        let label =
            |item| Ok::<_, TableError>((key.text(item)?.to_owned(), value.text(item)?.to_owned()));
        for row in 0..batch.num_rows() {
            take(Self {
                recording: recording.id(row)?,
                position: position.number(row)?,
                texts: std::array::from_fn(|at| texts[at].owned(row)),
                start_ns: start_ns.some_number(row),
                duration_ns: duration_ns.number(row)?,
                samples: samples.some_number(row),
                weight: weight.number(row)?,
                lost: lost.some_number(row),
                resolved_share: resolved_share.some_fraction(row),
                period: period.number(row)?,
                main_mapping: main_mapping.some_id(row)?,
                has_lens_labels: has_lens_labels.flag(row)?,
                comments: comment_lists.range(row).map(text).collect::<Result<_, _>>()?,
                labels: label_lists.range(row).map(label).collect::<Result<_, _>>()?,
            })?;
        }
        Ok(())
    }
}
