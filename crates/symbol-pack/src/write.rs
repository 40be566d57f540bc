//! Writes a pack from finished answers.

use std::collections::HashMap;
use std::io::{self, Write};

use crate::block::Packer;
use crate::code::CodeWriter;
use crate::functions::Function;
use crate::head::Head;
use crate::{Facts, Line, MAX_DEPTH};

/// What is known about a range of addresses.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Functions and lines, the innermost inlined one first.
    Lines(&'a [Line<'a>]),
    /// No name; perhaps where its function begins.
    Unnamed {
        /// The first address of the function.
        function_start: Option<u64>,
    },
}

/// Takes the answers of one binary in the order of addresses, and makes a pack of them.
pub struct PackWriter {
    head: Head,
    packer: Packer,
    /// The packed blocks of code.
    blocks: Vec<u8>,
    code: CodeWriter,
    known_functions: u32,
    functions: Vec<Function>,
    function_numbers: HashMap<Function, u32>,
    strings: HashMap<Box<str>, u32>,
    last: Option<Last>,
    /// The lines at hand, for reuse.
    lines: Vec<(u32, u32)>,
    calls: Vec<u64>,
}

/// What the last range says, so that an equal one behind it is left out.
#[derive(PartialEq, Eq)]
enum Last {
    Lines(Vec<(u32, u32)>),
    Unnamed(Option<u64>),
}

impl PackWriter {
    /// A pack of this binary.
    pub fn new(facts: Facts) -> Self {
        Self {
            head: Head { facts, ..Head::default() },
            packer: Packer::new(),
            blocks: Vec::new(),
            code: CodeWriter::default(),
            known_functions: 0,
            functions: Vec::new(),
            function_numbers: HashMap::new(),
            strings: HashMap::new(),
            last: None,
            lines: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// States the answer for all addresses from `start` on, up to the start of the next one. Starts
    /// must rise. Of lines deeper than [`MAX_DEPTH`] the outermost are kept.
    pub fn add(&mut self, start: u64, answer: Answer<'_>) {
        match answer {
            Answer::Lines(lines) => self.add_lines(start, lines),
            Answer::Unnamed { function_start } => {
                if self.last != Some(Last::Unnamed(function_start)) {
                    self.last = Some(Last::Unnamed(function_start));
                    self.code.add_unnamed(start, function_start);
                }
            }
        }
        if self.code.is_full() {
            self.end_block();
        }
    }

    /// States that a call ends before this place in the file. Places must rise.
    pub fn add_call(&mut self, place: u64) {
        self.calls.push(place);
    }

    /// Writes the pack.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn finish(mut self, mut out: impl Write) -> io::Result<()> {
        self.end_block();
        let Self { mut head, mut packer, mut blocks, calls, strings, mut functions, .. } = self;
        for addresses in calls.chunks(crate::calls::PER_BLOCK) {
            head.calls.push(packer.pack(
                addresses[0],
                &crate::calls::write(addresses),
                &mut blocks,
            ));
        }
        let mut sorted: Vec<(&str, u32)> =
            strings.iter().map(|(text, number)| (&**text, *number)).collect();
        sorted.sort_unstable();
        let mut places = vec![0; sorted.len()];
        for (place, &(_, number)) in (0..).zip(&sorted) {
            places[number as usize] = place;
        }
        for function in &mut functions {
            function.name = places[function.name as usize];
            function.system_name = places[function.system_name as usize];
            function.path = places[function.path as usize];
        }
        for block in functions.chunks(crate::functions::PER_BLOCK) {
            head.functions.push(packer.pack(0, &crate::functions::write(block), &mut blocks));
        }
        let texts: Vec<&str> = sorted.into_iter().map(|(text, _)| text).collect();
        for block in texts.chunks(crate::strings::PER_BLOCK) {
            head.strings.push(packer.pack(0, &crate::strings::write(block), &mut blocks));
        }
        out.write_all(&head.write(blocks.len() as u64))?;
        out.write_all(&blocks)
    }

    fn add_lines(&mut self, start: u64, lines: &[Line<'_>]) {
        let mut numbers = std::mem::take(&mut self.lines);
        numbers.clear();
        let outermost = lines.len().saturating_sub(MAX_DEPTH);
        for line in &lines[outermost..] {
            let function = Function {
                name: self.string(line.name),
                system_name: self.string(line.system_name),
                path: self.string(line.path),
                start_line: line.start_line,
            };
            numbers.push((self.function(function), line.line));
        }
        if !matches!(&self.last, Some(Last::Lines(last)) if *last == numbers) {
            self.code.add(start, &numbers);
            self.last = Some(Last::Lines(numbers.clone()));
        }
        self.lines = numbers;
    }

    fn end_block(&mut self) {
        if let Some(first) = self.code.first() {
            let block = self.code.write(&mut self.known_functions);
            self.head.code.push(self.packer.pack(first, &block, &mut self.blocks));
        }
    }

    fn string(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.strings.get(text) {
            return number;
        }
        let number = number_of(self.strings.len());
        self.strings.insert(text.into(), number);
        number
    }

    fn function(&mut self, function: Function) -> u32 {
        let Self { functions, function_numbers, .. } = self;
        *function_numbers.entry(function).or_insert_with(|| {
            functions.push(function);
            number_of(functions.len() - 1)
        })
    }
}

/// Names by the thousand million do not fit in memory.
fn number_of(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
