//! Which samples are meant: conditions such as `service = 'edge' AND time >= '2026-01-02'`.
//!
//! The language is that of SQL's `WHERE`: comparisons, `AND`, `OR`, `NOT`, `IN`, `LIKE`, `ILIKE`, `BETWEEN`, `IS NULL`. The
//! columns are those of `recordings` and of `samples`; a sample has those of its recording. `time` is the time
//! bucket of a sample, or else the start of its recording, and `labels.zone` a label without a column.
//!
//! A condition is first asked with what is known of a directory, then of a recording, and then of a sample. An
//! answer that depends on more than what is known is [`Answer::Unknown`], and nothing is passed over for it.

mod parse;
mod value;

pub use parse::Filter;
pub use value::{Answer, Value};

use crate::tables::{RecordingRow, SampleLabels, SampleRow, Text};

/// Columns beside those of texts.
const RECORDING: [&str; 12] = [
    "recording",
    "position",
    "start",
    "start_ns",
    "duration_ns",
    "lost",
    "resolved_share",
    "period",
    "main_mapping",
    "has_lens_labels",
    "date",
    "time",
];

/// Columns of samples beside those of labels.
const SAMPLE: [&str; 4] = ["stack", "time_bucket", "weight", "count"];

/// Whether there is a column of that name.
pub fn is_column(name: &str) -> bool {
    RecordingRow::TEXTS.contains(&name)
        || RECORDING.contains(&name)
        || SAMPLE.contains(&name)
        || SampleLabels::COLUMNS.iter().any(|(column, _)| *column == name)
}

/// All columns, as a text.
fn columns() -> String {
    let mut names = RecordingRow::TEXTS.to_vec();
    names.extend(RECORDING);
    names.extend(SAMPLE);
    names.extend(SampleLabels::COLUMNS.map(|(name, _)| name));
    names.join(", ")
}

/// What is known when a condition is asked.
#[derive(Clone, Copy, Default)]
pub struct Known<'a> {
    /// The values in the name of a file's directory: `date`, `service`.
    pub partition: Option<(&'a str, &'a str)>,
    /// The recording.
    pub recording: Option<&'a RecordingRow>,
    /// The sample.
    pub sample: Option<&'a SampleRow>,
}

impl Known<'_> {
    /// The value of a column.
    fn value(&self, column: &str) -> Value {
        if let Some(at) = SampleLabels::COLUMNS.iter().position(|(name, _)| *name == column) {
            let text = |sample: &SampleRow| Value::of_text(sample.labels.texts[at].as_deref());
            return self.sample.map_or(Value::Unknown, text);
        }
        let of_sample = |value: fn(&SampleRow) -> Value| self.sample.map_or(Value::Unknown, value);
        let of_recording =
            |value: fn(&RecordingRow) -> Value| self.recording.map_or(Value::Unknown, value);
        if let Some((date, service)) = self.partition {
            match column {
                "date" => return Value::Text(date.to_owned()),
                // Recordings of a day end whenever they do.
                "time" if self.recording.is_none() => {
                    let start = crate::labels::time(date).map_or(i64::MIN, |nanos| nanos / 1000);
                    return Value::Times(start, i64::MAX);
                }
                "service" if self.recording.is_none() && service != "unknown" => {
                    return Value::Text(service.to_owned());
                }
                _ => {}
            }
        }
        match column {
            "stack" => of_sample(|row| Value::Text(row.stack.to_string())),
            "time_bucket" => of_sample(|row| Value::of_time(row.time_bucket)),
            "weight" => of_sample(|row| Value::Number(row.weight)),
            "count" => of_sample(|row| Value::of_number(row.count)),
            "time" => match of_sample(|row| Value::of_time(row.time_bucket)) {
                Value::Null => of_recording(|row| Value::of_time(row.start())),
                Value::Unknown => of_recording(times),
                time => time,
            },
            "recording" => of_recording(|row| Value::Text(row.recording.to_string())),
            "position" => of_recording(|row| Value::Number(row.position)),
            "start" => of_recording(|row| Value::of_time(row.start())),
            "start_ns" => of_recording(|row| Value::of_number(row.start_ns)),
            "duration_ns" => of_recording(|row| Value::Number(row.duration_ns)),
            "lost" => of_recording(|row| Value::of_number(row.lost)),
            "resolved_share" => of_recording(|row| Value::of_fraction(row.resolved_share)),
            "period" => of_recording(|row| Value::Number(row.period)),
            "main_mapping" => of_recording(|row| {
                row.main_mapping.map_or(Value::Null, |id| Value::Text(id.to_string()))
            }),
            "has_lens_labels" => of_recording(|row| Value::Flag(row.has_lens_labels)),
            _ => self.of_text(column),
        }
    }

    fn of_text(&self, column: &str) -> Value {
        let Some(recording) = self.recording else { return Value::Unknown };
        if let Some(at) = RecordingRow::TEXTS.iter().position(|name| *name == column) {
            // In the tables, what has no service is in the directory of `unknown`.
            let is_service = at == Text::Service as usize;
            let text = recording.texts[at].as_deref();
            return Value::of_text(text.or(is_service.then_some("unknown")));
        }
        Value::Unknown
    }

    /// The value of a label without a column.
    fn label(&self, key: &str) -> Value {
        let label = |row: &RecordingRow| Value::of_text(row.labels.get(key).map(String::as_str));
        self.recording.map_or(Value::Unknown, label)
    }
}

/// When the samples of a recording were taken. Buckets begin up to ten minutes before their first sample.
fn times(row: &RecordingRow) -> Value {
    let Some(start) = row.start() else { return Value::Null };
    let end = start.saturating_add(row.duration_ns / 1000).saturating_add(1);
    Value::Times(start.saturating_sub(600_000_000), end.max(start))
}
