//! Numbers as people read them.

use profile::Unit;
use regress::{Change, Measure};

/// How the values of a comparison are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    pub(crate) measure: Measure,
    pub(crate) unit: Unit,
    /// What [`Measure::Per`] counts, one of it.
    pub(crate) counted: &'static str,
}

impl Numbers {
    /// A value: `12.34%`, or `41.2 ms/s`.
    pub(crate) fn value(self, value: f64) -> String {
        match (self.measure, self.unit) {
            (Measure::Share, _) => format!("{:.2}%", value * 100.0),
            (_, Unit::Nanoseconds) => format!("{}{}", time(value), self.per()),
            (_, Unit::Count) => format!("{}{}", count(value), self.per()),
        }
    }

    /// A sum of weights: `4.51 s`, or `1.2G`.
    pub(crate) fn weight(self, weight: f64) -> String {
        match self.unit {
            Unit::Nanoseconds => time(weight),
            Unit::Count => count(weight),
        }
    }

    /// A difference: `+1.20 pp`, or `+3.1 ms/s`.
    pub(crate) fn difference(self, value: f64) -> String {
        match (self.measure, self.unit) {
            (Measure::Share, _) => format!("{:+.2} pp", rounded(value * 100.0)),
            (_, Unit::Nanoseconds) => format!("{}{}{}", sign(value), time(value.abs()), self.per()),
            (_, Unit::Count) => format!("{}{}{}", sign(value), count(value.abs()), self.per()),
        }
    }

    /// The interval of a change: `[+0.80, +1.60]`.
    pub(crate) fn interval(self, change: &Change) -> String {
        let (low, high) = (change.interval.low, change.interval.high);
        match self.measure {
            Measure::Share => {
                format!("[{:+.2}, {:+.2}]", rounded(low * 100.0), rounded(high * 100.0))
            }
            _ => format!("[{}, {}]", self.difference(low), self.difference(high)),
        }
    }

    /// Everything together, if that is more than all shares: `CPU nanoseconds per request: 41.2k ->
    /// 44.9k, +9.0 % [+7.6, +10.3]`.
    pub(crate) fn overall(self, change: &Change, event: &str) -> Option<String> {
        let (base, head) = (change.base.value, change.head.value);
        match self.measure {
            Measure::Share => None,
            Measure::PerSecond => Some(format!(
                "all: {} -> {}, {} {}",
                self.value(base),
                self.value(head),
                relative(change),
                self.interval(change)
            )),
            Measure::Per(..) => {
                let what = match self.unit {
                    Unit::Nanoseconds => "CPU nanoseconds",
                    Unit::Count => event,
                };
                let percent = |value: f64| rounded(100.0 * value / base);
                Some(format!(
                    "{what} per {}: {} -> {}, {:+.1} % [{:+.1}, {:+.1}]",
                    self.counted,
                    count(base),
                    count(head),
                    percent(change.difference),
                    percent(change.interval.low),
                    percent(change.interval.high)
                ))
            }
        }
    }

    fn per(self) -> String {
        match self.measure {
            Measure::Share => String::new(),
            Measure::PerSecond => "/s".to_owned(),
            Measure::Per(..) => format!("/{}", self.counted),
        }
    }
}

/// `+9.0%`; "new" where there was nothing.
pub(crate) fn relative(change: &Change) -> String {
    change.relative().map_or("new".to_owned(), |part| format!("{:+.1}%", rounded(part * 100.0)))
}

/// Without the minus of a zero.
fn rounded(value: f64) -> f64 {
    if value.abs() < 0.005 { 0.0 } else { value }
}

fn sign(value: f64) -> char {
    if value < 0.0 { '-' } else { '+' }
}

/// Nanoseconds in the unit that leaves one to three digits before the point.
fn time(nanos: f64) -> String {
    for (limit, unit) in [(1e3, "ns"), (1e6, "µs"), (1e9, "ms")] {
        if nanos.abs() < limit {
            return format!("{:.1} {unit}", nanos / limit * 1e3);
        }
    }
    format!("{:.2} s", nanos / 1e9)
}

fn count(value: f64) -> String {
    for (limit, unit) in [(1e3, ""), (1e6, "k"), (1e9, "M")] {
        if value.abs() < limit {
            return format!("{:.1}{unit}", value / limit * 1e3);
        }
    }
    format!("{:.1}G", value / 1e9)
}
