//! `perf2pprof-fleet`: recordings in, tables out, and profiles of tables.

use std::process::ExitCode;

use clap::Parser;
use fleet::Args;

fn main() -> ExitCode {
    match Args::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            failure.status()
        }
    }
}
