//! What a condition selects of the tables.
//!
//! ```text
//!   recordings ─> those that may be meant ─> their files of samples ─> sums by stack and labels
//! ```
//!
//! The samples of a file of `recordings` are in the file of `samples` with the same name, and nowhere else. A
//! recording that is in several files counts in the first.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use perf2pprof::Failure;
use pprof_format::MAX_BLOCKS;

use crate::filter::{Answer, Filter, Known};
use crate::hash::Id;
use crate::parquet_file;
use crate::store::{MAX_FILE, Store, cannot};
use crate::tables::{RecordingRow, Row, SampleLabels, SampleRow, TableError, Text};

/// What is selected.
#[derive(Debug, Default)]
pub struct Selection {
    /// Recordings of which an event is selected, each with these, by time.
    pub recordings: Vec<Vec<RecordingRow>>,
    /// So many recordings, one after the other, are a block of time.
    pub block: usize,
    /// Sums by stack and labels, with a row of values: a pair of count and weight for each event.
    pub samples: BTreeMap<(Id, Arc<SampleLabels>), Sum>,
}

/// What was counted at a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// By event: numbers of samples, and weights.
    pub values: Vec<(i64, i64)>,
    /// The same by block of time and event.
    pub cells: BTreeMap<(u16, u16), (i64, i64)>,
}

/// Selects samples.
pub fn select(store: &Store, filter: &Filter) -> Result<Selection, Failure> {
    let files = recordings(store, filter)?;
    let mut order: Vec<Vec<RecordingRow>> = Vec::new();
    for (_, rows) in &files {
        for rows in rows.chunk_by(|a, b| a.recording == b.recording) {
            order.push(rows.to_vec());
        }
    }
    order.sort_by_key(|rows| rows.first().map(|row| (row.start_ns, row.recording)));
    check_types(&order)?;
    let places: HashMap<Id, usize> =
        (0..).zip(&order).map(|(at, rows)| (rows[0].recording, at)).collect();
    let block = order.len().div_ceil(MAX_BLOCKS).max(1);
    let mut selection = Selection { recordings: order, block, samples: BTreeMap::new() };
    for (name, rows) in &files {
        // Those alone that count in this file.
        let own = rows.iter().map(|row| (row.recording, places[&row.recording])).collect();
        add_file(store, name, filter, &own, &mut selection)?;
    }
    Ok(selection)
}

/// The rows of the recordings that may be selected, by the names of their files below the table.
type Files = Vec<(String, Vec<RecordingRow>)>;

fn recordings(store: &Store, filter: &Filter) -> Result<Files, Failure> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    let entries = store.list(RecordingRow::TABLE)?;
    if entries.is_empty() {
        return Err(no_tables(store));
    }
    for entry in entries {
        let Some(own) = own_name::<RecordingRow>(&entry.name) else { continue };
        let partition = Partition::of(own);
        let known = Known { partition: partition.values(), ..Known::default() };
        if !filter.ask(&known).is_possible() {
            continue;
        }
        let mut rows: Vec<RecordingRow> = Vec::new();
        let bytes = store.read(&entry.name, MAX_FILE)?;
        let mut own_ids = HashSet::new();
        parquet_file::each(bytes, |row: RecordingRow| {
            let is_first = own_ids.contains(&row.recording) || !seen.contains(&row.recording);
            let known =
                Known { partition: partition.values(), recording: Some(&row), sample: None };
            if is_first && row.text(Text::Error).is_none() {
                own_ids.insert(row.recording);
                if filter.ask(&known).is_possible() {
                    rows.push(row);
                }
            }
            Ok(())
        })
        .map_err(|error| broken(store, &entry.name, &error))?;
        seen.extend(own_ids);
        if !rows.is_empty() {
            rows.sort_by_key(|row| (row.recording, row.position));
            files.push((own.to_owned(), rows));
        }
    }
    Ok(files)
}

/// All recordings have to count the same.
fn check_types(order: &[Vec<RecordingRow>]) -> Result<(), Failure> {
    let Some(first) = order.first() else { return Ok(()) };
    let columns = [Text::Event, Text::CountType, Text::CountUnit, Text::WeightType, Text::Unit];
    let types = |rows: &[RecordingRow]| -> Vec<_> {
        rows.iter().map(|row| columns.map(|column| row.text(column).map(str::to_owned))).collect()
    };
    let wanted = types(first);
    let shown = |rows: &[RecordingRow]| {
        let names = rows.iter().map(|row| {
            let texts = [Text::Event, Text::Unit].map(|text| row.text(text).unwrap_or_default());
            format!("{} ({})", texts[0], texts[1])
        });
        names.collect::<Vec<_>>().join(", ")
    };
    for rows in &order[1..] {
        if types(rows) != wanted {
            let uri =
                |rows: &[RecordingRow]| rows[0].text(Text::Uri).unwrap_or_default().to_owned();
            return Err(Failure::new(format!(
                "what is selected does not count the same: `{}` has {} where `{}` has {}",
                uri(rows),
                shown(rows),
                uri(first),
                shown(first)
            ))
            .hint("`--where \"event = 'NAME'\"` selects the samples of one event"));
        }
    }
    Ok(())
}

