//! What the user can type.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::{Parser, ValueEnum};
use flamegraph::MinWidth;
use session::LabelKey;

use crate::command::Command;
use crate::lens_labels::LensLabels;
use crate::select_args::SelectArgs;
use crate::symbol_args::SymbolArgs;

/// Turn a perf.data recording into a pprof profile and a flame graph.
///
/// Without -o, --flamegraph and --folded, `perf2pprof envoy.perf` writes envoy.pb.gz and envoy.svg
/// to the current directory.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    /// Something else than a conversion.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// What to convert, and how.
    #[command(flatten)]
    pub convert: ConvertArgs,
}

/// What a conversion is told.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch that can be typed")]
pub struct ConvertArgs {
    /// The recordings, which become one profile; `-` for standard input
    #[arg(value_name = "RECORDING", required = true)]
    pub recordings: Vec<PathBuf>,

    /// Write the profile here, as gzipped pprof protobuf; `-` for standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write an interactive flame graph here
    #[arg(long, value_name = "SVG", help_heading = "Output")]
    pub flamegraph: Option<PathBuf>,

    /// Leave boxes out of the flame graph that are narrower than this part of it
    #[arg(long, value_name = "PERCENT", default_value = "0.01%", help_heading = "Output")]
    #[arg(value_parser = min_width)]
    pub min_width: MinWidth,

    /// Write folded stacks here, one line per stack
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub folded: Option<PathBuf>,

    /// Labels of each sample: `none`, or some of `comm`, `thread_comm`, `pid`, `tid`, `cpu`,
    /// `timestamp_ns`, `execution_mode`, `cgroup`, `code_page_size`, `data_page_size`,
    /// `cache_latency`, `data_src`, `weights`
    #[arg(long, value_name = "LIST", default_value = "comm,thread_comm", help_heading = "Output")]
    pub labels: Labels,

    /// Whether samples say where in Envoy they are.
    #[command(flatten)]
    pub lens: LensLabels,

    /// Print no summary and no progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// How to print the summary: to people on standard error, or as JSON on standard output
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub summary: SummaryFormat,

    /// Name events as the recording does: `cycles:ppp`, not `cycles`
    #[arg(long, help_heading = "Output")]
    pub raw_event_names: bool,

    /// Which samples and frames to take.
    #[command(flatten)]
    pub select: SelectArgs,

    /// Where names come from.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// Look up no names
    #[arg(long, help_heading = "Symbols")]
    pub no_symbols: bool,

    /// How many threads to use [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,

    /// Fail where there would be a warning
    #[arg(long, help_heading = "Running")]
    pub strict: bool,
}

/// `0.5%`.
fn min_width(text: &str) -> Result<MinWidth, String> {
    let share = text.trim().trim_end_matches('%').trim_end().parse::<f64>().ok();
    let share = share.filter(|share| (0.0..=100.0).contains(share));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "up to a million")]
    share
        .map(|share| MinWidth((share * 10_000.0).round() as u32))
        .ok_or_else(|| format!("`{text}` is no part of a flame graph like `0.5%`"))
}

/// So many threads, or one per processor.
pub(crate) fn threads_or_all(threads: Option<NonZeroUsize>) -> NonZeroUsize {
    threads.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

/// How the summary is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// A list of labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels(pub Vec<LabelKey>);

impl std::str::FromStr for Labels {
    type Err = String;

    fn from_str(list: &str) -> Result<Self, String> {
        let mut labels = Vec::new();
        if list == "none" {
            return Ok(Self(labels));
        }
        for name in list.split(',') {
            let keys = LabelKey::named(name).ok_or_else(|| {
                let known = LabelKey::LISTED.map(|(name, _)| name).join(", ");
                format!("there is no label `{name}`; the labels are {known}, or `none` alone")
            })?;
            // A key has one value per sample, however often it is asked for.
            for key in keys {
                if !labels.contains(key) {
                    labels.push(*key);
                }
            }
        }
        Ok(Self(labels))
    }
}
