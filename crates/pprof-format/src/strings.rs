//! The string table.

use std::borrow::Cow;

use profile::Table;

/// Every text once, in the order of first use. Texts of the profile are borrowed from it.
#[derive(Debug)]
pub(crate) struct Strings<'a> {
    table: Table<Cow<'a, str>>,
}

impl<'a> Strings<'a> {
    /// Only "", which `profile.proto` wants at index 0.
    pub(crate) fn new() -> Self {
        let mut table = Table::new();
        table.intern(Cow::Borrowed(""));
        Self { table }
    }

    /// The index of a text.
    pub(crate) fn index(&mut self, text: impl Into<Cow<'a, str>>) -> i64 {
        // An id has 32 bits.
        i64::try_from(self.table.intern(text.into()).index()).unwrap_or(0)
    }

    /// The texts by their index.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.table.iter().map(|(_, text)| text.as_ref())
    }
}
