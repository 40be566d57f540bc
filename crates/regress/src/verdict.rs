//! What a comparison comes to.

use std::fmt;

/// What a comparison comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No regression, and the data could have shown one.
    Pass,
    /// Something became dearer, and that is not noise.
    Regression,
    /// No regression was seen, and the data could not have shown one of the size that matters.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Regression => "regression",
            Self::Inconclusive => "inconclusive",
        })
    }
}
