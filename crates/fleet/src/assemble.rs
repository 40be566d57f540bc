//! What is selected as a pprof profile.
//!
//! It is the profile that `perf2pprof merge` makes of the same recordings: same stacks, labels and values, and what
//! a profile has once added up by the same rules. Each recording is a block of time, as far as
//! [`MAX_BLOCKS`](pprof_format::MAX_BLOCKS) go; then several are one.

use std::collections::{HashMap, HashSet};

use perf2pprof::Failure;
use pprof_format::proto;

use crate::hash::Id;
use crate::parquet_file;
use crate::select::{Selection, broken, own_name};
use crate::store::{MAX_FILE, Store};
use crate::tables::{
    CodeRow, FrameRow, FunctionRow, MappingRow, OtherLabel, RecordingRow, SampleLabels, StackRow,
    Text,
};

/// The profile of what is selected.
pub fn assemble(store: &Store, selection: &Selection) -> Result<proto::Profile, Failure> {
    let mut code = Code::default();
    let wanted = selection.samples.keys().map(|(stack, _)| *stack).collect();
    let stacks = rows::<StackRow>(store, wanted)?;
    let wanted = stacks.values().flat_map(|stack| &stack.frames).copied().collect();
    let frames = rows::<FrameRow>(store, wanted)?;
    let lines = frames.values().flat_map(|frame| &frame.lines);
    let wanted = lines.map(|line| line.function).collect();
    let functions = rows::<FunctionRow>(store, wanted)?;
    let mains = selection.recordings.iter().filter_map(|rows| rows.first()?.main_mapping);
    let main = mains.clone().next();
    let wanted = frames.values().filter_map(|frame| frame.mapping).chain(main).collect();
    let mappings = rows::<MappingRow>(store, wanted)?;
    // The program comes first.
    if let Some(id) = main {
        code.mapping(id, &mappings);
    }
    let mut profile = proto::Profile::default();
    for ((stack, labels), sum) in &selection.samples {
        let mut sample = proto::Sample::default();
        for frame in &stacks[stack].frames {
            sample.location_id.push(code.location(&frames[frame], &functions, &mappings));
        }
        sample.label = code.labels(labels);
        for (row, (count, weight)) in selection.recordings[0].iter().zip(&sum.values) {
            sample.value.extend(row.text(Text::CountType).is_some().then_some(*count));
            sample.value.push(*weight);
        }
        profile.sample.push(sample);
    }
    once(&mut profile, selection, &mut code);
    blocks(&mut profile, selection);
    profile.mapping = code.mappings;
    profile.location = code.locations;
    profile.function = code.functions;
    profile.string_table = code.texts;
    Ok(profile)
}

/// The rows of a table with the wanted ids, all of which have to be there. Those of one id are added up.
fn rows<R: CodeRow>(store: &Store, mut missing: HashSet<Id>) -> Result<HashMap<Id, R>, Failure> {
    let mut found: HashMap<Id, R> = HashMap::new();
    let wanted = missing.clone();
    for entry in store.list(R::TABLE)? {
        if wanted.is_empty() || own_name::<R>(&entry.name).is_none() {
            continue;
        }
        let bytes = store.read(&entry.name, MAX_FILE)?;
        parquet_file::each(bytes, |row: R| {
            let id = row.id();
            if wanted.contains(&id) {
                missing.remove(&id);
                match found.get_mut(&id) {
                    Some(known) => known.add(&row),
                    None => {
                        found.insert(id, row);
                    }
                }
            }
            Ok(())
        })
        .map_err(|error| broken(store, &entry.name, &error))?;
    }
    match missing.iter().min() {
        None => Ok(found),
        Some(id) => Err(Failure::new(format!(
            "{} rows of `{}` are missing that others refer to, such as {id}",
            missing.len(),
            store.shown(R::TABLE)
        ))
        .hint("copy all tables, or export the recordings again")),
    }
}

