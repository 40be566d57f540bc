//! Records to profile: who ran where, at each sample's own time.
//!
//! ```text
//! pass 1  hop over all records; keep mmaps, names, forks, kernel symbols; sort those few by time;
//!         build every version of every address space            (index, spaces, maps)
//! pass 2  samples in the order of the file, chunk by chunk on all processors, each looked up at
//!         its own time; equal ones are added up                 (samples, callchain)
//! merge   chunk after chunk, in the order of the file: the result does not depend on how many
//!         threads there were                                    (merge)
//! ```
//!
//! Samples are never sorted: records of different CPUs are out of order in the file, and that
//! matters only for the few records that change an address space.
//!
//! Stacks that were dumped instead of walked are unwound by whoever can ([`Unwind`]); branch stacks
//! and user parts that come later are put in their places here (made).
//!
//! The crate refuses to read a symbol, open a file, or print. What it could not place is counted
//! in [`Losses`].

mod blocks;
mod callchain;
mod callers;
mod events;
mod index;
mod labels;
mod losses;
mod lost;
mod made;
mod maps;
mod merge;
mod reads;
mod samples;
mod select;
mod spaces;
mod threads;
mod unwind;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use perf_data::{Damage, PerfData, RecordsEnd};
use profile::{EventMismatch, Profile, SampleValue};

pub use events::normalise as event_name;
pub use labels::LabelKey;
pub use losses::Losses;
pub use lost::LOST;
pub use select::{LeftOut, Moment, Selection, SelectionError, TimeRange};
pub use unwind::{StackEnd, Unwind, Unwinder, UserDump, UserFrame};

use callchain::StandIns;
use labels::Labels;
use merge::Merger;
use samples::{Chunk, Context, Markers};
use select::Selector;

/// The text of the outermost frame of a stack that was cut.
pub const BROKEN_STACK: &str = "[broken stack]";
/// The text of the outermost frame of a stack of which not enough was dumped.
pub const TRUNCATED_STACK: &str = "[truncated stack]";
/// The text of the outermost frame of a stack that could not be unwound further.
pub const NO_UNWIND_INFO: &str = "[no unwind info]";

/// What to make of a recording.
#[derive(Clone, Debug)]
pub struct Options {
    /// The labels of each sample. Samples that differ in a label are different rows.
    pub labels: Vec<LabelKey>,
    /// Which samples and frames are wanted. What the recording cannot be selected by (see
    /// [`Selection::check`]) selects nothing.
    pub selection: Selection,
    /// How many threads read samples. The result is the same for any number.
    pub threads: NonZeroUsize,
}

/// A recording as a profile.
#[derive(Clone, Debug)]
pub struct Conversion {
    /// The profile.
    pub profile: Profile,
    /// What is not in it, or not whole.
    pub losses: Losses,
    /// What was not selected, by event.
    pub left_out: Vec<LeftOut>,
    /// Each sample by itself, of what [`convert_timed`] made of a recording whose samples state their time.
    pub timed: Vec<TimedSample>,
    /// The time between the last sample of the selected part of the recording and its last.
    pub nanos_after: u64,
    /// Why the records ended; of several recordings, those of the first.
    pub end: RecordsEnd,
    /// What is no record; of several recordings, that of the first.
    pub damage: Option<Damage>,
}

/// When a sample was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedSample {
    /// Its row in the table of samples.
    pub row: u32,
    /// Nanoseconds since the first sample of the recording, whatever is selected.
    pub time: u64,
    /// One, and what it weighs.
    pub value: SampleValue,
}

impl Conversion {
    /// Adds all of another recording's. Its events must be the same ([`Profile::merge`]).
    pub fn merge(&mut self, other: Self) -> Result<(), EventMismatch> {
        let binaries = self.profile.merge(&other.profile)?;
        self.losses.add(&other.losses.with_binaries(&binaries));
        for left_out in other.left_out {
            let is_same = |known: &&mut LeftOut| known.event == left_out.event;
            match self.left_out.iter_mut().find(is_same) {
                Some(known) => known.value.add(left_out.value),
                None => self.left_out.push(left_out),
            }
        }
        Ok(())
    }
}

/// How far the conversion is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visited {
    /// The first pass has read these bytes of the file.
    Indexed(Range<u64>),
    /// The second pass has read these bytes, and needs them no more.
    Read(Range<u64>),
}

