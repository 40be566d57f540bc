//! Which samples, and which of their frames, go into the profile.
//!
//! Values of one option are alternatives, and a sample must satisfy every option. What can be
//! told from the sample alone is decided before its stack is made. Nothing disappears: what was
//! left out is counted in [`LeftOut`].

use std::fmt;
use std::ops::Range;

use perf_data::{PerfData, Sample, SampleType};
use profile::{Binary, BinaryKind, Id, SampleValue, Unit};

use crate::StackEnd;
use crate::callchain::Chain;
use crate::events;
use crate::index::Index;
use crate::threads::ThreadState;

/// What the user wants to see of a recording; the default is all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Samples of these events, by their recorded or normalised name.
    pub events: Vec<String>,
    /// Samples of processes with these names.
    pub comms: Vec<String>,
    /// Samples of threads with these names.
    pub threads: Vec<String>,
    /// Samples of these processes, as numbered in perf's pid namespace.
    pub pids: Vec<i32>,
    /// Samples of these threads, likewise.
    pub tids: Vec<i32>,
    /// Samples taken on these CPUs.
    pub cpus: Vec<u32>,
    /// Samples whose innermost frame (of those that are kept) is in these binaries, by path or
    /// by the last part of it.
    pub binaries: Vec<String>,
    /// Samples of this part of the recording.
    pub time: Option<TimeRange>,
    /// Leave out the kernel's frames: the time goes to the user's frame that called it, and
    /// samples of the kernel alone are left out.
    pub no_kernel: bool,
    /// Leave out all frames but the kernel's (and a guest's), and the samples without any.
    pub no_user: bool,
}

/// From a moment on and until before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// The first moment; `None` for the first sample.
    pub from: Option<Moment>,
    /// The moment after the last; `None` for the end.
    pub to: Option<Moment>,
}

/// A moment of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nanoseconds after the first sample.
    Nanos(u64),
    /// Millionths of the time between the first and the last sample.
    Millionths(u32),
}

/// Why a recording cannot be selected from as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectionError {
    /// The recording has no event of this name; it has those.
    UnknownEvent {
        /// The name that was asked for.
        asked: String,
        /// The names in the recording.
        known: Vec<String>,
    },
    /// The samples do not state this.
    NotRecorded {
        /// The option that asks for it.
        option: &'static str,
        /// The option of `perf record` that records it.
        record_with: &'static str,
    },
}

/// Samples of one event that were left out because they were not selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The event.
    pub event: String,
    /// The unit of its weights.
    pub unit: Unit,
    /// How many samples, and what they weigh.
    pub value: SampleValue,
}

impl LeftOut {
    /// A line that travels with the profile: event, samples and weight.
    pub fn comment(&self) -> String {
        format!("left-out:{}:{}:{}", self.event, self.value.count, self.value.weight)
    }
}

impl Selection {
    /// Whether all of the recording is wanted.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a recording has what is selected by.
    pub fn check(&self, perf: &PerfData<'_>) -> Result<(), SelectionError> {
        let events = events::events(perf.events());
        for asked in &self.events {
            let is_known = |event: &profile::Event| is_named(event, asked);
            if !events.iter().any(is_known) {
                let known = events.into_iter().map(|event| event.name).collect();
                return Err(SelectionError::UnknownEvent { asked: asked.clone(), known });
            }
        }
        let needs = [
            (self.time.is_some(), "--time", SampleType::TIME, "-T"),
            (!self.cpus.is_empty(), "--cpu", SampleType::CPU, "--sample-cpu"),
        ];
        for (is_asked, option, bit, record_with) in needs {
            if is_asked && !perf.events().iter().any(|event| event.attr.sample_type.has(bit)) {
                return Err(SelectionError::NotRecorded { option, record_with });
            }
        }
        Ok(())
    }
}

