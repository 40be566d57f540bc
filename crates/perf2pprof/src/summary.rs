//! What was done, for people and for machines.

use std::fmt::{self, Display};
use std::path::PathBuf;

use pprof_format::proto;
use profile::{Profile, Sampling, Unit};
use serde::Serialize;
use session::{Conversion, LeftOut};
use symbolize::Symbolized;

use crate::binary_table::{self, BinarySummary};
use crate::hints;
use crate::job::Job;
use crate::output::Target;
use crate::shares::{self, Weights, share};

/// The result of a conversion. Shares are from 0 to 1.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    /// The first recording, as the user named it.
    pub(crate) recording: String,
    /// All recordings, in the order of time.
    pub(crate) recordings: Vec<String>,
    /// The host, architecture and kernel that were recorded.
    pub(crate) host: Vec<String>,
    /// The perf that recorded.
    pub(crate) perf_version: Option<String>,
    /// From the first to the last sample.
    pub(crate) duration_seconds: Option<f64>,
    /// What was counted.
    pub(crate) events: Vec<EventSummary>,
    /// Share of the frames' weight that has a name.
    pub(crate) named: f64,
    /// Share of the frames' weight that has a line number.
    pub(crate) with_lines: f64,
    /// The binaries that have frames, heaviest first.
    pub(crate) binaries: Vec<BinarySummary>,
    /// What was lost or cut.
    pub(crate) losses: LossSummary,
    /// The options that selected samples; empty if all were taken.
    pub(crate) selection: String,
    /// What was not selected, by event.
    pub(crate) left_out: Vec<LeftOutSummary>,
    /// The files that were written.
    pub(crate) outputs: Vec<PathBuf>,
    /// What the user could try.
    pub(crate) hints: Vec<String>,
}

/// An event.
#[derive(Debug, Serialize)]
pub(crate) struct EventSummary {
    /// Its name.
    pub(crate) name: String,
    /// `count` or `nanoseconds`.
    pub(crate) unit: &'static str,
    /// How many samples.
    pub(crate) samples: u64,
    /// The sum of their periods, in the unit.
    pub(crate) weight: u64,
    /// Samples per second that were asked for.
    pub(crate) frequency: Option<u64>,
    /// Occurrences between two samples that were asked for.
    pub(crate) period: Option<u64>,
}

/// Samples of an event that were not selected.
#[derive(Debug, Serialize)]
pub(crate) struct LeftOutSummary {
    /// The event's name.
    pub(crate) event: String,
    /// `count` or `nanoseconds`.
    pub(crate) unit: &'static str,
    /// How many samples.
    pub(crate) samples: u64,
    /// The sum of their periods, in the unit.
    pub(crate) weight: u64,
}

/// What is not in the profile, or not whole.
#[derive(Debug, Serialize)]
pub(crate) struct LossSummary {
    /// Samples that perf or the kernel lost.
    pub(crate) lost_samples: u64,
    /// Samples that could not be read.
    pub(crate) unreadable_samples: u64,
    /// Samples whose stack was cut at a caller that lies in no mapping.
    pub(crate) broken_stacks: u64,
    /// Their share of the weight.
    pub(crate) broken_stacks_share: f64,
    /// Samples whose stack is deeper than what was dumped of it.
    pub(crate) truncated_stacks: u64,
    /// Their share of the weight.
    pub(crate) truncated_stacks_share: f64,
    /// Samples whose stack ends where no unwind information was at hand.
    pub(crate) stacks_without_unwind_info: u64,
    /// Samples whose instruction pointer lies in no mapping.
    pub(crate) unmapped_samples: u64,
}

