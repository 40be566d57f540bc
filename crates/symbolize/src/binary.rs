//! One binary: all that its files say about an address, best source first.
//!
//! ```text
//!   file offset ──> ELF address ──> DWARF          function, file, line, inlined calls
//!                                   .symtab        the function's name, also where DWARF lacks it
//!                                   .dynsym        the same for exported functions
//!                                   .eh_frame,     where the function begins, without a name
//!                                   .debug_frame
//! ```

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

use binaries::{Layout, Match, Quality};
use profile::{ElfAddr, FileOffset, Reason, Unnamed};
use symbol_pack::PackError;

use crate::answer::{Answers, RawLine};
use crate::boundaries::Boundaries;
use crate::dwarf::{self, DwarfError, Hits, Query, SplitCount};
use crate::progress::Meter;
use crate::symbol_table::SymbolTable;

/// From so many places on, another worker is worth demangling some names twice.
const PLACES_PER_WORKER: usize = 2048;

/// How often progress is reported.
const PLACES_PER_REPORT: usize = 512;

/// How a recorded offset becomes an address of the file's tables.
pub(crate) enum Addresses<'a> {
    /// Through the program headers.
    Segments(&'a Layout),
    /// The offset is a runtime address, so far above the file's.
    Moved(u64),
}

/// How places are looked up.
pub(crate) struct Lookup<'a> {
    pub(crate) inlines: bool,
    pub(crate) threads: NonZeroUsize,
    pub(crate) meter: &'a Meter<'a>,
}

/// The answers for places of one binary, and what was wrong with its files.
pub(crate) struct Answered {
    /// In runs that follow each other.
    pub(crate) runs: Vec<Answers>,
    pub(crate) dwarf_error: Option<DwarfError>,
    pub(crate) pack_error: Option<PackError>,
    pub(crate) split: SplitCount,
}

/// Looks up sorted places of a binary.
///
/// The answers do not depend on the number of threads: each worker has a run of neighbouring
/// places, and what it finds for one does not depend on the others.
pub(crate) fn look_up(
    found: &Match,
    addresses: &Addresses<'_>,
    places: &[FileOffset],
    lookup: &Lookup<'_>,
) -> Answered {
    if let Some(pack) = found.image.pack() {
        return answer_all(places, addresses, &pack, found.quality(), lookup);
    }
    let mut asked: Vec<u64> =
        places.iter().filter_map(|&place| Some(addresses.of(place)?.0)).collect();
    asked.sort_unstable();
    asked.dedup();
    let (tables, dwarf_error) = Tables::load(found, &asked, lookup.threads.get());

    let answered = answer_all(places, addresses, &tables, found.quality(), lookup);
    let split = tables.dwarf.as_ref().map(Hits::split).unwrap_or_default();
    Answered { dwarf_error, split, ..answered }
}

/// What knows the answers.
pub(crate) trait Source: Sync {
    /// One worker's view of it.
    type View<'s>: View
    where
        Self: 's;

    /// A view for one worker.
    fn view(&self) -> Self::View<'_>;
}

/// One worker's view of a source.
pub(crate) trait View {
    /// The lines of an address, the innermost inlined function first; the last one is the physical
    /// function. Any may lack its name.
    fn lines(&mut self, address: ElfAddr) -> Vec<RawLine<'_>>;

    /// Where the function of an address without a name begins, if that is known.
    fn function_start(&mut self, address: ElfAddr) -> Option<ElfAddr>;

    /// What was damaged where answers were looked for.
    fn error(&self) -> Option<PackError> {
        None
    }
}

fn answer_all(
    places: &[FileOffset],
    addresses: &Addresses<'_>,
    source: &impl Source,
    quality: Quality,
    lookup: &Lookup<'_>,
) -> Answered {
    let workers = places.len().div_ceil(PLACES_PER_WORKER).clamp(1, lookup.threads.get());
    let runs = places.chunks(places.len().div_ceil(workers).max(1));
    let answered: Vec<_> = thread::scope(|scope| {
        let answer = |run| answer(run, addresses, source.view(), reason(quality), lookup);
        let workers: Vec<_> = runs.map(|run| scope.spawn(move || answer(run))).collect();
        let join = |worker: thread::ScopedJoinHandle<'_, _>| {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        };
        workers.into_iter().map(join).collect()
    });
    let (runs, errors): (_, Vec<_>) = answered.into_iter().unzip();
    let pack_error = errors.into_iter().flatten().next();
    Answered { runs, dwarf_error: None, pack_error, split: SplitCount::default() }
}

/// Answers for a run of places.
fn answer(
    places: &[FileOffset],
    addresses: &Addresses<'_>,
    mut view: impl View,
    reason: Reason,
    lookup: &Lookup<'_>,
) -> (Answers, Option<PackError>) {
    let mut answers = Answers::default();
    for places in places.chunks(PLACES_PER_REPORT) {
        for &place in places {
            let Some(address) = addresses.of(place) else {
                // It is in no part of the file that is loaded.
                answers.push(&[], || Unnamed { reason: Reason::NoSymbol, function_start: None });
                continue;
            };
            let lines = view.lines(address);
            let is_nameless = is_nameless(&lines);
            let lines = shown(lines, lookup.inlines);
            if !lines.is_empty() {
                answers.push(&lines, || Unnamed { reason, function_start: None });
                continue;
            }
            drop(lines);
            let start = if is_nameless { view.function_start(address) } else { None };
            let function_start = start.and_then(|start| addresses.back(start));
            answers.push(&[], || Unnamed { reason, function_start });
        }
        lookup.meter.add(places.len());
    }
    (answers, view.error())
}

