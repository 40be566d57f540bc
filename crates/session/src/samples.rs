//! The second pass: samples in the order of the file, each looked up at its own time.

use std::collections::hash_map::Entry;
use std::ops::Range;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use perf_data::{Callchain, CpuMode, PerfData, RawRecord, RecordKind, Sample};
use profile::{
    Binary, Frame, Id, LabelSet, Profile, SampleKey, SampleValue, Samples, Stack, Stacks, Table,
};

use crate::blocks::Slots;
use crate::callchain::{Chain, Resolver, StandIns, leaf, recorded};
use crate::callers::{KnownCallers, halves};
use crate::index::Index;
use crate::labels::{Facts, Labels};
use crate::losses::Losses;
use crate::made::{Maker, entries_of};
use crate::reads::{self, Periods};
use crate::select::Selector;
use crate::threads::{ThreadState, Threads};
use crate::{StackEnd, Unwind};

/// What all chunks have in common.
pub(crate) struct Context<'a> {
    pub(crate) perf: &'a PerfData<'a>,
    pub(crate) selector: &'a Selector<'a>,
    pub(crate) index: &'a Index,
    pub(crate) stand_ins: &'a StandIns,
    pub(crate) labels: &'a Labels,
    pub(crate) markers: Markers,
    /// What unwinds stacks, and the recording as it may know it.
    pub(crate) unwind: Option<(&'a dyn Unwind, &'a Profile)>,
    /// Whether each sample is kept with its time.
    pub(crate) keeps_samples: bool,
}

/// The texts of the outermost frames of stacks that are not whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Markers {
    pub(crate) broken: Id<String>,
    pub(crate) truncated: Id<String>,
    pub(crate) no_unwind_info: Id<String>,
}

impl Markers {
    fn of(self, end: StackEnd) -> Option<Frame> {
        Some(Frame::marker(match end {
            StackEnd::Whole => return None,
            StackEnd::Broken | StackEnd::Missing => self.broken,
            StackEnd::Truncated => self.truncated,
            StackEnd::NoUnwindInfo(_) | StackEnd::Unsupported => self.no_unwind_info,
        }))
    }
}

/// The tables of a part of the recording; names and binaries are those of the [`Index`].
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) frames: Table<Frame>,
    pub(crate) stacks: Stacks,
    pub(crate) labels: Table<LabelSet>,
    pub(crate) samples: Samples,
    /// When those of each row were taken.
    pub(crate) slots: Slots,
    pub(crate) losses: Losses,
    /// What was not selected, by recorded event.
    pub(crate) left_out: Vec<SampleValue>,
    /// Mappings that were hit, by their index.
    pub(crate) used_mappings: Vec<bool>,
    /// The weight of the samples of each program.
    pub(crate) programs: FxHashMap<Id<Binary>, u64>,
    /// The times of the first and last sample.
    pub(crate) times: Option<(u64, u64)>,
}

/// How much of the file is read before the reader says how far it is.
const STEP_BYTES: u64 = 1 << 20;

/// Adds up the samples of a part of the file.
pub(crate) fn read(context: &Context<'_>, part: Range<u64>, visited: &dyn Fn(Range<u64>)) -> Chunk {
    let mut reader = Reader::new(context, part.start);
    let mut step_start = part.start;
    for record in context.perf.records_between(part.start, part.end) {
        if record.offset - step_start >= STEP_BYTES {
            visited(step_start..record.offset);
            step_start = record.offset;
        }
        if record.kind == RecordKind::SAMPLE {
            reader.sample(&record);
        }
    }
    reader.add_batch(false);
    visited(step_start..part.end);
    let Reader { mut chunk, resolver, threads, .. } = reader;
    for (row, total) in chunk.slots.finish().enumerate() {
        chunk.samples.add_to_row(row, total);
    }
    chunk.used_mappings = resolver.used;
    for thread in threads.all() {
        if let Some(program) = thread.program() {
            let weight = chunk.programs.entry(program).or_default();
            *weight = weight.saturating_add(thread.weight);
        }
    }
    chunk
}

