//! One binary: all that its files say about an address, best source first.
//!
//! ```text
//!   file offset ──> ELF address ──> DWARF          function, file, line, inlined calls
//!                                   .symtab        the function's name, also where DWARF lacks it
//!                                   .dynsym        the same for exported functions
//!                                   .eh_frame      where the function begins, without a name
//! ```

use std::borrow::Cow;
use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

use binaries::{Layout, Match, Quality};
use profile::{ElfAddr, FileOffset, Reason, Unnamed};

use crate::answer::{Answers, RawLine};
use crate::boundaries::Boundaries;
use crate::dwarf::{Dwarf, DwarfData, DwarfError, DwarfLookup};
use crate::progress::Meter;
use crate::symbol_table::SymbolTable;

/// From so many places on, a second worker is worth parsing the units' ranges once more.
const PLACES_PER_WORKER: usize = 2048;

/// How often progress is reported.
const PLACES_PER_REPORT: usize = 512;

/// addr2line descends into nested inlined calls by recursion. Real ones nest a few dozen deep.
const STACK_BYTES: usize = 64 << 20;

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

/// The answers for places of one binary, and what was wrong with its DWARF.
pub(crate) struct Answered {
    /// In runs that follow each other.
    pub(crate) runs: Vec<Answers>,
    pub(crate) dwarf_error: Option<DwarfError>,
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
    let mut dwarf_error = None;
    let mut keep = |error| dwarf_error = Some(error);
    let data = (found.image.quality() >= Quality::Dwarf).then(|| DwarfData::load(found));
    let data = data.and_then(|data| data.map_err(&mut keep).ok());
    let dwarf = data.as_ref().and_then(|data| data.parse().map_err(&mut keep).ok());
    let tables = Tables::load(found, addresses, dwarf.as_ref());

    let workers = places.len().div_ceil(PLACES_PER_WORKER).clamp(1, lookup.threads.get());
    let runs = places.chunks(places.len().div_ceil(workers).max(1));
    let answered: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = runs
            .map(|run| {
                let work = || tables.answer(run, lookup);
                let worker = thread::Builder::new().stack_size(STACK_BYTES);
                (run, worker.spawn_scoped(scope, work))
            })
            .collect();
        let join = |(run, worker): (_, io::Result<thread::ScopedJoinHandle<'_, _>>)| match worker {
            Ok(worker) => worker.join().unwrap_or_else(|panic| resume_unwind(panic)),
            // The system has no thread to spare.
            Err(_) => tables.answer(run, lookup),
        };
        workers.into_iter().map(join).collect()
    });
    let (runs, errors): (_, Vec<_>) = answered.into_iter().unzip();
    // All workers parse the same indexes, so that all fail alike.
    let dwarf_error = dwarf_error.or_else(|| errors.into_iter().flatten().next());
    Answered { runs, dwarf_error }
}

/// What all workers read.
struct Tables<'a> {
    addresses: &'a Addresses<'a>,
    dwarf: Option<&'a Dwarf<'a>>,
    symbols: SymbolTable<'a>,
    exports: SymbolTable<'a>,
    boundaries: Boundaries,
    /// Why a place has no name that none of them names.
    reason: Reason,
}

impl<'a> Tables<'a> {
    fn load(found: &'a Match, addresses: &'a Addresses<'a>, dwarf: Option<&'a Dwarf<'a>>) -> Self {
        let mut tables = Self {
            addresses,
            dwarf,
            symbols: SymbolTable::default(),
            exports: SymbolTable::default(),
            boundaries: Boundaries::default(),
            reason: if found.quality() >= Quality::Symbols {
                Reason::NoSymbol
            } else {
                Reason::Stripped
            },
        };
        if let Ok(object) = found.image.object() {
            tables.symbols = SymbolTable::of_symtab(&object);
        }
        if let Some(Ok(object)) = found.code().map(|code| code.object()) {
            tables.exports = SymbolTable::of_dynsym(&object);
            tables.boundaries = Boundaries::of(&object);
        }
        tables
    }

    /// Looks up a run of places. An error says why DWARF could not help.
    fn answer(&self, places: &[FileOffset], lookup: &Lookup<'_>) -> (Answers, Option<DwarfError>) {
        let mut answers = Answers::default();
        let (mut dwarf, error) = match self.dwarf.map(|dwarf| dwarf.lookup(lookup.inlines)) {
            Some(Ok(dwarf)) => (Some(dwarf), None),
            Some(Err(error)) => (None, Some(error)),
            None => (None, None),
        };
        for places in places.chunks(PLACES_PER_REPORT) {
            for &place in places {
                let address = self.addresses.of(place);
                let lines = address.map(|address| self.lines(address, dwarf.as_mut()));
                answers.push(&lines.unwrap_or_default(), || self.unnamed(address));
            }
            lookup.meter.add(places.len());
        }
        (answers, error)
    }

    fn lines<'l>(
        &'l self,
        address: ElfAddr,
        dwarf: Option<&'l mut DwarfLookup<'a>>,
    ) -> Vec<RawLine<'l>> {
        let mut lines = dwarf.map(|dwarf| dwarf.find(address)).unwrap_or_default();
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
        // An inlined function without a name (there are compilers that leave it out) has nothing
        // to show; nor has a line that belongs to no function.
        lines.retain(|line| !line.system_name.is_empty());
        lines
    }

    /// Without an address, the place is in no part of the file that is loaded.
    fn unnamed(&self, address: Option<ElfAddr>) -> Unnamed {
        let start = address.and_then(|address| self.boundaries.function_start(address));
        Unnamed {
            reason: if address.is_some() { self.reason } else { Reason::NoSymbol },
            function_start: start.and_then(|start| self.addresses.back(start)),
        }
    }
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