/// Whether no function of an address has a name.
pub(crate) fn is_nameless(lines: &[RawLine<'_>]) -> bool {
    lines.iter().all(|line| line.system_name.is_empty())
}

/// The lines that are shown of those of an address.
pub(crate) fn shown(mut lines: Vec<RawLine<'_>>, inlines: bool) -> Vec<RawLine<'_>> {
    if !inlines {
        lines.drain(..lines.len().saturating_sub(1));
    }
    // An inlined function without a name (there are compilers that leave it out) has nothing
    // to show; nor has a line that belongs to no function.
    lines.retain(|line| !line.system_name.is_empty());
    lines
}

/// All that the files of a binary say of some addresses.
pub(crate) struct Tables<'a> {
    /// The addresses, sorted, and what DWARF says of them.
    asked: &'a [u64],
    dwarf: Option<Hits>,
    symbols: SymbolTable<'a>,
    exports: SymbolTable<'a>,
    boundaries: Boundaries,
}

impl<'a> Tables<'a> {
    /// Reads them. The error says why DWARF could not help.
    pub(crate) fn load(
        found: &'a Match,
        asked: &'a [u64],
        threads: usize,
    ) -> (Self, Option<DwarfError>) {
        let mut tables = Self {
            asked,
            dwarf: None,
            symbols: SymbolTable::default(),
            exports: SymbolTable::default(),
            boundaries: Boundaries::default(),
        };
        let mut dwarf_error = None;
        if found.image.quality() >= Quality::Dwarf && !asked.is_empty() {
            match dwarf::ask(found, Query::Addresses(asked), threads) {
                Ok(hits) => tables.dwarf = Some(hits),
                Err(error) => dwarf_error = Some(error),
            }
        }
        if let Ok(object) = found.image.object() {
            tables.symbols = SymbolTable::of_symtab(&object);
        }
        if let Some(Ok(object)) = found.code().map(|code| code.object()) {
            tables.exports = SymbolTable::of_dynsym(&object);
        }
        tables.boundaries = Boundaries::of(found);
        (tables, dwarf_error)
    }

    /// The lines of an address that was asked for, the innermost inlined function first; the last
    /// one is the physical function. Any may lack its name.
    pub(crate) fn lines(&self, address: ElfAddr) -> Vec<RawLine<'_>> {
        let index = self.asked.binary_search(&address.0).ok();
        let lines = self.dwarf.as_ref().zip(index).map(|(dwarf, index)| dwarf.lines(index));
        let mut lines = lines.unwrap_or_default();
        let symbol = self.symbols.find(address);
        // Assembly has lines in DWARF, and its names only here. Otherwise both name the physical
        // function, and the symbol table is what other tools show: `abort`, where DWARF has
        // `__GI_abort`.
        if let Some(name) = symbol.or_else(|| self.exports.find(address))
            && (symbol.is_some() || lines.last().is_none_or(|line| line.system_name.is_empty()))
        {
            let mut physical = lines.pop().unwrap_or_default();
            physical.system_name = Cow::Borrowed(name);
            lines.push(physical);
        }
        lines
    }

    /// Where the function of an address begins, if the unwind tables tell.
    pub(crate) fn function_start(&self, address: ElfAddr) -> Option<ElfAddr> {
        self.boundaries.function_start(address)
    }

    /// Where the answers of the symbol tables and of the unwind tables can change.
    pub(crate) fn edges(&self) -> impl Iterator<Item = u64> {
        self.symbols.edges().chain(self.exports.edges()).chain(self.boundaries.edges())
    }
}

impl Source for Tables<'_> {
    type View<'s>
        = &'s Self
    where
        Self: 's;

    fn view(&self) -> &Self {
        self
    }
}

impl View for &Tables<'_> {
    fn lines(&mut self, address: ElfAddr) -> Vec<RawLine<'_>> {
        Tables::lines(self, address)
    }

    fn function_start(&mut self, address: ElfAddr) -> Option<ElfAddr> {
        Tables::function_start(self, address)
    }
}

/// Why a place has no name where the file tells so much.
fn reason(quality: Quality) -> Reason {
    if quality >= Quality::Symbols { Reason::NoSymbol } else { Reason::Stripped }
}

impl Addresses<'_> {
    fn of(&self, offset: FileOffset) -> Option<ElfAddr> {
        match self {
            Self::Segments(layout) => layout.address_of(offset),
            Self::Moved(by) => Some(ElfAddr(offset.0.wrapping_sub(*by))),
        }
    }

    fn back(&self, address: ElfAddr) -> Option<FileOffset> {
        match self {
            Self::Segments(layout) => layout.offset_of(address),
            Self::Moved(by) => Some(FileOffset(address.0.wrapping_add(*by))),
        }
    }
}
