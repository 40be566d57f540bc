//! The message under construction: locations by process and address, rows by process and stack.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use perf_data::{PerfData, RawRecord, RecordKind};
use pprof_format::proto;

use super::spaces::Mapping;

/// An address and the number of its mapping; `None` where nothing was mapped.
pub(super) type Place = Option<(u64, usize)>;

#[derive(Debug)]
pub(super) struct Builder {
    profile: proto::Profile,
    strings: HashMap<String, i64>,
    /// By process: the mappings of the profile by those of the recording.
    mappings: HashMap<(i32, usize), u64>,
    /// By process and address.
    locations: HashMap<i32, BTreeMap<u64, u64>>,
    /// By process and stack: the row.
    rows: HashMap<(i32, Vec<u64>), usize>,
    columns: usize,
}

impl Builder {
    pub(super) fn new(perf: &PerfData<'_>) -> Self {
        let (strings, mappings, locations, rows) = Default::default();
        let profile = proto::Profile::default();
        let columns = 2 * perf.events().len();
        let mut builder = Self { profile, strings, mappings, locations, rows, columns };
        builder.text("");
        for name in names(perf) {
            for kind in ["sample", "event"] {
                let r#type = builder.text(&format!("{name}_{kind}"));
                let unit = builder.text("count");
                builder.profile.sample_type.push(proto::ValueType { r#type, unit });
                // The last one stays.
                builder.profile.default_sample_type = r#type;
            }
        }
        builder
    }

    /// Before the first sample: the first mapping is that of the main program.
    pub(super) fn begin(
        &mut self,
        pid: i32,
        main: impl FnOnce() -> Option<(Option<usize>, Mapping)>,
    ) {
        if self.profile.mapping.is_empty() {
            let nothing = || Mapping {
                start: 0,
                limit: 1,
                file_offset: 0,
                path: String::new(),
                build_id: String::new(),
            };
            let (number, main) = main().unwrap_or_else(|| (None, nothing()));
            let id = self.add_mapping(&main);
            self.mappings.extend(number.map(|number| ((pid, number), id)));
        }
    }

    /// Adds samples: event, their number, and their weight.
    pub(super) fn sample(
        &mut self,
        pid: i32,
        stack: &[Place],
        mappings: &[Mapping],
        (event, count, weight): (usize, u64, u64),
    ) {
        let ids: Vec<_> = stack.iter().map(|place| self.location(pid, *place, mappings)).collect();
        let (rows, columns) = (&mut self.profile.sample, self.columns);
        let row = *self.rows.entry((pid, ids)).or_insert_with_key(|(_, ids)| {
            let value = vec![0; columns];
            rows.push(proto::Sample {
                location_id: ids.clone(),
                value,
                ..proto::Sample::default()
            });
            rows.len() - 1
        });
        for (column, value) in [(2 * event, count), (2 * event + 1, weight)] {
            let sum = &mut self.profile.sample[row].value[column];
            *sum = sum.saturating_add(i64::try_from(value).unwrap_or(i64::MAX));
        }
    }

    /// What was known of a process's addresses holds no more.
    pub(super) fn forget(&mut self, pid: i32, range: Range<u64>) {
        if let Some(locations) = self.locations.get_mut(&pid) {
            locations.retain(|address, _| !range.contains(address));
        }
    }

    /// A process runs another program: its samples from now on are rows of their own.
    pub(super) fn forget_process(&mut self, pid: i32) {
        self.locations.remove(&pid);
        self.mappings.retain(|(of, _), _| *of != pid);
        self.rows.retain(|(of, _), _| *of != pid);
    }

    fn location(&mut self, pid: i32, place: Place, mappings: &[Mapping]) -> u64 {
        let address = place.map_or(0, |(address, _)| address);
        let known = self.locations.get(&pid).and_then(|locations| locations.get(&address));
        if let Some(&id) = known {
            return id;
        }
        let mapping_id = place.map_or(0, |(_, number)| self.mapping(pid, number, mappings));
        let id = self.profile.location.len() as u64 + 1;
        let location = proto::Location { id, mapping_id, address, ..Default::default() };
        self.profile.location.push(location);
        self.locations.entry(pid).or_default().insert(address, id);
        id
    }

    fn mapping(&mut self, pid: i32, number: usize, mappings: &[Mapping]) -> u64 {
        if let Some(&id) = self.mappings.get(&(pid, number)) {
            return id;
        }
        let id = self.add_mapping(&mappings[number]);
        self.mappings.insert((pid, number), id);
        id
    }

    fn add_mapping(&mut self, mapping: &Mapping) -> u64 {
        let id = self.profile.mapping.len() as u64 + 1;
        let (filename, build_id) = (self.text(&mapping.path), self.text(&mapping.build_id));
        self.profile.mapping.push(proto::Mapping {
            id,
            memory_start: mapping.start,
            memory_limit: mapping.limit,
            file_offset: mapping.file_offset,
            filename,
            build_id,
            ..Default::default()
        });
        id
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(&index) = self.strings.get(text) {
            return index;
        }
        let index = i64::try_from(self.profile.string_table.len()).unwrap_or(0);
        self.profile.string_table.push(text.to_owned());
        self.strings.insert(text.to_owned(), index);
        index
    }

    /// The message, with what perf said of itself.
    pub(super) fn finish(mut self, perf: &PerfData<'_>) -> proto::Profile {
        let features = perf.features();
        let version = features.perf_version.iter().map(|version| format!("perf-version:{version}"));
        let command = features.command_line.iter();
        let command = command.map(|words| format!("perf-command:{}", words.join(" ")));
        for line in version.chain(command).collect::<Vec<_>>() {
            let line = self.text(&line);
            self.profile.comment.push(line);
        }
        self.profile
    }
}

/// The recorded names, if every event has one; otherwise none is used. Before Linux 3.13 a pipe
/// brought them as records of their own, in the order of the events.
fn names(perf: &PerfData<'_>) -> Vec<String> {
    let events = perf.events();
    let described: Option<Vec<_>> = events.iter().map(|event| event.name.clone()).collect();
    let from_records = || {
        let is_name = |record: &RawRecord<'_>| record.kind == RecordKind::HEADER_EVENT_TYPE;
        let names: Vec<_> = perf.records().filter(is_name).filter_map(|r| event_type(&r)).collect();
        (names.len() == events.len()).then_some(names)
    };
    described
        .or_else(from_records)
        .unwrap_or_else(|| (0..events.len()).map(|index| format!("event_{index}")).collect())
}

/// The name in a `struct perf_trace_event_type`: behind an id of 64 bits.
fn event_type(record: &RawRecord<'_>) -> Option<String> {
    let name = record.body.get(8..)?.split(|&byte| byte == 0).next()?;
    Some(String::from_utf8_lossy(name).into_owned())
}
