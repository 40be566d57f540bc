//! `perf2pprof lens`: where in Envoy the time went, by which filter, on which worker.
//!
//! ```text
//!   recording or profile ─> Loaded ─> lens::Tags ─┬─> Report ─> table, Markdown, JSON
//!                                                 └─> graphs
//! ```

mod graphs;
pub(crate) mod loaded;
mod markdown;
pub(crate) mod report;
pub(crate) mod share_text;
pub(crate) mod text;
pub(crate) mod workers;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use session::TimeRange;

use crate::diff::per::Pair;
use crate::hints;
use crate::lens_command::loaded::{Loaded, Part};
use crate::lens_command::report::Report;
use crate::lens_labels::{self, RuleArgs};
use crate::message::{Failure, Warning};
use crate::output::{Output, Target};
use crate::shares;
use crate::stack_health::StackHealth;
use crate::symbol_args::SymbolArgs;

/// Say where in Envoy the time went: subsystem and work, filter, worker
///
/// Each sample counts in one row and one column, so both add up to 100 %. What the rules do not know
/// is said to be unknown, and why.
#[derive(Debug, clap::Args)]
pub struct LensArgs {
    /// A recording of perf, or a pprof profile
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Write Markdown here, for a ticket; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub markdown: Option<PathBuf>,

    /// Write JSON here; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,

    /// Write a flame graph of subsystems, their filters and functions here
    #[arg(long, value_name = "SVG", help_heading = "Output")]
    pub rollup: Option<PathBuf>,

    /// Write a flame graph of all functions here, coloured by subsystem
    #[arg(long, value_name = "SVG", help_heading = "Output")]
    pub flamegraph: Option<PathBuf>,

    /// By which rules.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// Envoy's `/stats` before and after the recording: connections stand beside each worker
    #[arg(long, value_name = "BEFORE,AFTER")]
    pub stats: Option<Pair>,

    /// Look at this part of the recording: seconds (`10,20`) or per cent (`50%,`)
    #[arg(long, value_name = "FROM,TO")]
    pub time: Option<TimeRange>,

    /// Where names come from.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// How many threads to use [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,
}

impl LensArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let outputs = [&self.markdown, &self.json, &self.rollup, &self.flamegraph];
        let to_stdout = outputs.iter().filter(|path| path.as_deref() == Some(Path::new("-")));
        if to_stdout.count() > 1 {
            return Err(Failure::new("only one output can go to standard output"));
        }
        let lens = self.rules.lens()?;
        let connections = self.stats.as_ref().map(workers::connections).transpose()?;
        let part = Part { time: self.time, keeps_samples: false };
        let loaded = Loaded::read(&self.file, &self.symbols, self.threads, part)?;
        let Loaded { profile, symbols, symbolized, warnings, .. } = &loaded;
        Warning::print(warnings);
        let tags = lens_labels::tags(&lens, profile, symbols, symbolized);
        let event = profile.default_event().and_then(|event| u32::try_from(event).ok());
        let event = event.unwrap_or(0);
        let weights = shares::by_binary(profile, symbols, event);
        let health = StackHealth::of(profile, symbols, event);
        let hints = hints::for_everything(&self.file, profile, symbolized, &weights, &health);
        let hints = hints.into_iter().map(|hint| as_lens(&hint)).collect();
        let shown = self.file.display().to_string();
        let report = Report::new(&shown, &lens, &tags, profile, event, connections.as_ref(), hints);

        let mut is_stdout_free = true;
        let mut write = |path: &Option<PathBuf>,
                         content: &dyn Fn(&mut Output) -> io::Result<()>| {
            let Some(path) = path else { return Ok(()) };
            let target = Target::new(path);
            is_stdout_free &= target != Target::Stdout;
            let mut output = target.create()?;
            let written = content(&mut output).and_then(|()| output.finish());
            written.or_else(|error| target.failed(&error))
        };
        write(&self.markdown, &|out| out.write_all(markdown::of(&report).as_bytes()))?;
        write(&self.json, &|out| {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)
        })?;
        let graphs = graphs::Graphs { title: &shown, tags: &tags, profile, symbols, event };
        write(&self.rollup, &|out| graphs.roll_up(out))?;
        write(&self.flamegraph, &|out| graphs.by_subsystem(out))?;
        if is_stdout_free {
            let written = io::stdout().lock().write_all(text::of(&report).as_bytes());
            return written.or_else(|error| Target::Stdout.failed(&error));
        }
        Ok(())
    }
}

/// A hint whose command is one of this command.
fn as_lens(hint: &str) -> String {
    let Some((text, command)) = hint.split_once("\n  perf2pprof ") else { return hint.to_owned() };
    let command = command.strip_prefix("symbolize ").unwrap_or(command);
    format!("{text}\n  perf2pprof lens {command}")
}
