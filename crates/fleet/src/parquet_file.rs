//! Rows as the bytes of a Parquet file, and back.

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData};
use parquet::file::properties::WriterProperties;

use xxhash_rust::xxh3::xxh3_128;

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

/// The key of the checksum in the footer.
const CHECKSUM: &str = "perf2pprof.checksum";

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
    writer.flush()?;
    writer.sync().map_err(ParquetError::from)?;
    let checksum = checksum(writer.inner());
    writer.append_key_value_metadata(KeyValue::new(CHECKSUM.to_owned(), checksum));
    writer.close()?;
    Ok(bytes)
}

/// The length of the columns, and a hash of their bytes.
fn checksum(columns: &[u8]) -> String {
    format!("{}:{:032x}", columns.len(), xxh3_128(columns))
}

/// Whether the columns are those that were written, as far as the file says what those were: the reader of Parquet
/// panics at some damage. Files that others wrote do not say it.
fn is_whole(metadata: &ParquetMetaData, bytes: &[u8]) -> bool {
    let pairs = metadata.file_metadata().key_value_metadata();
    let own = pairs.into_iter().flatten().find(|pair| pair.key == CHECKSUM);
    let Some(wanted) = own.and_then(|pair| pair.value.as_ref()) else { return true };
    let len = wanted.split_once(':').and_then(|(len, _)| len.parse().ok());
    let columns = len.and_then(|len: usize| bytes.get(..len));
    columns.is_some_and(|columns| checksum(columns) == *wanted)
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
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
    if !is_whole(reader.metadata(), &bytes) {
        return Err(TableError::Damaged);
    }
    check(reader.metadata(), bytes.len())?;
    for batch in reader.with_batch_size(BATCH_ROWS).build()? {
        R::each(&batch?, &mut take)?;
    }
    Ok(())
}
