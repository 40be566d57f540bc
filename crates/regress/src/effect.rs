//! The change of one function, its interval, and how likely chance alone would make it.

use crate::estimate::Estimate;
use crate::interval::{Interval, difference, p_value, wilson};
use crate::options::Measure;

/// A difference between the sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    /// Head less base.
    pub(crate) difference: f64,
    pub(crate) interval: Interval,
    /// How many standard errors chance alone would have to make of it.
    deviations: f64,
    degrees: f64,
}

impl Effect {
    /// Compares a function's two estimates.
    pub(crate) fn of(measure: Measure, base: &Estimate, head: &Estimate) -> Self {
        match measure {
            Measure::Share => of_shares(base, head),
            Measure::PerSecond | Measure::Per(..) => of_rates(base, head),
        }
    }

    /// The same, judged by how much both sides together vary: without a change they vary alike. What one side
    /// has and the other has not tells nothing of how the other varies, and a function of few heavy
    /// samples would look sure.
    pub(crate) fn judged_by(self, judged: &Self) -> Self {
        Self { deviations: judged.deviations, ..self }
    }

    /// How often chance alone would make it as large.
    pub(crate) fn p_value(&self) -> f64 {
        p_value(self.deviations, self.degrees)
    }
}

fn of_shares(base: &Estimate, head: &Estimate) -> Effect {
    let side = |estimate: &Estimate| {
        let interval = wilson(estimate.share, estimate.effective_samples, estimate.reach);
        (estimate.share, interval)
    };
    let change = head.share - base.share;
    let (n, m) = (base.effective_samples, head.effective_samples);
    let pooled = (base.share * n + head.share * m) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    Effect {
        difference: change,
        interval: difference(side(base), side(head)),
        deviations: if error > 0.0 { change / error } else { 0.0 },
        degrees: base.degrees + head.degrees,
    }
}

/// The ratio of two rates, on the scale of its logarithm. Half a sample more keeps it finite.
fn of_rates(base: &Estimate, head: &Estimate) -> Effect {
    let samples = |estimate: &Estimate| estimate.share * estimate.effective_samples;
    let shares = of_shares(base, head);
    let difference = head.value - base.value;
    if samples(base) <= 0.0 || samples(head) <= 0.0 {
        // One side has none: its rate is below that of a few samples, as its share is.
        let seen = if base.share > 0.0 { base } else { head };
        let unit = if seen.share > 0.0 { seen.value / seen.share } else { 0.0 };
        let Interval { low, high } = shares.interval;
        let interval = Interval { low: low * unit, high: high * unit };
        return Effect { difference, interval, ..shares };
    }
    let raised = |estimate: &Estimate| {
        let seen = samples(estimate);
        (seen + 0.5, estimate.value * (seen + 0.5) / seen)
    };
    let ((n, of_base), (m, of_head)) = (raised(base), raised(head));
    let ratio = (of_head / of_base).ln();
    let reach = (base.reach / n.sqrt()).hypot(head.reach / m.sqrt());
    let interval = Interval {
        low: base.value * ((ratio - reach).exp() - 1.0),
        high: base.value * ((ratio + reach).exp() - 1.0),
    };
    let deviations = ratio / (1.0 / n + 1.0 / m).sqrt();
    Effect { difference, interval, deviations, degrees: shares.degrees }
}
