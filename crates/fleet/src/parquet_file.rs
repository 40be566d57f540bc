//! Rows as the bytes of a Parquet file, and back.

use std::ops::Range;

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;

use xxhash_rust::xxh3::Xxh3Default;

use crate::tables::{Row, TableError};

/// Level 9 takes 1 to 6 % off level 3, and no time that could be seen.
const LEVEL: i32 = 9;

/// Rows of a group: readers skip or take groups as a whole, by the smallest and largest values in them.
const GROUP_ROWS: usize = 1 << 18;

/// Rows that are turned into columns at once.
const BATCH_ROWS: usize = 1 << 14;

/// Nobody's groups have more rows, nor more bytes in a column.
const MAX_GROUP_ROWS: i64 = 1 << 27;
const MAX_CHUNK: i64 = 1 << 31;

/// The key of the checksum in the footer, and how its value begins.
const KEY: &str = "perf2pprof.checksum";
const CHECKSUM: &str = "perf2pprof.checksum:";

/// What stands for a checksum while it is computed.
const NO_DIGITS: &str = "00000000000000000000000000000000";

/// So many distinct values of a column may be told by their numbers.
const DICTIONARY_BYTES: usize = 4 << 20;

fn properties() -> Result<WriterProperties, TableError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_created_by(concat!("perf2pprof-fleet ", env!("CARGO_PKG_VERSION")).to_owned());
    Ok(properties.build())
}

/// The bytes of a file of rows, which are the same for the same rows.
pub fn write<R: Row>(rows: &[R]) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    let options = ArrowWriterOptions::new()
        .with_properties(properties()?)
        // The schema of Parquet says all that readers need.
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, R::schema(), options)?;
    for rows in rows.chunks(BATCH_ROWS) {
        writer.write(&R::to_batch(rows)?)?;
    }
    let empty = format!("{CHECKSUM}{NO_DIGITS}");
    writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), empty));
    writer.close()?;
    if let Some((digits, checksum)) = checksum(&bytes) {
        bytes[digits].copy_from_slice(checksum.as_bytes());
    }
    Ok(bytes)
}

/// Where the digits of the checksum are in a file, and what they should be: the hash of all bytes, with zeros in the
/// place of the digits. `None` for files that others wrote.
fn checksum(bytes: &[u8]) -> Option<(Range<usize>, String)> {
    // At the end: the footer, its length, and `PAR1`.
    let (_, end) = bytes.split_last_chunk::<8>().map(|(before, end)| (before, *end))?;
    let len = usize::try_from(u32::from_le_bytes([end[0], end[1], end[2], end[3]])).ok()?;
    let start = bytes.len().checked_sub(8)?.checked_sub(len)?;
    let mut marks = bytes[start..].windows(CHECKSUM.len());
    let mark = start + marks.rposition(|text| text == CHECKSUM.as_bytes())?;
    let digits = mark + CHECKSUM.len()..mark + CHECKSUM.len() + NO_DIGITS.len();
    let mut hash = Xxh3Default::new();
    hash.update(&bytes[..digits.start]);
    hash.update(NO_DIGITS.as_bytes());
    hash.update(bytes.get(digits.end..)?);
    Some((digits, format!("{:032x}", hash.digest128())))
}

/// Whether the bytes are those that were written, as far as the file says what those were: the reader of Parquet
/// panics at some damage.
fn is_whole(bytes: &[u8]) -> bool {
    checksum(bytes).is_none_or(|(digits, checksum)| bytes[digits] == *checksum.as_bytes())
}

/// Refuses what the reader would believe: places outside of the file, and sizes that no file of ours has.
fn check(metadata: &ParquetMetaData, len: usize) -> Result<(), TableError> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let lies =
        || TableError::Parquet(ParquetError::General("it has columns outside of itself".into()));
    for group in metadata.row_groups() {
        if !(0..=MAX_GROUP_ROWS).contains(&group.num_rows()) {
            return Err(lies());
        }
        for column in group.columns() {
            let first = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = first.checked_add(column.compressed_size());
            let is_inside = first >= 0
                && column.compressed_size() >= 0
                && column.data_page_offset() >= first
                && end.is_some_and(|end| column.data_page_offset() <= end && end <= len);
            let is_possible =
                (0..=MAX_CHUNK).contains(&column.uncompressed_size()) && column.num_values() >= 0;
            if !is_inside || !is_possible {
                return Err(lies());
            }
        }
    }
    Ok(())
}

/// Gives each row of a file to `take`, until that fails.
pub fn each<R: Row>(
    bytes: Vec<u8>,
    mut take: impl FnMut(R) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let bytes = Bytes::from(bytes);
    if !is_whole(&bytes) {
        return Err(TableError::Damaged);
    }
    let len = bytes.len();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    check(reader.metadata(), len)?;
    for batch in reader.with_batch_size(BATCH_ROWS).build()? {
        R::each(&batch?, &mut take)?;
    }
    Ok(())
}
