//! What of a file has no names, and how to get them.

use profile::{Profile, Symbols};
use symbolize::BinaryReport;

use crate::diff::load::Loaded;
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
    fn warning<'a>(files: impl Iterator<Item = (&'a str, Option<&'a Self>)>) -> Option<Warning> {
        let mut lacking = files.filter_map(|(name, unnamed)| Some((name, unnamed?)));
        let (name, Self { share, hints }) = lacking.next()?;
        Some(comparison::unnamed(name, lacking.count(), *share, hints))
    }
}

/// What is given for one build is of no use for the other: only what no file has use for is told of.
pub(crate) fn warn(base: &[Loaded], head: &[Loaded]) {
    let files = || base.iter().chain(head);
    let mut said: Vec<&Warning> = Vec::new();
    for warning in files().flat_map(|file| &file.warnings) {
        let is_unused = |file: &Loaded| {
            file.is_folded() || file.warnings.iter().any(|other| other.unused == warning.unused)
        };
        let is_told = warning.unused.is_none() || files().all(is_unused);
        if is_told && !said.contains(&warning) {
            eprintln!("{warning}");
            said.push(warning);
        }
    }
    for side in [base, head] {
        let names = side.iter().map(|file| (file.name.as_str(), file.unnamed.as_ref()));
        Warning::print(&Unnamed::warning(names));
    }
}
