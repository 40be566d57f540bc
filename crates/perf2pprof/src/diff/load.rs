//! One file of a side, whatever it is.

use std::num::NonZeroUsize;
use std::path::Path;

use profile::{Profile, Symbols};

use crate::args::threads_or_all;
use crate::hints::{self, comparison};
use crate::import::Imported;
use crate::job::Job;
use crate::message::Failure;
use crate::run;
use crate::symbol_args::SymbolArgs;
use crate::symbolize_command;

/// A file, read.
pub(crate) struct Loaded {
    /// What it is called.
    pub(crate) name: String,
    pub(crate) content: Content,
}

/// What a file had.
pub(crate) enum Content {
    /// A recording, or a pprof profile.
    Profile(Box<Profile>, Box<Symbols>),
    /// Folded stacks: functions, outermost first, and a weight.
    Folded(Vec<(Vec<String>, u64)>),
}

impl Loaded {
    /// Reads a recording, a pprof profile or folded stacks.
    pub(crate) fn read(
        path: &Path,
        symbols: &SymbolArgs,
        threads: Option<NonZeroUsize>,
    ) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let threads = threads_or_all(threads);
        if is_recording(path) {
            let content = recording(path, Vec::new(), symbols, threads)?;
            return Ok(Self { name, content });
        }
        let bytes = symbolize_command::read(path)?;
        match folded(&bytes) {
            Some(stacks) => Ok(Self { name, content: Content::Folded(stacks) }),
            None => Self::of_profile(&name, &bytes),
        }
    }

    /// A pprof profile, compressed or not.
    pub(crate) fn of_profile(name: &str, bytes: &[u8]) -> Result<Self, Failure> {
        Ok(Self { name: name.to_owned(), content: profile(name, bytes)? })
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
) -> Result<Content, Failure> {
    let job = Job::to_read(path, labels, symbols, threads);
    let (conversion, symbolized, _) = run::read_named(&job)?;
    Ok(Content::Profile(Box::new(conversion.profile), Box::new(symbolized.symbols)))
}

fn profile(name: &str, bytes: &[u8]) -> Result<Content, Failure> {
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
    Ok(Content::Profile(Box::new(imported.profile), Box::new(symbols)))
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
