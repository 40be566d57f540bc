//! Recordings and their samples, directory by directory.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use perf2pprof::Failure;

use crate::hash::{Content, Id};
use crate::parquet_file;
use crate::part::write;
use crate::select::{broken, own_name};
use crate::store::{MAX_FILE, Store};
use crate::tables::{RecordingRow, Row, SampleRow, TableError, Text};

/// A file has about so many samples.
const MAX_SAMPLES: usize = 1 << 20;

/// A recording: its rows, and the file that it is in.
struct Found {
    rows: Vec<RecordingRow>,
    file: String,
}

/// Puts the files of all directories together. Returns how many recordings there are.
pub(super) fn compact(
    store: &Store,
    names: &[String],
    after: &mut BTreeSet<String>,
) -> Result<usize, Failure> {
    let mut good: BTreeMap<Id, Found> = BTreeMap::new();
    let mut bad: BTreeMap<(String, Id), RecordingRow> = BTreeMap::new();
    for name in names {
        let Some(own) = own_name::<RecordingRow>(name) else { continue };
        read(store, name, own, &mut good, &mut bad)?;
    }
    // What was read in the end is not bad any more.
    let uri = |row: &RecordingRow| row.text(Text::Uri).unwrap_or_default().to_owned();
    let read: HashSet<String> =
        good.values().filter_map(|found| found.rows.first()).map(uri).collect();
    for ((directory, id), row) in bad {
        if !read.contains(&uri(&row)) {
            let name = format!("{}/{directory}/error-{id}.parquet", RecordingRow::TABLE);
            write(store, &name, vec![row])?;
            after.insert(name);
        }
    }
    let recordings = good.len();
    let mut directories: BTreeMap<String, BTreeMap<Id, Found>> = BTreeMap::new();
    for (id, found) in good {
        let directory = directory_of(&found.file).to_owned();
        directories.entry(directory).or_default().insert(id, found);
    }
    for (directory, found) in directories {
        samples(store, &directory, found, after)?;
    }
    Ok(recordings)
}

fn directory_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn read(
    store: &Store,
    name: &str,
    own: &str,
    good: &mut BTreeMap<Id, Found>,
    bad: &mut BTreeMap<(String, Id), RecordingRow>,
) -> Result<(), Failure> {
    let mut here: BTreeMap<Id, Vec<RecordingRow>> = BTreeMap::new();
    let bytes = store.read(name, MAX_FILE)?;
    parquet_file::each(bytes, |row: RecordingRow| {
        if row.text(Text::Error).is_some() {
            bad.insert((directory_of(own).to_owned(), row.recording), row);
        } else {
            here.entry(row.recording).or_default().push(row);
        }
        Ok(())
    })
    .map_err(|error| broken(store, name, &error))?;
    for (id, mut rows) in here {
        rows.sort_by_key(|row| row.position);
        let found = Found { rows, file: own.to_owned() };
        // Of several names of the same bytes, the first holds.
        let order = |found: &Found| {
            let uri = found.rows.first().and_then(|row| row.text(Text::Uri)).unwrap_or_default();
            (uri.to_owned(), found.file.clone())
        };
        match good.get_mut(&id) {
            Some(known) if order(known) <= order(&found) => {}
            Some(known) => *known = found,
            None => {
                good.insert(id, found);
            }
        }
    }
    Ok(())
}

/// Writes the recordings of a directory, and their samples.
fn samples(
    store: &Store,
    directory: &str,
    mut found: BTreeMap<Id, Found>,
    after: &mut BTreeSet<String>,
) -> Result<(), Failure> {
    let files: BTreeSet<String> = found.values().map(|found| found.file.clone()).collect();
    let mut counts: HashMap<Id, usize> = HashMap::new();
    each(store, &files, &found, |row| *counts.entry(row.recording).or_default() += 1)?;
    let mut last = Vec::new();
    while let Some(first) = found.keys().next().copied() {
        // As many recordings as make a file.
        let mut sum = 0;
        let next = found.keys().copied().find(|id| {
            let is_full = sum >= MAX_SAMPLES;
            sum += counts.get(id).copied().unwrap_or(0);
            is_full && *id != first
        });
        let rest = next.map_or_else(BTreeMap::new, |next| found.split_off(&next));
        let own = std::mem::replace(&mut found, rest);
        let mut rows = Vec::new();
        each(store, &files, &own, |row| rows.push(row))?;
        rows.sort_unstable_by(SampleRow::order);
        let mut content = Content::of("files");
        for id in own.keys() {
            content.id(*id);
        }
        let name = format!("{directory}/{}.parquet", content.finish());
        let path = format!("{}/{name}", SampleRow::TABLE);
        write(store, &path, rows)?;
        after.insert(path);
        let recordings: Vec<_> = own.into_values().flat_map(|found| found.rows).collect();
        last.push((format!("{}/{name}", RecordingRow::TABLE), recordings));
    }
    for (path, recordings) in last {
        write(store, &path, recordings)?;
        after.insert(path);
    }
    Ok(())
}

/// Gives the samples of recordings to `take`, each from the file that its recording is in.
fn each(
    store: &Store,
    files: &BTreeSet<String>,
    found: &BTreeMap<Id, Found>,
    mut take: impl FnMut(SampleRow),
) -> Result<(), Failure> {
    for file in files {
        if !found.values().any(|found| found.file == *file) {
            continue;
        }
        let name = format!("{}/{file}", SampleRow::TABLE);
        let bytes = store.read(&name, MAX_FILE)?;
        parquet_file::each(bytes, |row: SampleRow| {
            if found.get(&row.recording).is_some_and(|found| found.file == *file) {
                take(row);
            }
            Ok::<_, TableError>(())
        })
        .map_err(|error| broken(store, &name, &error))?;
    }
    Ok(())
}
