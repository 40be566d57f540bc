//! Before and after a moment within one recording.

use std::num::NonZeroUsize;
use std::path::Path;

use session::{Moment, TimeRange};

use crate::diff::load::{Content, Loaded};
use crate::diff::unnamed::Unnamed;
use crate::hints;
use crate::inspect::is_profile;
use crate::lens_command::loaded::{Loaded as Read, Part};
use crate::lens_labels::{self, RuleArgs};
use crate::message::Failure;
use crate::symbol_args::SymbolArgs;
use crate::timeline_command::part;

/// When the second part of a recording begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitAt(Moment);

/// Seconds, or per cent of the recording, as `--time` has them.
impl std::str::FromStr for SplitAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moment = match format!("{text},").parse::<TimeRange>() {
            Ok(TimeRange { from: Some(moment), to: None }) => Some(moment),
            _ => None,
        };
        moment.map(Self).ok_or_else(|| format!("`{text}` is neither seconds nor per cent"))
    }
}

/// A recording in two parts.
pub(crate) struct Split {
    pub(crate) base: Loaded,
    pub(crate) head: Loaded,
}

impl Split {
    /// Reads a recording, and parts it at a moment.
    pub(crate) fn read(
        path: &Path,
        SplitAt(moment): SplitAt,
        symbols: &SymbolArgs,
        rules: &RuleArgs,
        threads: Option<NonZeroUsize>,
    ) -> Result<Self, Failure> {
        if is_profile(path) {
            return Err(hints::time::profile_has_no_time(path, "--split-at"));
        }
        let lens = rules.lens()?;
        let read = Read::read(path, symbols, threads, Part { time: None, keeps_samples: true })?;
        let Read { profile, symbols, symbolized, warnings, recorded } = read;
        let timed = recorded.map(|recorded| recorded.timed).unwrap_or_default();
        let Some(last) = timed.iter().map(|sample| sample.time).max() else {
            return Err(hints::time::recording_has_no_time(path));
        };
        let at = match moment {
            Moment::Nanos(nanos) => nanos,
            Moment::Millionths(share) => {
                let nanos = u128::from(last) * u128::from(share) / 1_000_000;
                u64::try_from(nanos).unwrap_or(u64::MAX)
            }
        };
        let tags = lens_labels::tags(&lens, &profile, &symbols, &symbolized.binaries);
        let command = format!("perf2pprof diff --split-at {} {}", shown(at), path.display());
        let side = |is_before: bool, range| {
            let part = part::of(&profile, &timed, range);
            if part.samples.is_empty() {
                return Err(hints::time::nothing_beside(path, is_before, seconds(last)));
            }
            let which = if is_before { "before" } else { "from" };
            let name = format!("{} {which} {} s", path.display(), shown(at));
            let unnamed = Unnamed::of(&part, &symbols, &symbolized.binaries, &command);
            let warnings = warnings.clone();
            let content = Content::Profile(Box::new(part), Box::new(symbols.clone()));
            Ok(Loaded { name, content, columns: None, tags: Some(tags.clone()), unnamed, warnings })
        };
        Ok(Self { base: side(true, 0..at)?, head: side(false, at..u64::MAX)? })
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// A moment in seconds, without needless digits.
fn shown(nanos: u64) -> String {
    let text = format!("{:.3}", seconds(nanos));
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_seconds_or_per_cent() {
        assert_eq!("31.5".parse(), Ok(SplitAt(Moment::Nanos(31_500_000_000))));
        assert_eq!("50%".parse(), Ok(SplitAt(Moment::Millionths(500_000))));
        for wrong in ["", "1,2", "x", "-1", "101%"] {
            assert!(wrong.parse::<SplitAt>().is_err(), "{wrong}");
        }
        assert_eq!([24_000_000_000, 1_500_000_000].map(shown), ["24", "1.5"]);
    }
}
