//! Shares as people read them, rounded so that what is printed adds up.

/// Tenths of a per cent that add up to 1000, if the parts are anything: each rounded down, and what is missing
/// given to the parts that lost most by that.
pub(crate) fn tenths(parts: &[u64]) -> Vec<u32> {
    let total: u128 = parts.iter().map(|part| u128::from(*part)).sum();
    if total == 0 {
        return vec![0; parts.len()];
    }
    let exact = |part: &u64| u128::from(*part) * 1000;
    let mut tenths: Vec<u32> =
        parts.iter().map(|part| u32::try_from(exact(part) / total).unwrap_or(1000)).collect();
    let missing = 1000 - tenths.iter().sum::<u32>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(exact(&parts[index]) % total));
    for &index in order.iter().take(missing as usize) {
        tenths[index] += 1;
    }
    tenths
}

/// `12.3%`.
pub(crate) fn percent_of(tenths: u32) -> String {
    format!("{}.{}%", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_adds_up() {
        assert_eq!(tenths(&[1, 1, 1]), [334, 333, 333]);
        assert_eq!(tenths(&[0, 0]), [0, 0]);
        assert_eq!(tenths(&[]), [0; 0]);
        assert_eq!(tenths(&[u64::MAX, u64::MAX]), [500, 500]);
        let many: Vec<u64> = (1..100).collect();
        assert_eq!(tenths(&many).iter().sum::<u32>(), 1000);
        assert_eq!(percent_of(1000), "100.0%");
        assert_eq!(percent_of(3), "0.3%");
    }
}
