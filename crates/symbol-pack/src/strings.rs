//! Names and paths: sorted, so that each states only where it differs from the one before it.
//! Mangled names share most of their letters with their neighbours.

use crate::PackError;
use crate::number::{Numbers, put};

/// Strings in a block.
pub(crate) const PER_BLOCK: usize = 256;

/// A block of strings that share much may grow beyond the size of a block, but not beyond this.
const MAX_TEXT: usize = 16 << 20;

/// What a block of strings is called in messages.
const STRINGS: &str = "names";

/// A block, unpacked: all its strings in one text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strings {
    text: String,
    ends: Vec<usize>,
}

/// Writes a block of sorted strings.
pub(crate) fn write(strings: &[&str]) -> Vec<u8> {
    let mut block = Vec::new();
    put(&mut block, strings.len() as u64);
    // The letters behind all numbers: each kind packs better among its like.
    let mut letters = Vec::new();
    let mut before: &[u8] = &[];
    for string in strings {
        let bytes = string.as_bytes();
        let shared = bytes.iter().zip(before).take_while(|(a, b)| a == b).count();
        put(&mut block, shared as u64);
        put(&mut block, (bytes.len() - shared) as u64);
        letters.extend_from_slice(&bytes[shared..]);
        before = bytes;
    }
    block.extend(letters);
    block
}

impl Strings {
    pub(crate) fn read(block: &[u8]) -> Result<Self, PackError> {
        Self::parse(block).ok_or(PackError::Damaged(STRINGS))
    }

    pub(crate) fn get(&self, index: usize) -> Option<&str> {
        let start = index.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before))?;
        self.text.get(*start..*self.ends.get(index)?)
    }

    fn parse(block: &[u8]) -> Option<Self> {
        let mut numbers = Numbers(block);
        let count = numbers.take_count()?;
        let mut lengths = Vec::with_capacity(count);
        for _ in 0..count {
            lengths.push((numbers.take_len()?, numbers.take_len()?));
        }
        let mut letters = numbers.0;
        // A guess, no bound: sorted names share much with the one before.
        let (mut text, mut ends) =
            (Vec::with_capacity(letters.len() * 2), Vec::with_capacity(count));
        let mut before = 0..0;
        for (shared, own) in lengths {
            let (own, rest) = letters.split_at_checked(own)?;
            letters = rest;
            let start = text.len();
            if shared > before.len() || start > MAX_TEXT {
                return None;
            }
            text.extend_from_within(before.start..before.start + shared);
            text.extend_from_slice(own);
            before = start..text.len();
            ends.push(text.len());
        }
        Some(Self { text: String::from_utf8(text).ok()?, ends })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_come_back() {
        let strings = ["", "_ZN1a", "_ZN1ab", "_ZN1b", "a", "\u{e9}", "\u{e9}\u{e9}", "\u{eb}"];
        let block = write(&strings);
        let back = Strings::read(&block).unwrap();
        for (index, string) in strings.iter().enumerate() {
            assert_eq!(back.get(index), Some(*string));
        }
        assert_eq!(back.get(strings.len()), None);
        for end in 0..block.len() {
            assert!(Strings::read(&block[..end]).is_err());
        }
    }

    #[test]
    fn what_is_shared_with_itself_does_not_grow_without_end() {
        let mut block = Vec::new();
        put(&mut block, 100_000);
        put(&mut block, 0);
        put(&mut block, 50_000);
        for _ in 1..100_000 {
            put(&mut block, 50_000);
            put(&mut block, 0);
        }
        block.resize(block.len() + 50_000, b'a');
        assert!(Strings::read(&block).is_err());
    }
}
