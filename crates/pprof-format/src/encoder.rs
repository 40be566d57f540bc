//! The message, field by field.
//!
//! What a field refers to has a higher number than the field itself, so that in the order of
//! their numbers each table is complete when its turn comes: samples number the locations,
//! locations the functions, and all of them the strings.

use std::io::{self, Write};
use std::num::NonZeroUsize;

use profile::{Binary, BinaryKind, Id, LabelSet, LabelValue, Profile, Stack, Symbols, Unit};

use crate::Written;
use crate::columns::{self, Columns, Rows};
use crate::fields;
use crate::functions::Functions;
use crate::gzip::Gzip;
use crate::locations::{Known, Locations, Place};
use crate::samples::Samples;
use crate::segments::Segments;
use crate::strings::Strings;
use crate::wire::{Message, Output};

/// Writes a profile as a plain message.
pub(crate) fn encode<W: Write>(
    profile: &Profile,
    symbols: &Symbols,
    out: &mut Gzip<W>,
    threads: NonZeroUsize,
) -> io::Result<Written> {
    let columns = Columns::of(profile);
    let rows = Rows::of(profile, &columns);
    let segments = Segments::of(profile);
    let mut encoder = Encoder {
        profile,
        symbols,
        segments: &segments,
        locations: Locations::new(profile, &segments),
        functions: Functions::of(symbols),
        strings: Strings::new(),
        labels: vec![None; profile.labels.len()],
        out: Output::new(out),
    };
    encoder.sample_types(&columns)?;
    encoder.number(&rows);
    encoder.samples(&rows, threads)?;
    let known = Known::of_binaries(&encoder.locations, symbols);
    let mapping_ids = encoder.mappings(&known)?;
    encoder.locations(&known, &mapping_ids)?;
    encoder.functions()?;
    encoder.strings_and_numbers()?;
    Ok(Written {
        samples: rows.len(),
        mappings: mapping_ids.iter().filter(|&&id| id != 0).count(),
        locations: encoder.locations.len(),
        functions: encoder.functions.iter().len(),
        strings: encoder.strings.iter().len(),
    })
}

struct Encoder<'a, 'o, W> {
    profile: &'a Profile,
    symbols: &'a Symbols,
    segments: &'a Segments,
    locations: Locations<'a>,
    functions: Functions<'a>,
    strings: Strings<'a>,
    /// By set of labels: its fields of a sample, if one has it.
    labels: Vec<Option<Box<[u8]>>>,
    out: Output<&'o mut Gzip<W>>,
}