/// Adds the samples of a file.
fn add_file(
    store: &Store,
    name: &str,
    filter: &Filter,
    places: &HashMap<Id, usize>,
    selection: &mut Selection,
) -> Result<(), Failure> {
    let partition = Partition::of(name);
    let name = format!("{}/{name}", SampleRow::TABLE);
    let bytes = store.read(&name, MAX_FILE)?;
    let Selection { recordings, block, samples } = selection;
    // What the condition says of a whole recording is asked once.
    let mut answers: HashMap<(usize, usize), Answer> = HashMap::new();
    parquet_file::each(bytes, |row: SampleRow| {
        let Some(place) = places.get(&row.recording).copied() else { return Ok(()) };
        let events = &recordings[place];
        let is_own = |event: &RecordingRow| event.text(Text::Event) == Some(&*row.event);
        let Some(event) = events.iter().position(is_own) else { return Ok(()) };
        let known = |sample| Known {
            partition: partition.values(),
            recording: Some(&events[event]),
            sample,
        };
        let answer = *answers.entry((place, event)).or_insert_with(|| filter.ask(&known(None)));
        let is_meant = match answer {
            Answer::Unknown => filter.ask(&known(Some(&row))) == Answer::Yes,
            answer => answer == Answer::Yes,
        };
        if is_meant {
            add(&row, place / *block, event, events, samples)?;
        }
        Ok(())
    })
    .map_err(|error| broken(store, &name, &error))
}

fn add(
    row: &SampleRow,
    block: usize,
    event: usize,
    events: &[RecordingRow],
    samples: &mut BTreeMap<(Id, Arc<SampleLabels>), Sum>,
) -> Result<(), TableError> {
    let labels = if events[event].has_lens_labels {
        Arc::new(without_lens(&row.labels))
    } else {
        Arc::clone(&row.labels)
    };
    let sum = samples.entry((row.stack, labels)).or_default();
    sum.values.resize(events.len(), (0, 0));
    let too_many = |_| TableError::Dangling("a recording has too many events".to_owned());
    let cell = (u16::try_from(block).map_err(too_many)?, u16::try_from(event).map_err(too_many)?);
    for value in [&mut sum.values[event], sum.cells.entry(cell).or_default()] {
        value.0 = value.0.saturating_add(row.count.unwrap_or(0));
        value.1 = value.1.saturating_add(row.weight);
    }
    Ok(())
}

/// The labels that the recording had.
fn without_lens(labels: &SampleLabels) -> SampleLabels {
    let mut labels = labels.clone();
    for (text, (_, key)) in labels.texts.iter_mut().zip(SampleLabels::COLUMNS) {
        if SampleLabels::is_of_lens(key) {
            *text = None;
        }
    }
    labels
}

/// The name of a file below its table; nothing if it is no table's.
pub(crate) fn own_name<R: Row>(name: &str) -> Option<&str> {
    name.strip_prefix(R::TABLE)?.strip_prefix('/').filter(|name| name.ends_with(".parquet"))
}

/// What is wrong with a file.
pub(crate) fn broken(store: &Store, name: &str, error: &TableError) -> Failure {
    cannot("read", &store.shown(name), error)
        .hint("export its recordings again: `perf2pprof-fleet export` replaces files that it wrote")
}

pub(crate) fn no_tables(store: &Store) -> Failure {
    Failure::new(format!("there are no tables in `{}`", store.shown("")))
        .hint("`perf2pprof-fleet export RECORDING... -o DIR` makes some")
}

/// What the name of a file's directory says.
pub(crate) struct Partition(Option<(String, String)>);

impl Partition {
    pub(crate) fn of(name: &str) -> Self {
        let mut parts = name.split('/');
        let mut value = |key: &str| unescaped(parts.next()?.strip_prefix(key)?.strip_prefix('=')?);
        let date = value("date");
        Self(date.zip(value("service")))
    }

    pub(crate) fn values(&self) -> Option<(&str, &str)> {
        self.0.as_ref().map(|(date, service)| (date.as_str(), service.as_str()))
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}