/// Converts a recording. `visited` is called from several threads at once. Without `unwind`,
/// stacks that have to be unwound have one frame.
pub fn convert(
    perf: &PerfData<'_>,
    options: &Options,
    unwind: Option<&dyn Unwind>,
    visited: &(dyn Fn(Visited) + Sync),
) -> Conversion {
    convert_keeping(perf, options, unwind, visited, false)
}

/// Converts a recording, and keeps each sample with its time: memory follows their number.
pub fn convert_timed(
    perf: &PerfData<'_>,
    options: &Options,
    unwind: Option<&dyn Unwind>,
    visited: &(dyn Fn(Visited) + Sync),
) -> Conversion {
    convert_keeping(perf, options, unwind, visited, true)
}

fn convert_keeping(
    perf: &PerfData<'_>,
    options: &Options,
    unwind: Option<&dyn Unwind>,
    visited: &(dyn Fn(Visited) + Sync),
    keeps_samples: bool,
) -> Conversion {
    let mut index = index::index(perf, options.selection.time.is_some(), &|range| {
        visited(Visited::Indexed(range));
    });
    let stand_ins = StandIns::new(&mut index.strings, &mut index.binaries);
    let strings = &mut index.strings;
    let labels = Labels::new(&options.labels, std::mem::take(&mut index.cgroups), strings);
    let markers = Markers {
        broken: strings.intern_ref(BROKEN_STACK),
        truncated: strings.intern_ref(TRUNCATED_STACK),
        no_unwind_info: strings.intern_ref(NO_UNWIND_INFO),
    };
    let index = index;
    let selector = Selector::new(&options.selection, perf, &index);
    let recorded = unwind.map(|_| merge::without_samples(perf, &index));
    let context = Context {
        perf,
        selector: &selector,
        index: &index,
        stand_ins: &stand_ins,
        labels: &labels,
        markers,
        unwind: unwind.zip(recorded.as_ref()),
        keeps_samples,
    };
    let mut merger = Merger::new(perf, &index);
    read_chunks(&context, options.threads, visited, |chunk| merger.add(chunk));
    let (end, damage) = (index.end, index.damage);
    let left_out = select::left_out(perf, merger.left_out());
    let nanos_after = merger.nanos_after(&index);
    let timed = merger.take_timed(&index);
    let events = select::events(&selector, perf);
    let lost = selector.lost(&index.lost);
    let (mut profile, losses) = merger.finish(perf, events, index);
    lost::add_rows(&mut profile, &lost);
    debug_assert!(profile.check());
    Conversion { profile, losses, left_out, timed, nanos_after, end, damage }
}

/// Reads all chunks, and hands them on in the order of the file.
fn read_chunks(
    context: &Context<'_>,
    threads: NonZeroUsize,
    visited: &(dyn Fn(Visited) + Sync),
    mut done: impl FnMut(Chunk),
) {
    let parts = parts(&context.index.chunks, threads.get());
    let read = |range: &Range<u64>| {
        samples::read(context, range.clone(), &|range| visited(Visited::Read(range)))
    };
    if threads == NonZeroUsize::MIN {
        for part in &parts {
            done(read(part));
        }
        return;
    }
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.get().min(parts.len()) {
            let (sender, next, parts) = (sender.clone(), &next, &parts);
            scope.spawn(move || {
                while let Some(range) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send((range.start, read(range))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        // A part that is ready before its time waits for the ones before it.
        let mut waiting = std::collections::BTreeMap::new();
        let mut expected = parts.iter().map(|range| range.start).peekable();
        for (start, chunk) in receiver {
            waiting.insert(start, chunk);
            while let Some(chunk) = expected.peek().and_then(|start| waiting.remove(start)) {
                expected.next();
                done(chunk);
            }
        }
    });
}

/// Adjoining chunks, put together to as many parts as there are threads, and about as long: a part
/// learns each of its stacks anew, so that the fewer there are the less is learned twice.
fn parts(chunks: &[Range<u64>], threads: usize) -> Vec<Range<u64>> {
    let total: u64 = chunks.iter().map(|chunk| chunk.end - chunk.start).sum();
    let share = total.div_ceil(threads as u64);
    let mut parts: Vec<Range<u64>> = Vec::new();
    for chunk in chunks {
        match parts.last_mut() {
            Some(part) if part.end == chunk.start && part.end - part.start < share => {
                part.end = chunk.end;
            }
            _ => parts.push(chunk.clone()),
        }
    }
    parts
}
