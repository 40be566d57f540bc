//! The second pass: samples in the order of the file, each looked up at its own time.

use std::ops::Range;

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128;

use perf_data::{CallchainEntry, CpuMode, PerfData, RawRecord, RecordKind, Sample};
use profile::{
    Binary, Frame, Id, Label, LabelSet, LabelValue, SampleKey, SampleValue, Samples, Stack, Table,
};

use crate::LabelKey;
use crate::callchain::{Chain, Resolver, SampleSpaces, StandIns};
use crate::index::Index;
use crate::losses::Losses;

/// What all chunks have in common.
pub(crate) struct Context<'a> {
    pub(crate) perf: &'a PerfData<'a>,
    pub(crate) index: &'a Index,
    pub(crate) stand_ins: &'a StandIns,
    /// The names of the labels asked for, in order.
    pub(crate) labels: &'a [(LabelKey, Id<String>)],
    pub(crate) broken_stack: Id<String>,
    pub(crate) no_unit: Id<String>,
}

/// The tables of a part of the recording; names and binaries are those of the [`Index`].
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) frames: Table<Frame>,
    pub(crate) stacks: Table<Stack>,
    pub(crate) labels: Table<LabelSet>,
    pub(crate) samples: Samples,
    pub(crate) losses: Losses,
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
    let mut reader = Reader::new(context);
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
    visited(step_start..part.end);
    reader.chunk.used_mappings = reader.resolver.used;
    reader.chunk
}

struct Reader<'a> {
    context: &'a Context<'a>,
    resolver: Resolver<'a>,
    chunk: Chunk,
    /// Stacks by the bytes of their callchain, and whatever else they depend on.
    known_stacks: FxHashMap<StackKey, KnownStack>,
    known_labels: FxHashMap<LabelsKey, Id<LabelSet>>,
    chain: Chain,
}

/// 128 bits stand for the callchain: two that differ and collide are less likely than a memory
/// error, and a whole recording of them is not for chance to make.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct StackKey {
    callchain: u128,
    spaces: SampleSpaces,
    ip: Option<u64>,
    mode: CpuMode,
}

#[derive(Clone, Copy)]
struct KnownStack {
    stack: Id<Stack>,
    is_broken: bool,
    is_leaf_unmapped: bool,
}

/// What the labels of a sample depend on. What was not asked for is left out, so that it
/// cannot tell samples apart.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct LabelsKey {
    comm: Option<Id<String>>,
    thread_comm: Option<Id<String>>,
    pid: Option<i32>,
    tid: Option<i32>,
    cpu: Option<u32>,
}

impl<'a> Reader<'a> {
    fn new(context: &'a Context<'a>) -> Self {
        // The reserved rows are those of every profile.
        let profile::Profile { frames, stacks, labels, .. } = profile::Profile::new();
        Self {
            context,
            resolver: Resolver::new(context.index, context.stand_ins),
            chunk: Chunk { frames, stacks, labels, ..Chunk::default() },
            known_stacks: FxHashMap::default(),
            known_labels: FxHashMap::default(),
            chain: Chain::default(),
        }
    }

    fn sample(&mut self, record: &RawRecord<'a>) {
        let perf = self.context.perf;
        let Some((event, sample)) = perf.sample(record) else {
            self.chunk.losses.unreadable_samples += 1;
            return;
        };
        let (pid, tid) = sample.pid_tid.unwrap_or((-1, -1));
        let time = match sample.time {
            Some(time) if self.context.index.is_timed => {
                let (first, last) = self.chunk.times.get_or_insert((time, time));
                (*first, *last) = ((*first).min(time), (*last).max(time));
                time
            }
            _ => record.offset,
        };
        let attr = &perf.events()[event].attr;
        let weight = sample.period.or(attr.sample_period()).unwrap_or(1);
        let value = SampleValue { count: 1, weight };
        let spaces = SampleSpaces::at(self.context.index, pid, time);
        if let Some(program) = spaces.user.program {
            let weight_so_far = self.chunk.programs.entry(program).or_default();
            *weight_so_far = weight_so_far.saturating_add(weight);
        }
        let known = self.stack(&sample, record.cpu_mode(), &spaces);
        if known.is_broken {
            self.chunk.losses.broken_stacks.add(value);
        }
        if known.is_leaf_unmapped {
            self.chunk.losses.unmapped_leaves.add(value);
        }
        let labels = self.labels(&sample, (pid, tid), time);
        let event = u32::try_from(event).unwrap_or(u32::MAX);
        self.chunk.samples.add(SampleKey { stack: known.stack, event, labels }, value);
    }

