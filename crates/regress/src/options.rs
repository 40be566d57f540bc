//! What is asked of a comparison.

/// What the weight of a function is set in relation to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// All weight of its side.
    Share,
    /// The seconds that its side was recorded.
    PerSecond,
    /// What was counted while each side was recorded, such as requests: base, head.
    Per(f64, f64),
}

/// How much is news, and how sure one has to be.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What weights are set in relation to.
    pub measure: Measure,
    /// The least change of a share that is news, as a part of the whole: 0.005 is half a per cent point.
    pub min_change: f64,
    /// The least change in relation to what it was that is news.
    pub min_relative: f64,
    /// The share of false calls among all calls that is put up with, half of it for own and half for
    /// total weights.
    pub false_discovery_rate: f64,
    /// How sure the intervals are.
    pub confidence: f64,
    /// The change of a function of [`Options::TYPICAL`] share that the data must have been able to show
    /// for the verdict to be *pass*.
    pub want: f64,
    /// How often a change has to be found that is called detectable.
    pub power: f64,
}

impl Options {
    /// The share of a function that is hot.
    pub const TYPICAL: f64 = 0.05;
}

impl Default for Options {
    fn default() -> Self {
        Self {
            measure: Measure::Share,
            min_change: 0.005,
            min_relative: 0.05,
            false_discovery_rate: 0.01,
            confidence: 0.95,
            want: 0.02,
            power: 0.8,
        }
    }
}
