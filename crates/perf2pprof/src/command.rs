//! What the program does besides converting: its subcommands.

use clap::Subcommand;

use crate::message::Failure;
use crate::symbols_command::SymbolsArgs;

/// Something else than a conversion.
#[derive(Debug, Subcommand)]
pub enum Command {
    Symbols(SymbolsArgs),
}

impl Command {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        match self {
            Self::Symbols(args) => args.run(),
        }
    }
}
