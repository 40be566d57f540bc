//! What was done, for people and for machines.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use profile::{Binary, BinaryKind, Id, Profile, Reason, Sampling, Unit};
use serde::Serialize;
use session::{Conversion, LeftOut};
use symbolize::{BinaryReport, Symbolized};

use crate::hints;
use crate::job::Job;
use crate::output::Target;
use crate::proof::Proof;
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

/// A binary.
#[derive(Debug, Serialize)]
pub(crate) struct BinarySummary {
    /// Its recorded path.
    pub(crate) path: String,
    /// Its recorded build ID.
    pub(crate) build_id: Option<String>,
    /// Share of the weight of samples that were in it.
    pub(crate) share: f64,
    /// Share of its frames' weight that has a name.
    pub(crate) named: f64,
    /// Share of its frames' weight that has a line number.
    pub(crate) with_lines: f64,
    /// Where its names come from, or why there are none.
    pub(crate) symbols: String,
    /// What speaks for the file used, beside its build ID and segments.
    pub(crate) proof: Option<Proof>,
    /// The files that were found, and are not the recorded one.
    pub(crate) refused: Vec<String>,
    /// Reservations about the file used.
    pub(crate) notes: Vec<String>,
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
        let binaries: Vec<_> = shares::heaviest(&weights)
            .into_iter()
            .map(|id| {
                let report = symbolized.binaries.iter().find(|report| report.binary == id);
                BinarySummary::new(profile, id, &weights[id.index()], total, report)
            })
            .collect();
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

impl BinarySummary {
    fn new(
        profile: &Profile,
        id: Id<Binary>,
        weights: &Weights,
        total: u64,
        report: Option<&BinaryReport>,
    ) -> Self {
        let binary = &profile.binaries[id];
        let paths = |refused: &binaries::Refused| {
            format!("`{}`: {}", refused.path.display(), refused.refusal)
        };
        Self {
            path: profile.strings[binary.path].clone(),
            build_id: binary.build_id.map(|build_id| build_id.to_string()),
            share: share(weights.own.into(), total.into()),
            named: weights.named_share(),
            with_lines: weights.lines_share(),
            symbols: symbols(binary.kind, report),
            proof: report.and_then(|report| Proof::of(profile, report)),
            refused: report
                .map(|report| report.refused.iter().map(paths).collect())
                .unwrap_or_default(),
            notes: report
                .map(|report| report.notes.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
        }
    }
}

/// Where names come from, or why there are none.
fn symbols(kind: BinaryKind, report: Option<&BinaryReport>) -> String {
    let Some(report) = report else { return reason(Reason::NotAsked).to_owned() };
    if let Some(used) = &report.used {
        let package = used.package.as_ref().map(|path| {
            let is_beside = path.parent() == used.image.parent();
            let name = path.file_name().filter(|_| is_beside).map_or(path.as_path(), Path::new);
            format!(" and `{}`", name.display())
        });
        return format!(
            "from `{}`{} ({})",
            used.image.display(),
            package.unwrap_or_default(),
            used.quality
        );
    }
    let most = report.frames.unnamed.iter().max_by_key(|(_, frames)| **frames);
    match most {
        _ if report.frames.unnamed.is_empty() => "named by the recording".to_owned(),
        Some((Reason::NoFile, _)) if kind.is_kernel() => {
            "no names: no symbols of this kernel at hand".to_owned()
        }
        Some((most, _)) => reason(*most).to_owned(),
        None => String::new(),
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NotAsked => "not looked up",
        Reason::Marker => "",
        Reason::Unmapped => "no names: nothing was mapped there",
        Reason::Anonymous => "no names: code made at run time",
        Reason::NoFile => "no names: no such file at hand",
        Reason::WrongFile => "no names: the file at hand is another",
        Reason::Stripped => "no names: the file is stripped",
        Reason::NoSymbol => "no names: no symbol covers them",
    }
}

/// As wide as the figures before a binary's path.
const INDENT: &str = "                         ";

/// Binaries below this share are counted, not listed.
const LISTED_SHARE: f64 = 0.005;

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
        self.fmt_binaries(f)?;
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

    fn fmt_binaries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n   self   named   lines  binary")?;
        let (listed, small): (Vec<_>, Vec<_>) = self
            .binaries
            .iter()
            .partition(|binary| binary.share >= LISTED_SHARE || !binary.refused.is_empty());
        for binary in listed {
            writeln!(
                f,
                "{:>7} {:>7} {:>7}  {}",
                percent(binary.share),
                percent(binary.named),
                percent(binary.with_lines),
                binary.path
            )?;
            if let Some(build_id) = &binary.build_id {
                writeln!(f, "{INDENT} build ID {build_id}")?;
            }
            writeln!(f, "{INDENT} {}", binary.symbols)?;
            if let Some(proof) = &binary.proof {
                writeln!(f, "{INDENT} {proof}")?;
            }
            for line in binary.notes.iter().chain(&binary.refused) {
                writeln!(f, "{INDENT} {line}")?;
            }
        }
        if !small.is_empty() {
            let share: f64 = small.iter().map(|binary| binary.share).sum();
            writeln!(f, "{:>7}                  {} more", percent(share), small.len())?;
        }
        writeln!(f)
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
