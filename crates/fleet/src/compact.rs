//! `perf2pprof-fleet compact`: many small files as few large ones.
//!
//! The files that come out depend on the recordings alone, not on how many exports they came in, from how many
//! machines or in which order. Rows of one id become one, a recording that is there several times counts once, and
//! what an export left behind that was ended before its end is dropped.
//!
//! New files are written before old ones go, so that nothing is lost whenever it is ended; but while it runs, rows
//! are there twice. Nothing else should read or write the tables meanwhile.

mod code;
mod recordings;

use std::collections::BTreeSet;

use perf2pprof::Failure;

use crate::args::CompactArgs;
use crate::store::Store;
use crate::tables::{FrameRow, FunctionRow, MappingRow, RecordingRow, Row, SampleRow, StackRow};

impl CompactArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let store = self.tables.store()?;
        let before = Names::of(&store)?;
        if before.recordings.is_empty() {
            return Err(crate::select::no_tables(&store));
        }
        let mut after = BTreeSet::new();
        code::compact::<FunctionRow>(&store, &mut after)?;
        code::compact::<MappingRow>(&store, &mut after)?;
        code::compact::<FrameRow>(&store, &mut after)?;
        code::compact::<StackRow>(&store, &mut after)?;
        let recordings = recordings::compact(&store, &before.recordings, &mut after)?;
        let old = before.recordings.iter().chain(&before.samples).chain(&before.code);
        let mut removed = 0;
        for name in old.filter(|name| !after.contains(*name)) {
            store.remove(name)?;
            removed += 1;
        }
        if !self.quiet {
            let before = before.recordings.len() + before.samples.len() + before.code.len();
            eprintln!("{recordings} recordings, {} files of {before} before", after.len());
            debug_assert!(removed <= before);
        }
        Ok(())
    }
}

/// The files that are there, by what they hold. Recordings go first: without them, samples are nobody's.
struct Names {
    recordings: Vec<String>,
    samples: Vec<String>,
    code: Vec<String>,
}

impl Names {
    fn of(store: &Store) -> Result<Self, Failure> {
        let list = |table: &str| -> Result<Vec<String>, Failure> {
            let entries = store.list(table)?.into_iter().map(|entry| entry.name);
            Ok(entries.filter(|name| name.ends_with(".parquet")).collect())
        };
        let mut code = Vec::new();
        for table in [FunctionRow::TABLE, MappingRow::TABLE, FrameRow::TABLE, StackRow::TABLE] {
            code.extend(list(table)?);
        }
        Ok(Self { recordings: list(RecordingRow::TABLE)?, samples: list(SampleRow::TABLE)?, code })
    }
}
