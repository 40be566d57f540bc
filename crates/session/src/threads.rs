//! What holds for the samples of a thread, found once and true until the recording changes it.
//!
//! Without it each sample would search four histories of address spaces and two of names, to
//! find nearly always what the sample before it found.

use std::ops::Range;

use rustc_hash::FxHashMap;

use profile::{Binary, Id};

use crate::callchain::SampleSpaces;
use crate::spaces::{Period, Space, Spaces};

/// The threads that were met so far.
#[derive(Debug)]
pub(crate) struct Threads<'a> {
    spaces: &'a Spaces,
    states: Vec<ThreadState>,
    /// The latest state of each thread.
    by_id: FxHashMap<(i32, i32), usize>,
    /// Every state, by all that tells it apart: times that go back and forth over a change do
    /// not make it anew.
    by_facts: FxHashMap<Facts, usize>,
    latest: usize,
    generations: FxHashMap<SampleSpaces, u32>,
}

type Facts = (i32, i32, u32, Option<Id<String>>, Option<Id<String>>);

/// A thread, as it is for a while.
#[derive(Clone, Debug)]
pub(crate) struct ThreadState {
    pub(crate) pid: i32,
    pub(crate) tid: i32,
    /// The name of its process.
    pub(crate) comm: Option<Id<String>>,
    /// Its own name.
    pub(crate) thread_comm: Option<Id<String>>,
    pub(crate) spaces: SampleSpaces,
    /// A small number that stands for `spaces`.
    pub(crate) generation: u32,
    /// The weight of its samples while it was so.
    pub(crate) weight: u64,
    times: Range<u64>,
}

impl<'a> Threads<'a> {
    pub(crate) fn new(spaces: &'a Spaces) -> Self {
        let (states, by_id, by_facts, generations) = Default::default();
        Self { spaces, states, by_id, by_facts, latest: 0, generations }
    }

    /// The state of a thread at `time`, as its number in [`Threads::all`].
    pub(crate) fn at(&mut self, pid: i32, tid: i32, time: u64) -> usize {
        let is_current = |state: &ThreadState| {
            (state.pid, state.tid) == (pid, tid) && state.times.contains(&time)
        };
        if self.states.get(self.latest).is_some_and(is_current) {
            return self.latest;
        }
        self.latest = match self.by_id.get(&(pid, tid)) {
            Some(&number) if is_current(&self.states[number]) => number,
            _ => self.find(pid, tid, time),
        };
        self.latest
    }

    /// Every state of every thread.
    pub(crate) fn all(&self) -> &[ThreadState] {
        &self.states
    }

    pub(crate) fn get(&self, number: usize) -> &ThreadState {
        &self.states[number]
    }

    /// Counts a sample of the thread.
    pub(crate) fn add_weight(&mut self, number: usize, weight: u64) {
        let sum = &mut self.states[number].weight;
        *sum = sum.saturating_add(weight);
    }

    fn find(&mut self, pid: i32, tid: i32, time: u64) -> usize {
        let mut times = 0..u64::MAX;
        let mut narrow = |period: &Range<u64>| {
            times = times.start.max(period.start)..times.end.min(period.end);
        };
        let mut space = |space| {
            let Period { value, times } = self.spaces.at(space, time);
            narrow(&times);
            value
        };
        let spaces = SampleSpaces {
            user: space(Space::Process(pid)),
            kernel: space(Space::Kernel),
            guest_user: space(Space::GuestProcess(pid)),
            guest_kernel: space(Space::GuestKernel),
        };
        let [comm, thread_comm] = [pid, tid].map(|tid| {
            let Period { value, times } = self.spaces.comm(tid, time);
            narrow(&times);
            value
        });
        let known = self.generations.len();
        let generation = *self.generations.entry(spaces).or_insert_with(|| {
            u32::try_from(known).expect("a change of an address space takes bytes of the file")
        });
        let new = self.states.len();
        let facts = (pid, tid, generation, comm, thread_comm);
        let number = *self.by_facts.entry(facts).or_insert(new);
        let state =
            ThreadState { pid, tid, comm, thread_comm, spaces, generation, weight: 0, times };
        match self.states.get_mut(number) {
            Some(known) => known.times = state.times,
            None => self.states.push(state),
        }
        self.by_id.insert((pid, tid), number);
        number
    }
}

impl ThreadState {
    /// The program that its process runs.
    pub(crate) fn program(&self) -> Option<Id<Binary>> {
        self.spaces.user.program
    }
}
