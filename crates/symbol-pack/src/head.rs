//! The beginning of a pack, which is read and checked as a whole.
//!
//! ```text
//!   0   magic
//!   8   version                    little-endian, as all numbers of fixed size
//!   12  length of what follows the CRC
//!   16  CRC-32 of it
//!   20  length of the whole file; facts; numbers of functions and strings; directories
//! ```

use crate::directory::Directory;
use crate::number::{Numbers, put};
use crate::{Facts, PackError, VERSION};

/// No text begins so, and a transfer that takes it for one shows at once.
const MAGIC: [u8; 8] = *b"\x89p2psym\n";

/// The bytes before what the CRC covers.
const FIXED: usize = 20;

/// What a head is called in messages.
const HEAD: &str = "head";

/// All that is read of a pack when it is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) facts: Facts,
    pub(crate) code: Directory,
    pub(crate) calls: Directory,
    pub(crate) functions: Directory,
    pub(crate) strings: Directory,
}

/// Whether bytes begin as a symbol pack does, of whatever version.
pub fn is_pack(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

impl Head {
    /// The head of a pack whose blocks take so many bytes.
    pub(crate) fn write(&self, blocks: u64) -> Vec<u8> {
        let mut body = Vec::new();
        put(&mut body, blocks);
        self.facts.write(&mut body);
        for directory in [&self.code, &self.calls, &self.functions, &self.strings] {
            directory.write(&mut body);
        }
        let mut head = MAGIC.to_vec();
        head.extend(VERSION.to_le_bytes());
        head.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
        head.extend(crc32fast::hash(&body).to_le_bytes());
        head.extend(body);
        head
    }

    /// Reads the head, and says where the blocks begin.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), PackError> {
        if !is_pack(bytes) {
            return Err(PackError::NotAPack);
        }
        let found = bytes.len() as u64;
        let word = |at: usize| {
            let word = bytes.get(at..at + 4).and_then(|word| word.first_chunk());
            let short = PackError::Length { expected: FIXED as u64, found };
            word.map(|word| u32::from_le_bytes(*word)).ok_or(short)
        };
        let version = word(8)?;
        if version != VERSION {
            return Err(PackError::Version { found: version });
        }
        let (len, crc) = (word(12)? as usize, word(16)?);
        let expected = FIXED as u64 + len as u64;
        let (body, blocks) =
            bytes[FIXED..].split_at_checked(len).ok_or(PackError::Length { expected, found })?;
        if crc32fast::hash(body) != crc {
            return Err(PackError::Checksum(HEAD));
        }
        let (head, len) = Self::parse(body).ok_or(PackError::Damaged(HEAD))?;
        if len != blocks.len() as u64 {
            return Err(PackError::Length { expected: expected.saturating_add(len), found });
        }
        Ok((head, blocks))
    }

    fn parse(body: &[u8]) -> Option<(Self, u64)> {
        let mut numbers = Numbers(body);
        let len = numbers.take()?;
        let facts = Facts::read(&mut numbers)?;
        let mut start = 0;
        let mut directory = || Directory::read(&mut numbers, &mut start);
        let (code, calls, functions, strings) =
            (directory()?, directory()?, directory()?, directory()?);
        let head = Self { facts, code, calls, functions, strings };
        (numbers.0.is_empty() && start == len).then_some((head, len))
    }
}
