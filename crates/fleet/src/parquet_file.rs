//! Rows as the bytes of a Parquet file, and back.

use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::tables::{Row, TableError};

/// Level 9 takes 4 % off level 3.
const LEVEL: i32 = 9;

/// Rows of a group: readers skip or take groups as a whole, by the smallest and largest values in them.
const GROUP_ROWS: usize = 1 << 18;

/// Rows that are turned into columns at once.
const BATCH_ROWS: usize = 1 << 14;

/// So many distinct values of a column may be told by their numbers.
const DICTIONARY_BYTES: usize = 4 << 20;

fn properties<R: Row>() -> Result<WriterProperties, TableError> {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_created_by(concat!("perf2pprof-fleet ", env!("CARGO_PKG_VERSION")).to_owned());
    for column in R::BLOOM {
        properties = properties
            .set_column_bloom_filter_enabled(ColumnPath::from(vec![(*column).to_owned()]), true);
    }
    Ok(properties.build())
}

/// The bytes of a file of rows, which are the same for the same rows.
pub fn write<R: Row>(rows: &[R]) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    let options = ArrowWriterOptions::new()
        .with_properties(properties::<R>()?)
        // The schema of Parquet says all that readers need.
        .with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(&mut bytes, R::schema(), options)?;
    for rows in rows.chunks(BATCH_ROWS) {
        writer.write(&R::to_batch(rows)?)?;
    }
    writer.close()?;
    Ok(bytes)
}

/// Gives each row of a file to `take`, until that fails.
pub fn each<R: Row>(
    bytes: Vec<u8>,
    mut take: impl FnMut(R) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(bytes))?;
    for batch in reader.with_batch_size(BATCH_ROWS).build()? {
        R::each(&batch?, &mut take)?;
    }
    Ok(())
}