struct Reader<'a> {
    context: &'a Context<'a>,
    resolver: Resolver<'a>,
    maker: Maker<'a>,
    threads: Threads<'a>,
    periods: Periods<'a>,
    chunk: Chunk,
    /// Samples that wait to be added.
    batch: Vec<Pending<'a>>,
    /// Stacks by the bytes of their callchain, and whatever else they depend on.
    known_stacks: FxHashMap<StackKey, KnownStack>,
    known_callers: KnownCallers,
    /// Label sets by the number of the thread and what the sample adds.
    known_labels: FxHashMap<(usize, Facts), Id<LabelSet>>,
    latest_labels: (usize, Id<LabelSet>),
    chain: Chain,
}

/// What tells stacks apart, in 128 bits: two callchains that differ and collide are less likely
/// than a memory error, and a whole recording of them is not for chance to make.
type StackKey = [u64; 2];

#[derive(Clone, Copy)]
struct KnownStack {
    stack: Id<Stack>,
    end: StackEnd,
    is_leaf_unmapped: bool,
    is_left_out: bool,
    /// Where the latest sample of the stack was added, and of which event and labels it was: the
    /// next one is likely to belong there.
    latest_row: u32,
    event: u32,
    labels: Id<LabelSet>,
}

/// No sample of the stack was added yet.
const NO_ROW: u32 = u32::MAX;

/// A sample whose stack is still to be looked up. The table of known stacks is too large for the
/// processor's near caches, so that each look-up waits for memory; those of a batch wait at the
/// same time.
struct Pending<'a> {
    key: StackKey,
    callchain: Option<Callchain<'a>>,
    ip: Option<u64>,
    mode: CpuMode,
    thread: usize,
    event: u32,
    labels: Id<LabelSet>,
    value: SampleValue,
    /// Nanoseconds, or 0 if samples do not state their time.
    time: u64,
}

/// How many samples are looked up together.
const BATCH: usize = 32;

impl<'a> Reader<'a> {
    fn new(context: &'a Context<'a>, start: u64) -> Self {
        let Index { chunks, counters, .. } = context.index;
        let first_chunk = chunks.partition_point(|chunk| chunk.start < start);
        // The reserved rows are those of every profile.
        let Profile { frames, stacks, labels, .. } = Profile::new();
        Self {
            context,
            resolver: Resolver::new(context.index, context.stand_ins),
            maker: Maker::new(context.perf, context.index, context.unwind),
            threads: Threads::new(&context.index.spaces),
            periods: Periods::new(counters, first_chunk),
            chunk: Chunk {
                frames,
                stacks,
                labels,
                left_out: vec![SampleValue::default(); context.perf.events().len()],
                slots: Slots::keeping_samples(context.keeps_samples),
                ..Chunk::default()
            },
            batch: Vec::with_capacity(BATCH),
            known_stacks: FxHashMap::default(),
            known_callers: KnownCallers::default(),
            known_labels: FxHashMap::default(),
            latest_labels: (usize::MAX, Id::new(0)),
            chain: Chain::default(),
        }
    }

