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
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::thread;

use binaries::{ElfError, Match};
use gimli::{EndianSlice, RunTimeEndian, SectionId};
use object::Object;

pub(crate) use hits::Hits;
use ranges::Code;
use sections::Sections;
pub(crate) use split::SplitCount;
use unit::UnitReader;
use units::NextUnit;

/// The bytes of a section.
pub(crate) type Reader<'data> = EndianSlice<'data, RunTimeEndian>;

/// How many units may wait for a worker: what is unpacked while the other sections are.
const UNITS_AHEAD: usize = 64;

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
    let image = &found.image;
    let is_little = image.object()?.is_little_endian();
    let endian = if is_little { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let abbreviations = image.section(SectionId::DebugAbbrev.name())?.unwrap_or_default();
    let unpacked = units::unpacked(found, EndianSlice::new(&abbreviations, endian))?;
    let is_streamed = unpacked.is_some();
    let code = Code::of(&found.layout);

    thread::scope(|scope| {
        let (send, receive) = sync_channel(UNITS_AHEAD);
        let (ahead, mut unpacked) = if threads > 1 { (unpacked, None) } else { (None, unpacked) };
        if let Some(mut units) = ahead {
            // Unpacking takes longest, and so begins before the other sections are at hand. It
            // ends when nobody takes units any more.
            scope.spawn(move || units.try_for_each(|unit| send.send(unit)));
        }
        let sections = Sections::load(found, abbreviations, endian, is_streamed, threads)?;
        let parsed = sections.parse()?;
        let units: &mut (dyn Iterator<Item = NextUnit> + Send) = match &mut unpacked {
            Some(units) => units,
            None if is_streamed => &mut receive.into_iter(),
            None => &mut units::in_place(&parsed),
        };
        let units = Mutex::new(units);
        let parts = on_threads(threads, || {
            let mut reader = UnitReader::new(&parsed, &code, query);
            while let Some(unit) = next(&units) {
                reader.read(&unit?);
            }
            Ok(reader.finish())
        });
        Ok(Hits::new(parts.into_iter().collect::<Result<_, DwarfError>>()?, query))
    })
}

/// The next unit, for whichever worker asks first.
fn next(units: &Mutex<&mut (dyn Iterator<Item = NextUnit> + Send)>) -> Option<NextUnit> {
    units.lock().ok()?.next()
}

fn on_threads<T: Send>(count: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(&work)).collect();
        workers.into_iter().map(join).collect()
    })
}

fn join<T>(worker: thread::ScopedJoinHandle<'_, T>) -> T {
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