/// As it is typed.
impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        let mut add = |option: &str, values: &[String]| {
            words.extend(values.iter().map(|value| format!("{option} {value}")));
        };
        let texts = |numbers: &[i32]| numbers.iter().map(i32::to_string).collect::<Vec<_>>();
        add("--event", &self.events);
        add("--comm", &self.comms);
        add("--thread", &self.threads);
        add("--pid", &texts(&self.pids));
        add("--tid", &texts(&self.tids));
        add("--cpu", &self.cpus.iter().map(u32::to_string).collect::<Vec<_>>());
        add("--dso", &self.binaries);
        words.extend(self.time.map(|time| format!("--time {time}")));
        words.extend(self.no_kernel.then(|| "--no-kernel".to_owned()));
        words.extend(self.no_user.then(|| "--no-user".to_owned()));
        f.write_str(&words.join(" "))
    }
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = |f: &mut fmt::Formatter<'_>, moment| match moment {
            None => Ok(()),
            Some(Moment::Nanos(nanos)) => {
                let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
                f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
            }
            Some(Moment::Millionths(share)) => {
                let text = format!("{}.{:04}", share / 10_000, share % 10_000);
                write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
            }
        };
        moment(f, self.from)?;
        f.write_str(",")?;
        moment(f, self.to)
    }
}

/// `1.5,3` are seconds, `10%,20%` parts of the recording; either side may be empty.
impl std::str::FromStr for TimeRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) =
            text.split_once(',').ok_or("expected FROM,TO such as `10,20` or `50%,`")?;
        let range = Self { from: moment(from)?, to: moment(to)? };
        let is_empty = match (range.from, range.to) {
            (Some(Moment::Nanos(from)), Some(Moment::Nanos(to))) => from >= to,
            (Some(Moment::Millionths(from)), Some(Moment::Millionths(to))) => from >= to,
            _ => false,
        };
        if is_empty { Err("it ends before it begins".to_owned()) } else { Ok(range) }
    }
}

fn moment(text: &str) -> Result<Option<Moment>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || format!("`{text}` is neither seconds nor per cent");
    let moment = match text.strip_suffix('%') {
        Some(percent) => {
            let share = decimal(percent, 4).ok_or_else(wrong)?;
            if share > 1_000_000 {
                return Err(format!("`{text}` is past the end"));
            }
            Moment::Millionths(u32::try_from(share).map_err(|_| wrong())?)
        }
        None => Moment::Nanos(decimal(text, 9).ok_or_else(wrong)?),
    };
    Ok(Some(moment))
}

/// A decimal number times ten to the power of `digits`; what is finer is cut.
fn decimal(text: &str, digits: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let fraction: String =
        fraction.chars().chain("0".repeat(digits).chars()).take(digits).collect();
    format!("{whole}{fraction}").parse().ok()
}

fn is_named(event: &profile::Event, name: &str) -> bool {
    event.name == name || event.recorded_name == name
}

/// A [`Selection`] in the numbers of one recording.
#[derive(Debug)]
pub(crate) struct Selector<'a> {
    selection: &'a Selection,
    /// By recorded event: its number in the profile.
    columns: Vec<Option<u32>>,
    comms: Vec<Id<String>>,
    threads: Vec<Id<String>>,
    /// Times of samples; `None` for all.
    time: Option<Range<u64>>,
    /// By binary: whether a sample in it is wanted.
    leaves: Vec<bool>,
    /// By binary: whether frames in it are left out.
    hidden: Vec<bool>,
}

