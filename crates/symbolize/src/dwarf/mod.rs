//! Functions, lines and inlined calls from DWARF: in one file, or split over an ELF file and the
//! package (`.dwp`) of its units.
//!
//! All addresses are asked for at once, sorted. Then every unit is read once, by whatever worker
//! is free, and only for the addresses in it:
//!
//! ```text
//!   .debug_info ──> units, one after the other ──> workers ──> hits ──> the best hit per address
//!   (unpacked as   (units.rs)                       ranges of the unit, then its functions
//!    it is read)                                    (functions.rs), names (names.rs) and lines
//!                                                   (lines.rs)
//! ```
//!
//! So memory holds a few units, not the hundreds of megabytes that a distribution's compressed
//! debug info unpacks to, and a tree of inlined calls of any depth is a table, walked by no
//! recursion.
//!
//! What a unit states about code outside of the file's executable segments is left by a linker
//! that dropped the function (`--gc-sections`, COMDAT), at address 0, 1 or all ones, and is passed
//! over.

mod functions;
mod hits;
mod lines;
mod names;
mod ranges;
mod sections;
mod split;
mod unit;
mod units;

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use binaries::{ElfError, Match};
use gimli::{EndianSlice, RunTimeEndian};

use hits::Found;
pub(crate) use hits::Hits;
use ranges::Code;
use sections::Sections;
pub(crate) use split::SplitCount;
use unit::UnitReader;
use units::{RawUnit, Units};

/// The bytes of a section.
pub(crate) type Reader<'data> = EndianSlice<'data, RunTimeEndian>;

/// How many units may wait for a worker.
const UNITS_AHEAD: usize = 16;

/// Why a file's DWARF cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DwarfError {
    /// A section lies outside the file or does not unpack.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// A section does not unpack.
    #[error("section `.debug_info` cannot be unpacked: {0}")]
    Unpack(#[from] io::Error),
    /// The indexes of the sections make no sense.
    #[error("damaged DWARF: {0}")]
    Dwarf(#[from] gimli::Error),
}

/// What is asked of a file's DWARF.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Query<'a> {
    /// What is known about these addresses, sorted and each once.
    Addresses(&'a [u64]),
    /// Where answers can change: the ends of all ranges, the addresses of all rows of lines.
    Edges,
}

/// Asks the DWARF of a file.
///
/// # Errors
/// If its sections cannot be read. Damage of one unit costs that unit.
pub(crate) fn ask(found: &Match, query: Query<'_>, threads: usize) -> Result<Hits, DwarfError> {
    let sections = Sections::load(found, threads)?;
    let code = Code::of(&found.layout);
    let parsed = sections.parse()?;
    let mut units = Units::new(&sections, &parsed, found)?;
    let work = |units: &mut dyn Iterator<Item = RawUnit>| {
        let mut reader = UnitReader::new(&parsed, &code, query);
        units.for_each(|unit| reader.read(&unit));
        reader.finish()
    };
    let parts = if threads <= 1 {
        vec![work(&mut units)]
    } else {
        thread::scope(|scope| {
            let (send, receive) = sync_channel(UNITS_AHEAD);
            // The workers own it, so that units for none of them are not waited for.
            let receive = Arc::new(Mutex::new(receive));
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let mut waiting = Waiting(Arc::clone(&receive));
                    scope.spawn(move || work(&mut waiting))
                })
                .collect();
            drop(receive);
            for unit in &mut units {
                if send.send(unit).is_err() {
                    break;
                }
            }
            drop(send);
            workers.into_iter().map(join).collect()
        })
    };
    units.finish()?;
    Ok(Hits::new(parts, query))
}

/// Units as they come.
struct Waiting(Arc<Mutex<Receiver<RawUnit>>>);

impl Iterator for Waiting {
    type Item = RawUnit;

    fn next(&mut self) -> Option<RawUnit> {
        self.0.lock().ok()?.recv().ok()
    }
}

fn join(worker: thread::ScopedJoinHandle<'_, Found>) -> Found {
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
