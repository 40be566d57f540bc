//! The arguments of the commands that look at one file through the lens, and what they look at.

use std::num::NonZeroUsize;
use std::path::Path;

use lens::{Lens, Tags};
use session::TimeRange;

use crate::lens_command::loaded::{Loaded, Part};
use crate::lens_labels::{self, RuleArgs};
use crate::message::{Failure, Warning};
use crate::symbol_args::SymbolArgs;

/// What of a file is looked at, and how.
#[derive(Debug, clap::Args)]
pub struct ViewArgs {
    /// By which rules.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// Look at this part of the recording: seconds (`10,20`) or per cent (`50%,`)
    #[arg(long, value_name = "FROM,TO")]
    pub time: Option<TimeRange>,

    /// Where names come from.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// How many threads to use [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,
}

/// A file, seen through the lens.
pub(crate) struct View {
    pub(crate) lens: Lens,
    pub(crate) loaded: Loaded,
    pub(crate) tags: Tags,
    /// The event that is shown first.
    pub(crate) event: u32,
}

impl ViewArgs {
    /// Reads a file, with each sample's time if that is asked for, and prints what is to be said of it.
    pub(crate) fn look_at(&self, file: &Path, keeps_samples: bool) -> Result<View, Failure> {
        let lens = self.rules.lens()?;
        let part = Part { time: self.time, keeps_samples };
        let loaded = Loaded::read(file, &self.symbols, self.threads, part)?;
        let Loaded { profile, symbols, symbolized, warnings, .. } = &loaded;
        Warning::print(warnings);
        let tags = lens_labels::tags(&lens, profile, symbols, &symbolized.binaries);
        let event = profile.default_event().and_then(|event| u32::try_from(event).ok());
        Ok(View { lens, event: event.unwrap_or(0), loaded, tags })
    }
}
