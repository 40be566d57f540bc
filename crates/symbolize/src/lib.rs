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
//! The crate refuses to change a profile, to print, and to search for binaries: those come checked
//! from [`binaries`], and a file that was refused there names nothing here.

mod answer;
mod binary;
mod boundaries;
mod demangle;
mod dwarf;
mod frames;
mod jitdump;
mod kallsyms;
mod kernel;
mod made_code;
mod module;
mod packed;
mod packing;
mod perf_map;
mod progress;
mod report;
mod source_path;
mod symbol_table;
mod symbols;
mod vdso;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;

use binaries::{Locator, Match, Quality, RecordedBinaries, Refused, Sources};
use profile::{BinaryKind, FileOffset, Profile, Reason, Symbols, Unnamed};

use crate::answer::{Answers, RawLine};
use crate::binary::{Addresses, Lookup};
use crate::frames::{BinaryFrames, by_binary};
use crate::kernel::{Kernel, Vmlinux};
use crate::made_code::MadeCode;
use crate::module::Module;
use crate::progress::Meter;
use crate::symbols::SymbolsBuilder;

pub use crate::demangle::demangle;
pub use crate::dwarf::DwarfError;
pub use crate::kallsyms::KallsymsError;
pub use crate::packing::{Packed, pack};
pub use crate::progress::Progress;
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

/// The names of a profile's frames, and where they came from.
#[derive(Debug)]
pub struct Symbolized {
    /// The names.
    pub symbols: Symbols,
    /// One for each binary that has frames, in the order of the profile's binaries.
    pub binaries: Vec<BinaryReport>,
    /// Files given by hand that are no usable ELF files.
    pub refused: Vec<Refused>,
    /// ELF files given by name that served no binary.
    pub unused: Vec<PathBuf>,
}

/// Looks up all frames of `profile`. `progress` is called now and then, from any of the threads.
pub fn symbolize(
    profile: &Profile,
    options: &Options,
    progress: &(dyn Fn(Progress) + Sync),
) -> Symbolized {
    let groups = by_binary(profile);
    let places = groups.iter().map(|group| group.places.len()).sum();
    let mut work = Work {
        profile,
        options,
        recorded: RecordedBinaries::of(profile),
        locator: Locator::new(&options.sources),
        kernel: None,
        symbols: SymbolsBuilder::new(profile),
        meter: Meter::new(places, progress),
    };
    let (of_kernel, others): (Vec<_>, Vec<_>) =
        groups.iter().partition(|group| names_are_the_kernels(profile.binaries[group.binary].kind));
    let mut binaries = Vec::with_capacity(groups.len());
    thread::scope(|scope| {
        // A running kernel takes 50 ms to write down its symbols. It does so beside the rest.
        let is_beside = options.threads.get() > 1 && !of_kernel.is_empty() && !others.is_empty();
        let kernel = is_beside.then(|| scope.spawn(|| Kernel::open(profile, options)));
        binaries.extend(others.into_iter().map(|group| work.symbolize_binary(group)));
        work.kernel = kernel.and_then(|kernel| kernel.join().ok());
        binaries.extend(of_kernel.into_iter().map(|group| work.symbolize_binary(group)));
    });
    binaries.sort_by_key(|report| report.binary);
    let Work { symbols, locator, .. } = work;
    let unused = locator.given_files().filter(|path| !is_used(path, &binaries));
    let unused = unused.map(Path::to_owned).collect();
    let refused = locator.into_refused();
    Symbolized { symbols: symbols.finish(), binaries, refused, unused }
}

/// Whether frames of such a binary are named by what [`Kernel`] finds.
const fn names_are_the_kernels(kind: BinaryKind) -> bool {
    matches!(kind, BinaryKind::Kernel | BinaryKind::KernelModule)
}

/// Whether any binary's names came from the file.
fn is_used(path: &Path, binaries: &[BinaryReport]) -> bool {
    binaries.iter().filter_map(|report| report.used.as_ref()).any(|used| {
        let others = [&used.code, &used.package, &used.supplement].map(Option::as_deref);
        used.image == path || others.contains(&Some(path))
    })
}

/// What the binaries of a profile have in common.
struct Work<'a> {
    profile: &'a Profile,
    options: &'a Options,
    recorded: RecordedBinaries<'a>,
    locator: Locator<'a>,
    /// Opened when the first kernel frame asks for it.
    kernel: Option<Kernel>,
    symbols: SymbolsBuilder,
    meter: Meter<'a>,
}

