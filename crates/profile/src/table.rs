//! An interner: distinct rows in order of arrival, each known by a small id.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

/// The number of a row in one table. Ids of different tables are different types, so that a
/// frame cannot be used where a stack is meant.
pub struct Id<Row> {
    index: u32,
    row: PhantomData<fn() -> Row>,
}

impl<Row> Id<Row> {
    /// The id of the row at `index`.
    ///
    /// # Panics
    /// If `index` does not fit 32 bits: a table of four thousand million rows does not fit
    /// in memory either.
    pub const fn new(index: usize) -> Self {
        assert!(index <= u32::MAX as usize, "a table holds at most 2^32 rows");
        #[expect(clippy::cast_possible_truncation, reason = "checked in the line above")]
        let index = index as u32;
        Self { index, row: PhantomData }
    }

    /// The position of the row in its table.
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// The same, as it is kept in indexes.
    pub(crate) const fn number(self) -> u32 {
        self.index
    }
}

// Derives would ask the same of `Row`, which an id does not hold.
impl<Row> Clone for Id<Row> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Row> Copy for Id<Row> {}
impl<Row> PartialEq for Id<Row> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}
impl<Row> Eq for Id<Row> {}
impl<Row> PartialOrd for Id<Row> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<Row> Ord for Id<Row> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.index.cmp(&other.index)
    }
}
impl<Row> Hash for Id<Row> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.index.hash(state);
    }
}
impl<Row> fmt::Debug for Id<Row> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index)
    }
}

/// Distinct rows, numbered from 0 in the order in which they were first seen.
///
/// ```
/// let mut names = profile::Table::new();
/// let main = names.intern("main");
/// assert_eq!(names.intern("main"), main);
/// assert_eq!(names[main], "main");
/// assert_eq!(names.len(), 1);
/// ```
#[derive(Clone)]
pub struct Table<Row> {
    rows: Vec<Row>,
    /// Ids by the hash of their row; the rows themselves are kept once, in `rows`.
    index: HashTable<u32>,
}

impl<Row: Hash + Eq> Table<Row> {
    /// An empty table.
    pub fn new() -> Self {
        Self { rows: Vec::new(), index: HashTable::new() }
    }

    /// An empty table with room for so many rows.
    pub fn with_capacity(rows: usize) -> Self {
        Self { rows: Vec::with_capacity(rows), index: HashTable::with_capacity(rows) }
    }

    /// The id of `row`, which is added if it is new.
    pub fn intern(&mut self, row: Row) -> Id<Row> {
        let rows = &mut self.rows;
        let found = self.index.entry(
            hash(&row),
            |&id| rows[id as usize] == row,
            |&id| hash(&rows[id as usize]),
        );
        match found {
            hashbrown::hash_table::Entry::Occupied(slot) => Id::new(*slot.get() as usize),
            hashbrown::hash_table::Entry::Vacant(slot) => {
                let id = Id::new(rows.len());
                slot.insert(id.index);
                rows.push(row);
                id
            }
        }
    }

    /// The id of the row that equals `row`; only a new one is copied into the table.
    ///
    /// ```
    /// let mut strings = profile::Table::<String>::new();
    /// assert_eq!(strings.intern_ref("main"), strings.intern("main".to_owned()));
    /// ```
    pub fn intern_ref<Borrowed>(&mut self, row: &Borrowed) -> Id<Row>
    where
        Row: Borrow<Borrowed>,
        Borrowed: Hash + Eq + ToOwned<Owned = Row> + ?Sized,
    {
        match self.index.find(hash(row), |&id| self.rows[id as usize].borrow() == row) {
            Some(&id) => Id::new(id as usize),
            None => self.intern(row.to_owned()),
        }
    }

    /// The id of `row`, if it is in the table.
    pub fn find(&self, row: &Row) -> Option<Id<Row>> {
        let id = self.index.find(hash(row), |&id| self.rows[id as usize] == *row)?;
        Some(Id::new(*id as usize))
    }
}

impl<Row> Table<Row> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the table has no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows, in the order of their ids.
    pub fn into_rows(self) -> Vec<Row> {
        self.rows
    }

    /// The row of `id`, if `id` is of this table.
    pub fn get(&self, id: Id<Row>) -> Option<&Row> {
        self.rows.get(id.index())
    }

    /// All rows with their ids, in the order of their ids.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id<Row>, &Row)> + ExactSizeIterator {
        self.rows.iter().enumerate().map(|(index, row)| (Id::new(index), row))
    }
}

impl<Row: Hash + Eq> Default for Table<Row> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Row> std::ops::Index<Id<Row>> for Table<Row> {
    type Output = Row;

    fn index(&self, id: Id<Row>) -> &Row {
        &self.rows[id.index()]
    }
}

impl<Row: fmt::Debug> fmt::Debug for Table<Row> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rows).finish()
    }
}

fn hash<Row: Hash + ?Sized>(row: &Row) -> u64 {
    FxBuildHasher.hash_one(row)
}
