//! The one place where counts become numbers to calculate with.

/// Counts beyond 2^53 lose their last digits, which no share shows.
#[expect(clippy::cast_precision_loss, reason = "a share has no sixteen digits")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// As [`float`], for lengths.
#[expect(clippy::cast_precision_loss, reason = "a share has no sixteen digits")]
pub(crate) fn len(items: usize) -> f64 {
    items as f64
}
