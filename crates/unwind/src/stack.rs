//! The copy of a stack.

use perf_data::UserStack;

/// As far behind the end of a full dump an address may still be part of the same stack: threads
/// have eight megabytes if nobody says otherwise.
const MAX_STACK: u64 = 64 << 20;

/// The bytes of a stack, by their addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stack<'a> {
    start: u64,
    bytes: &'a [u8],
    is_full: bool,
}

/// Why a word cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It was not dumped, since the dump reached its limit before.
    BehindDump,
    /// It lies elsewhere.
    Elsewhere,
}

impl<'a> Stack<'a> {
    pub(crate) fn new(stack_pointer: u64, dumped: UserStack<'a>) -> Self {
        Self { start: stack_pointer, bytes: dumped.bytes, is_full: dumped.is_full }
    }

    /// The word at an address. Both machines are little-endian.
    pub(crate) fn word(&self, address: u64) -> Result<u64, Unreadable> {
        let offset = address.wrapping_sub(self.start);
        let word = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.bytes.get(offset..))
            .and_then(|bytes| bytes.first_chunk());
        match word {
            Some(word) => Ok(u64::from_le_bytes(*word)),
            None if self.is_full && offset < MAX_STACK => Err(Unreadable::BehindDump),
            None => Err(Unreadable::Elsewhere),
        }
    }
}
