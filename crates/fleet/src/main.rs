//! `perf2pprof-fleet`: recordings in, tables out, and profiles of tables.

use std::process::ExitCode;

use clap::Parser;
use fleet::Args;

fn main() -> ExitCode {
    Args::parse().command.run().unwrap_or_else(|failure| {
        eprintln!("{failure}");
        failure.status()
    })
}
