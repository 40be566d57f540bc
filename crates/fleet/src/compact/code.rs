//! Tables whose rows are called by hashes of what they say: each row once.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use perf2pprof::Failure;

use crate::hash::{Content, Id};
use crate::parquet_file;
use crate::part::write;
use crate::select::broken;
use crate::store::{MAX_FILE, Store};
use crate::tables::CodeRow;

/// A file has about so many rows at most.
const MAX_ROWS: usize = 1 << 20;

/// Puts the files of a table together. Memory follows the rows of a file, and 16 bytes for each row of all.
pub(super) fn compact<R: CodeRow>(
    store: &Store,
    after: &mut BTreeSet<String>,
) -> Result<(), Failure> {
    let names: Vec<String> = store
        .list(R::TABLE)?
        .into_iter()
        .map(|entry| entry.name)
        .filter(|name| name.ends_with(".parquet"))
        .collect();
    let mut ids = HashSet::new();
    each::<R>(store, &names, |row| {
        ids.insert(row.id());
    })?;
    // Ids are hashes: their first bits cut the table evenly, and always in the same way.
    let files = ids.len().div_ceil(MAX_ROWS).next_power_of_two().min(1 << 16);
    let file_of = |id: Id| (usize::from(u16::from_be_bytes([id.0[0], id.0[1]])) * files) >> 16;
    for file in 0..files {
        let mut rows: BTreeMap<Id, R> = BTreeMap::new();
        each::<R>(store, &names, |row| {
            let id = row.id();
            if file_of(id) == file {
                match rows.get_mut(&id) {
                    Some(known) => known.add(&row),
                    None => {
                        rows.insert(id, row);
                    }
                }
            }
        })?;
        if rows.is_empty() {
            continue;
        }
        let mut content = Content::of(R::TABLE);
        for id in rows.keys() {
            content.id(*id);
        }
        let name = format!("{}/{}.parquet", R::TABLE, content.finish());
        write(store, &name, rows.into_values().collect::<Vec<R>>())?;
        after.insert(name);
    }
    Ok(())
}

fn each<R: CodeRow>(
    store: &Store,
    names: &[String],
    mut take: impl FnMut(R),
) -> Result<(), Failure> {
    for name in names {
        let bytes = store.read(name, MAX_FILE)?;
        parquet_file::each(bytes, |row: R| {
            take(row);
            Ok(())
        })
        .map_err(|error| broken(store, name, &error))?;
    }
    Ok(())
}
