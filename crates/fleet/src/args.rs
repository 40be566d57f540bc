//! What the user can type.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use perf2pprof::{Failure, LensLabels, SymbolArgs};

use crate::filter::Filter;
use crate::input::Shard;
use crate::labels::{Label, Template};

/// Turn the recordings of a fleet into Parquet tables, and tables into profiles
#[derive(Debug, Parser)]
#[command(name = "perf2pprof-fleet", version, max_term_width = 100)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn recordings and profiles into tables
    Export(Box<ExportArgs>),
    /// Turn tables into one pprof profile
    Pprof(ProfileArgs),
    /// Turn tables into one flame graph
    Flamegraph(ProfileArgs),
    /// Compare two parts of the tables: what became dearer, by how much, and is it noise
    Diff(DiffArgs),
    /// Put small files of tables together
    Compact(CompactArgs),
}

impl Command {
    /// Does it.
    pub fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Export(args) => args.run()?,
            Self::Pprof(args) => args.pprof()?,
            Self::Flamegraph(args) => args.flame_graph()?,
            Self::Diff(args) => return args.run(),
            Self::Compact(args) => args.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What an export is told.
#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Recordings and pprof profiles, directories of them, or prefixes of buckets (`s3://`, `gs://`, `az://`)
    #[arg(value_name = "INPUT", required_unless_present = "inputs_from")]
    pub inputs: Vec<String>,

    /// Add the inputs that this file names, one on each line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub inputs_from: Option<String>,

    /// Take the I-th of N parts of the inputs, from 0; which part an input is in depends on its name alone
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,

    /// Write the tables to this directory or prefix of a bucket
    #[arg(short, long, value_name = "DIR_OR_URL", help_heading = "Output")]
    pub output: String,

    /// Label the recordings: `service`, `version`, `pod`, `namespace`, `node`, `host` or any other name (repeatable)
    #[arg(long, value_name = "KEY=VALUE", help_heading = "Output")]
    pub label: Vec<Label>,

    /// Label each recording by the end of its path, such as `{service}/{version}/{pod}/{time}.perf`
    #[arg(long, value_name = "TEMPLATE", help_heading = "Output")]
    pub path_template: Option<Template>,

    /// Labels of the samples of recordings, as for a conversion
    #[arg(long, value_name = "LIST", default_value = "comm,thread_comm", help_heading = "Output")]
    pub labels: perf2pprof::Labels,

    /// Whether samples say where in Envoy they are.
    #[command(flatten)]
    pub lens: LensLabels,

    /// Print no summary and no progress
    #[arg(short, long, help_heading = "Output")]
    pub quiet: bool,

    /// Where names for the recordings come from.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// How many threads to use [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,

    /// Speak to this server instead of the cloud's
    #[arg(long, value_name = "URL", help_heading = "Running")]
    pub endpoint: Option<String>,
}

/// What is told of tables.
#[derive(Debug, clap::Args)]
pub struct TableArgs {
    /// The directory or prefix of a bucket with the tables
    #[arg(value_name = "DIR_OR_URL")]
    pub tables: String,

    /// Speak to this server instead of the cloud's
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,
}

/// What a profile of tables is told.
#[derive(Debug, clap::Args)]
pub struct ProfileArgs {
    /// Where the tables are.
    #[command(flatten)]
    pub tables: TableArgs,

    /// Take the samples of which this holds, as in SQL: "service = 'edge' AND version LIKE '1.40.%'"
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Filter,

    /// Write it here; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Print no summary
    #[arg(short, long)]
    pub quiet: bool,
}

/// What a comparison is told.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// Where the tables are.
    #[command(flatten)]
    pub tables: TableArgs,

    /// What was before: the samples of which this holds
    #[arg(long, value_name = "CONDITION")]
    pub base: Filter,

    /// What is now: the samples of which this holds
    #[arg(long, value_name = "CONDITION")]
    pub head: Filter,

    /// Options of `perf2pprof diff`, such as `--flamegraph diff.svg` or `--fail-on regression`
    #[arg(value_name = "OPTION", last = true)]
    pub options: Vec<OsString>,
}

/// What putting files together is told.
#[derive(Debug, clap::Args)]
pub struct CompactArgs {
    /// Where the tables are.
    #[command(flatten)]
    pub tables: TableArgs,

    /// Print no summary
    #[arg(short, long)]
    pub quiet: bool,
}
