//! Times and weights as people read them.

const SECOND: u64 = 1_000_000_000;

/// `31.2-31.5 s`, as fine as a length asks for.
pub fn range_text(from: u64, to: u64) -> String {
    let digits = if [from, to].iter().all(|time| time.is_multiple_of(SECOND)) {
        0
    } else if [from, to].iter().all(|time| time.is_multiple_of(SECOND / 10)) {
        1
    } else if [from, to].iter().all(|time| time.is_multiple_of(SECOND / 100)) {
        2
    } else {
        3
    };
    format!("{:.digits$}-{:.digits$} s", seconds(from), seconds(to))
}

/// `20 ms`, `5 s`, `10 min`.
pub fn size_text(nanos: u64) -> String {
    match nanos {
        0..SECOND => format!("{} ms", nanos / 1_000_000),
        nanos if nanos < 60 * SECOND || !nanos.is_multiple_of(60 * SECOND) => {
            format!("{} s", seconds(nanos))
        }
        nanos => format!("{} min", nanos / (60 * SECOND)),
    }
}

/// A weight: CPU time, or a number of events.
pub fn weight_text(weight: u64, is_time: bool) -> String {
    match is_time {
        true if weight < SECOND => format!("{:.1} ms of CPU", seconds(weight) * 1e3),
        true => format!("{:.2} s of CPU", seconds(weight)),
        false => weight.to_string(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "for pictures and statistics")]
pub(crate) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_as_fine_as_they_need_to_be() {
        assert_eq!(range_text(31 * SECOND, 32 * SECOND), "31-32 s");
        assert_eq!(range_text(31_200_000_000, 31_500_000_000), "31.2-31.5 s");
        assert_eq!(range_text(1_020_000_000, 1_040_000_000), "1.02-1.04 s");
        assert_eq!(size_text(20_000_000), "20 ms");
        assert_eq!(size_text(5 * SECOND), "5 s");
        assert_eq!(size_text(600 * SECOND), "10 min");
        assert_eq!(weight_text(18_000_000, true), "18.0 ms of CPU");
    }
}
