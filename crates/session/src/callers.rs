//! Stacks that were reached from known callers.
//!
//! A busy function is sampled at each of its instructions: callchains that differ in their first
//! address only. Their callers, dozens of frames, have been placed and interned before, so that
//! what is new is one frame.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use perf_data::{Callchain, CallchainEntry};
use profile::{Id, Stack};

use crate::StackEnd;

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

impl KnownCallers {
    pub(crate) fn get(&self, key: CallersKey) -> Option<Callers> {
        self.known.get(&key.0).copied()
    }

    pub(crate) fn insert(&mut self, key: CallersKey, callers: Callers) {
        self.known.insert(key.0, callers);
    }
}
