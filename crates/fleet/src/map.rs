//! A profile as rows of the tables.
//!
//! What makes two rows one is what makes them one for [`pprof_format::Merger`], so that putting tables
//! together and adding profiles up are the same.

mod samples;

use std::collections::{BTreeMap, HashMap};

use pprof_format::proto;

use crate::events::{Event, events, normalised};
use crate::hash::{Content, Id};
use crate::tables::{
    FrameRow, FunctionRow, LineRow, MappingRow, RecordingRow, SampleRow, StackRow, Text,
};

/// The rows of a recording.
#[derive(Debug, Default)]
pub struct Rows {
    /// One for each event.
    pub recordings: Vec<RecordingRow>,
    /// What was counted.
    pub samples: Vec<SampleRow>,
    /// The stacks of the samples.
    pub stacks: BTreeMap<Id, StackRow>,
    /// The frames of the stacks.
    pub frames: BTreeMap<Id, FrameRow>,
    /// The functions of the frames.
    pub functions: BTreeMap<Id, FunctionRow>,
    /// The mappings of the frames, and that of the program.
    pub mappings: BTreeMap<Id, MappingRow>,
}

/// Makes rows of a profile. `recording` has what is known of it beside. The error says what is wrong with it.
pub fn rows(profile: &proto::Profile, recording: RecordingRow) -> Result<Rows, String> {
    let events = events(profile)?;
    let mut mapping = Mapping { profile, rows: Rows::default(), ids: HashMap::new() };
    let locations = mapping.locations()?;
    let mut rows = mapping.rows;
    samples::add(profile, &events, &recording, &locations, &mut rows)?;
    // What no sample refers to stays behind.
    let used: Vec<Id> = rows.stacks.values().flat_map(|stack| &stack.frames).copied().collect();
    let mut frames = BTreeMap::new();
    for id in used {
        if let Some(frame) = rows.frames.remove(&id) {
            frames.insert(id, frame);
        }
    }
    rows.frames = frames;
    let functions = rows.frames.values().flat_map(|frame| &frame.lines).map(|line| line.function);
    let functions: std::collections::HashSet<Id> = functions.collect();
    rows.functions.retain(|id, _| functions.contains(id));
    let recording = of_profile(profile, recording, &rows)?;
    rows.recordings = of_events(&events, &recording, &rows);
    Ok(rows)
}

