//! The values of a sample: two columns per event, and one row per stack and labels.

use std::ops::Range;

use profile::{Event, Id, LabelSet, Profile, SampleValue, Sampling, Stack, Table, Unit};

/// The events that are written, in the order of the recording.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    pub(crate) events: Vec<&'a Event>,
    /// By the event's index in the profile: its index in `events`.
    positions: Vec<Option<usize>>,
}

impl<'a> Columns<'a> {
    /// All events but `dummy`, which `perf record -a` adds to hear of new mappings, and which
    /// never fires.
    pub(crate) fn of(profile: &'a Profile) -> Self {
        let mut sampled = vec![false; profile.events.len()];
        for (key, value) in profile.samples.iter() {
            if let Some(sampled) = sampled.get_mut(key.event as usize) {
                *sampled |= value.count > 0;
            }
        }
        let mut columns = Self { events: Vec::new(), positions: Vec::new() };
        for (event, sampled) in profile.events.iter().zip(sampled) {
            let is_written = sampled || !event.is_dummy();
            columns.positions.push(is_written.then_some(columns.events.len()));
            if is_written {
                columns.events.push(event);
            }
        }
        columns
    }
}

/// The type of the column with the number of samples, named as `perf_to_profile` names it.
pub fn count_type(event: &str) -> String {
    format!("{event}_sample")
}

/// The type of the column with the sum of weights.
pub fn weight_type(event: &str) -> String {
    format!("{event}_event")
}

/// The period, as far as one number tells it. At a frequency perf adjusts the period all the
/// time, and only for time, of which a busy CPU spends a second per second, is it known what it
/// adjusts it to.
pub(crate) fn period(event: &Event) -> i64 {
    match (event.sampling, event.unit) {
        (Sampling::Period(period), _) => to_int64(period),
        (Sampling::Frequency(frequency @ 1..), Unit::Nanoseconds) => {
            to_int64((1_000_000_000 + frequency / 2) / frequency)
        }
        (Sampling::Frequency(_), _) => 0,
    }
}

/// The values of one row as `int64`s on the wire.
pub(crate) fn proto_values(row: &[SampleValue]) -> impl Iterator<Item = u64> + Clone {
    row.iter()
        .flat_map(|value| [value.count, value.weight])
        .map(|value| to_int64(value).cast_unsigned())
}

/// The value, or the largest that `profile.proto` has room for.
pub(crate) fn to_int64(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The rows of all events with one stack and labels as one row: what `profile.proto` calls a
/// sample.
#[derive(Debug)]
pub(crate) struct Rows {
    keys: Vec<(Id<Stack>, Id<LabelSet>)>,
    /// As many values per key as there are columns.
    values: Vec<SampleValue>,
    width: usize,
    /// What was counted in which block, sorted by row.
    cells: Vec<Cell>,
}

/// What was counted in a block.
#[derive(Clone, Copy, Debug)]
struct Cell {
    row: usize,
    block: u32,
    column: usize,
    value: SampleValue,
}

/// One row.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) stack: Id<Stack>,
    pub(crate) labels: Id<LabelSet>,
    /// One value per column.
    pub(crate) values: &'a [SampleValue],
    cells: &'a [Cell],
}

impl Row<'_> {
    /// As [`crate::proto::Sample::block_cell`] has them.
    pub(crate) fn block_cells(&self) -> impl Iterator<Item = u64> + Clone {
        self.cells.iter().flat_map(|cell| {
            let SampleValue { count, weight } = cell.value;
            [u64::from(cell.block), cell.column as u64, count, weight]
        })
    }
}

impl Rows {
    /// Brings the samples together, in the order in which each stack was first seen.
    pub(crate) fn of(profile: &Profile, columns: &Columns<'_>) -> Self {
        let width = columns.events.len();
        let count = profile.samples.len();
        let (values, cells) = (Vec::with_capacity(count), Vec::new());
        let mut rows = Self { keys: Vec::with_capacity(count), values, width, cells };
        let mut known = Table::new();
        let mut cells = profile.blocks.cells().iter().peekable();
        for (number, (key, value)) in profile.samples.iter().enumerate() {
            let column = columns.positions.get(key.event as usize).copied().flatten();
            let row = column.map(|column| {
                let key = (key.stack, key.labels);
                // Of one event alone, no two rows are equal.
                let row = if width == 1 { rows.keys.len() } else { known.intern(key).index() };
                if row == rows.keys.len() {
                    rows.keys.push(key);
                    rows.values.resize(rows.values.len() + width, SampleValue::default());
                }
                rows.values[row * width + column].add(value);
                (row, column)
            });
            while let Some(cell) = cells.next_if(|cell| cell.row as usize == number) {
                let (block, value) = (cell.block, cell.value);
                rows.cells.extend(row.map(|(row, column)| Cell { row, block, column, value }));
            }
        }
        // Rows of several events become one.
        rows.cells.sort_by_key(|cell| (cell.row, cell.block));
        rows
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Some of the rows, in the order in which each was first seen.
    pub(crate) fn between(&self, range: Range<usize>) -> impl Iterator<Item = Row<'_>> {
        let mut rest = &self.cells[self.cells.partition_point(|cell| cell.row < range.start)..];
        range.map(move |number| {
            let (stack, labels) = self.keys[number];
            let values = &self.values[number * self.width..][..self.width];
            let own = rest.iter().take_while(|cell| cell.row == number).count();
            let (cells, behind) = rest.split_at(own);
            rest = behind;
            Row { stack, labels, values, cells }
        })
    }
}
