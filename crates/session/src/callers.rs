//! Stacks that were reached from known callers.
//!
//! A busy function is sampled at each of its instructions: callchains that differ in their first
//! address only. Their callers, dozens of frames, have been placed and interned before, so that
//! what is new is one frame. And whatever a thread does, its outer callers are mostly those that it had
//! before: of a stack that parts from the known ones further out, the part outside of there is known in
//! steps of eight frames.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use perf_data::{Callchain, CallchainEntry, Context};
use profile::{Id, Stack};

use crate::StackEnd;

/// Outer callers are remembered in steps of so many frames.
const STEP: usize = 8;

/// The stacks of callers, by the bytes of their part of the callchain.
#[derive(Debug, Default)]
pub(crate) struct KnownCallers {
    known: FxHashMap<u128, Callers>,
}

/// A stack without its innermost frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callers {
    pub(crate) stack: Id<Stack>,
    /// Why it ends.
    pub(crate) end: StackEnd,
}

/// What callers are known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallersKey(u128);

impl CallersKey {
    /// The key of the callers in a callchain. `seed` stands for the address spaces. Only where
    /// the chain begins with one mark and two addresses: then what follows the first address is
    /// placed in the same way whatever that is.
    pub(crate) fn of(callchain: Option<Callchain<'_>>, seed: u64) -> Option<Self> {
        let callchain = callchain?;
        let mut entries = callchain.entries();
        let (mark, leaf, caller) = (entries.next()?, entries.next()?, entries.next()?);
        let (CallchainEntry::Context(context), CallchainEntry::Address(_)) = (mark, leaf) else {
            return None;
        };
        if !matches!(caller, CallchainEntry::Address(_)) {
            return None;
        }
        let callers = callchain.words().as_bytes().get(16..)?;
        Some(Self(xxh3_128_with_seed(callers, seed ^ ((context as u64) << 1))))
    }
}

/// The outer part of a callchain, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outer {
    /// How many addresses are within it.
    pub(crate) inner: usize,
    /// Its stack.
    pub(crate) stack: Id<Stack>,
    /// What a longer part could be remembered by, and how many addresses are within that.
    pub(crate) next: Option<(CallersKey, usize)>,
}

impl KnownCallers {
    /// What is known of the callers of callers. `seed` stands for the address spaces. Only of calls in user code:
    /// they are placed in the same way whatever they called.
    pub(crate) fn outer(&self, callchain: Option<Callchain<'_>>, seed: u64) -> Option<Outer> {
        let callchain = callchain?;
        let (mut mark, mut addresses) = (None, 0);
        for (at, entry) in callchain.entries().enumerate() {
            match entry {
                CallchainEntry::Context(Context::UserDeferred) => return None,
                CallchainEntry::Context(context) => mark = Some((at, context)),
                CallchainEntry::Address(_) => addresses += 1,
            }
        }
        let (mark, Context::User) = mark? else { return None };
        let words = callchain.words();
        // The first address behind a mark is no return address.
        let longest = words.len().checked_sub(mark + 2)?;
        let mut outer = Outer { inner: addresses, stack: Stack::EMPTY, next: None };
        for len in (STEP..=longest).step_by(STEP) {
            let bytes = words.as_bytes().get((words.len() - len) * 8..)?;
            let key = CallersKey(xxh3_128_with_seed(bytes, seed | 1 << 62));
            let Some(known) = self.get(key) else {
                outer.next = Some((key, addresses - len));
                break;
            };
            (outer.inner, outer.stack) = (addresses - len, known.stack);
        }
        Some(outer)
    }

    pub(crate) fn get(&self, key: CallersKey) -> Option<Callers> {
        self.known.get(&key.0).copied()
    }

    pub(crate) fn insert(&mut self, key: CallersKey, callers: Callers) {
        self.known.insert(key.0, callers);
    }
}