impl<'a, W: Write> Encoder<'a, '_, W> {
    fn sample_types(&mut self, columns: &Columns<'a>) -> io::Result<()> {
        for event in &columns.events {
            let count = self.value_type(columns::count_type(&event.name), Unit::Count);
            self.out.message(fields::profile::SAMPLE_TYPE, &count)?;
            let weight = self.value_type(columns::weight_type(&event.name), event.unit);
            self.out.message(fields::profile::SAMPLE_TYPE, &weight)?;
        }
        Ok(())
    }

    fn value_type(&mut self, what: String, unit: Unit) -> Message {
        let mut message = Message::default();
        message.int(fields::value_type::TYPE, self.strings.index(what));
        message.int(fields::value_type::UNIT, self.strings.index(unit.name()));
        message
    }

    /// Numbers the locations and the texts of labels, in the order in which samples have them.
    fn number(&mut self, rows: &Rows) {
        let profile = self.profile;
        let mut is_numbered = vec![false; profile.stacks.len()];
        is_numbered[Stack::EMPTY.index()] = true;
        for row in rows.between(0..rows.len()) {
            let mut stack = row.stack;
            while !is_numbered[stack.index()] {
                is_numbered[stack.index()] = true;
                let Stack { parent, frame } = profile.stacks[stack];
                self.locations.id(frame);
                stack = parent;
            }
            if self.labels[row.labels.index()].is_none() {
                self.labels[row.labels.index()] = Some(self.label_fields(row.labels));
            }
        }
    }

    fn samples(&mut self, rows: &Rows, threads: NonZeroUsize) -> io::Result<()> {
        let (locations, labels) = (self.locations.ids(), self.labels.as_slice());
        let samples = Samples { profile: self.profile, rows, locations, labels };
        let block = |number| samples.block(number);
        self.out.inner().write_blocks(samples.blocks(), threads, &block)
    }

    /// The labels of a set as fields of a sample. An empty text is no label.
    fn label_fields(&mut self, labels: Id<LabelSet>) -> Box<[u8]> {
        let profile = self.profile;
        let mut sample = Message::default();
        for label in &profile.labels[labels] {
            let mut message = Message::default();
            message.int(fields::label::KEY, self.strings.index(&profile.strings[label.key]));
            match label.value {
                LabelValue::Text(text) => {
                    let text = self.strings.index(&profile.strings[text]);
                    if text == 0 {
                        // On the wire no text and the number 0 are the same.
                        continue;
                    }
                    message.int(fields::label::STR, text);
                }
                LabelValue::Number(number, unit) => {
                    let unit = self.strings.index(&profile.strings[unit]);
                    message.int(fields::label::NUM, number);
                    message.int(fields::label::NUM_UNIT, unit);
                }
            }
            sample.message(fields::sample::LABEL, &message);
        }
        sample.as_bytes().into()
    }

    /// Writes the segments in use and returns their ids by segment, 0 for those not in use. The
    /// main binary comes first: pprof takes the title from there, and looks there for the code
    /// when a binary is given on its command line.
    fn mappings(&mut self, known: &[Known]) -> io::Result<Vec<u64>> {
        let mut in_use: Vec<usize> = self.locations.segments().collect();
        in_use.sort_unstable_by_key(|&index| {
            let segment = self.segments.get(index);
            (Some(segment.binary) != self.profile.main_binary, segment.recorded)
        });
        in_use.dedup();
        let mut ids = vec![0; self.segments.len()];
        for (id, index) in (1..).zip(in_use) {
            ids[index] = id;
            self.mapping(id, index, known)?;
        }
        Ok(ids)
    }

    fn mapping(&mut self, id: u64, index: usize, known: &[Known]) -> io::Result<()> {
        let segment = self.segments.get(index);
        let binary = &self.profile.binaries[segment.binary];
        let known = known[segment.binary.index()];
        let filename = self.strings.index(filename(self.profile, binary));
        let build_id = binary.build_id.map(|id| id.to_string()).unwrap_or_default();
        let mut message = Message::default();
        message.uint(fields::mapping::ID, id);
        message.uint(fields::mapping::MEMORY_START, segment.start());
        message.uint(fields::mapping::MEMORY_LIMIT, segment.limit());
        message.uint(fields::mapping::FILE_OFFSET, segment.file_offset());
        message.int(fields::mapping::FILENAME, filename);
        message.int(fields::mapping::BUILD_ID, self.strings.index(build_id));
        message.flag(fields::mapping::HAS_FUNCTIONS, known.functions);
        message.flag(fields::mapping::HAS_FILENAMES, known.filenames);
        message.flag(fields::mapping::HAS_LINE_NUMBERS, known.line_numbers);
        message.flag(fields::mapping::HAS_INLINE_FRAMES, known.inline_frames);
        self.out.message(fields::profile::MAPPING, &message)
    }

    fn locations(&mut self, known: &[Known], mapping_ids: &[u64]) -> io::Result<()> {
        let mut message = Message::default();
        for (id, place, frame) in self.locations.iter() {
            message.clear();
            message.uint(fields::location::ID, id);
            let binary = self.profile.frames[frame].binary;
            let wants_name = match place {
                Place::Mapped { segment, address } => {
                    message.uint(fields::location::MAPPING_ID, mapping_ids[segment]);
                    message.uint(fields::location::ADDRESS, address);
                    known[binary.index()].functions
                }
                Place::Unmapped { address, .. } => {
                    message.uint(fields::location::ADDRESS, address);
                    true
                }
                Place::Marker(_) => true,
            };
            let lines = self.symbols.lines(frame);
            for line in lines {
                let function = self.functions.named(line.function, &mut self.strings);
                message.message(fields::location::LINE, &line_of(function, line.line));
            }
            if lines.is_empty() && wants_name {
                let function = self.functions.placeholder(self.profile, frame, &mut self.strings);
                message.message(fields::location::LINE, &line_of(function, 0));
            }
            self.out.message(fields::profile::LOCATION, &message)?;
        }
        Ok(())
    }

    fn functions(&mut self) -> io::Result<()> {
        let mut message = Message::default();
        for (id, function) in self.functions.iter() {
            message.clear();
            message.uint(fields::function::ID, id);
            message.int(fields::function::NAME, function.name);
            message.int(fields::function::SYSTEM_NAME, function.system_name);
            message.int(fields::function::FILENAME, function.filename);
            message.int(fields::function::START_LINE, function.start_line);
            self.out.message(fields::profile::FUNCTION, &message)?;
        }
        Ok(())
    }

    /// The strings, and the few fields after them, whose texts are among the strings.
    fn strings_and_numbers(&mut self) -> io::Result<()> {
        let profile = self.profile;
        let default = profile.default_event().map(|index| &profile.events[index]);
        let period_type = default.map(|event| self.value_type(event.name.clone(), event.unit));
        let comments: Vec<u64> =
            profile.comments.iter().map(|line| self.strings.index(line).cast_unsigned()).collect();
        let default_type =
            default.map(|event| self.strings.index(columns::weight_type(&event.name)));
        for text in self.strings.iter() {
            self.out.text(fields::profile::STRING_TABLE, text)?;
        }
        let recording = &profile.recording;
        let mut rest = Message::default();
        let start = recording.start_unix_nanos.map_or(0, columns::to_int64);
        rest.int(fields::profile::TIME_NANOS, start);
        let duration = recording.duration_nanos.map_or(0, columns::to_int64);
        rest.int(fields::profile::DURATION_NANOS, duration);
        if let Some(period_type) = period_type {
            rest.message(fields::profile::PERIOD_TYPE, &period_type);
        }
        rest.int(fields::profile::PERIOD, default.map_or(0, columns::period));
        rest.packed(fields::profile::COMMENT, comments.into_iter());
        rest.int(fields::profile::DEFAULT_SAMPLE_TYPE, default_type.unwrap_or(0));
        rest.packed(fields::profile::BLOCK_LENGTH, profile.blocks.lengths.iter().copied());
        self.out.fields(&rest)
    }
}

/// One entry of [`crate::proto::Location::line`].
fn line_of(function: u64, line: u32) -> Message {
    let mut message = Message::default();
    message.uint(fields::line::FUNCTION_ID, function);
    message.uint(fields::line::LINE, u64::from(line));
    message
}

/// The file as pprof looks for it: a replaced one under the name that it had, and the kernel with
/// the symbol by which pprof finds out where it was loaded.
fn filename(profile: &Profile, binary: &Binary) -> String {
    let path = profile.strings[binary.path].trim_end_matches(" (deleted)");
    match (binary.kind, binary.relocation) {
        (BinaryKind::Kernel, Some(relocation)) => {
            format!("{path}{}", profile.strings[relocation.symbol])
        }
        _ => path.to_owned(),
    }
}
