//! The options that select samples and frames.

use session::{Selection, TimeRange};

/// What to take of the recording. Values of one option are alternatives; a sample must satisfy
/// every option.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Selection")]
pub struct SelectArgs {
    /// Take samples of this event, by its name in the recording or in the profile (repeatable)
    #[arg(long, value_name = "NAME")]
    event: Vec<String>,

    /// Take samples of processes of this name (repeatable)
    #[arg(long, value_name = "NAME")]
    comm: Vec<String>,

    /// Take samples of threads of this name, such as `wrk:worker_0` (repeatable)
    #[arg(long, value_name = "NAME")]
    thread: Vec<String>,

    /// Take samples of these processes
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pid: Vec<i32>,

    /// Take samples of these threads
    #[arg(long, value_name = "TID", value_delimiter = ',')]
    tid: Vec<i32>,

    /// Take samples of these CPUs
    #[arg(long, value_name = "CPU", value_delimiter = ',')]
    cpu: Vec<u32>,

    /// Take samples whose innermost frame is in this binary, by path or base name (repeatable)
    #[arg(long, value_name = "BINARY")]
    dso: Vec<String>,

    /// Take samples of a part of the recording: in seconds from the first sample (`10,20`) or in
    /// per cent (`50%,`)
    #[arg(long, value_name = "FROM,TO")]
    time: Option<TimeRange>,

    /// Leave out kernel frames: their time goes to the frame that called the kernel
    #[arg(long, conflicts_with = "no_user")]
    no_kernel: bool,

    /// Leave out user frames, and the samples without a kernel frame
    #[arg(long)]
    no_user: bool,
}

impl From<SelectArgs> for Selection {
    fn from(args: SelectArgs) -> Self {
        Self {
            events: args.event,
            comms: args.comm,
            threads: args.thread,
            pids: args.pid,
            tids: args.tid,
            cpus: args.cpu,
            binaries: args.dso,
            time: args.time,
            no_kernel: args.no_kernel,
            no_user: args.no_user,
        }
    }
}
