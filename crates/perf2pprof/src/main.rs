//! `perf2pprof`: a recording in, a profile and a flame graph out.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};
use perf2pprof::{Args, Job, run};

fn main() -> ExitCode {
    let job = match Job::new(Args::parse()) {
        Ok(job) => job,
        // Exits with 2, as for every error of usage.
        Err(problem) => Args::command().error(ErrorKind::ArgumentConflict, problem).exit(),
    };
    match run(&job) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
