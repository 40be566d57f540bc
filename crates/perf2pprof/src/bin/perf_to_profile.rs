//! `perf_to_profile -i IN -o OUT [-f] [-j]`: what `pprof` runs when it is given a perf.data file.

use std::process::ExitCode;

use perf2pprof::StandIn;

fn main() -> ExitCode {
    let done = StandIn::parse(std::env::args_os().skip(1)).and_then(StandIn::run);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}
