//! What the frames of a profile are called: functions, lines and inlined calls, or the reason why
//! not.
//!
//! ```text
//!   frames ──> places per binary ──> answers per run of places ──> Symbols
//!              sorted, each once     by several workers            in the order of the frames
//! ```
//!
//! A frame without an answer is an answer: it carries its [`Reason`], and the reasons are counted
//! per binary ([`BinaryReport`]).
//!
//! The result is the same byte for byte with one thread or many: what is found for a place depends
//! on nothing but the place, and ids are given in the order of the frames.
//!
//! The crate refuses to change a profile, to print, and to search for files: those come checked
//! from [`binaries`], and a file that was refused there names nothing here.

mod answer;
mod binary;
mod boundaries;
mod declaration;
mod demangle;
mod dwarf;
mod frames;
mod report;
mod source_path;
mod symbol_table;
mod symbols;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use binaries::{Located, Locator, Match, Recorded, Refused, Sources};
use profile::{BinaryKind, Profile, Reason, Symbols, Unnamed};

use crate::binary::{Addresses, Answered, Lookup};
use crate::frames::{BinaryFrames, by_binary};
use crate::symbols::SymbolsBuilder;

pub use crate::report::{BinaryReport, Outcomes, UsedFiles};

/// Where symbols come from, and how they are looked up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to look for binaries.
    pub sources: Sources,
    /// A copy of the recorded machine's `/proc/kallsyms`.
    pub kallsyms: Option<PathBuf>,
    /// The recorded kernel as an ELF file.
    pub vmlinux: Option<PathBuf>,
    /// Whether to expand inlined calls. Without, a frame has one line: that of the physical
    /// function, where it calls the inlined one.
    pub inlines: bool,
    /// How many threads may work at the same time.
    pub threads: NonZeroUsize,
}

/// How far the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Frames looked up.
    pub done: usize,
    /// Frames in all.
    pub total: usize,
}

/// The names of a profile's frames, and where they came from.
#[derive(Debug)]
pub struct Symbolized {
    /// The names.
    pub symbols: Symbols,
    /// One for each binary that has frames, in the order of the profile's binaries.
    pub binaries: Vec<BinaryReport>,
    /// Files given by hand that cannot be used for any binary.
    pub refused: Vec<Refused>,
}

/// Looks up all frames of `profile`. `progress` is called now and then.
pub fn symbolize(
    profile: &Profile,
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
) -> Symbolized {
    let locator = Locator::new(&options.sources);
    let groups = by_binary(profile);
    let total = groups.iter().map(|group| group.frames.len()).sum();
    let mut done = 0;
    let mut builder = SymbolsBuilder::new(profile);
    let mut reports = Vec::with_capacity(groups.len());
    for group in &groups {
        progress(Progress { done, total });
        reports.push(symbolize_binary(profile, options, &locator, group, &mut builder));
        done += group.frames.len();
    }
    progress(Progress { done, total });
    Symbolized { symbols: builder.finish(), binaries: reports, refused: Vec::new() }
}

/// Looks up the frames of one binary.
fn symbolize_binary(
    profile: &Profile,
    options: &Options,
    locator: &Locator<'_>,
    group: &BinaryFrames,
    builder: &mut SymbolsBuilder,
) -> BinaryReport {
    let mut report = BinaryReport::new(group.binary);
    let reason = match profile.binaries[group.binary].kind {
        BinaryKind::File => {
            let recorded = Recorded::of(profile, group.binary);
            let Located { found, refused, notes } = locator.locate(&recorded);
            report.refused = refused;
            report.notes = notes;
            if let Some(found) = found {
                let addresses = Addresses::Segments(&found.layout);
                let lookup = Lookup { inlines: options.inlines, threads: options.threads };
                let Answered { runs, damage } =
                    binary::look_up(&found, &addresses, &group.places, lookup);
                report.used = Some(used(&found));
                report.damage = damage;
                report.frames = builder.add(group, &runs);
                return report;
            }
            if report.refused.is_empty() { Reason::NoFile } else { Reason::WrongFile }
        }
        BinaryKind::Kernel
        | BinaryKind::KernelModule
        | BinaryKind::KernelGenerated
        | BinaryKind::Vdso
        | BinaryKind::Guest => Reason::NoFile,
        BinaryKind::Anonymous => Reason::Anonymous,
        BinaryKind::Unmapped => Reason::Unmapped,
        BinaryKind::None => Reason::Marker,
    };
    report.frames = builder.leave_unnamed(group, Unnamed { reason, function_start: None });
    report
}

fn used(found: &Match) -> UsedFiles {
    UsedFiles {
        image: found.image.path().to_owned(),
        build_id: found.image.build_id(),
        code: found.code.as_ref().map(|code| code.path().to_owned()),
        package: found.package.as_ref().map(|package| package.path().to_owned()),
        quality: found.quality(),
    }
}