    fn sample(&mut self, record: &RawRecord<'a>) {
        let Context { perf, selector, .. } = *self.context;
        let Some((event, sample)) = perf.sample(record) else {
            self.chunk.losses.unreadable_samples += 1;
            return;
        };
        let (pid, tid) = sample.pid_tid.unwrap_or((-1, -1));
        let (time, is_in_time) = match sample.time {
            Some(time) if self.context.index.is_timed => (time, selector.has_time(time)),
            _ => (record.offset, selector.has_all_times()),
        };
        if let Some(time) = sample.time.filter(|_| self.context.index.is_timed && is_in_time) {
            let (first, last) = self.chunk.times.get_or_insert((time, time));
            (*first, *last) = ((*first).min(time), (*last).max(time));
        }
        let attr = &perf.events()[event].attr;
        let thread = (is_in_time && selector.has_sample((pid, tid), &sample))
            .then(|| self.threads.at(pid, tid, time))
            .filter(|thread| selector.has_thread(self.threads.get(*thread)));
        let from = thread.map(|thread| (event, record.cpu_mode(), thread));
        if sample.read.is_none() {
            let weight = sample.period.or(attr.sample_period()).unwrap_or(1);
            self.select(&sample, from, event, SampleValue { count: 1, weight });
            return;
        }
        // Counters go on, whether what they counted is selected or not.
        for (counter, value) in reads::counters(&sample, attr) {
            let weight = self.periods.advance(counter, value);
            match perf.event_of_id(counter.id) {
                Some(event) if weight > 0 => {
                    self.select(&sample, from, event, SampleValue { count: 1, weight });
                }
                Some(_) => {}
                None => self.chunk.losses.unreadable_samples += 1,
            }
        }
    }

    /// Adds a sample to what is known of an event, or counts it as left out.
    fn select(
        &mut self,
        sample: &Sample<'a>,
        from: Option<(usize, CpuMode, usize)>,
        event: usize,
        value: SampleValue,
    ) {
        match (from, self.context.selector.column(event)) {
            (Some(from), Some(column)) => self.enqueue(sample, from, column, value),
            _ => self.chunk.left_out[event].add(value),
        }
    }

    /// Has a sample that one event took (the one that says what is in it) wait to be added to
    /// what is known of an event: the same one, or another of its group.
    fn enqueue(
        &mut self,
        sample: &Sample<'a>,
        (taken_by, mode, thread): (usize, CpuMode, usize),
        event: u32,
        value: SampleValue,
    ) {
        let labels = self.labels(thread, (taken_by, mode), sample);
        let ThreadState { spaces, generation, tid, .. } = self.threads.get(thread);
        let is_made = self.maker.make(sample, (taken_by, mode), *tid, spaces);
        let key = if is_made {
            halves(self.maker.key(stack_seed(mode, *generation) | 1 << 63))
        } else {
            stack_key(sample, mode, *generation)
        };
        let Sample { callchain, ip, time, .. } = *sample;
        let time = time.unwrap_or(0);
        self.batch.push(Pending { key, callchain, ip, mode, thread, event, labels, value, time });
        // A stack that was made is there until the next one is made.
        if is_made || self.batch.len() == BATCH {
            self.add_batch(is_made);
        }
    }

    /// Adds the samples that wait, in the order in which they came. The last of them may have a
    /// stack that was made.
    fn add_batch(&mut self, is_last_made: bool) {
        let mut batch = std::mem::take(&mut self.batch);
        let count = batch.len();
        for (number, pending) in batch.drain(..).enumerate() {
            self.add(&pending, is_last_made && number + 1 == count);
        }
        self.batch = batch;
    }

