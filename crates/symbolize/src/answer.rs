//! Answers as one worker finds them, in tables of its own, so that workers share nothing.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem;
use std::ops::Range;

use profile::{Id, Table, Unnamed};

use crate::demangle::demangle;
use crate::source_path::normalise;

/// What is known about each of a run of places, in their order.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    strings: Table<String>,
    functions: Table<FoundFunction>,
    lines: Vec<FoundLine>,
    places: Vec<Answer>,
    /// The shown name of each linker's name: demangling is the dearest step, so it is done once.
    shown_names: HashMap<Id<String>, Id<String>>,
    /// The functions that came with a number.
    numbered: HashMap<u32, Id<FoundFunction>>,
}

/// What is known about one place.
#[derive(Clone, Debug)]
enum Answer {
    /// Rows of `lines`.
    Named(Range<usize>),
    Unnamed(Unnamed),
}

/// `profile::Function` with ids of the strings of the same [`Answers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FoundFunction {
    pub(crate) name: Id<String>,
    pub(crate) system_name: Id<String>,
    pub(crate) filename: Id<String>,
    pub(crate) start_line: u32,
}

/// `profile::Line` with ids of the functions of the same [`Answers`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoundLine {
    pub(crate) function: Id<FoundFunction>,
    pub(crate) line: u32,
}

/// A function and a line of it as a symbol table or DWARF states them.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawLine<'a> {
    /// The name for people, where it is known already.
    pub(crate) name: Option<&'a str>,
    /// The linker's name.
    pub(crate) system_name: Cow<'a, str>,
    /// The source file, "" if not known.
    pub(crate) path: Cow<'a, str>,
    /// The line at which the function is declared, 0 if not known.
    pub(crate) start_line: u32,
    /// The line, 0 if not known.
    pub(crate) line: u32,
    /// A number of the function that tells it from all others of the same source, if there is one.
    pub(crate) number: Option<u32>,
}

impl<'a> RawLine<'a> {
    /// A function of which only the name is known.
    pub(crate) fn named(name: &'a str) -> Self {
        Self { system_name: Cow::Borrowed(name), ..Self::default() }
    }
}

impl Answers {
    /// Answers the next place with lines, the innermost inlined function first. Empty ones are
    /// no answer: the place is then unnamed.
    pub(crate) fn push(&mut self, lines: &[RawLine<'_>], otherwise: impl FnOnce() -> Unnamed) {
        if lines.is_empty() {
            self.places.push(Answer::Unnamed(otherwise()));
            return;
        }
        let start = self.lines.len();
        for line in lines {
            let line = self.line(line);
            self.lines.push(line);
        }
        self.places.push(Answer::Named(start..self.lines.len()));
    }

    fn line(&mut self, raw: &RawLine<'_>) -> FoundLine {
        if let Some(&function) = raw.number.and_then(|number| self.numbered.get(&number)) {
            return FoundLine { function, line: raw.line };
        }
        let system_name = self.strings.intern_ref(&*raw.system_name);
        let name = match raw.name {
            Some(name) => self.strings.intern_ref(name),
            None => self.shown_name(system_name),
        };
        let filename = self.strings.intern_ref(&*normalise(&raw.path));
        let start_line = raw.start_line;
        let function = FoundFunction { name, system_name, filename, start_line };
        let function = self.functions.intern(function);
        if let Some(number) = raw.number {
            self.numbered.insert(number, function);
        }
        FoundLine { function, line: raw.line }
    }

    fn shown_name(&mut self, system_name: Id<String>) -> Id<String> {
        if let Some(&name) = self.shown_names.get(&system_name) {
            return name;
        }
        let name = demangle(&self.strings[system_name]).into_owned();
        let name = self.strings.intern(name);
        self.shown_names.insert(system_name, name);
        name
    }

    /// How many places are answered.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The lines of a place, or why it has none.
    pub(crate) fn get(&self, place: usize) -> Option<Result<&[FoundLine], Unnamed>> {
        Some(match self.places.get(place)? {
            Answer::Named(rows) => Ok(self.lines.get(rows.clone()).unwrap_or_default()),
            Answer::Unnamed(unnamed) => Err(*unnamed),
        })
    }

    /// A function of these answers.
    pub(crate) fn function(&self, id: Id<FoundFunction>) -> FoundFunction {
        self.functions[id]
    }

    /// How many functions these answers have.
    pub(crate) fn functions(&self) -> usize {
        self.functions.len()
    }

    /// The texts of these answers, by id, when no more are added.
    pub(crate) fn take_texts(&mut self) -> Vec<String> {
        mem::take(&mut self.strings).into_rows()
    }
}
