//! The file that is looked at: a recording, or a profile made earlier.

use std::num::NonZeroUsize;
use std::path::Path;

use profile::{Profile, Symbols};
use session::{Conversion, LabelKey, Losses, TimeRange, TimedSample};
use symbolize::Symbolized;

use crate::args::threads_or_all;
use crate::hints;
use crate::inspect::is_profile;
use crate::job::Job;
use crate::message::{Failure, Warning};
use crate::run::{self, NamedRecording};
use crate::symbol_args::SymbolArgs;
use crate::symbolize_command::{self, Named};

/// A file, read, with the names that were found for it.
pub(crate) struct Loaded {
    pub(crate) profile: Profile,
    /// All names.
    pub(crate) symbols: Symbols,
    /// What was looked up now.
    pub(crate) symbolized: Symbolized,
    /// What is to be said of the names.
    pub(crate) warnings: Vec<Warning>,
    /// What only a recording tells.
    pub(crate) recorded: Option<Recorded>,
}

/// What a profile does not tell of its recording.
pub(crate) struct Recorded {
    /// When its samples were taken, if that is asked for.
    pub(crate) timed: Vec<TimedSample>,
    /// What is not in the profile.
    pub(crate) losses: Losses,
}

/// Which part of a file is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Part {
    /// Of a recording.
    pub(crate) time: Option<TimeRange>,
    /// Whether each sample is kept with its time.
    pub(crate) keeps_samples: bool,
}

impl Loaded {
    pub(crate) fn read(
        path: &Path,
        symbols: &SymbolArgs,
        threads: Option<NonZeroUsize>,
        part: Part,
    ) -> Result<Self, Failure> {
        let threads = threads_or_all(threads);
        if is_profile(path) {
            if part.time.is_some() {
                return Err(hints::time::profile_has_no_time(path, "--time"));
            }
            let bytes = symbolize_command::read(path)?;
            let shown = path.display().to_string();
            let named = Named::new(&shown, &bytes, &symbols.options(threads), false)?;
            let Named { imported, symbolized, symbols, warnings, .. } = named;
            let recorded = None;
            return Ok(Self { profile: imported.profile, symbols, symbolized, warnings, recorded });
        }
        let labels = vec![LabelKey::Comm, LabelKey::ThreadComm, LabelKey::Pid, LabelKey::Tid];
        let mut job = Job::to_read(path, labels, symbols, threads);
        job.session.selection.time = part.time;
        job.keeps_samples = part.keeps_samples;
        let NamedRecording { conversion, symbolized, warnings, .. } = run::read_named(&job)?;
        let symbols = symbolized.symbols.clone();
        let Conversion { profile, losses, timed, .. } = conversion;
        let recorded = Some(Recorded { timed, losses });
        Ok(Self { profile, symbols, symbolized, warnings, recorded })
    }
}
