//! What a row is called: a hash of what it says, the same on every machine.
//!
//! An id is the XXH3 hash of 128 bits, big-endian, of the name of the table and the row's fields, each of
//! which is written so that no two rows give the same bytes:
//!
//! | field | bytes |
//! |---|---|
//! | number | 8, little-endian |
//! | flag | a number, 0 or 1 |
//! | text | its length in bytes as a number, and its bytes in UTF-8 |
//! | id | 16 |
//! | list | the number of its items, and the items |
//! | what may be missing | a flag, and the field if it is there |
//!
//! The hash is quick, and made against accidents, not against malice: whoever may write recordings into a
//! fleet's tables is trusted not to forge ids.

use std::fmt;

use xxhash_rust::xxh3::{Xxh3Default, xxh3_64, xxh3_128};

/// The id of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub [u8; 16]);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The fields of a row on their way into an id.
#[derive(Clone, Debug)]
pub struct Content(Vec<u8>);

impl Content {
    /// A row of a table.
    pub fn of(table: &str) -> Self {
        let mut content = Self(Vec::with_capacity(256));
        content.text(table);
        content
    }

    /// A number, or the length of a list.
    pub fn number(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// A flag.
    pub fn flag(&mut self, flag: bool) -> &mut Self {
        self.number(u64::from(flag))
    }

    /// A text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// The id of another row.
    pub fn id(&mut self, id: Id) -> &mut Self {
        self.0.extend_from_slice(&id.0);
        self
    }

    /// The id of the row.
    pub fn finish(&self) -> Id {
        Id(xxh3_128(&self.0).to_be_bytes())
    }
}

/// The digest of a file that is read piece by piece: that of its bytes as they are.
#[derive(Default)]
pub struct FileDigest(Xxh3Default);

impl FileDigest {
    /// The next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest.
    pub fn finish(&self) -> Id {
        Id(self.0.digest128().to_be_bytes())
    }
}

/// Which of `shards` a name belongs to.
pub fn shard_of(name: &str, shards: u64) -> u64 {
    xxh3_64(name.as_bytes()) % shards.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let id = |texts: &[&str]| {
            let mut content = Content::of("functions");
            for text in texts {
                content.text(text);
            }
            content.finish()
        };
        assert_ne!(id(&["ab", "c"]), id(&["a", "bc"]));
        assert_ne!(id(&["", "a"]), id(&["a", ""]));
    }

    /// The tables of yesterday and of other machines have this id: it never changes.
    #[test]
    fn the_id_of_a_row_is_settled() {
        let mut content = Content::of("functions");
        let id = content.text("main").text("main").text("main.c").number(3).finish();
        assert_eq!(id.to_string(), "0d3f0ad89d1a182da3c6a101d42ea490");
    }
}
