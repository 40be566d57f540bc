//! One file of a side, whatever it is.

use std::num::NonZeroUsize;
use std::path::Path;

use lens::{Lens, Tags};
use pprof_format::proto;
use profile::{Profile, Symbols};
use symbolize::BinaryReport;

use crate::diff::columns::Columns;
use crate::diff::unnamed::Unnamed;
use crate::envoy;
use crate::hints::{self, comparison};
use crate::import::Imported;
use crate::job::Job;
use crate::lens_labels;
use crate::message::{Failure, Warning};
use crate::run::{self, NamedRecording};
use crate::symbol_args::SymbolArgs;
use crate::symbolize_command::{self, Named};

/// A file, read.
pub(crate) struct Loaded {
    /// What it is called.
    pub(crate) name: String,
    pub(crate) content: Content,
    /// All that a pprof file counts.
    pub(crate) columns: Option<Columns>,
    /// Where in Envoy its stacks are, if that is asked for.
    pub(crate) tags: Option<Tags>,
    /// What of it has no names.
    pub(crate) unnamed: Option<Unnamed>,
    /// What is to be said of its names.
    pub(crate) warnings: Vec<Warning>,
}

/// What a file had.
pub(crate) enum Content {
    /// A recording, or a pprof profile.
    Profile(Box<Profile>, Box<Symbols>),
    /// Folded stacks: functions, outermost first, and a weight.
    Folded(Vec<(Vec<String>, u64)>),
}

/// How files are read.
pub(crate) struct Reading<'a> {
    pub(crate) symbols: &'a SymbolArgs,
    pub(crate) threads: NonZeroUsize,
    /// What the user typed.
    pub(crate) command: &'a str,
    /// What the stacks of an Envoy are looked at with.
    pub(crate) lens: Option<&'a Lens>,
    /// Whether programs that are no Envoy are looked at, too.
    pub(crate) looks_at_all: bool,
}

impl Reading<'_> {
    fn tags(&self, profile: &Profile, symbols: &Symbols, files: &[BinaryReport]) -> Option<Tags> {
        let lens = self.lens?;
        let is_looked_at = self.looks_at_all || envoy::is_profiled(profile, symbols);
        is_looked_at.then(|| lens_labels::tags(lens, profile, symbols, files))
    }
}

impl Loaded {
    /// Reads a recording, a pprof profile or folded stacks.
    pub(crate) fn read(path: &Path, how: &Reading<'_>) -> Result<Self, Failure> {
        let name = path.display().to_string();
        if is_recording(path) {
            let NamedRecording { conversion, symbolized, warnings, .. } =
                recording(path, Vec::new(), how.symbols, how.threads)?;
            let (profile, named) = (conversion.profile, symbolized.symbols);
            let unnamed = Unnamed::of(&profile, &named, &symbolized.binaries, how.command);
            let tags = how.tags(&profile, &named, &symbolized.binaries);
            let content = Content::Profile(Box::new(profile), Box::new(named));
            return Ok(Self { name, content, columns: None, tags, unnamed, warnings });
        }
        let bytes = symbolize_command::read(path)?;
        if let Some(stacks) = folded(&bytes) {
            let content = Content::Folded(stacks);
            let (columns, tags, unnamed, warnings) = Default::default();
            return Ok(Self { name, content, columns, tags, unnamed, warnings });
        }
        Self::of_profile(&name, &bytes, how)
    }

    /// Whether it is text, whose functions have names and nothing else.
    pub(crate) fn is_folded(&self) -> bool {
        matches!(self.content, Content::Folded(_))
    }

    /// A pprof profile, compressed or not. Names are looked up where the user said that there are some.
    pub(crate) fn of_profile(name: &str, bytes: &[u8], how: &Reading<'_>) -> Result<Self, Failure> {
        let (old, imported, named, reports, warnings) = if how.symbols.is_given() {
            let Named { old, imported, symbols, symbolized, warnings, .. } =
                Named::new(name, bytes, &how.symbols.options(how.threads), false)?;
            (old, imported, symbols, symbolized.binaries, warnings)
        } else {
            let (old, imported, named) = profile(name, bytes)?;
            let binaries = imported.profile.binaries.iter();
            let reports = binaries.map(|(id, _)| BinaryReport::new(id)).collect();
            (old, imported, named, reports, Vec::new())
        };
        let unnamed = Unnamed::of(&imported.profile, &named, &reports, how.command);
        let tags = how.tags(&imported.profile, &named, &reports);
        let columns = Some(Columns::of(&old, &imported));
        let content = Content::Profile(Box::new(imported.profile), Box::new(named));
        Ok(Self { name: name.to_owned(), content, columns, tags, unnamed, warnings })
    }
}

/// Whether it is a perf.data file or a directory of them, or else a stream.
pub(crate) fn is_recording(path: &Path) -> bool {
    use std::io::Read;
    let mut magic = [0; 8];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    path.is_dir() || (read.is_ok() && matches!(&magic, b"PERFILE2" | b"2ELIFREP" | b"PERFFILE"))
}

/// Converts a recording, and looks its names up.
pub(crate) fn recording(
    path: &Path,
    labels: Vec<session::LabelKey>,
    symbols: &SymbolArgs,
    threads: NonZeroUsize,
) -> Result<NamedRecording, Failure> {
    run::read_named(&Job::to_read(path, labels, symbols, threads))
}

fn profile(name: &str, bytes: &[u8]) -> Result<(proto::Profile, Imported, Symbols), Failure> {
    if bytes.is_empty() {
        return Err(comparison::empty(name));
    }
    let old =
        pprof_format::read(bytes).map_err(|error| comparison::not_comparable(name, &error))?;
    if old.sample_type.is_empty() {
        return Err(hints::no_profile(name));
    }
    let imported = Imported::new(&old);
    let mut symbols = Symbols::none(&imported.profile, profile::Reason::NotAsked);
    imported.keep_names(&old, &mut symbols);
    Ok((old, imported, symbols))
}

/// Lines such as `main;run;read 12`. `None` if the first line is none.
fn folded(bytes: &[u8]) -> Option<Vec<(Vec<String>, u64)>> {
    let text = str::from_utf8(bytes).ok()?;
    let line = |line: &str| {
        let (stack, weight) = line.trim_end().rsplit_once(' ')?;
        let weight = weight.parse().ok()?;
        Some((stack.split(';').map(str::to_owned).collect(), weight))
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let stacks: Option<Vec<_>> = lines.map(line).collect();
    stacks.filter(|stacks| !stacks.is_empty())
}