    fn add(&mut self, pending: &Pending<'a>, is_made: bool) {
        let known = match self.known_stacks.entry(pending.key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(slot) => {
                let Pending { callchain, ip, mode, thread, .. } = *pending;
                let ThreadState { spaces, generation, .. } = self.threads.get(thread);
                let (resolver, chain) = (&mut self.resolver, &mut self.chain);
                let leaf = ip.map(|ip| leaf(ip, mode));
                let Context { selector, markers, .. } = *self.context;
                // Which frames are left out can depend on the innermost one.
                let is_like_others = !is_made && !selector.selects_frames();
                let callers =
                    is_like_others.then(|| self.known_callers.of(callchain, *generation)).flatten();
                let is_whole = if is_made {
                    let (entries, end) = self.maker.entries();
                    resolver.resolve(entries, end, leaf, spaces, chain)
                } else {
                    let inner = callers.map_or(usize::MAX, |callers| callers.inner);
                    let entries = recorded(entries_of(callchain), mode).take(inner);
                    resolver.resolve(entries, StackEnd::Whole, leaf, spaces, chain)
                };
                let is_left_out = !selector.keep_selected(chain);
                let known = match callers.filter(|_| is_whole) {
                    Some(callers) => {
                        let known = on_callers(&mut self.chunk, chain, callers.stack);
                        let parent = |stack| self.chunk.stacks[stack].parent;
                        self.known_callers.add(&callers, known.stack, parent);
                        known
                    }
                    None => new_stack(&mut self.chunk, chain, markers),
                };
                slot.insert(KnownStack { is_left_out, ..known })
            }
        };
        let Pending { event, labels, value, thread, time, .. } = *pending;
        if known.is_left_out {
            let recorded = self.context.selector.recorded(event);
            self.chunk.left_out[recorded].add(value);
            return;
        }
        self.threads.add_weight(thread, value.weight);
        let Chunk { losses, samples, slots, .. } = &mut self.chunk;
        losses.add_end(known.end, value);
        if known.is_leaf_unmapped {
            losses.unmapped_leaves.add(value);
        }
        if known.latest_row != NO_ROW && (known.event, known.labels) == (event, labels) {
            slots.add(known.latest_row, time, value);
            return;
        }
        let key = SampleKey { stack: known.stack, event, labels };
        let row = samples.add(key, SampleValue::default());
        let Ok(row) = u32::try_from(row) else {
            samples.add_to_row(row, value);
            return;
        };
        slots.add(row, time, value);
        (known.event, known.labels, known.latest_row) = (event, labels, row);
    }

    fn labels(
        &mut self,
        thread: usize,
        (event, mode): (usize, CpuMode),
        sample: &Sample<'_>,
    ) -> Id<LabelSet> {
        let Self { context, threads, chunk, known_labels, .. } = self;
        let labels = context.labels;
        if labels.are_of_thread {
            if self.latest_labels.0 != thread {
                let new = || chunk.labels.intern(labels.set(threads.get(thread), &[]));
                let known = known_labels.entry((thread, Facts::default()));
                self.latest_labels = (thread, *known.or_insert_with(new));
            }
            return self.latest_labels.1;
        }
        let facts = labels.facts(context.perf, (event, mode), sample);
        *known_labels.entry((thread, facts)).or_insert_with_key(|(_, facts)| {
            chunk.labels.intern(labels.set(threads.get(thread), facts))
        })
    }
}

fn stack_key(sample: &Sample<'_>, mode: CpuMode, generation: u32) -> StackKey {
    let words = sample.callchain.map(|callchain| callchain.words());
    let seed = stack_seed(mode, generation);
    halves(match words {
        // The callchain repeats the instruction pointer.
        Some(words) if !words.is_empty() => xxh3_128_with_seed(words.as_bytes(), seed | 1),
        _ => xxh3_128_with_seed(&sample.ip.unwrap_or(0).to_ne_bytes(), seed),
    })
}

fn stack_seed(mode: CpuMode, generation: u32) -> u64 {
    u64::from(generation) << 8 | (mode as u64) << 1
}

fn new_stack(chunk: &mut Chunk, chain: &Chain, markers: Markers) -> KnownStack {
    let outermost = markers.of(chain.end).map(|marker| {
        let frame = chunk.frames.intern(marker);
        chunk.stacks.intern(Stack { parent: Stack::EMPTY, frame })
    });
    on_callers(chunk, chain, outermost.unwrap_or(Stack::EMPTY))
}

/// The stack of a chain whose outermost frame was called from `callers`.
fn on_callers(chunk: &mut Chunk, chain: &Chain, callers: Id<Stack>) -> KnownStack {
    let Chunk { frames, stacks, .. } = chunk;
    let stack = chain.frames.iter().rev().fold(callers, |parent, frame| {
        let frame = frames.intern(*frame);
        stacks.intern(Stack { parent, frame })
    });
    KnownStack {
        stack,
        end: chain.end,
        is_leaf_unmapped: chain.is_leaf_unmapped,
        is_left_out: false,
        latest_row: NO_ROW,
        event: 0,
        labels: Id::new(0),
    }
}
