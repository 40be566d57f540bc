//! `perf2pprof inspect`: what is in a recording or a profile, what is missing, and the cheapest way
//! to get it.

use std::fs;
use std::io::{self, Read, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use profile::Profile;
use session::LabelKey;
use symbolize::Symbolized;

use crate::args::threads_or_all;
use crate::binary_table::{self, BinarySummary};
use crate::hints;
use crate::inspection::{InspectedBinary, Inspection};
use crate::job::Job;
use crate::message::{Failure, Warning};
use crate::output::Target;
use crate::run;
use crate::shares::{self, Weights};
use crate::stack_health::StackHealth;
use crate::summary::{EventSummary, Summary};
use crate::symbol_args::SymbolArgs;
use crate::symbolize_command::{self, Named};
use crate::threads;

/// Say what is in a recording or a profile, what is missing, and the cheapest way to get it
///
/// Symbols are looked for as a conversion would, so that what is found, and what is refused and why,
/// is what a conversion would use.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// A recording of perf, or a pprof profile
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Print JSON, for machines
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Where names come from.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// How many threads to use [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,
}

impl InspectArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let inspection = if is_profile(&self.file) { self.profile()? } else { self.recording()? };
        let mut out = io::stdout().lock();
        let written = if self.json {
            serde_json::to_writer_pretty(&mut out, &inspection)
                .map_err(io::Error::from)
                .and_then(|()| writeln!(out))
        } else {
            write!(out, "{inspection}")
        };
        written.or_else(|error| Target::Stdout.failed(&error))
    }

    fn threads(&self) -> NonZeroUsize {
        threads_or_all(self.threads)
    }

    fn recording(&self) -> Result<Inspection, Failure> {
        let labels = vec![LabelKey::Comm, LabelKey::ThreadComm, LabelKey::Pid, LabelKey::Tid];
        let job = Job::to_read(&self.file, labels, &self.symbols, self.threads());
        let run::NamedRecording { conversion, symbolized, names, warnings } =
            run::read_named(&job)?;
        let shown = run::shown_name(&self.file);
        let mut summary = Summary::new(&[shown], &job, &conversion, &symbolized);
        names.in_summaries(&mut summary.binaries);
        Warning::print(&warnings);
        let profile = &conversion.profile;
        let event = profile.default_event().and_then(|event| u32::try_from(event).ok());
        let event = event.unwrap_or(0);
        let stacks = StackHealth::of(profile, &symbolized.symbols, event);
        let weights = shares::by_binary(profile, &symbolized.symbols, event);
        let advice = hints::for_everything(&self.file, profile, &symbolized, &weights, &stacks);
        Ok(Inspection {
            file: shown.to_owned(),
            kind: "recording",
            comments: Vec::new(),
            host: summary.host,
            perf_version: summary.perf_version,
            duration_seconds: summary.duration_seconds,
            events: summary.events,
            losses: Some(summary.losses),
            threads: threads::of(profile, event),
            stacks,
            named: summary.named,
            with_lines: summary.with_lines,
            binaries: self.inspected(summary.binaries, profile, &symbolized),
            advice,
        })
    }

    fn profile(&self) -> Result<Inspection, Failure> {
        let shown = self.file.display().to_string();
        let bytes = symbolize_command::read(&self.file)?;
        let named = Named::new(&shown, &bytes, &self.symbols.options(self.threads()), false)?;
        let Named { old, imported, names, warnings, symbolized, symbols } = &named;
        Warning::print(warnings);
        let profile = &imported.profile;
        let weights = shares::by_binary(profile, symbols, 0);
        let all: Weights = weights.iter().copied().sum();
        let stacks = StackHealth::of(profile, symbols, 0);
        let advice = hints::for_everything(&self.file, profile, symbolized, &weights, &stacks);
        #[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
        let seconds = (old.duration_nanos > 0).then_some(old.duration_nanos as f64 / 1e9);
        let mut binaries = binary_table::all(profile, &weights, symbolized, 0);
        names.in_summaries(&mut binaries);
        let comments = old.comment.iter().filter_map(|&index| old.text(index));
        Ok(Inspection {
            file: shown,
            kind: "profile",
            comments: comments.map(str::to_owned).collect(),
            host: Vec::new(),
            perf_version: None,
            duration_seconds: seconds,
            events: EventSummary::of_columns(old),
            losses: None,
            threads: threads::of(profile, 0),
            stacks,
            named: all.named_share(),
            with_lines: all.lines_share(),
            binaries: self.inspected(binaries, profile, symbolized),
            advice,
        })
    }

    fn inspected(
        &self,
        binaries: Vec<BinarySummary>,
        profile: &Profile,
        symbolized: &Symbolized,
    ) -> Vec<InspectedBinary> {
        let sources = self.symbols.sources();
        let inspect = |summary| InspectedBinary::new(summary, profile, symbolized, &sources);
        binaries.into_iter().map(inspect).collect()
    }
}

/// Whether a file is to be read as a profile: it does not begin as a recording does, and can be
/// read as one.
pub(crate) fn is_profile(path: &Path) -> bool {
    // Asked before the file is opened, because opening a pipe waits for a writer.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let mut start = [0; 8];
    let read = fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    if read.is_err() || is_perf_data(&start) {
        return false;
    }
    let profile = symbolize_command::read(path).ok();
    profile.is_some_and(|bytes| pprof_format::read(&bytes).is_ok_and(|p| !p.sample_type.is_empty()))
}

/// The magic of either byte order, and of perf before 2.6.38.
fn is_perf_data(start: &[u8]) -> bool {
    [&b"PERFILE2"[..], b"2ELIFREP", b"PERFFILE", b"ELIFFREP"].contains(&start)
}
