//! Many profiles as one, of any tool's making.
//!
//! ```text
//!   bytes of a file ─> Message (its rows, not copied) ─> Merger: tables of distinct rows ─> bytes
//! ```
//!
//! Each profile is added and forgotten: memory follows the distinct stacks, never the number of files. Rows
//! are the same if all that they say is: functions by their names and file, locations by
//! mapping, offset in it and lines, samples by stack and labels; mappings by size, offset and build ID, or the path where there is
//! none. A mapping that has names and one that has none stay two, or the stacks of the latter would lose
//! frames in the flame graph of the former.
//!
//! What a profile has once is the earliest time, the sum of the durations, the largest period, every
//! comment, and otherwise that of the first. Time blocks stand one behind the other, and are joined evenly where
//! there would be more than [`MAX_BLOCKS`]; a profile without any is one block.

mod add;
mod blocks;
mod message;
mod rows;
mod write;

use std::fmt;

use profile::Table;

use self::add::Adding;
use self::blocks::Blocks;
use self::message::Message;
use self::rows::{Comments, FunctionRow, LabelRow, LineRow, LocationRow, MappingTable};
use crate::Error;

/// At most so many time blocks are kept.
pub const MAX_BLOCKS: usize = blocks::MAX;

/// Why a profile cannot be merged with those before it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// It cannot be read at all.
    #[error(transparent)]
    Unreadable(#[from] Error),
    /// It refers to what it does not have.
    #[error("{0} is missing in it")]
    Dangling(&'static str),
    /// It counts something else.
    #[error("it has {} where the others have {}", Listed(.theirs), Listed(.ours))]
    SampleTypes {
        /// What the profiles before count, with units.
        ours: Vec<String>,
        /// What this one counts.
        theirs: Vec<String>,
    },
    /// Its samples were taken by something else.
    #[error("its period is of {theirs}, and that of the others of {ours}")]
    PeriodType {
        /// That of the profiles before.
        ours: String,
        /// That of this one.
        theirs: String,
    },
}

struct Listed<'a>(&'a [String]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// A name and a unit, as ids of texts.
type TypeRow = (u64, u64);

/// The sum of the profiles that were added.
pub struct Merger {
    /// The name by which an event is the same in all profiles.
    name_of: fn(&str) -> String,
    strings: Table<String>,
    types: Vec<TypeRow>,
    default_type: Option<u64>,
    period_type: Option<TypeRow>,
    period: i64,
    time_nanos: i64,
    duration_nanos: i64,
    drop_frames: u64,
    keep_frames: u64,
    doc_url: u64,
    comments: Comments,
    mappings: MappingTable,
    functions: Table<FunctionRow>,
    lines: Table<Vec<LineRow>>,
    locations: Table<LocationRow>,
    stacks: Table<Vec<u32>>,
    labels: Table<Vec<LabelRow>>,
    samples: Table<(u32, u32)>,
    /// As many for each sample as there are types.
    values: Vec<i64>,
    blocks: Blocks,
}

impl Merger {
    /// Without any profile. `name_of` gives the name by which an event is the same in all of them.
    pub fn new(name_of: fn(&str) -> String) -> Self {
        let mut strings = Table::new();
        strings.intern(String::new());
        Self {
            name_of,
            strings,
            types: Vec::new(),
            default_type: None,
            period_type: None,
            period: 0,
            time_nanos: 0,
            duration_nanos: 0,
            drop_frames: 0,
            keep_frames: 0,
            doc_url: 0,
            comments: Comments::default(),
            mappings: MappingTable::default(),
            functions: Table::new(),
            lines: Table::new(),
            locations: Table::new(),
            stacks: Table::new(),
            labels: Table::new(),
            samples: Table::new(),
            values: Vec::new(),
            blocks: Blocks::default(),
        }
    }

    /// How many distinct stacks with labels there are.
    pub fn samples(&self) -> usize {
        self.samples.len()
    }

    /// What is counted, with units.
    pub fn sample_types(&self) -> Vec<String> {
        self.shown_types(&self.types)
    }

    /// Adds a profile: a message that is not compressed ([`inflate`](crate::inflate)). After an error the sum has a
    /// part of it, and is to be thrown away.
    pub fn add(&mut self, message: &[u8]) -> Result<(), MergeError> {
        let message = Message::parse(message)?;
        let mut adding = Adding { to: self, texts: vec![None; message.strings.len()], message };
        adding.all()
    }

    /// A text by its id.
    fn shown(&self, id: u64) -> &str {
        let id = usize::try_from(id).unwrap_or_default();
        &self.strings[profile::Id::new(id)]
    }

    fn shown_types(&self, types: &[TypeRow]) -> Vec<String> {
        types
            .iter()
            .map(|(name, unit)| format!("{} ({})", self.shown(*name), self.shown(*unit)))
            .collect()
    }
}

/// The number of a row. A table has at most 2^32.
fn number<Row>(id: profile::Id<Row>) -> u32 {
    u32::try_from(id.index()).unwrap_or(u32::MAX)
}
