//! The rows of some recordings, until there are enough of them for files.
//!
//! ```text
//!   recordings/date=2026-01-02/service=edge/HASH.parquet    samples/date=2026-01-02/service=edge/HASH.parquet
//!   stacks/HASH.parquet    frames/HASH.parquet    functions/HASH.parquet    mappings/HASH.parquet
//! ```
//!
//! The hash is that of the recordings in the files, so that whoever exports the same ones again writes the
//! same files. Those of `recordings` are written last: where they are, all others are. The samples of a file of
//! `recordings` are in the file of `samples` that has its name, so that what an export left behind that
//! was ended before its end belongs to nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::DateTime;
use perf2pprof::Failure;

use crate::hash::{Content, Id};
use crate::map::Rows;
use crate::parquet_file;
use crate::store::{Store, cannot};
use crate::tables::{
    FrameRow, FunctionRow, MappingRow, RecordingRow, Row, SampleRow, StackRow, Text,
};

/// More sample rows make files hardly smaller, and take memory.
const MAX_SAMPLES: usize = 1 << 18;

/// The same for stacks and what they refer to, counted in frames.
const MAX_CODE: usize = 1 << 20;

/// At most so many rows that are written already are known: what is forgotten is written again.
const MAX_KNOWN: usize = 1 << 20;

/// Rows on their way into files.
#[derive(Default)]
pub struct Part {
    partitions: BTreeMap<String, (Vec<RecordingRow>, Vec<SampleRow>)>,
    stacks: BTreeMap<Id, StackRow>,
    frames: BTreeMap<Id, FrameRow>,
    functions: BTreeMap<Id, FunctionRow>,
    mappings: BTreeMap<Id, MappingRow>,
    recordings: Vec<Id>,
    samples: usize,
    code: usize,
    /// The stacks of this part, written or not.
    own_stacks: HashSet<Id>,
    written: HashSet<Id>,
    /// As they were written.
    known_mappings: HashMap<Id, MappingRow>,
}

impl Part {
    /// Whether it is time to write.
    pub fn is_full(&self) -> bool {
        self.samples >= MAX_SAMPLES || self.code >= MAX_CODE
    }

    /// Adds the rows of a recording.
    pub fn add(&mut self, rows: Rows) {
        let Some(first) = rows.recordings.first() else { return };
        self.recordings.push(first.recording);
        let (recordings, samples) = self.partitions.entry(partition(first)).or_default();
        recordings.extend(rows.recordings);
        self.samples += rows.samples.len();
        samples.extend(rows.samples);
        for (id, stack) in rows.stacks {
            // Where a part ends depends on what is in it alone, so that it ends there again when an
            // export is tried once more and knows less of what is written.
            if self.own_stacks.insert(id) {
                self.code += stack.frames.len() + 4;
            }
            if !self.written.contains(&id) {
                self.stacks.insert(id, stack);
            }
        }
        for (id, frame) in rows.frames {
            if !self.written.contains(&id) {
                self.frames.insert(id, frame);
            }
        }
        for (id, function) in rows.functions {
            if !self.written.contains(&id) {
                self.functions.insert(id, function);
            }
        }
        for (id, mut mapping) in rows.mappings {
            let known = self.mappings.get(&id).or_else(|| self.known_mappings.get(&id));
            if known.is_none_or(|known| {
                let mut both = known.clone();
                let is_news = both.join(&mapping);
                mapping = both;
                is_news
            }) {
                self.mappings.insert(id, mapping);
            }
        }
    }

    /// Writes all, and begins anew.
    pub fn flush(&mut self, store: &Store) -> Result<(), Failure> {
        if self.recordings.is_empty() {
            return Ok(());
        }
        self.recordings.sort_unstable();
        let mut content = Content::of("files");
        self.recordings.iter().for_each(|id| {
            content.id(*id);
        });
        let name = content.finish().to_string();
        write_code(store, &name, &mut self.stacks, &mut self.written)?;
        write_code(store, &name, &mut self.frames, &mut self.written)?;
        write_code(store, &name, &mut self.functions, &mut self.written)?;
        let mappings: Vec<_> = std::mem::take(&mut self.mappings).into_values().collect();
        self.known_mappings.extend(mappings.iter().map(|mapping| (mapping.id, mapping.clone())));
        write(store, &format!("{}/{name}.parquet", MappingRow::TABLE), mappings)?;
        let partitions = std::mem::take(&mut self.partitions);
        let mut last = Vec::new();
        for (partition, (recordings, samples)) in partitions {
            write(store, &format!("{}/{partition}/{name}.parquet", SampleRow::TABLE), samples)?;
            last.push((format!("{}/{partition}/{name}.parquet", RecordingRow::TABLE), recordings));
        }
        for (name, recordings) in last {
            write(store, &name, recordings)?;
        }
        self.recordings.clear();
        self.own_stacks.clear();
        (self.samples, self.code) = (0, 0);
        if self.written.len() > MAX_KNOWN {
            self.written.clear();
        }
        if self.known_mappings.len() > MAX_KNOWN {
            self.known_mappings.clear();
        }
        Ok(())
    }
}

/// Writes that a file is no recording, in a file of its own: it is replaced when it is tried again.
pub fn write_error(store: &Store, row: RecordingRow) -> Result<(), Failure> {
    let name =
        format!("{}/{}/error-{}.parquet", RecordingRow::TABLE, partition(&row), row.recording);
    write(store, &name, vec![row])
}

fn write_code<R: Row>(
    store: &Store,
    name: &str,
    rows: &mut BTreeMap<Id, R>,
    written: &mut HashSet<Id>,
) -> Result<(), Failure> {
    let rows = std::mem::take(rows);
    written.extend(rows.keys());
    let rows: Vec<_> = rows.into_values().collect();
    write(store, &format!("{}/{name}.parquet", R::TABLE), rows)
}

/// Writes a file, with its rows in their order.
pub fn write<R: Row>(store: &Store, name: &str, mut rows: Vec<R>) -> Result<(), Failure> {
    rows.sort_unstable_by(R::order);
    let bytes =
        parquet_file::write(&rows).map_err(|error| cannot("write", &store.shown(name), &error))?;
    store.write(name, bytes)
}

/// The directory of a recording.
fn partition(row: &RecordingRow) -> String {
    let date = row.start_ns.map(|nanos| DateTime::from_timestamp_nanos(nanos).date_naive());
    let date = date.unwrap_or_default();
    let service = row.text(Text::Service).filter(|service| !service.is_empty());
    format!("date={date}/service={}", escaped(service.unwrap_or("unknown")))
}

/// Digits.
const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// A name as that of a directory, as Hive writes it.
fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if is_plain && !(byte == b'.' && escaped.is_empty()) {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            escaped.extend([byte >> 4, byte & 15].map(|digit| char::from(HEX[usize::from(digit)])));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_stay_in_their_directory() {
        let mut row =
            RecordingRow { start_ns: Some(1_767_323_045_000_000_000), ..Default::default() };
        assert_eq!(partition(&row), "date=2026-01-02/service=unknown");
        row.set(Text::Service, "../a b=c");
        row.start_ns = None;
        assert_eq!(partition(&row), "date=1970-01-01/service=%2E.%2Fa%20b%3Dc");
    }
}