impl Work<'_> {
    fn symbolize_binary(&mut self, group: &BinaryFrames) -> BinaryReport {
        let mut report = BinaryReport::new(group.binary);
        let outcome = match self.profile.binaries[group.binary].kind {
            BinaryKind::File => self.file(group, &mut report),
            BinaryKind::Kernel => self.kernel_image(group, &mut report),
            BinaryKind::KernelModule => self.kernel_module(group, &mut report),
            BinaryKind::KernelGenerated => Ok(self.generated(group)),
            BinaryKind::Vdso => self.vdso(group, &mut report),
            BinaryKind::Guest => Err(Reason::NoFile),
            BinaryKind::Anonymous { pid } => self.made(pid, group, &mut report),
            BinaryKind::Unmapped => Err(Reason::Unmapped),
            BinaryKind::None => Err(Reason::Marker),
        };
        report.frames = match outcome {
            Ok(runs) => self.symbols.add(group, runs),
            Err(reason) => {
                self.meter.add(group.places.len());
                self.symbols.leave_unnamed(group, reason)
            }
        };
        report
    }

    fn file(
        &self,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Result<Vec<Answers>, Reason> {
        let located = self.locator.locate(&self.recorded.get(group.binary));
        report.refused = located.refused;
        report.notes = located.notes;
        report.calls = located.calls;
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
        report.used = Some(UsedFiles::list(path.clone()));
        let answers = named_by(&group.places, |address| kallsyms.find(address));
        self.meter.add(group.places.len());
        Ok(vec![answers])
    }

    /// The kernel's list has its modules too; without one, a module's own file names it.
    fn kernel_module(
        &mut self,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Result<Vec<Answers>, Reason> {
        if self.kernel().kallsyms.is_some() {
            return self.kernel_symbols(group, report);
        }
        let located = self.locator.locate(&self.recorded.get(group.binary));
        report.refused = located.refused;
        let found = located.found.ok_or(Reason::NoFile)?;
        let mut mappings = self.profile.mappings.iter().map(|(_, mapping)| mapping);
        let mapping = mappings.find(|mapping| mapping.binary == group.binary);
        let (Some(mapping), Ok(Some(module))) = (mapping, Module::of(&found.image)) else {
            return Err(Reason::NoFile);
        };
        report.used = Some(UsedFiles { quality: Quality::Symbols, ..UsedFiles::of(&found) });
        self.meter.add(group.places.len());
        let distance = |address: u64| address.checked_sub(mapping.start.0);
        Ok(vec![named_by(&group.places, |address| module.find(distance(address)?))])
    }

    fn vdso(
        &self,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Result<Vec<Answers>, Reason> {
        let recorded = self.recorded.get(group.binary);
        if let Some(found) = vdso::running(&recorded) {
            return Ok(self.look_up(&found, &Addresses::Segments(&found.layout), group, report));
        }
        self.file(group, report)
    }

    /// Code that a process made itself is named by what the process wrote down for perf.
    fn made(
        &self,
        pid: i32,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Result<Vec<Answers>, Reason> {
        let made = MadeCode::of(pid, self.profile, &self.options.sources);
        let (made, path) = made.ok_or(Reason::Anonymous)?;
        report.used = Some(UsedFiles::list(path));
        self.meter.add(group.places.len());
        Ok(vec![named_by(&group.places, |address| made.find(address))])
    }

    /// Code that the kernel made itself is recorded under the name of its one function.
    fn generated(&self, group: &BinaryFrames) -> Vec<Answers> {
        let path = &self.profile.strings[self.profile.binaries[group.binary].path];
        let name = path.trim_start_matches('[').trim_end_matches(']');
        self.meter.add(group.places.len());
        vec![named_by(&group.places, |_| Some(name))]
    }

    fn look_up(
        &self,
        found: &Match,
        addresses: &Addresses<'_>,
        group: &BinaryFrames,
        report: &mut BinaryReport,
    ) -> Vec<Answers> {
        let Options { inlines, threads, .. } = *self.options;
        let lookup = Lookup { inlines, threads, meter: &self.meter };
        let answered = binary::look_up(found, addresses, &group.places, &lookup);
        found.release();
        let path = found.image.path();
        report.used = Some(UsedFiles::of(found));
        report.problems.extend(
            answered.dwarf_error.map(|error| Problem::Dwarf { path: path.to_owned(), error }),
        );
        report.problems.extend(
            answered.pack_error.map(|error| Problem::Pack { path: path.to_owned(), error }),
        );
        report.found_split_units(found.package.is_some(), answered.split);
        answered.runs
    }

    fn kernel(&mut self) -> &mut Kernel {
        let Self { profile, options, kernel, .. } = self;
        kernel.get_or_insert_with(|| Kernel::open(profile, options))
    }
}

/// Answers from a list of names by runtime address.
fn named_by<'a>(places: &[FileOffset], find: impl Fn(u64) -> Option<&'a str>) -> Answers {
    let mut answers = Answers::default();
    for place in places {
        let name = find(place.0).map(RawLine::named);
        let unnamed = || Unnamed { reason: Reason::NoSymbol, function_start: None };
        answers.push(name.as_slice(), unnamed);
    }
    answers
}
