//! The course of a recording: its samples one by one, with what each was part of.

use std::collections::HashMap;

use flamegraph::{GROUP_COLORS, GroupColor};
use lens::{Lens, Reason, Role, Tag, Tags};
use profile::{Profile, SampleKey, SampleValue, Unit};
use session::TimedSample;
use timeline::{Palette, Sample, Thread};

use crate::lens_command::workers::{self, ThreadRow};
use crate::threads;
use crate::timeline_command::part;

/// A picture has room for so many workers.
const MAX_THREADS: usize = 16;

/// The course of a recording.
pub(crate) struct Course<'a> {
    profile: &'a Profile,
    timed: &'a [TimedSample],
    event: u32,
    /// Those of one event.
    pub(crate) samples: Vec<Sample>,
    /// What their groups are called.
    pub(crate) palette: Palette,
    /// The workers, busiest first; if there is none, the busiest threads.
    pub(crate) threads: Vec<Thread>,
    /// How many threads are not among these.
    pub(crate) more_threads: usize,
    /// Whether weights are nanoseconds of CPU time.
    pub(crate) is_time: bool,
    /// When the first sample is, and until when there are some.
    pub(crate) times: (u64, u64),
}

impl<'a> Course<'a> {
    /// The course of an event.
    pub(crate) fn new(
        lens: &Lens,
        tags: &Tags,
        profile: &'a Profile,
        timed: &'a [TimedSample],
        event: u32,
    ) -> Self {
        let keys: Vec<SampleKey> = profile.samples.iter().map(|(key, _)| *key).collect();
        let mut groups = Groups::default();
        let of_tag: Vec<u32> = tags.iter().map(|(_, tag)| groups.number(tags, tag)).collect();
        let rows = workers::threads(lens, profile, event);
        let of_labels = thread_numbers(profile, &rows);
        let own =
            |sample: &&TimedSample| keys.get(sample.row as usize).is_some_and(|k| k.event == event);
        let sample = |timed: &TimedSample| {
            let key = keys[timed.row as usize];
            Sample {
                time: timed.time,
                thread: of_labels[key.labels.index()],
                group: of_tag[tags.id_of(key.stack).index()],
                count: timed.value.count,
                weight: timed.value.weight,
            }
        };
        let samples: Vec<Sample> = timed.iter().filter(own).map(sample).collect();
        let moments = || samples.iter().map(|sample| sample.time);
        let end = moments().max().map_or(0, |last| last.saturating_add(1));
        let span = (moments().min().unwrap_or(0), end);
        let is_worker = |row: &&ThreadRow| row.role == Role::Named("worker").text();
        let has_workers = rows.iter().any(|row| is_worker(&row));
        let shown = rows.iter().enumerate().filter(|(_, row)| !has_workers || is_worker(row));
        let all = shown.clone().count();
        let thread = |(number, row): (usize, &ThreadRow)| Thread {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            name: name(row),
        };
        let is_time =
            profile.events.get(event as usize).is_some_and(|event| event.unit == Unit::Nanoseconds);
        Self {
            threads: shown.take(MAX_THREADS).map(thread).collect(),
            more_threads: all.saturating_sub(MAX_THREADS),
            palette: groups.palette(&samples),
            profile,
            timed,
            event,
            samples,
            is_time,
            times: span,
        }
    }

    /// The profile of a part of the time.
    pub(crate) fn between(&self, from: u64, to: u64) -> Profile {
        part::of(self.profile, self.timed, from..to)
    }

    /// All weight.
    pub(crate) fn total(&self) -> SampleValue {
        self.profile.samples.total(self.event)
    }
}

fn name(row: &ThreadRow) -> String {
    match row.tid {
        Some(tid) => format!("{} (tid {tid})", row.name),
        None => row.name.clone(),
    }
}

/// By set of labels: the row of its thread.
fn thread_numbers(profile: &Profile, rows: &[ThreadRow]) -> Vec<u32> {
    let number = |(number, row): (usize, &ThreadRow)| {
        let key = (row.pid.zip(row.tid), row.name.clone());
        (key, u32::try_from(number).unwrap_or(u32::MAX))
    };
    let by_ids: HashMap<_, _> = rows
        .iter()
        .enumerate()
        .filter_map(|(at, row)| Some((row.pid.zip(row.tid)?, u32::try_from(at).ok()?)))
        .collect();
    let by_name: HashMap<_, _> = rows.iter().enumerate().map(number).collect();
    let of = |labels: &[profile::Label]| {
        let key = threads::key(profile, labels);
        let known = key.ids().and_then(|ids| by_ids.get(&ids));
        known.or_else(|| by_name.get(&(None, key.name().to_owned()))).copied().unwrap_or(u32::MAX)
    };
    profile.labels.iter().map(|(_, labels)| of(labels)).collect()
}

/// What samples are part of, as far as is known: the subsystem; else the work, whose owner is not known; else why.
#[derive(Default)]
struct Groups {
    names: Vec<String>,
    /// Whether anything is known of it.
    is_known: Vec<bool>,
}

impl Groups {
    fn number(&mut self, tags: &Tags, tag: &Tag) -> u32 {
        let (name, is_known) = name_of(tags, tag);
        let at = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.is_known.push(is_known);
            self.names.len() - 1
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// The heaviest have colours of their own.
    fn palette(self, samples: &[Sample]) -> Palette {
        let mut weights = vec![0_u64; self.names.len()];
        for sample in samples {
            let sum = &mut weights[sample.group as usize];
            *sum = sum.saturating_add(sample.weight);
        }
        let mut heaviest: Vec<usize> = (0..self.names.len())
            .filter(|group| self.is_known[*group] && weights[*group] > 0)
            .collect();
        heaviest.sort_by_key(|group| std::cmp::Reverse(weights[*group]));
        let rest = heaviest.len().min(GROUP_COLORS);
        let mut legend: Vec<_> = heaviest
            .iter()
            .take(GROUP_COLORS)
            .enumerate()
            .map(|(color, group)| (self.names[*group].clone(), GroupColor::Own(color).rgb()))
            .collect();
        let unknown = if heaviest.len() > GROUP_COLORS {
            legend.push((format!("{} more", heaviest.len() - rest), GroupColor::Rest.rgb()));
            rest + 1
        } else {
            rest
        };
        legend.push(("none, or not known".to_owned(), GroupColor::Unknown.rgb()));
        let color = |group: usize| match heaviest.iter().position(|known| *known == group) {
            Some(place) => place.min(rest),
            None => unknown,
        };
        let colors = (0..self.names.len()).map(color).collect();
        Palette { names: self.names, colors, legend }
    }
}

/// The name of a group, and whether anything is known of it.
pub(crate) fn name_of(tags: &Tags, tag: &Tag) -> (String, bool) {
    let work = tags.text(tag.work);
    match tag.subsystem {
        Ok(subsystem) => (tags.text(subsystem).to_owned(), true),
        Err(reason) if work == "own" => (reason.text().to_owned(), false),
        Err(Reason::KernelOnly | Reason::NoOwner) => (work.to_owned(), true),
        Err(_) => (format!("{work}, owner unknown"), true),
    }
}
