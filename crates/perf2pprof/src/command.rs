//! What the program does besides converting: its subcommands.

use clap::Subcommand;

use crate::inspect::InspectArgs;
use crate::message::Failure;
use crate::symbolize_command::SymbolizeArgs;
use crate::symbols_command::SymbolsArgs;

/// Something else than a conversion.
#[derive(Debug, Subcommand)]
pub enum Command {
    Symbols(SymbolsArgs),
    Inspect(InspectArgs),
    Symbolize(SymbolizeArgs),
}

impl Command {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Symbols(args) => args.run(),
            Self::Inspect(args) => args.run(),
            Self::Symbolize(args) => args.run(),
        }
    }
}
