//! The messages of `profile.proto`, for reading.
//!
//! Field numbers and types are those of pprof. Texts are indices into
//! [`Profile::string_table`]; ids are numbers of the file's own, never zero.

/// A whole profile.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Profile {
    /// What each value of a sample counts.
    #[prost(message, repeated, tag = "1")]
    pub sample_type: Vec<ValueType>,
    /// The samples.
    #[prost(message, repeated, tag = "2")]
    pub sample: Vec<Sample>,
    /// What was mapped; the first one is the main binary.
    #[prost(message, repeated, tag = "3")]
    pub mapping: Vec<Mapping>,
    /// The places in the code that samples refer to.
    #[prost(message, repeated, tag = "4")]
    pub location: Vec<Location>,
    /// The functions that locations refer to.
    #[prost(message, repeated, tag = "5")]
    pub function: Vec<Function>,
    /// Every text once; the first one is "".
    #[prost(string, repeated, tag = "6")]
    pub string_table: Vec<String>,
    /// A regular expression: frames matching it are dropped with all they call.
    #[prost(int64, tag = "7")]
    pub drop_frames: i64,
    /// A regular expression: frames matching it are kept in spite of `drop_frames`.
    #[prost(int64, tag = "8")]
    pub keep_frames: i64,
    /// When the profile began, in nanoseconds since 1970 (UTC).
    #[prost(int64, tag = "9")]
    pub time_nanos: i64,
    /// How long it took, in nanoseconds.
    #[prost(int64, tag = "10")]
    pub duration_nanos: i64,
    /// What is counted between two samples.
    #[prost(message, optional, tag = "11")]
    pub period_type: Option<ValueType>,
    /// How much of it; 0 if it varied.
    #[prost(int64, tag = "12")]
    pub period: i64,
    /// Free text.
    #[prost(int64, repeated, tag = "13")]
    pub comment: Vec<i64>,
    /// The type of the sample type to show first.
    #[prost(int64, tag = "14")]
    pub default_sample_type: i64,
    /// Where the profile is explained.
    #[prost(int64, tag = "15")]
    pub doc_url: i64,
    /// Not of `profile.proto`: how long each block of the recording's time lasted, in nanoseconds.
    /// Readers skip fields that they do not know.
    #[prost(uint64, repeated, tag = "1000")]
    pub block_length: Vec<u64>,
}

impl Profile {
    /// The text of an index into the string table.
    pub fn text(&self, index: i64) -> Option<&str> {
        self.string_table.get(usize::try_from(index).ok()?).map(String::as_str)
    }
}

/// What a value counts, and in which unit.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct ValueType {
    /// What, such as `cpu-clock_event`.
    #[prost(int64, tag = "1")]
    pub r#type: i64,
    /// The unit, such as `nanoseconds`.
    #[prost(int64, tag = "2")]
    pub unit: i64,
}

/// One stack and what was counted there.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Sample {
    /// The stack, leaf first.
    #[prost(uint64, repeated, tag = "1")]
    pub location_id: Vec<u64>,
    /// One value per sample type.
    #[prost(int64, repeated, tag = "2")]
    pub value: Vec<i64>,
    /// What else is known of the samples.
    #[prost(message, repeated, tag = "3")]
    pub label: Vec<Label>,
    /// Not of `profile.proto`: what was counted in which block, as groups of four numbers: the block
    /// (an index into [`Profile::block_length`]), the event (the index of its first sample type, halved),
    /// the number of samples, and the sum of their weights.
    #[prost(uint64, repeated, tag = "1000")]
    pub block_cell: Vec<u64>,
}

/// A fact about a sample: a text, or a number with a unit.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Label {
    /// The name of the label.
    #[prost(int64, tag = "1")]
    pub key: i64,
    /// The text.
    #[prost(int64, tag = "2")]
    pub str: i64,
    /// The number.
    #[prost(int64, tag = "3")]
    pub num: i64,
    /// The unit of the number.
    #[prost(int64, tag = "4")]
    pub num_unit: i64,
}

/// A piece of a binary in memory.
#[derive(Clone, Copy, PartialEq, prost::Message)]
#[expect(clippy::struct_excessive_bools, reason = "these are the fields of profile.proto")]
pub struct Mapping {
    /// The number of the mapping.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// The first address.
    #[prost(uint64, tag = "2")]
    pub memory_start: u64,
    /// The address after the last one.
    #[prost(uint64, tag = "3")]
    pub memory_limit: u64,
    /// Where in the file the first address is.
    #[prost(uint64, tag = "4")]
    pub file_offset: u64,
    /// The file.
    #[prost(int64, tag = "5")]
    pub filename: i64,
    /// Its build ID.
    #[prost(int64, tag = "6")]
    pub build_id: i64,
    /// Whether its locations have functions.
    #[prost(bool, tag = "7")]
    pub has_functions: bool,
    /// Whether those have file names.
    #[prost(bool, tag = "8")]
    pub has_filenames: bool,
    /// Whether its locations have line numbers.
    #[prost(bool, tag = "9")]
    pub has_line_numbers: bool,
    /// Whether its locations have inlined functions.
    #[prost(bool, tag = "10")]
    pub has_inline_frames: bool,
}

/// A place in the code.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Location {
    /// The number of the location.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// The mapping it is in; 0 for none.
    #[prost(uint64, tag = "2")]
    pub mapping_id: u64,
    /// Its address, within the bounds of the mapping.
    #[prost(uint64, tag = "3")]
    pub address: u64,
    /// The functions at it, innermost inlined one first.
    #[prost(message, repeated, tag = "4")]
    pub line: Vec<Line>,
    /// Whether identical functions were folded, so that the name is one of several.
    #[prost(bool, tag = "5")]
    pub is_folded: bool,
}

/// A line of a function.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Line {
    /// The function.
    #[prost(uint64, tag = "1")]
    pub function_id: u64,
    /// The line, from 1.
    #[prost(int64, tag = "2")]
    pub line: i64,
    /// The column, from 1.
    #[prost(int64, tag = "3")]
    pub column: i64,
}

/// A function of the source.
#[derive(Clone, Copy, PartialEq, prost::Message)]
pub struct Function {
    /// The number of the function.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Its name for people.
    #[prost(int64, tag = "2")]
    pub name: i64,
    /// Its name for the linker.
    #[prost(int64, tag = "3")]
    pub system_name: i64,
    /// Its source file.
    #[prost(int64, tag = "4")]
    pub filename: i64,
    /// The line at which it is declared.
    #[prost(int64, tag = "5")]
    pub start_line: i64,
}
