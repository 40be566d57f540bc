//! Callchains that the kernel did not walk, or not to the end: the rest is unwound from a dump,
//! read from the processor's record of calls, or comes in a record of its own.
//!
//! ```text
//!              kernel's part            user's part
//! dwarf        callchain                unwound from the dumped registers and stack
//! LBR          callchain                instruction pointer, then the calls that it is in
//! deferred     callchain, a cookie      the later record with that cookie
//! ```

use perf_data::{
    Attr, BranchStack, Callchain, CallchainEntry, Context, CpuMode, DeferredCallchain, PerfData,
    Sample, SampleType,
};
use profile::{FrameKind, Profile, RuntimeAddr};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::callchain::{Entry, SampleSpaces, leaf, recorded};
use crate::index::Index;
use crate::unwind::{StackEnd, Unwind, Unwinder, UserDump, UserFrame};

/// Where the callers of a sample are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// In its callchain, as the kernel walked it.
    Callchain,
    /// In its dump of registers and stack.
    Dump,
    /// In its branch stack.
    Branches,
}

impl Source {
    fn of(attr: &Attr) -> Self {
        let has = |bit| attr.sample_type.has(bit);
        let is_call_stack = attr.branch_sample_type & BranchStack::CALL_STACK != 0;
        // Branches that are no calls (`perf record -b`) show how the thread came where it is,
        // and stand for its callers only if nothing better was recorded.
        if has(SampleType::BRANCH_STACK) && (is_call_stack || !has(SampleType::CALLCHAIN)) {
            Self::Branches
        } else if has(SampleType::REGS_USER) && has(SampleType::STACK_USER) {
            Self::Dump
        } else {
            Self::Callchain
        }
    }
}

/// The entries of a sample's callchain, if it has one.
pub(crate) fn entries_of(callchain: Option<Callchain<'_>>) -> impl Iterator<Item = CallchainEntry> {
    callchain.into_iter().flat_map(|callchain| callchain.entries())
}

/// Makes callchains, one after the other in the same memory.
pub(crate) struct Maker<'a> {
    perf: &'a PerfData<'a>,
    index: &'a Index,
    /// By the index of the event.
    sources: Vec<Source>,
    unwinder: Option<Box<dyn Unwinder + 'a>>,
    entries: Vec<Entry>,
    end: StackEnd,
    frames: Vec<UserFrame>,
    bytes: Vec<u8>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(
        perf: &'a PerfData<'a>,
        index: &'a Index,
        unwind: Option<(&'a dyn Unwind, &'a Profile)>,
    ) -> Self {
        let (entries, frames, bytes) = Default::default();
        Self {
            perf,
            index,
            sources: perf.events().iter().map(|event| Source::of(&event.attr)).collect(),
            unwinder: unwind.map(|(unwind, recorded)| unwind.unwinder(recorded)),
            entries,
            end: StackEnd::Whole,
            frames,
            bytes,
        }
    }

    /// Makes the callchain of a sample; `false` if the recorded one is all there is.
    pub(crate) fn make(
        &mut self,
        sample: &Sample<'_>,
        (event, mode): (usize, CpuMode),
        tid: i32,
        spaces: &SampleSpaces,
    ) -> bool {
        let cookie = sample.callchain.and_then(|callchain| callchain.deferred_cookie());
        let source = self.sources.get(event).copied().unwrap_or(Source::Callchain);
        if source == Source::Callchain && cookie.is_none() {
            return false;
        }
        self.end = StackEnd::Whole;
        self.entries.clear();
        let is_kernels = |entry: &Entry| entry.context != Context::User;
        self.entries.extend(recorded(entries_of(sample.callchain), mode).take_while(is_kernels));
        match (source, cookie) {
            (Source::Dump, _) => self.unwind(sample, spaces),
            (Source::Branches, _) => self.follow_branches(sample, mode),
            (Source::Callchain, cookie) => self.stitch(tid, cookie),
        }
        true
    }

    fn unwind(&mut self, sample: &Sample<'_>, spaces: &SampleSpaces) {
        // Threads of the kernel have no registers of the user, and that is the whole stack.
        let (Some(registers), Some(stack)) = (sample.user_registers, sample.user_stack) else {
            return;
        };
        self.frames.clear();
        let dump = UserDump { registers, stack };
        let index = self.index;
        let mapping_at = |address: RuntimeAddr| {
            let mapping = index.spaces.lookup(spaces.user, address.0)?;
            index.mappings.get(mapping as usize).copied()
        };
        self.end = match &mut self.unwinder {
            Some(unwinder) => unwinder.unwind(&dump, &mapping_at, &mut self.frames),
            None => StackEnd::Unsupported,
        };
        let user = |&UserFrame { address, kind }: &UserFrame| Entry {
            address: address.0,
            kind,
            context: Context::User,
        };
        self.entries.extend(self.frames.iter().map(user));
    }

    /// The branch stack states the addresses of the calls themselves, so that all of them are
    /// instructions that were executing.
    fn follow_branches(&mut self, sample: &Sample<'_>, mode: CpuMode) {
        if self.entries.is_empty() {
            self.entries.extend(sample.ip.map(|ip| leaf(ip, mode)));
        }
        // From the kernel, the first step out leads to the user's next instruction.
        if mode == CpuMode::Kernel {
            let mut entries = recorded(entries_of(sample.callchain), mode);
            self.entries.extend(entries.find(|entry| entry.context == Context::User));
        }
        let branches = sample.branch_stack.into_iter().flat_map(|stack| stack.entries());
        let calls = branches.map(|branch| branch.from).filter(|&from| from != 0);
        self.entries.extend(calls.map(|address| Entry {
            address,
            kind: FrameKind::InstructionPointer,
            context: if address >> 63 == 1 { Context::Kernel } else { Context::User },
        }));
    }

    fn stitch(&mut self, tid: i32, cookie: Option<u64>) {
        let deferred = cookie
            .and_then(|cookie| self.index.deferred.get(&(tid, cookie)))
            .and_then(|&offset| self.perf.records_between(offset, self.index.records_end).next())
            .and_then(|record| DeferredCallchain::parse(&record, self.perf.endian()));
        let Some(deferred) = deferred else {
            self.end = StackEnd::Missing;
            return;
        };
        self.entries.extend(recorded(deferred.callchain.entries(), CpuMode::User));
    }

    /// The callchain that was made.
    pub(crate) fn entries(&self) -> (impl Iterator<Item = Entry> + use<'_>, StackEnd) {
        (self.entries.iter().copied(), self.end)
    }

    /// What tells the callchain from others; `seed` is whatever else its stack depends on.
    pub(crate) fn key(&mut self, seed: u64) -> u128 {
        self.bytes.clear();
        for entry in &self.entries {
            self.bytes.extend(entry.address.to_ne_bytes());
            self.bytes.extend([entry.kind as u8, entry.context as u8]);
        }
        let end = match self.end {
            StackEnd::Whole => [0, 0],
            StackEnd::Broken => [1, 0],
            StackEnd::Truncated => [2, 0],
            StackEnd::NoUnwindInfo(binary) => [3, binary.index()],
            StackEnd::Unsupported => [4, 0],
            StackEnd::Missing => [5, 0],
        };
        self.bytes.extend(end.into_iter().flat_map(usize::to_ne_bytes));
        xxh3_128_with_seed(&self.bytes, seed)
    }
}