/// What a profile says once, of all recordings.
fn once(profile: &mut proto::Profile, selection: &Selection, code: &mut Code) {
    let firsts: Vec<&RecordingRow> =
        selection.recordings.iter().filter_map(|rows| rows.first()).collect();
    for row in selection.recordings.first().into_iter().flatten() {
        let mut column = |name, unit| {
            if let Some(name) = row.text(name) {
                let unit = row.text(unit).unwrap_or_default();
                let row = proto::ValueType { r#type: code.text(name), unit: code.text(unit) };
                profile.sample_type.push(row);
            }
        };
        column(Text::CountType, Text::CountUnit);
        column(Text::WeightType, Text::Unit);
    }
    let mut first = |column| {
        let text = firsts.iter().find_map(|row| row.text(column));
        text.map_or(0, |text| code.text(text))
    };
    let period = (first(Text::PeriodType), first(Text::PeriodUnit));
    if period.0 != 0 {
        profile.period_type = Some(proto::ValueType { r#type: period.0, unit: period.1 });
    }
    profile.default_sample_type = first(Text::DefaultType);
    profile.drop_frames = first(Text::DropFrames);
    profile.keep_frames = first(Text::KeepFrames);
    profile.doc_url = first(Text::DocUrl);
    let mut comments = HashSet::new();
    for comment in firsts.iter().flat_map(|row| &row.comments) {
        if comments.insert(comment.as_str()) {
            profile.comment.push(code.text(comment));
        }
    }
    profile.period = firsts.iter().map(|row| row.period).max().unwrap_or(0);
    profile.time_nanos = firsts.iter().filter_map(|row| row.start_ns).min().unwrap_or(0);
    let durations = firsts.iter().map(|row| row.duration_ns);
    profile.duration_nanos = durations.fold(0, i64::saturating_add);
}

/// Recordings as blocks of time, if all that they count are pairs.
fn blocks(profile: &mut proto::Profile, selection: &Selection) {
    let mut events = selection.recordings.iter().flatten();
    if !events.all(|row| row.text(Text::CountType).is_some()) {
        return;
    }
    for rows in selection.recordings.chunks(selection.block) {
        let firsts = rows.iter().filter_map(|rows| rows.first());
        let lengths = firsts.map(|row| row.duration_ns.max(0).cast_unsigned());
        profile.block_length.push(lengths.fold(0, u64::saturating_add));
    }
    for (sample, sum) in profile.sample.iter_mut().zip(selection.samples.values()) {
        let positive = |value: i64| value.max(0).cast_unsigned();
        for (&(block, event), &(count, weight)) in &sum.cells {
            let numbers = [u64::from(block), u64::from(event), positive(count), positive(weight)];
            sample.block_cell.extend(numbers);
        }
    }
}

/// The tables of a profile, as they grow.
struct Code {
    texts: Vec<String>,
    known_texts: HashMap<String, i64>,
    mappings: Vec<proto::Mapping>,
    known_mappings: HashMap<Id, u64>,
    locations: Vec<proto::Location>,
    known_locations: HashMap<Id, u64>,
    functions: Vec<proto::Function>,
    known_functions: HashMap<Id, u64>,
}

impl Default for Code {
    fn default() -> Self {
        Self {
            texts: vec![String::new()],
            known_texts: HashMap::from([(String::new(), 0)]),
            mappings: Vec::new(),
            known_mappings: HashMap::new(),
            locations: Vec::new(),
            known_locations: HashMap::new(),
            functions: Vec::new(),
            known_functions: HashMap::new(),
        }
    }
}

impl Code {
    fn text(&mut self, text: &str) -> i64 {
        if let Some(known) = self.known_texts.get(text) {
            return *known;
        }
        let new = i64::try_from(self.texts.len()).unwrap_or(i64::MAX);
        self.texts.push(text.to_owned());
        self.known_texts.insert(text.to_owned(), new);
        new
    }

    /// The mapping's own id.
    fn mapping(&mut self, id: Id, rows: &HashMap<Id, MappingRow>) -> u64 {
        if let Some(known) = self.known_mappings.get(&id) {
            return *known;
        }
        let row = &rows[&id];
        let new = self.mappings.len() as u64 + 1;
        let mapping = proto::Mapping {
            id: new,
            memory_start: row.start,
            memory_limit: row.limit,
            file_offset: row.offset,
            filename: self.text(&row.file),
            build_id: self.text(&row.build_id),
            has_functions: row.has[0],
            has_filenames: row.has[1],
            has_line_numbers: row.has[2],
            has_inline_frames: row.has[3],
        };
        self.mappings.push(mapping);
        self.known_mappings.insert(id, new);
        new
    }

    fn location(
        &mut self,
        row: &FrameRow,
        functions: &HashMap<Id, FunctionRow>,
        mappings: &HashMap<Id, MappingRow>,
    ) -> u64 {
        if let Some(known) = self.known_locations.get(&row.id) {
            return *known;
        }
        let mapping_id = row.mapping.map_or(0, |id| self.mapping(id, mappings));
        let start = row.mapping.map_or(0, |id| mappings[&id].start);
        let mut line = Vec::new();
        for row in &row.lines {
            let function_id = self.function(&functions[&row.function]);
            line.push(proto::Line { function_id, line: row.line, column: row.column });
        }
        let new = self.locations.len() as u64 + 1;
        let address = row.address.wrapping_add(start);
        let is_folded = row.is_folded;
        self.locations.push(proto::Location { id: new, mapping_id, address, line, is_folded });
        self.known_locations.insert(row.id, new);
        new
    }

    fn function(&mut self, row: &FunctionRow) -> u64 {
        if let Some(known) = self.known_functions.get(&row.id) {
            return *known;
        }
        let new = self.functions.len() as u64 + 1;
        let function = proto::Function {
            id: new,
            name: self.text(&row.name),
            system_name: self.text(&row.system_name),
            filename: self.text(&row.filename),
            start_line: row.start_line,
        };
        self.functions.push(function);
        self.known_functions.insert(row.id, new);
        new
    }

    fn labels(&mut self, labels: &SampleLabels) -> Vec<proto::Label> {
        let own = labels.texts.iter().zip(SampleLabels::COLUMNS).filter_map(|(text, (_, key))| {
            let key = key.to_owned();
            Some(OtherLabel { key, text: text.clone()?, ..OtherLabel::default() })
        });
        let mut all: Vec<_> = own.chain(labels.others.iter().cloned()).collect();
        all.sort_unstable();
        let mut made = Vec::new();
        for label in all {
            made.push(proto::Label {
                key: self.text(&label.key),
                str: self.text(&label.text),
                num: label.number,
                num_unit: self.text(&label.unit),
            });
        }
        made
    }
}
