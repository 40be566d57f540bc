//! `perf2pprof symbols`: what debug info is worth, and in a small file.

mod find;
mod list;
mod pack;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use binaries::{Locator, Match, Sources};
use clap::{Args, Subcommand};
use debug_image::Wanted;

use crate::args::threads_or_all;
use crate::images::{ImageNames, Images};
use crate::message::Failure;

/// Pack debug info into a small file, list what is in it, or find out what fits a recording
#[derive(Debug, Args)]
pub struct SymbolsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: SymbolsAction,
}

/// What `perf2pprof symbols` does.
#[derive(Debug, Subcommand)]
pub enum SymbolsAction {
    /// Write all that gigabytes of debug info say of each address to one small file, which
    /// `--debug-image` takes in their place
    Pack {
        /// The binary: its unstripped ELF file, its `.dwp`, its debug file, or whatever else
        /// `--debug-image` takes
        #[arg(value_name = "SOURCE", required = true)]
        sources: Vec<PathBuf>,
        /// Write the pack here
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// How many threads to use [default: one per processor]
        #[arg(long, value_name = "N")]
        threads: Option<NonZeroUsize>,
    },
    /// Print the binaries that ELF files, directories and packs hold, and what they can tell
    List {
        /// Symbol packs, and whatever else `--debug-image` takes
        #[arg(value_name = "SOURCE", required = true)]
        sources: Vec<PathBuf>,
    },
    /// Print which binaries of a recording a source has symbols for, and why not for the others
    Find {
        /// A symbol pack, or whatever else `--debug-image` takes
        #[arg(value_name = "SOURCE")]
        source: PathBuf,
        /// The recording
        #[arg(value_name = "RECORDING")]
        recording: PathBuf,
    },
}

impl SymbolsArgs {
    /// Does it.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            SymbolsAction::Pack { sources, output, threads } => {
                with(&sources, |given| pack::run(given, &output, threads_or_all(threads)))
            }
            SymbolsAction::List { sources } => with(&sources, list::run),
            SymbolsAction::Find { source, recording } => {
                with(&[source], |given| find::run(given, &recording, threads_or_all(None)))
            }
        }
    }
}

/// What was given, and nothing that may be installed here.
struct Given {
    sources: Sources,
    /// What files of images are called.
    names: ImageNames,
    /// As the user named it.
    shown: String,
}

/// Does something with all that was given, found where it is.
fn with(
    sources: &[PathBuf],
    act: impl FnOnce(&Given) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let images = Images::new(sources, false)?;
    let found = images.find(&Wanted::default())?;
    let shown: Vec<_> = sources.iter().map(|path| format!("`{}`", path.display())).collect();
    let given = Given {
        sources: Sources { images: found.paths, ..Sources::none() },
        names: found.names,
        shown: shown.join(", "),
    };
    act(&given).map_err(|failure| given.names.in_failure(failure))
}

/// The binaries that the files hold. A file that is of no use is an error if it was all there was.
fn binaries_of(given: &Given) -> Result<Vec<Match>, Failure> {
    let locator = Locator::new(&given.sources);
    let found = locator.given_binaries();
    let refused = locator.into_refused();
    if found.is_empty() {
        let shown = |path: &Path| format!("`{}`", path.display());
        return Err(match refused.first() {
            Some(refused) => Failure::new(format!("{}: {}", shown(&refused.path), refused.refusal)),
            None => Failure::new(format!("no ELF file and no symbol pack in {}", given.shown)),
        });
    }
    for refused in refused {
        eprintln!("warning: `{}`: {}", refused.path.display(), refused.refusal);
    }
    Ok(found)
}

/// The files of a binary: the one that can tell most first.
fn files_of(found: &Match) -> Vec<&Path> {
    let images = [Some(&found.image), found.package.as_ref(), found.code.as_ref()];
    images.into_iter().flatten().map(|image| image.path()).collect()
}

fn build_id_of(found: &Match) -> String {
    found.image.build_id().map_or_else(|| "no build ID".to_owned(), |id| format!("build ID {id}"))
}
