//! Answers from a pack.

use std::sync::OnceLock;

use crate::block::unpack;
use crate::code::{Code, Found};
use crate::functions::{self, Function};
use crate::head::Head;
use crate::strings::{self, Strings};
use crate::{Facts, Line, PackError, calls};

/// A pack in memory. What is unpacked once, for whatever thread, stays unpacked.
#[derive(Debug)]
pub struct Pack<'data> {
    head: Head,
    blocks: &'data [u8],
    functions: Vec<OnceLock<Result<Vec<Function>, PackError>>>,
    strings: Vec<OnceLock<Result<Strings, PackError>>>,
    calls: Vec<OnceLock<Result<Vec<u64>, PackError>>>,
}

/// One reader's place in a pack: the block of code that it read last.
#[derive(Debug)]
pub struct Cursor<'pack, 'data> {
    pack: &'pack Pack<'data>,
    block: Option<(usize, Result<Code, PackError>)>,
}

impl<'data> Pack<'data> {
    /// Reads the head of a pack.
    ///
    /// # Errors
    /// If the bytes are no pack, one of another version, not all of one, or a damaged one.
    pub fn open(bytes: &'data [u8]) -> Result<Self, PackError> {
        let (head, blocks) = Head::read(bytes)?;
        Ok(Self {
            functions: (0..head.functions.len()).map(|_| OnceLock::new()).collect(),
            strings: (0..head.strings.len()).map(|_| OnceLock::new()).collect(),
            calls: (0..head.calls.len()).map(|_| OnceLock::new()).collect(),
            head,
            blocks,
        })
    }

    /// What identifies the binary.
    pub fn facts(&self) -> &Facts {
        &self.head.facts
    }

    /// A reader, quickest for addresses in order.
    pub fn cursor(&self) -> Cursor<'_, 'data> {
        Cursor { pack: self, block: None }
    }

    /// Whether a call instruction ends before a place in the file; `None` if the pack does not say,
    /// or if it is where a signal handler returns to.
    ///
    /// # Errors
    /// If the block that knows is damaged.
    pub fn is_after_call(&self, place: u64) -> Result<Option<bool>, PackError> {
        let facts = &self.head.facts;
        if !facts.has_calls || facts.signal_returns.binary_search(&place).is_ok() {
            return Ok(None);
        }
        let Some(index) = self.head.calls.holding(place) else { return Ok(Some(false)) };
        let what = "calls";
        let damaged = PackError::Damaged(what);
        let (at, block) = self.head.calls.get(index).zip(self.calls.get(index)).ok_or(damaged)?;
        let read = || calls::read(at.first, &unpack(self.blocks, at, what)?);
        match block.get_or_init(read) {
            Ok(places) => Ok(Some(places.binary_search(&place).is_ok())),
            Err(error) => Err(*error),
        }
    }

    /// Reads all of the pack.
    ///
    /// # Errors
    /// The first damage.
    pub fn check(&self) -> Result<(), PackError> {
        for index in 0..self.head.code.len() {
            self.code(index)?;
        }
        for index in 0..self.functions.len() {
            for function in self.function_block(index)? {
                self.string(function.name)?;
                self.string(function.system_name)?;
                self.string(function.path)?;
            }
        }
        for index in 0..self.calls.len() {
            let place = self.head.calls.get(index);
            self.is_after_call(place.map_or(0, |place| place.first))?;
        }
        Ok(())
    }

    fn code(&self, index: usize) -> Result<Code, PackError> {
        let place = self.head.code.get(index).ok_or(PackError::Damaged("code"))?;
        Code::read(place.first, &unpack(self.blocks, place, "code")?)
    }

    fn line(&self, function: u32, line: u32) -> Result<Line<'_>, PackError> {
        let function = function as usize;
        let block = self.function_block(function / functions::PER_BLOCK)?;
        let Some(function) = block.get(function % functions::PER_BLOCK) else {
            return Err(PackError::Damaged("functions"));
        };
        Ok(Line {
            name: self.string(function.name)?,
            system_name: self.string(function.system_name)?,
            path: self.string(function.path)?,
            start_line: function.start_line,
            line,
        })
    }

    fn function_block(&self, index: usize) -> Result<&[Function], PackError> {
        let what = "functions";
        let damaged = PackError::Damaged(what);
        let (place, block) =
            self.head.functions.get(index).zip(self.functions.get(index)).ok_or(damaged)?;
        let read = || functions::read(&unpack(self.blocks, place, what)?);
        block.get_or_init(read).as_deref().map_err(|error| *error)
    }

    fn string(&self, number: u32) -> Result<&str, PackError> {
        let what = "names";
        let damaged = PackError::Damaged(what);
        let index = number as usize / strings::PER_BLOCK;
        let (place, block) =
            self.head.strings.get(index).zip(self.strings.get(index)).ok_or(damaged)?;
        let read = || Strings::read(&unpack(self.blocks, place, what)?);
        let block = block.get_or_init(read).as_ref().map_err(|error| *error)?;
        block.get(number as usize % strings::PER_BLOCK).ok_or(damaged)
    }
}

impl<'pack> Cursor<'pack, '_> {
    /// Adds the lines of an address to `lines`, the innermost inlined function first, each with
    /// the number of its function in the pack. If it has none, tells where its function begins, if
    /// that is known.
    ///
    /// # Errors
    /// If a block that is needed is damaged; what is in `lines` then means nothing.
    pub fn find(
        &mut self,
        address: u64,
        lines: &mut Vec<(u32, Line<'pack>)>,
    ) -> Result<Option<u64>, PackError> {
        let pack = self.pack;
        let Some(index) = pack.head.code.holding(address) else { return Ok(None) };
        if self.block.as_ref().is_none_or(|(last, _)| *last != index) {
            self.block = Some((index, pack.code(index)));
        }
        let code = match &self.block {
            Some((_, Ok(code))) => code,
            Some((_, Err(error))) => return Err(*error),
            None => return Ok(None),
        };
        let found = code.find(address, |function, line| {
            lines.push((function, pack.line(function, line)?));
            Ok(())
        })?;
        match found {
            Found::Lines => Ok(None),
            Found::Unnamed(function_start) => Ok(function_start),
        }
    }
}
