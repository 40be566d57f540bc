//! What the program does besides converting: its subcommands.

use std::process::ExitCode;

use clap::Subcommand;

use crate::diff::DiffArgs;
use crate::inspect::InspectArgs;
use crate::lens_command::LensArgs;
use crate::merge_command::MergeArgs;
use crate::message::Failure;
use crate::report_command::ReportArgs;
use crate::symbolize_command::SymbolizeArgs;
use crate::symbols_command::SymbolsArgs;
use crate::timeline_command::TimelineArgs;

/// Something else than a conversion.
#[derive(Debug, Subcommand)]
pub enum Command {
    Symbols(SymbolsArgs),
    Inspect(InspectArgs),
    Symbolize(SymbolizeArgs),
    Diff(Box<DiffArgs>),
    Lens(Box<LensArgs>),
    Merge(MergeArgs),
    Timeline(Box<TimelineArgs>),
    Report(Box<ReportArgs>),
}

impl Command {
    /// Does it, and says with which status the program ends.
    pub fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Symbols(args) => args.run()?,
            Self::Inspect(args) => args.run()?,
            Self::Symbolize(args) => args.run()?,
            Self::Merge(args) => args.run()?,
            Self::Lens(args) => args.run()?,
            Self::Timeline(args) => args.run()?,
            Self::Report(args) => args.run()?,
            Self::Diff(args) => return args.run(),
        }
        Ok(ExitCode::SUCCESS)
    }
}
