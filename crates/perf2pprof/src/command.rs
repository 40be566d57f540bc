//! What the program does besides converting: its subcommands.

use clap::Subcommand;

use crate::message::Failure;

/// Something else than a conversion.
#[derive(Debug, Subcommand)]
pub enum Command {}

impl Command {
    /// Does it.
    pub fn run(self) -> Result<(), Failure> {
        match self {}
    }
}
