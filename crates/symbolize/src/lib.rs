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
mod kallsyms;
mod kernel;
mod report;
mod source_path;
mod symbol_table;
mod symbols;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use binaries::{Locator, Match, Quality, Recorded, Refused, Sources};
use profile::{BinaryKind, Profile, Reason, Symbols, Unnamed};

use crate::answer::{Answers, RawLine};
use crate::binary::{Addresses, Lookup};
use crate::frames::{BinaryFrames, by_binary};
use crate::kernel::{Kernel, Vmlinux};
use crate::symbols::SymbolsBuilder;

pub use crate::dwarf::DwarfError;
pub use crate::kallsyms::KallsymsError;
pub use crate::report::{BinaryReport, Outcomes, Problem, UsedFiles};

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
    let groups = by_binary(profile);
    let total = groups.iter().map(|group| group.frames.len()).sum();
    let mut done = 0;
    let mut work = Work {
        profile,
        options,
        locator: Locator::new(&options.sources),
        kernel: None,
        symbols: SymbolsBuilder::new(profile),
    };
    let mut binaries = Vec::with_capacity(groups.len());
    for group in &groups {
        progress(Progress { done, total });
        binaries.push(work.symbolize_binary(group));
        done += group.frames.len();
    }
    progress(Progress { done, total });
    let Work { symbols, locator, .. } = work;
    Symbolized { symbols: symbols.finish(), binaries, refused: locator.into_refused() }
}

/// What the binaries of a profile have in common.
struct Work<'a> {
    profile: &'a Profile,
    options: &'a Options,
    locator: Locator<'a>,
    /// Opened when the first kernel frame asks for it.
    kernel: Option<Kernel>,
    symbols: SymbolsBuilder,
}

impl Work<'_> {
    fn symbolize_binary(&mut self, group: &BinaryFrames) -> BinaryReport {
        let mut report = BinaryReport::new(group.binary);
        let outcome = match self.profile.binaries[group.binary].kind {
            BinaryKind::File => self.file(group, &mut report),
            BinaryKind::Kernel => self.kernel_image(group, &mut report),
            BinaryKind::KernelModule => self.kernel_symbols(group, &mut report),
            BinaryKind::KernelGenerated => Ok(self.generated(group)),
            BinaryKind::Vdso | BinaryKind::Guest => Err(Reason::NoFile),
            BinaryKind::Anonymous => Err(Reason::Anonymous),
            BinaryKind::Unmapped => Err(Reason::Unmapped),
            BinaryKind::None => Err(Reason::Marker),
        };
        report.frames = match outcome {
            Ok(runs) => self.symbols.add(group, &runs),
            Err(reason) => self.symbols.leave_unnamed(group, reason),
        };
        report
    }

    fn file(
        &self,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Result<Vec<Answers>, Reason> {
        let located = self.locator.locate(&Recorded::of(self.profile, group.binary));
        report.refused = located.refused;
        report.notes = located.notes;
        let nothing = if report.refused.is_empty() { Reason::NoFile } else { Reason::WrongFile };
        let found = located.found.ok_or(nothing)?;
        Ok(self.look_up(&found, &Addresses::Segments(&found.layout), group, report))
    }

    fn kernel_image(
        &mut self,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Result<Vec<Answers>, Reason> {
        let vmlinux = self.kernel().vmlinux.clone();
        report.refused.extend(self.kernel().refused.take());
        match vmlinux {
            Some(Vmlinux { found, moved }) => {
                Ok(self.look_up(&found, &Addresses::Moved(moved), group, report))
            }
            None => self.kernel_symbols(group, report),
        }
    }

    fn kernel_symbols(
        &mut self,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Result<Vec<Answers>, Reason> {
        let kernel = self.kernel();
        report.problems.extend(kernel.problem.take());
        let (path, kallsyms) = kernel.kallsyms.as_ref().ok_or(Reason::NoFile)?;
        let mut answers = Answers::default();
        for place in &group.places {
            let name = kallsyms.find(place.0);
            answers.push(&name.map(RawLine::named).into_iter().collect::<Vec<_>>(), || Unnamed {
                reason: Reason::NoSymbol,
                function_start: None,
            });
        }
        report.used = Some(UsedFiles {
            image: path.clone(),
            build_id: None,
            code: None,
            package: None,
            quality: Quality::Symbols,
        });
        Ok(vec![answers])
    }

    /// Code that the kernel made itself is recorded under the name of its one function.
    fn generated(&self, group: &BinaryFrames) -> Vec<Answers> {
        let path = &self.profile.strings[self.profile.binaries[group.binary].path];
        let line = RawLine::named(path.trim_start_matches('[').trim_end_matches(']'));
        let mut answers = Answers::default();
        for _ in &group.places {
            answers.push(std::slice::from_ref(&line), || Unnamed {
                reason: Reason::NoSymbol,
                function_start: None,
            });
        }
        vec![answers]
    }

    fn look_up(
        &self,
        found: &Match,
        addresses: &Addresses<'_>,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Vec<Answers> {
        let lookup = Lookup { inlines: self.options.inlines, threads: self.options.threads };
        let answered = binary::look_up(found, addresses, &group.places, lookup);
        let path = found.image.path();
        report.used = Some(UsedFiles::of(found));
        report.problems.extend(
            answered.dwarf_error.map(|error| Problem::Dwarf { path: path.to_owned(), error }),
        );
        answered.runs
    }

    fn kernel(&mut self) -> &mut Kernel {
        let Self { profile, options, kernel, .. } = self;
        kernel.get_or_insert_with(|| {
            Kernel::open(profile, options.kallsyms.as_deref(), options.vmlinux.as_deref())
        })
    }
}