/// What a profile says once.
fn of_profile(
    profile: &proto::Profile,
    mut row: RecordingRow,
    rows: &Rows,
) -> Result<RecordingRow, String> {
    let text = |index| text(profile, index);
    row.duration_ns = profile.duration_nanos.max(0);
    row.period = profile.period;
    row.comments = profile
        .comment
        .iter()
        .map(|index| text(*index).map(str::to_owned))
        .collect::<Result<_, _>>()?;
    if let Some(of) = profile.period_type {
        row.set(Text::PeriodType, normalised(text(of.r#type)?));
        row.set(Text::PeriodUnit, text(of.unit)?);
    }
    for (column, index) in [
        (Text::DropFrames, profile.drop_frames),
        (Text::KeepFrames, profile.keep_frames),
        (Text::DocUrl, profile.doc_url),
    ] {
        row.set_some(column, text(index)?);
    }
    if profile.default_sample_type != 0 {
        row.set(Text::DefaultType, normalised(text(profile.default_sample_type)?));
    }
    if let Some(main) = profile.mapping.first() {
        let main = mapping(profile, main)?;
        row.set_some(Text::BuildId, &main.build_id);
        row.main_mapping = rows.mappings.contains_key(&main.id).then_some(main.id);
    }
    Ok(row)
}

/// A row for each event.
fn of_events(events: &[Event], recording: &RecordingRow, rows: &Rows) -> Vec<RecordingRow> {
    let mut result = Vec::new();
    for (position, event) in (0..).zip(events) {
        let mut row = RecordingRow { position, ..recording.clone() };
        row.set(Text::Event, event.name.as_str());
        row.set(Text::WeightType, event.weight.1.as_str());
        row.set(Text::Unit, event.weight.2.as_str());
        if let Some((_, name, unit)) = &event.count {
            row.set(Text::CountType, name.as_str());
            row.set(Text::CountUnit, unit.as_str());
        }
        let own = || rows.samples.iter().filter(|sample| *sample.event == event.name);
        row.weight = own().fold(0, |sum, sample| sum.saturating_add(sample.weight));
        let count = || own().filter_map(|sample| sample.count).fold(0, i64::saturating_add);
        row.samples = event.count.is_some().then(count);
        row.resolved_share = resolved_share(own(), rows);
        result.push(row);
    }
    result
}

/// The share of the weight whose innermost function has a name. `[envoy+0x1234]` is none.
fn resolved_share<'a>(samples: impl Iterator<Item = &'a SampleRow>, rows: &Rows) -> Option<f64> {
    let is_named = |sample: &SampleRow| {
        let leaf = rows.stacks.get(&sample.stack)?.frames.first()?;
        let line = rows.frames.get(leaf)?.lines.first()?;
        let name = &rows.functions.get(&line.function)?.name;
        (!name.is_empty() && !name.starts_with('[')).then_some(())
    };
    let (mut named, mut all) = (0.0, 0.0);
    for sample in samples {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let weight = sample.weight.max(0) as f64;
        all += weight;
        if is_named(sample).is_some() {
            named += weight;
        }
    }
    (all > 0.0).then(|| named / all)
}

fn text(profile: &proto::Profile, index: i64) -> Result<&str, String> {
    if index == 0 {
        return Ok("");
    }
    profile.text(index).ok_or_else(|| "a text is missing in it".to_owned())
}

/// A mapping, by its content.
fn mapping(profile: &proto::Profile, row: &proto::Mapping) -> Result<MappingRow, String> {
    let (file, build_id) = (text(profile, row.filename)?, text(profile, row.build_id)?);
    let is_file = file.starts_with('/') && !file.starts_with("//");
    let len = row.memory_limit.saturating_sub(row.memory_start);
    let mut content = Content::of("mappings");
    content.number(len.checked_next_multiple_of(4096).unwrap_or(len)).number(row.file_offset);
    content.text(build_id).flag(row.has_functions);
    content.text(if build_id.is_empty() { file } else { "" });
    content.number(if build_id.is_empty() && !is_file { row.memory_start } else { 0 });
    Ok(MappingRow {
        id: content.finish(),
        start: row.memory_start,
        limit: row.memory_limit,
        offset: row.file_offset,
        file: file.to_owned(),
        build_id: build_id.to_owned(),
        has: [row.has_functions, row.has_filenames, row.has_line_numbers, row.has_inline_frames],
    })
}

/// A profile's tables on their way.
struct Mapping<'a> {
    profile: &'a proto::Profile,
    rows: Rows,
    /// By the profile's own id: the mapping, and its start.
    ids: HashMap<u64, (Id, u64)>,
}

impl Mapping<'_> {
    /// The frames, by the profile's own ids.
    fn locations(&mut self) -> Result<HashMap<u64, Id>, String> {
        for row in &self.profile.mapping {
            let new = mapping(self.profile, row)?;
            self.ids.insert(row.id, (new.id, new.start));
            match self.rows.mappings.get_mut(&new.id) {
                Some(known) => {
                    known.join(&new);
                }
                None => {
                    self.rows.mappings.insert(new.id, new);
                }
            }
        }
        let functions = self.functions()?;
        let mut locations = HashMap::new();
        for location in &self.profile.location {
            let frame = self.frame(location, &functions)?;
            locations.insert(location.id, frame.id);
            self.rows.frames.insert(frame.id, frame);
        }
        Ok(locations)
    }

    fn functions(&mut self) -> Result<HashMap<u64, Id>, String> {
        let mut functions = HashMap::new();
        for row in &self.profile.function {
            let text = |index| text(self.profile, index);
            let (name, system_name) = (text(row.name)?, text(row.system_name)?);
            let filename = text(row.filename)?;
            let mut content = Content::of("functions");
            content.text(name).text(system_name).text(filename);
            let id = content.number(row.start_line.cast_unsigned()).finish();
            functions.insert(row.id, id);
            let new = || FunctionRow {
                id,
                name: name.to_owned(),
                system_name: system_name.to_owned(),
                filename: filename.to_owned(),
                start_line: row.start_line,
            };
            self.rows.functions.entry(id).or_insert_with(new);
        }
        Ok(functions)
    }

    fn frame(
        &self,
        location: &proto::Location,
        functions: &HashMap<u64, Id>,
    ) -> Result<FrameRow, String> {
        let mapping = match location.mapping_id {
            0 => None,
            id => Some(*self.ids.get(&id).ok_or("a mapping is missing in it")?),
        };
        let (mapping, start) = mapping.map_or((None, 0), |(id, start)| (Some(id), start));
        let address = location.address.wrapping_sub(start);
        let mut content = Content::of("frames");
        content.flag(mapping.is_some());
        if let Some(id) = mapping {
            content.id(id);
        }
        content.number(address).number(location.line.len() as u64);
        let mut lines = Vec::with_capacity(location.line.len());
        for line in &location.line {
            let function = functions.get(&line.function_id);
            let function = *function.ok_or("the function of a line is missing in it")?;
            content.id(function).number(line.line.cast_unsigned());
            content.number(line.column.cast_unsigned());
            lines.push(LineRow { function, line: line.line, column: line.column });
        }
        let id = content.flag(location.is_folded).finish();
        Ok(FrameRow { id, mapping, address, lines, is_folded: location.is_folded })
    }
}
