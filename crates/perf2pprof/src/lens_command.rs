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
use std::path::PathBuf;

use crate::diff::per::Pair;
use crate::hints;
use crate::lens_command::loaded::Loaded;
use crate::lens_command::report::Report;
use crate::message::Failure;
use crate::output::{self, Output, Target};
use crate::shares;
use crate::stack_health::StackHealth;
use crate::view_args::{View, ViewArgs};

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

    /// Envoy's `/stats` before and after the recording: connections stand beside each worker
    #[arg(long, value_name = "BEFORE,AFTER")]
    pub stats: Option<Pair>,

    /// What of it is looked at, and how.
    #[command(flatten)]
    pub view: ViewArgs,
}

impl LensArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let outputs = [&self.markdown, &self.json, &self.rollup, &self.flamegraph];
        let targets = output::named(outputs.into_iter().flatten(), &[&self.file])?;
        let connections = self.stats.as_ref().map(workers::connections).transpose()?;
        let View { lens, loaded, tags, event } = self.view.look_at(&self.file, false)?;
        let Loaded { profile, symbols, symbolized, .. } = &loaded;
        let weights = shares::by_binary(profile, symbols, event);
        let health = StackHealth::of(profile, symbols, event);
        let hints = hints::for_everything(&self.file, profile, symbolized, &weights, &health);
        let hints = hints.into_iter().map(|hint| as_lens(&hint)).collect();
        let shown = self.file.display().to_string();
        let report = Report::new(&shown, &lens, &tags, profile, event, connections.as_ref(), hints);

        let write = |path: &Option<PathBuf>, content: &dyn Fn(&mut Output) -> io::Result<()>| {
            path.as_deref().map_or(Ok(()), |path| Target::new(path).write(content))
        };
        write(&self.markdown, &|out| out.write_all(markdown::of(&report).as_bytes()))?;
        write(&self.json, &|out| {
            serde_json::to_writer_pretty(&mut *out, &report)?;
            writeln!(out)
        })?;
        let graphs = graphs::Graphs { title: &shown, tags: &tags, profile, symbols, event };
        write(&self.rollup, &|out| graphs.roll_up(out))?;
        write(&self.flamegraph, &|out| graphs.by_subsystem(out))?;
        if targets.contains(&Target::Stdout) {
            return Ok(());
        }
        Target::Stdout.write(|out| out.write_all(text::of(&report).as_bytes()))
    }
}

/// A hint whose command is one of this command.
fn as_lens(hint: &str) -> String {
    let Some((text, command)) = hint.split_once("\n  perf2pprof ") else { return hint.to_owned() };
    let command = command.strip_prefix("symbolize ").unwrap_or(command);
    format!("{text}\n  perf2pprof lens {command}")
}
