//! The tables of all chunks as one profile.

use rustc_hash::{FxHashMap, FxHashSet};

use perf_data::PerfData;
use profile::{
    Binary, BinaryKind, Event, Id, Mapping, Profile, Recording, SampleKey, SampleValue, Stack,
};

use crate::TimedSample;
use crate::blocks::Slots;
use crate::index::Index;
use crate::losses::Losses;
use crate::samples::Chunk;

/// Takes chunks in the order of the file. Rows get their ids in the order in which they are
/// first seen, so the profile is the same however the file was cut.
pub(crate) struct Merger {
    profile: Profile,
    losses: Losses,
    /// What was not selected, by recorded event.
    left_out: Vec<SampleValue>,
    used_mappings: Vec<bool>,
    programs: FxHashMap<Id<Binary>, u64>,
    times: Option<(u64, u64)>,
    slots: Slots,
    is_empty: bool,
}

impl Merger {
    pub(crate) fn new(perf: &PerfData<'_>, index: &Index) -> Self {
        Self {
            profile: Profile::new(),
            losses: index.losses.clone(),
            left_out: vec![SampleValue::default(); perf.events().len()],
            used_mappings: vec![false; index.mappings.len()],
            programs: FxHashMap::default(),
            times: None,
            slots: Slots::default(),
            is_empty: true,
        }
    }

    pub(crate) fn add(&mut self, chunk: Chunk) {
        self.losses.add(&chunk.losses);
        for (sum, value) in self.left_out.iter_mut().zip(&chunk.left_out) {
            sum.add(*value);
        }
        for (used, also) in self.used_mappings.iter_mut().zip(&chunk.used_mappings) {
            *used |= also;
        }
        for (program, weight) in &chunk.programs {
            let sum = self.programs.entry(*program).or_default();
            *sum = sum.saturating_add(*weight);
        }
        self.times = match (self.times, chunk.times) {
            (Some((first, last)), Some((other_first, other_last))) => {
                Some((first.min(other_first), last.max(other_last)))
            }
            (times, other) => times.or(other),
        };
        if self.is_empty {
            self.is_empty = false;
            self.profile.frames = chunk.frames;
            self.profile.stacks = chunk.stacks;
            self.profile.labels = chunk.labels;
            self.profile.samples = chunk.samples;
            self.slots = chunk.slots;
        } else {
            self.add_rows(chunk);
        }
    }

    fn add_rows(&mut self, chunk: Chunk) {
        let Profile { frames, stacks, labels, samples, .. } = &mut self.profile;
        let frame_ids: Vec<_> =
            chunk.frames.iter().map(|(_, frame)| frames.intern(*frame)).collect();
        let mut stack_ids: Vec<Id<Stack>> = Vec::with_capacity(chunk.stacks.len());
        for (id, stack) in chunk.stacks.iter() {
            // Parents come first, so that their new id is known.
            let new = if id == Stack::EMPTY {
                id
            } else {
                let parent = stack_ids[stack.parent.index()];
                stacks.intern(Stack { parent, frame: frame_ids[stack.frame.index()] })
            };
            stack_ids.push(new);
        }
        let label_ids: Vec<_> =
            chunk.labels.iter().map(|(_, set)| labels.intern(set.clone())).collect();
        let mut rows = Vec::with_capacity(chunk.samples.len());
        for (key, value) in chunk.samples.iter() {
            let key = SampleKey {
                stack: stack_ids[key.stack.index()],
                event: key.event,
                labels: label_ids[key.labels.index()],
            };
            rows.push(samples.add(key, value));
        }
        self.slots.append(chunk.slots, &rows);
    }

    /// What was not selected, by recorded event.
    pub(crate) fn left_out(&self) -> &[SampleValue] {
        &self.left_out
    }

    /// The time from the last sample of the selected part to that of the recording.
    pub(crate) fn nanos_after(&self, index: &Index) -> u64 {
        match (self.times, index.sample_times) {
            (Some((_, selected)), Some((_, last))) => last.saturating_sub(selected),
            _ => 0,
        }
    }

    /// The samples one by one, at nanoseconds since the recording's first. Call it before [`Merger::finish`].
    pub(crate) fn take_timed(&mut self, index: &Index) -> Vec<TimedSample> {
        match index.sample_times.or(self.times).filter(|_| index.is_timed) {
            Some((first, _)) => self.slots.take_timed(first),
            None => Vec::new(),
        }
    }

    /// The profile of a whole recording.
    pub(crate) fn finish(
        self,
        perf: &PerfData<'_>,
        events: Vec<Event>,
        index: Index,
    ) -> (Profile, Losses) {
        let mut profile = self.profile;
        profile.strings = index.strings;
        profile.binaries = index.binaries;
        profile.events = events;
        add_mappings(&mut profile, &index.mappings, &self.used_mappings);
        // Equal weights: the one that was mapped first.
        let heaviest =
            self.programs.iter().max_by_key(|(id, weight)| (**weight, std::cmp::Reverse(**id)));
        profile.main_binary = heaviest.map(|(program, _)| *program);
        profile.recording = recording(perf, self.times);
        profile.blocks = self.times.map(|times| self.slots.into_blocks(times)).unwrap_or_default();
        profile.comments = comments(&profile.recording);
        (profile, self.losses)
    }
}

/// Adds the mappings of what was sampled. Of a file all parts are told of, sampled or not, since
/// together they show whether a file found later is the recorded one; but each once, not once
/// for each process that maps it.
fn add_mappings(profile: &mut Profile, recorded: &[Mapping], used: &[bool]) {
    let is_used = |(mapping, used): (&Mapping, &bool)| used.then_some(mapping.binary);
    let sampled: FxHashSet<_> = recorded.iter().zip(used).filter_map(is_used).collect();
    let mut known = FxHashSet::default();
    for (mapping, used) in recorded.iter().zip(used) {
        let is_file = profile.binaries[mapping.binary].kind == BinaryKind::File;
        let is_wanted = *used || (is_file && sampled.contains(&mapping.binary));
        if is_wanted && known.insert((mapping.binary, mapping.file_offset, mapping.len)) {
            profile.mappings.intern(*mapping);
        }
    }
}

/// What is known of a recording before its samples are read.
pub(crate) fn without_samples(perf: &PerfData<'_>, index: &Index) -> Profile {
    let mut profile = Profile::new();
    profile.strings = index.strings.clone();
    profile.binaries = index.binaries.clone();
    add_mappings(&mut profile, &index.mappings, &vec![true; index.mappings.len()]);
    profile.recording = recording(perf, None);
    profile
}

fn recording(perf: &PerfData<'_>, times: Option<(u64, u64)>) -> Recording {
    let features = perf.features();
    let times = times.or(features.sample_time.filter(|(first, last)| first <= last));
    let start = features.clock_data.zip(times).and_then(|(clock, (first, _))| {
        clock.wall_clock_nanos.checked_add(first)?.checked_sub(clock.clock_nanos)
    });
    Recording {
        start_unix_nanos: start,
        duration_nanos: times.map(|(first, last)| last - first),
        arch: features.arch.clone(),
        hostname: features.hostname.clone(),
        os_release: features.os_release.clone(),
        perf_version: features.perf_version.clone(),
        command_line: features.command_line.clone(),
        ..Recording::default()
    }
}

/// As `perf_to_profile` writes them.
fn comments(recording: &Recording) -> Vec<String> {
    let version = recording.perf_version.iter().map(|version| format!("perf-version:{version}"));
    let command = recording.command_line.iter();
    version.chain(command.map(|words| format!("perf-command:{}", words.join(" ")))).collect()
}
