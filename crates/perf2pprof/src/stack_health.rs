//! How far stacks reach: to the start of their thread, or where else they end.
//!
//! A stack that ends early is no error of the recording's: a function that uses the frame pointer
//! for something else hides its callers. But whatever is above it is missing from the profile, and
//! who reads "called by" has to know for which share that is so.

use std::collections::BTreeMap;

use profile::{Frame, FrameKind, Id, Profile, Stack, Symbols};
use serde::Serialize;

use crate::shares::share;

/// Functions that begin a thread or a program, as linkers know them.
const STARTS: [&str; 18] = [
    "_start",
    "__libc_start_main",
    "__libc_start_main_impl",
    "__libc_start_call_main",
    "start_thread",
    "clone",
    "__clone",
    "clone3",
    "__clone3",
    "thread_start",
    "ret_from_fork",
    "ret_from_fork_asm",
    "common_startup_64",
    "secondary_startup_64",
    "secondary_startup_64_no_verify",
    "runtime.goexit",
    "runtime.goexit.abi0",
    "runtime.rt0_go",
];

/// How many places are listed.
const LISTED: usize = 8;

/// What part of the weight of an event has whole stacks. The first three add up to 1.
#[derive(Debug, Serialize)]
pub(crate) struct StackHealth {
    /// Share of the weight whose stack reaches the start of its thread.
    pub(crate) reach_start: f64,
    /// Share of the weight whose stack ends before.
    pub(crate) end_early: f64,
    /// Share of the weight whose outermost function has no name, so that it is not known.
    pub(crate) not_judged: f64,
    /// Share of the weight without any caller.
    pub(crate) without_callers: f64,
    /// Where stacks end before the start of their thread, heaviest first.
    pub(crate) ends: Vec<StackEnd>,
}

/// A place in which stacks end.
#[derive(Debug, Serialize)]
pub(crate) struct StackEnd {
    /// The outermost function that is known.
    pub(crate) function: String,
    /// What stands for the rest: `[broken stack]`; empty if nothing does.
    pub(crate) marker: String,
    /// Share of the weight.
    pub(crate) share: f64,
}

enum Reach {
    Start,
    Unknown,
    Early { function: String, marker: String },
}

impl StackHealth {
    /// Judges the stacks of an event.
    pub(crate) fn of(profile: &Profile, symbols: &Symbols, event: u32) -> Self {
        let outermost = Outermost::of(profile);
        let (mut total, mut start, mut unknown, mut lonely) = (0_u128, 0, 0, 0);
        let mut ends: BTreeMap<(String, String), u128> = BTreeMap::new();
        for (key, value) in profile.samples.iter().filter(|(key, _)| key.event == event) {
            if key.stack == Stack::EMPTY {
                continue;
            }
            let weight = u128::from(value.weight);
            total += weight;
            if profile.stacks[key.stack].parent == Stack::EMPTY {
                lonely += weight;
            }
            match outermost.reach(profile, symbols, key.stack) {
                Reach::Start => start += weight,
                Reach::Unknown => unknown += weight,
                Reach::Early { function, marker } => {
                    *ends.entry((function, marker)).or_default() += weight;
                }
            }
        }
        let early: u128 = ends.values().sum();
        let mut ends: Vec<_> = ends.into_iter().collect();
        ends.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let end = |((function, marker), weight)| StackEnd {
            function,
            marker,
            share: share(weight, total),
        };
        Self {
            reach_start: share(start, total),
            end_early: share(early, total),
            not_judged: share(unknown, total),
            without_callers: share(lonely, total),
            ends: ends.into_iter().take(LISTED).map(end).collect(),
        }
    }
}

/// By stack: its outermost frame of code, and the marker above it.
struct Outermost(Vec<End>);

type End = (Option<Id<Frame>>, Option<Id<String>>);

impl Outermost {
    fn of(profile: &Profile) -> Self {
        let mut rows: Vec<End> = Vec::with_capacity(profile.stacks.len());
        // Parents come first.
        for (id, stack) in profile.stacks.iter() {
            let (code, marker) = if id == Stack::EMPTY {
                (None, None)
            } else {
                rows.get(stack.parent.index()).copied().unwrap_or_default()
            };
            let row = match profile.frames[stack.frame] {
                _ if id == Stack::EMPTY || code.is_some() => (code, marker),
                frame if frame.kind == FrameKind::Marker => (None, frame.marker_text().or(marker)),
                _ => (Some(stack.frame), marker),
            };
            rows.push(row);
        }
        Self(rows)
    }

    fn reach(&self, profile: &Profile, symbols: &Symbols, stack: Id<Stack>) -> Reach {
        let (code, marker) = self.0[stack.index()];
        let marker = marker.map(|text| profile.strings[text].clone()).unwrap_or_default();
        let Some(code) = code else {
            return Reach::Early { function: String::new(), marker };
        };
        // The physical function is the last line.
        let function = symbols.lines(code).last().map(|line| symbols.functions[line.function]);
        let Some(function) = function else {
            return if marker.is_empty() {
                Reach::Unknown
            } else {
                let function = symbols.placeholder(profile, code).into_owned();
                Reach::Early { function, marker }
            };
        };
        let linked = symbols.text(function.system_name);
        let shown = symbols.text(function.name);
        let is_start = [linked, shown].into_iter().any(|name| {
            let name = name.strip_prefix("__GI_").unwrap_or(name);
            let name = name.split(['@', '.']).next().filter(|_| !name.starts_with("runtime"));
            name.is_some_and(|name| STARTS.contains(&name)) || STARTS.contains(&linked)
        });
        if marker.is_empty() && is_start {
            Reach::Start
        } else {
            Reach::Early { function: shown.to_owned(), marker }
        }
    }
}
