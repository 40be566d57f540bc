//! `perf2pprof symbolize`: names for a profile that has none.

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use pprof_format::{Amendment, amend, proto};
use profile::Symbols;
use symbolize::Symbolized;

use crate::args::threads_or_all;
use crate::debuginfod;
use crate::hints;
use crate::images::{self, FoundImages, ImageNames, Images};
use crate::import::Imported;
use crate::message::{Failure, Warning};
use crate::output::Target;
use crate::progress::Progress;
use crate::proof::Proof;
use crate::shares::{self, Weights};
use crate::summary::percent;
use crate::symbol_args::SymbolArgs;
use crate::warnings;

/// Add names to a pprof profile that has addresses and build IDs but no functions
///
/// Such profiles come from `perf_to_profile`, from continuous profilers, or from an earlier run
/// without the debug image. Everything that stands in the profile stays as it is.
#[derive(Debug, clap::Args)]
pub struct SymbolizeArgs {
    /// The profile, compressed or not
    #[arg(value_name = "PROFILE")]
    pub profile: PathBuf,

    /// Write the named profile here; `-` for standard output [default: NAME.named.pb.gz beside it]
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Print no summary and no progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Where names come from.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// How many threads to use [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,

    /// Fail where there would be a warning
    #[arg(long, help_heading = "Running")]
    pub strict: bool,
}

/// A profile that is read, and named as far as the files at hand can.
pub(crate) struct Named {
    /// As it stands in the file.
    pub(crate) old: proto::Profile,
    /// As tables.
    pub(crate) imported: Imported,
    /// What the images are called, and what is to be said of them.
    pub(crate) names: ImageNames,
    pub(crate) warnings: Vec<Warning>,
    /// The names found now.
    pub(crate) symbolized: Symbolized,
    /// Those, and the ones that the profile had.
    pub(crate) symbols: Symbols,
}

impl Named {
    /// Reads a profile, and looks its frames up.
    pub(crate) fn new(
        shown: &str,
        bytes: &[u8],
        options: &symbolize::Options,
        is_quiet: bool,
    ) -> Result<Self, Failure> {
        let old = pprof_format::read(bytes).map_err(|error| hints::not_a_profile(shown, &error))?;
        if old.sample_type.is_empty() {
            return Err(hints::no_profile(shown));
        }
        let imported = Imported::new(&old);
        let images = Images::new(&options.sources.images, is_quiet)?;
        let found = images.find(&images::wanted_by_profile(&imported.profile))?;
        let mut options = options.clone();
        options.sources.images.clone_from(&found.paths);
        let missing = debuginfod::add_files(&imported.profile, &mut options.sources, is_quiet)?;
        let frames = imported.profile.frames.len() as u64;
        let progress = Progress::new("naming frames", frames, is_quiet);
        let symbolized = symbolize::symbolize(&imported.profile, &options, &|step| {
            progress.reach(step.done as u64);
        });
        let mut symbols = symbolized.symbols.clone();
        imported.keep_names(&old, &mut symbols);
        let FoundImages { names, mut warnings, .. } = found;
        let problems = warnings::of_symbols(&imported.profile, &symbolized, names.given());
        warnings.extend(missing);
        warnings.extend(names.in_warnings(problems));
        Ok(Self { old, imported, names, warnings, symbolized, symbols })
    }
}

impl SymbolizeArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let target = self.target()?;
        target.check()?;
        let shown = self.profile.display().to_string();
        let bytes = read(&self.profile)?;
        let options = self.symbols.options(threads_or_all(self.threads));
        let named = Named::new(&shown, &bytes, &options, self.quiet)?;
        let Named { imported, names, symbolized, .. } = &named;
        self.warn(&named.warnings)?;

        let mut comments = vec![format!("symbolized-by:perf2pprof {}", env!("CARGO_PKG_VERSION"))];
        let forced = warnings::forced_comments(&imported.profile, symbolized);
        comments.extend(names.in_texts(forced));
        let amendment = Amendment {
            profile: &imported.profile,
            symbols: &symbolized.symbols,
            frames: &imported.frames,
            comments: &comments,
        };
        let mut output = target.create()?;
        match amend(&bytes, &amendment, &mut output) {
            Ok(()) => output.finish().or_else(|error| target.failed(&error))?,
            Err(pprof_format::Error::Write(error)) => target.failed(&error)?,
            Err(error) => return Err(hints::not_a_profile(&shown, &error)),
        }
        if !self.quiet {
            eprint!("{}", summary(&shown, &named, &target));
        }
        Ok(())
    }

    fn target(&self) -> Result<Target, Failure> {
        let is_stdin = self.profile == Path::new("-");
        let path = match &self.output {
            Some(path) => path.clone(),
            None if is_stdin => PathBuf::from("stdin.named.pb.gz"),
            None => default_output(&self.profile),
        };
        if is_same_file(&path, &self.profile) {
            return Err(hints::overwrites_profile(&path));
        }
        Ok(Target::new(&path))
    }

    fn warn(&self, warnings: &[Warning]) -> Result<(), Failure> {
        for warning in warnings {
            if self.strict {
                return Err(warning.clone().into_failure());
            }
            eprintln!("{warning}");
        }
        Ok(())
    }
}

/// The bytes of a profile, of which no more are read than a profile may have.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let cannot_open = |error: io::Error| hints::cannot_open_profile(path, &error);
    let limit = pprof_format::MAX_LEN as u64 + 1;
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::Read::read_to_end(&mut io::Read::take(io::stdin().lock(), limit), &mut bytes)
            .map_err(cannot_open)?;
    } else {
        let file = fs::File::open(path).map_err(cannot_open)?;
        io::Read::read_to_end(&mut io::Read::take(file, limit), &mut bytes).map_err(cannot_open)?;
    }
    Ok(bytes)
}

/// `envoy.named.pb.gz` for `envoy.pb.gz`, `envoy.pb` or `envoy`, beside it.
fn default_output(profile: &Path) -> PathBuf {
    let name = profile.file_name().and_then(|name| name.to_str()).unwrap_or("profile");
    let endings = [".pb.gz", ".pb", ".pprof", ".prof", ".gz"];
    let stem = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    profile.with_file_name(format!("{stem}.named.pb.gz"))
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn summary(shown: &str, named: &Named, target: &Target) -> String {
    let profile = &named.imported.profile;
    let had =
        |symbols: &Symbols| -> Weights { shares::by_binary(profile, symbols, 0).into_iter().sum() };
    let mut before = Symbols::none(profile, profile::Reason::NotAsked);
    named.imported.keep_names(&named.old, &mut before);
    let (before, after) = (had(&before), had(&named.symbols));
    let mut lines = vec![format!(
        "`{shown}`: names for {} of the weight of all frames ({} before), line numbers for {}",
        percent(after.named_share()),
        percent(before.named_share()),
        percent(after.lines_share())
    )];
    for report in &named.symbolized.binaries {
        let Some(used) = &report.used else { continue };
        let path = &profile.strings[profile.binaries[report.binary].path];
        lines.push(format!("  {path}: from `{}` ({})", used.image.display(), used.quality));
        lines.extend(Proof::of(profile, report).map(|proof| format!("    {proof}")));
        lines.extend(report.notes.iter().map(|note| format!("    {note}")));
    }
    if let Target::File(path) | Target::Existing(path) = target {
        lines.push(format!("wrote `{}`", path.display()));
    }
    named.names.in_texts(lines).join("\n") + "\n"
}
