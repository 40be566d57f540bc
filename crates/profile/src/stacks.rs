//! The table of stacks.

use std::fmt;
use std::hash::BuildHasher;
use std::ops::Index;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::FxBuildHasher;

use crate::{Id, Stack};

/// Distinct stacks, each once, numbered in the order in which they were first seen.
///
/// A new stack comes frame by frame, callers first, so that nearly every row is right behind that of its
/// caller. Such a row needs no entry in an index: whoever has the caller finds it there. What is looked
/// up are the other callees, where stacks part. So the rows of a stack that was never seen are written one
/// after the other, and those of one that was are read so.
///
/// ```
/// use profile::{Id, Stack, Stacks};
///
/// let mut stacks = Stacks::new();
/// let main = stacks.intern(Stack { parent: Stack::EMPTY, frame: Id::new(1) });
/// let run = stacks.intern(Stack { parent: main, frame: Id::new(2) });
/// assert_eq!(stacks.intern(Stack { parent: main, frame: Id::new(2) }), run);
/// assert_eq!(stacks[run].parent, main);
/// ```
#[derive(Clone)]
pub struct Stacks {
    rows: Vec<Stack>,
    /// The rows that are not right behind their caller's, by what they hold.
    others: HashTable<u32>,
}

impl Stacks {
    /// A table with [`Stack::EMPTY`] alone. Its frame is row 0 of the frames, which stands for none.
    pub fn new() -> Self {
        let mut stacks = Self { rows: Vec::new(), others: HashTable::new() };
        let none = Stack { parent: Stack::EMPTY, frame: Id::new(0) };
        stacks.rows.push(none);
        stacks.others.insert_unique(hash(none), 0, |_| hash(none));
        stacks
    }

    /// The id of a stack, which is added if it is new.
    pub fn intern(&mut self, stack: Stack) -> Id<Stack> {
        let behind = stack.parent.index() + 1;
        let rows = &mut self.rows;
        match rows.get(behind) {
            Some(row) if *row == stack => return Id::new(behind),
            // The last row has no callees yet.
            None => {}
            Some(_) => {
                let is_it = |&id: &u32| rows[id as usize] == stack;
                match self.others.entry(hash(stack), is_it, |&id| hash(rows[id as usize])) {
                    Entry::Occupied(slot) => {
                        return Id::new(*slot.get() as usize);
                    }
                    Entry::Vacant(slot) => {
                        let id: Id<Stack> = Id::new(rows.len());
                        slot.insert(id.number());
                    }
                }
            }
        }
        let id = Id::new(rows.len());
        rows.push(stack);
        id
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no stack has a frame.
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 1
    }

    /// The row of `id`, if `id` is of this table.
    pub fn get(&self, id: Id<Stack>) -> Option<&Stack> {
        self.rows.get(id.index())
    }

    /// All rows with their ids, in the order of their ids: callers before their callees.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id<Stack>, &Stack)> + ExactSizeIterator {
        self.rows.iter().enumerate().map(|(index, row)| (Id::new(index), row))
    }
}

impl Default for Stacks {
    fn default() -> Self {
        Self::new()
    }
}

impl Index<Id<Stack>> for Stacks {
    type Output = Stack;

    fn index(&self, id: Id<Stack>) -> &Stack {
        &self.rows[id.index()]
    }
}

impl fmt::Debug for Stacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rows).finish()
    }
}

fn hash(Stack { parent, frame }: Stack) -> u64 {
    FxBuildHasher.hash_one(u64::from(parent.number()) << 32 | u64::from(frame.number()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Table;

    /// Against the plain interner, on stacks of few frames, which meet all cases.
    #[test]
    fn rows_have_the_ids_of_a_plain_table() {
        let (mut stacks, mut plain) = (Stacks::new(), Table::new());
        plain.intern(stacks[Stack::EMPTY]);
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut parent = Stack::EMPTY;
            loop {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let frame = Id::new(usize::try_from(random % 4).unwrap());
                let stack = Stack { parent, frame };
                parent = plain.intern(stack);
                assert_eq!(stacks.intern(stack), parent);
                if random >> 60 == 0 {
                    break;
                }
            }
        }
        assert!(stacks.iter().eq(plain.iter()));
        assert!(stacks.others.len() < stacks.len() / 2, "most rows are behind their caller's");
    }
}