impl<'a> Selector<'a> {
    pub(crate) fn new(selection: &'a Selection, perf: &PerfData<'_>, index: &Index) -> Self {
        let mut next = 0;
        let column = |event: &profile::Event| {
            let is_wanted = selection.events.is_empty()
                || selection.events.iter().any(|name| is_named(event, name));
            is_wanted.then(|| {
                next += 1;
                next - 1
            })
        };
        let ids = |names: &[String]| {
            names.iter().filter_map(|name| index.strings.find(name)).collect::<Vec<_>>()
        };
        let binaries = |of: &dyn Fn(&Binary) -> bool| {
            index.binaries.iter().map(|(_, binary)| of(binary)).collect::<Vec<_>>()
        };
        Self {
            selection,
            columns: events::events(perf.events()).iter().map(column).collect(),
            comms: ids(&selection.comms),
            threads: ids(&selection.threads),
            time: selection.time.map(|range| times(range, index.sample_times)),
            leaves: binaries(&|binary| {
                let path = &index.strings[binary.path];
                selection.binaries.is_empty()
                    || selection.binaries.iter().any(|name| is_path(path, name))
            }),
            hidden: binaries(&|binary| {
                (selection.no_kernel && binary.kind.is_kernel())
                    || (selection.no_user && is_user(binary.kind))
            }),
        }
    }

    /// The number in the profile of a recorded event; `None` if it is not selected.
    pub(crate) fn column(&self, event: usize) -> Option<u32> {
        self.columns.get(event).copied().flatten()
    }

    /// What each selected event lost, from what each recorded one lost. Nobody can tell where a
    /// lost sample was, so that nothing but a choice of events selects it.
    pub(crate) fn lost(&self, recorded: &[u64]) -> Vec<u64> {
        let Selection { events, .. } = self.selection;
        let by_event = Selection { events: events.clone(), ..Selection::default() };
        let is_shown = *self.selection == by_event;
        let selected = recorded.iter().zip(&self.columns).filter(|(_, column)| column.is_some());
        selected.map(|(lost, _)| if is_shown { *lost } else { 0 }).collect()
    }

    /// The recorded event of a number in the profile.
    pub(crate) fn recorded(&self, column: u32) -> usize {
        self.columns.iter().position(|known| *known == Some(column)).unwrap_or(0)
    }

    pub(crate) fn has_time(&self, time: u64) -> bool {
        self.time.as_ref().is_none_or(|range| range.contains(&time))
    }

    pub(crate) fn has_all_times(&self) -> bool {
        self.time.is_none()
    }

    pub(crate) fn has_sample(&self, (pid, tid): (i32, i32), sample: &Sample<'_>) -> bool {
        let Selection { pids, tids, cpus, .. } = self.selection;
        is_any(pids, &pid)
            && is_any(tids, &tid)
            && (cpus.is_empty() || sample.cpu.is_some_and(|cpu| cpus.contains(&cpu)))
    }

    pub(crate) fn has_thread(&self, thread: &ThreadState) -> bool {
        let is_one = |asked: &[String], ids: &[Id<String>], name: Option<Id<String>>| {
            asked.is_empty() || name.is_some_and(|name| ids.contains(&name))
        };
        is_one(&self.selection.comms, &self.comms, thread.comm)
            && is_one(&self.selection.threads, &self.threads, thread.thread_comm)
    }

    /// Whether frames are chosen too, and not samples alone.
    pub(crate) fn selects_frames(&self) -> bool {
        let Selection { binaries, no_kernel, no_user, .. } = self.selection;
        !binaries.is_empty() || *no_kernel || *no_user
    }

    /// Leaves the frames in `chain` that are wanted; `false`, and none, if the sample is not.
    pub(crate) fn keep_selected(&self, chain: &mut Chain) -> bool {
        if !self.selects_frames() {
            return true;
        }
        chain.frames.retain(|frame| !is_set(&self.hidden, frame.binary));
        let is_wanted = chain.frames.first().is_some_and(|leaf| is_set(&self.leaves, leaf.binary));
        if !is_wanted {
            chain.frames.clear();
        }
        if !is_wanted || self.selection.no_user {
            // What is said of the end is said of callers of the user's.
            chain.end = StackEnd::Whole;
        }
        chain.is_leaf_unmapped &= is_wanted;
        is_wanted
    }
}

/// The flag of a binary.
fn is_set(flags: &[bool], binary: Id<Binary>) -> bool {
    flags.get(binary.index()).copied().unwrap_or(false)
}