    fn stack(&mut self, sample: &Sample<'a>, mode: CpuMode, spaces: &SampleSpaces) -> KnownStack {
        let words = sample.callchain.map(|callchain| callchain.words());
        let key = StackKey {
            callchain: words.map_or(0, |words| xxh3_128(words.as_bytes())),
            spaces: *spaces,
            // The callchain repeats the instruction pointer.
            ip: if words.is_some_and(|words| !words.is_empty()) { None } else { sample.ip },
            mode,
        };
        if let Some(known) = self.known_stacks.get(&key) {
            return *known;
        }
        let entries = sample.callchain.into_iter().flat_map(|callchain| callchain.entries());
        let known = self.new_stack(entries, (sample.ip, mode), spaces);
        self.known_stacks.insert(key, known);
        known
    }

    fn new_stack(
        &mut self,
        entries: impl Iterator<Item = CallchainEntry>,
        ip: (Option<u64>, CpuMode),
        spaces: &SampleSpaces,
    ) -> KnownStack {
        self.resolver.resolve(entries, ip, spaces, &mut self.chain);
        let Chunk { frames, stacks, .. } = &mut self.chunk;
        let mut stack = Stack::EMPTY;
        if self.chain.is_broken {
            let frame = frames.intern(Frame::marker(self.context.broken_stack));
            stack = stacks.intern(Stack { parent: stack, frame });
        }
        for frame in self.chain.frames.iter().rev() {
            let frame = frames.intern(*frame);
            stack = stacks.intern(Stack { parent: stack, frame });
        }
        let Chain { is_broken, is_leaf_unmapped, .. } = self.chain;
        KnownStack { stack, is_broken, is_leaf_unmapped }
    }

    fn labels(&mut self, sample: &Sample<'_>, (pid, tid): (i32, i32), time: u64) -> Id<LabelSet> {
        let spaces = &self.context.index.spaces;
        let mut key = LabelsKey::default();
        for (label, _) in self.context.labels {
            match label {
                LabelKey::Comm => key.comm = spaces.comm(pid, time),
                LabelKey::ThreadComm => key.thread_comm = spaces.comm(tid, time),
                LabelKey::Pid => key.pid = Some(pid),
                LabelKey::Tid => key.tid = Some(tid),
                LabelKey::Cpu => key.cpu = sample.cpu,
            }
        }
        let Self { context, chunk, known_labels, .. } = self;
        *known_labels.entry(key).or_insert_with(|| chunk.labels.intern(key.labels(context)))
    }
}

impl LabelsKey {
    fn labels(&self, context: &Context<'_>) -> LabelSet {
        let number = |number: i64| LabelValue::Number(number, context.no_unit);
        let label = |&(label, key): &(LabelKey, Id<String>)| {
            let value = match label {
                LabelKey::Comm => LabelValue::Text(self.comm?),
                LabelKey::ThreadComm => LabelValue::Text(self.thread_comm?),
                LabelKey::Pid => number(i64::from(self.pid?)),
                LabelKey::Tid => number(i64::from(self.tid?)),
                LabelKey::Cpu => number(i64::from(self.cpu?)),
            };
            Some(Label { key, value })
        };
        context.labels.iter().filter_map(label).collect()
    }
}
