//! What speaks for the files that names come from, beside their build ID and their segments.

use std::fmt;

use binaries::Note;
use profile::Profile;
use serde::Serialize;
use symbolize::BinaryReport;

/// How many of a binary's recorded return addresses follow a call in the file used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Proof {
    /// Distinct return addresses.
    pub(crate) return_addresses: usize,
    /// Those that follow a call instruction.
    pub(crate) after_call: usize,
    /// What that means.
    pub(crate) verdict: Verdict,
}

/// What the figure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The file is the recorded one.
    Proven,
    /// Nothing speaks against the file, and it was not asked of enough addresses to speak for it.
    TooFew,
    /// The file itself told where the addresses were, so that they cannot speak for it.
    Unwound,
    /// Something speaks against the file, and the user wants it all the same.
    Overruled,
}

impl Proof {
    /// The proof of the files that named a binary; `None` if they were not asked for calls.
    pub(crate) fn of(profile: &Profile, report: &BinaryReport) -> Option<Self> {
        let calls = report.calls.filter(|_| report.used.is_some())?;
        let verdict = if report.notes.contains(&Note::Forced) {
            Verdict::Overruled
        } else if !calls.are_proof() {
            Verdict::TooFew
        } else if profile.recording.is_unwound {
            Verdict::Unwound
        } else {
            Verdict::Proven
        };
        let binaries::Calls { addresses, after_call } = calls;
        Some(Self { return_addresses: addresses, after_call, verdict })
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { return_addresses: addresses, after_call, verdict } = *self;
        if addresses == 0 {
            return f
                .write_str("no return address to prove it by: checked by build ID and segments");
        }
        let calls = binaries::Calls { addresses, after_call };
        write!(f, "{calls} return addresses follow a call")?;
        match verdict {
            Verdict::Proven | Verdict::Overruled => Ok(()),
            Verdict::TooFew => f.write_str(": too few to prove it"),
            Verdict::Unwound => f.write_str("; it unwound them itself, which is no proof"),
        }
    }
}
