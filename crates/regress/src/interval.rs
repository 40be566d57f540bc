//! Intervals for shares, for differences of shares, and for ratios.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A range that holds the true value as often as was asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Whether the value lies in it.
    pub fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// Student's distribution; beyond a few hundred degrees of freedom it is Gauss's.
pub(crate) fn student(degrees: f64) -> StudentsT {
    let degrees = if degrees.is_finite() { degrees.clamp(1.0, 1e4) } else { 1e4 };
    // Only a degree that is no positive number is an error.
    StudentsT::new(0.0, 1.0, degrees).unwrap_or_else(|_| unreachable!("{degrees} is positive"))
}

/// How many standard errors to either side hold `confidence`.
pub(crate) fn quantile(confidence: f64, degrees: f64) -> f64 {
    student(degrees).inverse_cdf(0.5 + confidence / 2.0)
}

/// How often a deviation of so many standard errors, to either side, is chance.
pub(crate) fn p_value(deviations: f64, degrees: f64) -> f64 {
    (2.0 * student(degrees).cdf(-deviations.abs())).min(1.0)
}

/// Wilson's score interval for a share seen in `n` samples.
pub(crate) fn wilson(share: f64, n: f64, t: f64) -> Interval {
    if n <= 0.0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let square = t * t / n;
    let middle = (share + square / 2.0) / (1.0 + square);
    let variance = share.max(0.0) * (1.0 - share).max(0.0) / n + square / (4.0 * n);
    let reach = t / (1.0 + square) * variance.sqrt();
    Interval { low: (middle - reach).max(0.0), high: (middle + reach).min(1.0) }
}

/// Newcombe's interval for `head - base`, from the interval of each.
pub(crate) fn difference(base: (f64, Interval), head: (f64, Interval)) -> Interval {
    let ((base, of_base), (head, of_head)) = (base, head);
    let change = head - base;
    let below = (head - of_head.low).hypot(of_base.high - base);
    let above = (of_head.high - head).hypot(base - of_base.low);
    Interval { low: change - below, high: change + above }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(value: f64, expected: f64) {
        assert!((value - expected).abs() < 5e-4, "{value} instead of {expected}");
    }

    /// The example of Newcombe (1998), table II (a): 56 of 70 against 48 of 80, method 10.
    #[test]
    fn newcombe_s_example_comes_out() {
        let z = quantile(0.95, f64::INFINITY);
        near(z, 1.96);
        let side = |hits: f64, n: f64| (hits / n, wilson(hits / n, n, z));
        let interval = difference(side(48.0, 80.0), side(56.0, 70.0));
        near(interval.low, 0.0524);
        near(interval.high, 0.3339);
    }

    #[test]
    fn a_share_of_nothing_has_an_upper_end() {
        let interval = wilson(0.0, 100.0, 1.96);
        near(interval.low, 0.0);
        near(interval.high, 0.0370);
        assert_eq!(wilson(0.0, 0.0, 1.96), Interval { low: 0.0, high: 1.0 });
    }

    /// Student's own table.
    #[test]
    fn few_degrees_of_freedom_need_more() {
        near(quantile(0.95, 4.0), 2.7764);
        near(p_value(2.7764, 4.0), 0.05);
    }
}
