//! What of a file has no names, and how to get them.

use profile::{Profile, Symbols};
use symbolize::BinaryReport;

use crate::hints::{self, comparison};
use crate::message::Warning;
use crate::shares::{self, Weights};

/// Less than this of the weight of all frames is not worth an image.
const LITTLE: f64 = 0.05;

/// What of a file has no names.
pub(crate) struct Unnamed {
    /// Its part of the weight of all frames.
    share: f64,
    hints: Vec<String>,
}

impl Unnamed {
    /// `None` if there is little to name. The command is what the user typed, for hints to add to.
    pub(crate) fn of(
        profile: &Profile,
        symbols: &Symbols,
        reports: &[BinaryReport],
        command: &str,
    ) -> Option<Self> {
        let event = profile.default_event().and_then(|event| u32::try_from(event).ok());
        let weights = shares::by_binary(profile, symbols, event.unwrap_or(0));
        let all: Weights = weights.iter().copied().sum();
        let share = 1.0 - all.named_share();
        let unnamed = reports.iter().filter(|report| hints::is_unnamed(report, &weights));
        let hints: Vec<_> =
            unnamed.filter_map(|report| hints::for_binary(command, profile, report)).collect();
        (share > LITTLE && !hints.is_empty()).then_some(Self { share, hints })
    }

    /// One warning for a side: of the first of its files that lacks names.
    pub(crate) fn warning<'a>(
        files: impl Iterator<Item = (&'a str, Option<&'a Self>)>,
    ) -> Option<Warning> {
        let mut lacking = files.filter_map(|(name, unnamed)| Some((name, unnamed?)));
        let (name, Self { share, hints }) = lacking.next()?;
        Some(comparison::unnamed(name, lacking.count(), *share, hints))
    }
}