impl Summary {
    /// Sums up a conversion.
    pub(crate) fn new(
        names: &[&str],
        job: &Job,
        conversion: &Conversion,
        symbolized: &Symbolized,
    ) -> Self {
        let profile = &conversion.profile;
        let event = profile.default_event().and_then(|event| u32::try_from(event).ok());
        let event = event.unwrap_or(0);
        let weights = shares::by_binary(profile, &symbolized.symbols, event);
        let all: Weights = weights.iter().copied().sum();
        let total = profile.samples.total(event).weight;
        let binaries = binary_table::all(profile, &weights, symbolized, event);
        let recording = &profile.recording;
        let os = recording.os_release.as_ref().map(|release| format!("Linux {release}"));
        let host = [recording.hostname.clone(), recording.arch.clone(), os];
        let losses = &conversion.losses;
        #[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        Self {
            recording: names.first().map_or(String::new(), |&name| name.to_owned()),
            recordings: names.iter().map(|&name| name.to_owned()).collect(),
            host: host.into_iter().flatten().collect(),
            perf_version: recording.perf_version.clone(),
            duration_seconds: recording.duration_nanos.map(seconds),
            events: events(profile),
            named: all.named_share(),
            with_lines: all.lines_share(),
            binaries,
            losses: LossSummary {
                lost_samples: losses.lost_records.saturating_add(losses.lost_samples),
                unreadable_samples: losses.unreadable_samples,
                broken_stacks: losses.broken_stacks.count,
                broken_stacks_share: share(losses.broken_stacks.weight.into(), total.into()),
                truncated_stacks: losses.truncated_stacks.count,
                truncated_stacks_share: share(losses.truncated_stacks.weight.into(), total.into()),
                stacks_without_unwind_info: losses.all_without_unwind_info().count,
                unmapped_samples: losses.unmapped_leaves.count,
            },
            selection: job.session.selection.to_string(),
            left_out: conversion.left_out.iter().map(LeftOutSummary::new).collect(),
            outputs: job
                .outputs()
                .filter_map(|target| match target {
                    Target::File(path) | Target::Existing(path) => Some(path.clone()),
                    Target::Stdout => None,
                })
                .collect(),
            hints: match job.symbolize {
                Some(_) => hints::for_symbols(job.first_recording(), profile, symbolized, &weights),
                None => Vec::new(),
            },
        }
    }
}

fn events(profile: &Profile) -> Vec<EventSummary> {
    let summary = |(index, event): (usize, &profile::Event)| {
        let total = profile.samples.total(u32::try_from(index).ok()?);
        let (frequency, period) = match event.sampling {
            Sampling::Frequency(frequency) => (Some(frequency), None),
            Sampling::Period(period) => (None, Some(period)),
        };
        (total.count > 0 || !event.is_dummy()).then(|| EventSummary {
            name: event.name.clone(),
            unit: event.unit.name(),
            samples: total.count,
            weight: total.weight,
            frequency,
            period,
        })
    };
    profile.events.iter().enumerate().filter_map(summary).collect()
}

impl EventSummary {
    /// What the columns of a profile add up to: per event its samples and their weight, if they
    /// are named so, and else each column for itself.
    pub(crate) fn of_columns(profile: &proto::Profile) -> Vec<Self> {
        let text = |index: i64| profile.text(index).unwrap_or_default();
        let sum = |column: usize| -> u64 {
            let values = profile.sample.iter().filter_map(|sample| sample.value.get(column));
            values.fold(0, |sum: u64, value| sum.saturating_add(value.unsigned_abs()))
        };
        let mut events: Vec<Self> = Vec::new();
        for (column, kind) in profile.sample_type.iter().enumerate() {
            let name = text(kind.r#type);
            let unit = if text(kind.unit) == Unit::Nanoseconds.name() {
                Unit::Nanoseconds
            } else {
                Unit::Count
            };
            let event = name.strip_suffix("_event");
            if let Some(last) = events.last_mut().filter(|last| event == Some(&last.name)) {
                (last.weight, last.unit) = (sum(column), unit.name());
                continue;
            }
            let counted = name.strip_suffix("_sample");
            events.push(Self {
                name: counted.or(event).unwrap_or(name).to_owned(),
                unit: unit.name(),
                samples: counted.map_or(0, |_| sum(column)),
                weight: sum(column),
                frequency: None,
                period: None,
            });
        }
        events
    }
}

/// As one line for people.
impl Display for LossSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = [
            (self.lost_samples, "samples that perf could not keep up with"),
            (self.unreadable_samples, "samples that cannot be read"),
            (self.unmapped_samples, "samples whose own place lies in no mapping"),
            (self.broken_stacks, "stacks cut at a caller outside of every mapping"),
            (self.truncated_stacks, "stacks deeper than what was dumped"),
            (self.stacks_without_unwind_info, "stacks that no file at hand tells how to unwind"),
        ];
        let told = facts.iter().filter(|(count, _)| *count > 0);
        let told: Vec<_> = told.map(|(count, what)| format!("{count} {what}")).collect();
        if told.is_empty() { f.write_str("nothing") } else { f.write_str(&told.join(", ")) }
    }
}