fn is_any<Value: PartialEq>(asked: &[Value], value: &Value) -> bool {
    asked.is_empty() || asked.contains(value)
}

fn is_user(kind: BinaryKind) -> bool {
    !kind.is_kernel() && kind != BinaryKind::Guest
}

/// Whether a recorded path is meant by a path or base name. A binary that was replaced while it
/// ran is still meant by its own.
fn is_path(recorded: &str, asked: &str) -> bool {
    let path = recorded.strip_suffix(" (deleted)").unwrap_or(recorded);
    let base_name = path.rsplit('/').next().unwrap_or(path);
    [recorded, path, base_name].contains(&asked)
}

/// The times of a range, in the recording's clock.
fn times(range: TimeRange, recorded: Option<(u64, u64)>) -> Range<u64> {
    let (first, last) = recorded.unwrap_or_default();
    let at = |moment| match moment {
        Moment::Nanos(nanos) => first.saturating_add(nanos),
        // The last sample belongs to the last part.
        Moment::Millionths(1_000_000) => last.saturating_add(1),
        Moment::Millionths(share) => {
            let nanos = u128::from(last - first) * u128::from(share) / 1_000_000;
            first.saturating_add(u64::try_from(nanos).unwrap_or(u64::MAX))
        }
    };
    range.from.map_or(0, at)..range.to.map_or(u64::MAX, at)
}

/// What was left out, by the recorded event.
pub(crate) fn left_out(perf: &PerfData<'_>, values: &[SampleValue]) -> Vec<LeftOut> {
    let events = events::events(perf.events()).into_iter().zip(values);
    events
        .filter(|(_, value)| value.count > 0)
        .map(|(event, &value)| LeftOut { event: event.name, unit: event.unit, value })
        .collect()
}

/// The events that are selected.
pub(crate) fn events(selector: &Selector<'_>, perf: &PerfData<'_>) -> Vec<profile::Event> {
    let all = events::events(perf.events()).into_iter().enumerate();
    all.filter(|(index, _)| selector.column(*index).is_some()).map(|(_, event)| event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Result<TimeRange, String> {
        text.parse()
    }

    #[test]
    fn seconds_and_per_cent() {
        let parsed = range("1.5,20").unwrap();
        assert_eq!(parsed.from, Some(Moment::Nanos(1_500_000_000)));
        assert_eq!(parsed.to_string(), "1.5,20");
        assert_eq!(times(parsed, Some((100, 90_000_000_000))), 1_500_000_100..20_000_000_100);
        assert_eq!(times(range("10%,20.5%").unwrap(), Some((1000, 2000))), 1100..1205);
        assert_eq!(range("10%,20.5%").unwrap().to_string(), "10%,20.5%");
    }

    #[test]
    fn parts_that_meet_take_each_sample_once_and_the_last_one_too() {
        let recorded = Some((1000, 2000));
        let first = times(range(",50%").unwrap(), recorded);
        let second = times(range("50%,100%").unwrap(), recorded);
        assert_eq!((first.end, second.start), (1500, 1500));
        assert!(second.contains(&2000));
    }

    #[test]
    fn what_is_no_range_says_why() {
        assert!(range("5").unwrap_err().contains("FROM,TO"));
        assert!(range("5,x").unwrap_err().contains("`x` is neither"));
        assert!(range("5,-1").unwrap_err().contains("neither"));
        assert!(range("5,4").unwrap_err().contains("ends before"));
        assert!(range("5%,101%").unwrap_err().contains("past the end"));
    }

    #[test]
    fn a_binary_is_known_by_path_and_base_name() {
        for asked in ["envoy", "/usr/bin/envoy", "/usr/bin/envoy (deleted)"] {
            assert!(is_path("/usr/bin/envoy (deleted)", asked), "{asked}");
        }
        assert!(is_path("[kernel.kallsyms]", "[kernel.kallsyms]"));
        assert!(!is_path("/usr/bin/envoy", "bin/envoy"));
    }
}
