//! What the data could have shown.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::estimate::{Estimate, Side};
use crate::interval::quantile;
use crate::options::{Measure, Options};

/// The smallest change that would have been found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detectable {
    /// Of a function with this share on the base side...
    pub share: f64,
    /// ...a change by so much of all weight...
    pub change: f64,
    /// ...is found this often.
    pub power: f64,
    /// Both sides recorded so many times as long would show the change that is wanted.
    pub times_longer: f64,
}

/// How sure each side is, and what is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Power<'a> {
    options: &'a Options,
    /// Of which one side and the other are worth so many samples.
    base: f64,
    head: f64,
    /// How many standard errors make one changed function of all stand out.
    threshold: f64,
}

impl<'a> Power<'a> {
    /// For a function of which the sides are worth so many samples, among so many that are tested.
    pub(crate) fn new(
        options: &'a Options,
        tests: usize,
        (base, head): (f64, f64),
        degrees: f64,
    ) -> Self {
        let level = options.false_discovery_rate / 2.0;
        let threshold = quantile(1.0 - level / crate::number::len(tests.max(1)), degrees);
        Self { options, base, head, threshold }
    }

    /// For another function in the same recordings.
    pub(crate) fn with_estimates(&self, base: &Estimate, head: &Estimate) -> Self {
        Self { base: base.effective_samples, head: head.effective_samples, ..*self }
    }

    /// For a function that is like most.
    pub(crate) fn typical(options: &'a Options, tests: usize, base: &Side, head: &Side) -> Self {
        let samples = |side: &Side| side.effective_samples / side.design_effect;
        let degrees = base.all.degrees + head.all.degrees;
        Self::new(options, tests, (samples(base), samples(head)), degrees)
    }

    /// How often a change from one share to another is called.
    pub(crate) fn chance(&self, from: f64, to: f64) -> f64 {
        let (n, m) = (self.base, self.head);
        if n <= 0.0 || m <= 0.0 {
            return 0.0;
        }
        let vary = |share: f64| {
            let rest = if self.options.measure == Measure::Share { 1.0 - share } else { 1.0 };
            (share * rest).max(0.0)
        };
        let pooled = (from * n + to * m) / (n + m);
        let without_change = (vary(pooled) * (1.0 / n + 1.0 / m)).sqrt();
        let error = (vary(from) / n + vary(to) / m).sqrt();
        let called = self.threshold * without_change;
        let least = called.max(self.options.min_change).max(self.options.min_relative * from);
        if error <= 0.0 {
            return 0.0;
        }
        gauss().cdf(((to - from).abs() - least) / error)
    }

    /// The smallest rise from a share that is called as often as is asked for.
    pub(crate) fn detectable(&self, share: f64) -> Detectable {
        let most = 1.0 - share;
        let change =
            bisect(0.0, most, |change| self.chance(share, share + change) >= self.options.power);
        Detectable {
            share,
            change: change.unwrap_or(most),
            power: change.map_or_else(|| self.chance(share, 1.0), |_| self.options.power),
            times_longer: self.times_longer(share, self.options.want),
        }
    }

    /// How much longer both sides must be recorded to show a change; infinite if never.
    fn times_longer(&self, share: f64, change: f64) -> f64 {
        let enough = |times: f64| {
            let longer = Self { base: self.base * times, head: self.head * times, ..*self };
            longer.chance(share, share + change) >= self.options.power
        };
        bisect(0.0, 1e6, enough).unwrap_or(f64::INFINITY)
    }
}

/// The least value from which on something holds; `None` if it does not hold at the end.
fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> Option<f64> {
    if !holds(high) {
        return None;
    }
    for _ in 0..60 {
        let middle = low.midpoint(high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

fn gauss() -> Normal {
    Normal::standard()
}
