//! Ranges of addresses that have one answer: a line of a function, in a tree of inlined calls.
//!
//! ```text
//!   range      begins at, call, line
//!   call       function, the call that it is inlined in, the line there
//! ```
//!
//! The physical function is a call that is inlined in none. A range goes on to the next one's
//! beginning. Call 0 is none: the range has no name, and its "line" tells how far before it its
//! function begins, plus one.

use std::collections::HashMap;

use crate::number::{Numbers, put, put_step};
use crate::{MAX_DEPTH, PackError};

/// Ranges in a block.
pub(crate) const PER_BLOCK: usize = 128;

/// What a block of code is called in messages.
const CODE: &str = "code";

/// An inlined call, or a physical function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Call {
    /// The number of the call that it is inlined in, from 1; 0 for a physical function.
    parent: usize,
    /// The line of the call in the parent.
    line: u32,
    /// The number of its function.
    function: u32,
}

/// A range of addresses.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: u64,
    /// The number of its call, from 1; 0 for none.
    call: usize,
    line: u64,
}

/// Some neighbouring ranges and all that is inlined in them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    ranges: Vec<Range>,
    calls: Vec<Call>,
}

/// What a range says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The lines were told.
    Lines,
    /// It has no name, and its function begins here, if that is known.
    Unnamed(Option<u64>),
}

/// Collects ranges until they fill a block.
#[derive(Debug, Default)]
pub(crate) struct CodeWriter {
    code: Code,
    numbers: HashMap<Call, usize>,
}

impl CodeWriter {
    pub(crate) fn is_full(&self) -> bool {
        self.code.ranges.len() >= PER_BLOCK
    }

    /// The first address, if there is any range.
    pub(crate) fn first(&self) -> Option<u64> {
        self.code.ranges.first().map(|range| range.start)
    }

    /// Adds a range with these functions and lines, the innermost inlined one first.
    pub(crate) fn add(&mut self, start: u64, lines: &[(u32, u32)]) {
        let (mut call, mut line) = (0, 0);
        for &(function, next_line) in lines.iter().rev() {
            call = self.call(Call { parent: call, line, function });
            line = next_line;
        }
        self.code.ranges.push(Range { start, call, line: line.into() });
    }

    /// Adds a range without a name.
    pub(crate) fn add_unnamed(&mut self, start: u64, function_start: Option<u64>) {
        let line =
            function_start.map_or(0, |function| start.wrapping_sub(function).wrapping_add(1));
        self.code.ranges.push(Range { start, call: 0, line });
    }

    /// Writes the block, and begins a new one. Functions are numbered in the order in which the
    /// code meets them; `known` is how many it has met, and is carried from block to block.
    pub(crate) fn write(&mut self, known: &mut u32) -> Vec<u8> {
        let Code { ranges, calls } = &self.code;
        let mut block = Vec::new();
        put(&mut block, ranges.len() as u64);
        put(&mut block, calls.len() as u64);
        put(&mut block, (*known).into());
        for (index, call) in calls.iter().enumerate() {
            put(&mut block, if call.parent == 0 { 0 } else { (index + 1 - call.parent) as u64 });
        }
        for call in calls {
            let is_new = call.function == *known;
            *known += u32::from(is_new);
            put(&mut block, if is_new { 0 } else { u64::from(call.function) + 1 });
        }
        let mut lines = vec![0; calls.len() + 1];
        for call in calls {
            put_step(&mut block, lines[call.parent], call.line.into());
            lines[call.parent] = call.line.into();
        }
        let mut before = self.first().unwrap_or(0);
        for range in ranges {
            put(&mut block, range.start.wrapping_sub(before));
            before = range.start;
        }
        let mut before = 0;
        for range in ranges {
            put_step(&mut block, before, range.call as u64);
            before = range.call as u64;
        }
        let mut lines = vec![0; calls.len() + 1];
        for range in ranges {
            put_step(&mut block, lines[range.call], range.line);
            lines[range.call] = range.line;
        }
        *self = Self::default();
        block
    }

    fn call(&mut self, call: Call) -> usize {
        let Self { code, numbers } = self;
        *numbers.entry(call).or_insert_with(|| {
            code.calls.push(call);
            code.calls.len()
        })
    }
}

impl Code {
    /// Reads a block whose first address is `first`.
    pub(crate) fn read(first: u64, block: &[u8]) -> Result<Self, PackError> {
        Self::parse(first, block).ok_or(PackError::Damaged(CODE))
    }

    fn parse(first: u64, block: &[u8]) -> Option<Self> {
        let mut numbers = Numbers(block);
        let (ranges, calls) = (numbers.take_count()?, numbers.take_count()?);
        let mut known = numbers.take_u32()?;
        // A number takes a byte or more: no more rows than there are bytes.
        let (mut code, mut lines) = (Self::with_room(ranges, calls), vec![0; calls + 1]);
        for number in 1..=calls {
            let parent = match numbers.take_len()? {
                0 => 0,
                back => number.checked_sub(back).filter(|&parent| parent > 0)?,
            };
            code.calls.push(Call { parent, line: 0, function: 0 });
        }
        for call in &mut code.calls {
            call.function = match numbers.take()? {
                0 => {
                    known = known.checked_add(1)?;
                    known - 1
                }
                other => u32::try_from(other - 1).ok()?,
            };
        }
        for call in &mut code.calls {
            let line = &mut lines[call.parent];
            *line = numbers.take_step(*line)?;
            call.line = u32::try_from(*line).ok()?;
        }
        let mut start = first;
        for _ in 0..ranges {
            start = start.checked_add(numbers.take()?)?;
            code.ranges.push(Range { start, call: 0, line: 0 });
        }
        let mut call = 0;
        for range in &mut code.ranges {
            call = numbers.take_step(call)?;
            range.call = usize::try_from(call).ok().filter(|&call| call <= calls)?;
        }
        lines.fill(0);
        for range in &mut code.ranges {
            let line = &mut lines[range.call];
            *line = numbers.take_step(*line)?;
            range.line = *line;
        }
        numbers.0.is_empty().then_some(code)
    }

    fn with_room(ranges: usize, calls: usize) -> Self {
        Self { ranges: Vec::with_capacity(ranges), calls: Vec::with_capacity(calls) }
    }

    /// Tells the functions and lines of an address, the innermost inlined one first.
    pub(crate) fn find(
        &self,
        address: u64,
        mut tell: impl FnMut(u32, u32) -> Result<(), PackError>,
    ) -> Result<Found, PackError> {
        let damaged = PackError::Damaged(CODE);
        let after = self.ranges.partition_point(|range| range.start <= address);
        let Some(range) = after.checked_sub(1).and_then(|index| self.ranges.get(index)) else {
            return Ok(Found::Unnamed(None));
        };
        if range.call == 0 {
            let back = range.line.checked_sub(1);
            return Ok(Found::Unnamed(back.map(|back| range.start.wrapping_sub(back))));
        }
        let (mut number, mut line) = (range.call, u32::try_from(range.line).map_err(|_| damaged)?);
        for _ in 0..MAX_DEPTH {
            let Some(call) = number.checked_sub(1).and_then(|index| self.calls.get(index)) else {
                return Ok(Found::Lines);
            };
            tell(call.function, line)?;
            (number, line) = (call.parent, call.line);
        }
        if number == 0 { Ok(Found::Lines) } else { Err(damaged) }
    }
}
