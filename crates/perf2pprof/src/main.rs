//! `perf2pprof`: a recording in, a profile and a flame graph out.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, error::ErrorKind};
use perf2pprof::{Args, Failure, Job, run};

fn main() -> ExitCode {
    match run_args(Args::parse()) {
        Ok(status) => status,
        Err(failure) => {
            eprintln!("{failure}");
            failure.status()
        }
    }
}

fn run_args(args: Args) -> Result<ExitCode, Failure> {
    if let Some(command) = args.command {
        return command.run();
    }
    match Job::new(args.convert) {
        Ok(job) => run(&job).map(|()| ExitCode::SUCCESS),
        // Exits with 2, as for every error of usage.
        Err(problem) => Args::command().error(ErrorKind::ArgumentConflict, problem).exit(),
    }
}