impl LeftOutSummary {
    fn new(left_out: &LeftOut) -> Self {
        Self {
            event: left_out.event.clone(),
            unit: left_out.unit.name(),
            samples: left_out.value.count,
            weight: left_out.value.weight,
        }
    }
}

impl Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_recording(f)?;
        for left_out in &self.left_out {
            let LeftOutSummary { event, unit, samples, weight } = left_out;
            let weight = weight_text(*weight, unit);
            writeln!(f, "left out by `{}`: {event}: {samples} samples, {weight}", self.selection)?;
        }
        writeln!(
            f,
            "names for {} of the weight of all frames, line numbers for {}",
            percent(self.named),
            percent(self.with_lines)
        )?;
        if self.losses.broken_stacks > 0 {
            writeln!(
                f,
                "broken stacks: {} of the weight, cut at a caller outside of every mapping",
                percent(self.losses.broken_stacks_share)
            )?;
        }
        if self.losses.truncated_stacks > 0 {
            writeln!(
                f,
                "truncated stacks: {} of the weight, deeper than perf dumped; `perf record --call-graph dwarf,32768` dumps more",
                percent(self.losses.truncated_stacks_share)
            )?;
        }
        let rows = self.binaries.iter().map(|binary| (binary, binary.details()));
        binary_table::write(rows, f)?;
        let outputs: Vec<_> =
            self.outputs.iter().map(|path| format!("`{}`", path.display())).collect();
        if !outputs.is_empty() {
            writeln!(f, "wrote {}", outputs.join(" and "))?;
        }
        self.hints.iter().try_for_each(|hint| writeln!(f, "hint: {hint}"))
    }
}

impl Summary {
    fn fmt_recording(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`:", self.recordings.join("`, `"))?;
        if let Some(seconds) = self.duration_seconds {
            write!(f, " {seconds:.1} s")?;
        }
        if !self.host.is_empty() {
            write!(f, " of {}", self.host.join(", "))?;
        }
        if let Some(version) = &self.perf_version {
            write!(f, ", recorded by perf {version}")?;
        }
        writeln!(f)?;
        self.events.iter().try_for_each(|event| writeln!(f, "{event}"))
    }
}

impl Display for EventSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = weight_text(self.weight, self.unit);
        write!(f, "{}: {} samples, {weight}", self.name, self.samples)?;
        match (self.frequency, self.period) {
            (Some(frequency), _) => write!(f, " (at {frequency} Hz)"),
            (None, Some(period)) if period > 0 => write!(f, " (one in {period})"),
            _ => Ok(()),
        }
    }
}

fn weight_text(weight: u64, unit: &str) -> String {
    if unit == Unit::Nanoseconds.name() {
        #[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
        let seconds = weight as f64 / 1e9;
        format!("{seconds:.2} s of CPU time")
    } else {
        format!("{weight} in all")
    }
}

/// A share as people read it.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}
