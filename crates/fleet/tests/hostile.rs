//! Tables that anybody may have written: an error, never a panic and never a lie.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow_array::builder::{FixedSizeBinaryBuilder, ListBuilder};
use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
use common::{files, fixture, fleet, text};
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use tempfile::TempDir;

/// The tables of a recording, made once.
fn tables() -> (TempDir, PathBuf) {
    static FILES: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
    let directory = tempfile::tempdir().unwrap();
    let tables = directory.path().join("tables");
    let files = FILES.get_or_init(|| {
        let made = directory.path().join("made");
        let recording = text(&fixture("small/fork-exec.perf"));
        fleet(&["export", "--quiet", &recording, "-o", &text(&made)]).unwrap();
        files(&made)
    });
    for (name, bytes) in files {
        let to = tables.join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }
    (directory, tables)
}

fn pprof(tables: &Path) -> Result<(), String> {
    let out = text(&tables.with_extension("pb.gz"));
    fleet(&["pprof", &text(tables), "--where", "event IS NOT NULL", "-q", "-o", &out])
        .map_err(|failure| failure.to_string())
}

fn file_of(tables: &Path, table: &str) -> PathBuf {
    let name = files(tables).into_keys().find(|name| name.starts_with(&format!("{table}/")));
    tables.join(name.unwrap())
}

const TABLES: [&str; 6] = ["recordings", "samples", "stacks", "frames", "functions", "mappings"];

#[test]
fn a_file_cut_short_is_said() {
    for table in TABLES {
        let (_directory, tables) = tables();
        let path = file_of(&tables, table);
        let bytes = std::fs::read(&path).unwrap();
        for len in [0, 3, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..len]).unwrap();
            let said = pprof(&tables).unwrap_err();
            assert!(said.contains("cannot read") && said.contains(table), "{said}");
            assert!(fleet(&["compact", "-q", &text(&tables)]).is_err());
        }
    }
}

#[test]
fn what_is_missing_is_said() {
    for table in ["stacks", "frames", "functions", "mappings"] {
        let (_directory, tables) = tables();
        std::fs::remove_file(file_of(&tables, table)).unwrap();
        let said = pprof(&tables).unwrap_err();
        assert!(
            said.contains("are missing that others refer to") && said.contains(table),
            "{said}"
        );
    }
    let (_directory, tables) = tables();
    std::fs::remove_file(file_of(&tables, "samples")).unwrap();
    assert!(pprof(&tables).unwrap_err().contains("samples"));
    let (_directory, tables) = tables_without_recordings();
    assert!(pprof(&tables).unwrap_err().contains("there are no tables"));
}

fn tables_without_recordings() -> (TempDir, PathBuf) {
    let (directory, tables) = tables();
    std::fs::remove_file(file_of(&tables, "recordings")).unwrap();
    (directory, tables)
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    std::fs::write(path, writer.into_inner().unwrap()).unwrap();
}

#[test]
fn columns_of_another_kind_are_said() {
    let (_directory, tables) = tables();
    let path = file_of(&tables, "stacks");
    let ids = |len: i32| -> ArrayRef {
        let mut column = FixedSizeBinaryBuilder::new(len);
        column.append_value(vec![7; usize::try_from(len).unwrap()]).unwrap();
        Arc::new(column.finish())
    };
    let frames = |has_gap: bool| -> ArrayRef {
        let mut column = ListBuilder::new(FixedSizeBinaryBuilder::new(16));
        column.values().append_value([9; 16]).unwrap();
        if has_gap {
            column.values().append_null();
        }
        column.append(true);
        Arc::new(column.finish())
    };
    let numbers = || -> ArrayRef { Arc::new(Int64Array::from(vec![1])) };
    let short = || -> ArrayRef { Arc::new(BinaryArray::from_vec(vec![b"short"])) };
    for (columns, part) in [
        (vec![("id", ids(16))], "it has no column `frames`"),
        (vec![("id", numbers()), ("frames", frames(false))], "`id` is of Int64, not of ids"),
        (vec![("id", ids(16)), ("frames", numbers())], "`frames` is of Int64, not of lists"),
        (vec![("id", ids(8)), ("frames", frames(false))], "an id of 8 bytes"),
        (vec![("id", short()), ("frames", frames(false))], "an id of 5 bytes"),
        (vec![("id", ids(16)), ("frames", frames(true))], "lacks the value of row 1"),
    ] {
        write(&path, columns);
        let said = pprof(&tables).unwrap_err();
        assert!(said.contains(part), "{said}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_an_error_or_nothing(
        table in 0..TABLES.len(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (_directory, tables) = tables();
        let path = file_of(&tables, TABLES[table]);
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        std::fs::write(&path, bytes).unwrap();
        let _ = pprof(&tables);
    }
}
