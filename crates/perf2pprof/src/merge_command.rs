//! `perf2pprof merge`: many recordings and profiles as one profile.
//!
//! ```text
//!   file 0, 2, 4 ... ─> thread 0: read, inflate ─┐
//!   file 1, 3, 5 ... ─> thread 1: the same ──────┴─> added up in the order of the command line ─> one file
//! ```
//!
//! Each thread is a few files ahead at most, so that memory does not follow the number of files.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use pprof_format::Merger;

use crate::args::Labels;
use crate::args::threads_or_all;
use crate::diff::load::{is_recording, recording};
use crate::hints;
use crate::message::{Failure, Warning};
use crate::output::Target;
use crate::progress::Progress;
use crate::symbol_args::SymbolArgs;
use crate::symbolize_command;

/// So many files are held by each thread beside the one it reads: fewer make it wait on a busy machine.
const AHEAD: usize = 4;

/// Add up any number of recordings and pprof profiles
///
/// The profiles may be of any tool. What is measured has to be the same in all of them, whatever the
/// hosts call it: `cycles`, `cycles:ppp` and `cpu_core/cycles/` are one event.
#[derive(Debug, clap::Args)]
pub struct MergeArgs {
    /// Recordings and profiles
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,

    /// Write the sum here, as gzipped pprof protobuf; `-` for standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: PathBuf,

    /// Print no summary and no progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Labels of the samples of recordings, as for a conversion
    #[arg(long, value_name = "LIST", default_value = "comm,thread_comm", help_heading = "Output")]
    pub labels: Labels,

    /// Where names for the recordings come from.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// How many threads to use [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,
}

impl MergeArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let target = Target::new(&self.output);
        target.check()?;
        let merger = self.merge()?;
        let (files, types) = (self.inputs.len(), merger.sample_types().join(", "));
        let mut output = target.create()?;
        let written = match merger.write(&mut output) {
            Ok(written) => {
                output.finish().or_else(|error| target.failed(&error))?;
                written
            }
            Err(error) => return target.failed(&error),
        };
        if !self.quiet {
            eprintln!(
                "{files} files: {types}\n{} distinct stacks, {} locations, {} functions",
                written.samples, written.locations, written.functions
            );
        }
        Ok(())
    }

    fn merge(&self) -> Result<Merger, Failure> {
        let threads = threads_or_all(self.threads).get().min(self.inputs.len());
        let progress = Progress::new("merging files", self.inputs.len() as u64, self.quiet);
        thread::scope(|scope| {
            let channels: Vec<Receiver<_>> = (0..threads)
                .map(|number| {
                    let (sender, receiver) = sync_channel(AHEAD);
                    scope.spawn(move || self.read_each(number, threads, &sender));
                    receiver
                })
                .collect();
            let mut merger = Merger::new(session::event_name);
            for (path, channel) in self.inputs.iter().zip(channels.iter().cycle()) {
                let message = channel.recv().map_err(|_| hints::no_answer(path))??;
                merger
                    .add(&message)
                    .map_err(|error| hints::cannot_merge(&self.inputs[0], path, &error))?;
                progress.advance(1);
            }
            Ok(merger)
        })
    }

    /// Reads every file whose turn it is, until nobody wants more.
    fn read_each(&self, first: usize, step: usize, sender: &SyncSender<Result<Vec<u8>, Failure>>) {
        for path in self.inputs.iter().skip(first).step_by(step) {
            if sender.send(self.message(path)).is_err() {
                return;
            }
        }
    }

    /// A file as a profile that is not compressed.
    fn message(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let not_read =
            |error: &pprof_format::Error| hints::not_a_profile(&path.display().to_string(), error);
        let bytes =
            if is_recording(path) { self.converted(path)? } else { symbolize_command::read(path)? };
        let message = pprof_format::inflate(&bytes).map_err(|error| not_read(&error))?;
        Ok(message.into_owned())
    }

    /// A recording as the profile that a conversion would write.
    fn converted(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let Labels(labels) = &self.labels;
        // Files are read side by side already.
        let one = NonZeroUsize::MIN;
        let named = recording(path, labels.clone(), &self.symbols, one)?;
        Warning::print(&named.warnings);
        let mut bytes = Vec::new();
        pprof_format::write(&named.conversion.profile, &named.symbolized.symbols, &mut bytes, one)
            .map_err(|error| hints::cannot_write(&self.output, &error))?;
        Ok(bytes)
    }
}
