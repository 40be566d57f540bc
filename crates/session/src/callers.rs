//! Callers that are known.
//!
//! Whatever a thread does, its outer callers are mostly those that it had before: a busy function is sampled at
//! each of its instructions, and a loop calls now this and now that. Of a callchain that is new, the outer part has
//! been placed and interned before, and is known in steps of a few frames.

use rustc_hash::FxHashMap;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use perf_data::{Callchain, CallchainEntry, Context};
use profile::{Id, Stack};

/// Callers are remembered in steps of so many.
const STEP: usize = 4;

/// Stacks by the bytes of the outer part of a callchain. All of its addresses lie somewhere.
#[derive(Debug, Default)]
pub(crate) struct KnownCallers {
    known: FxHashMap<[u64; 2], Id<Stack>>,
}

/// The outer part of a callchain, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Callers {
    /// How many addresses are within it.
    pub(crate) inner: usize,
    /// Its stack.
    pub(crate) stack: Id<Stack>,
    /// A longer part that could be known.
    next: Option<Unknown>,
}

#[derive(Clone, Copy, Debug)]
struct Unknown {
    key: [u64; 2],
    inner: usize,
}

impl KnownCallers {
    /// What is known of the callers in a callchain, in address spaces that `generation` stands for. Only of calls in
    /// user code: they are placed in the same way whatever they called, in whichever mode.
    pub(crate) fn of(&self, callchain: Option<Callchain<'_>>, generation: u32) -> Option<Callers> {
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
        let mut callers = Callers { inner: addresses, stack: Stack::EMPTY, next: None };
        // A part is known only after those within it.
        let (mut known, mut unknown) = (0, longest / STEP + 1);
        while known + 1 < unknown {
            let steps = usize::midpoint(known, unknown);
            let bytes = words.as_bytes().get((words.len() - steps * STEP) * 8..)?;
            let key = halves(xxh3_128_with_seed(bytes, u64::from(generation)));
            let inner = addresses - steps * STEP;
            if let Some(stack) = self.known.get(&key) {
                known = steps;
                (callers.inner, callers.stack) = (inner, *stack);
            } else {
                unknown = steps;
                callers.next = Some(Unknown { key, inner });
            }
        }
        Some(callers)
    }

    /// Remembers more of the callers of a stack, whose own callers `parent` gives.
    pub(crate) fn add(
        &mut self,
        callers: &Callers,
        stack: Id<Stack>,
        parent: impl Fn(Id<Stack>) -> Id<Stack>,
    ) {
        if let Some(Unknown { key, inner }) = callers.next {
            let stack = (0..inner).fold(stack, |stack, _| parent(stack));
            self.known.insert(key, stack);
        }
    }
}

/// As two words a key takes less room in a table.
pub(crate) fn halves(key: u128) -> [u64; 2] {
    let key = key.to_ne_bytes();
    let (words, _) = key.as_chunks::<8>();
    [u64::from_ne_bytes(words[0]), u64::from_ne_bytes(words[1])]
}
