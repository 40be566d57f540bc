//! Many tests at once.

/// Benjamini and Hochberg's adjusted p-values: calling all with a value of at most `q` is wrong in a
/// share of at most `q` of the calls. In the order given.
pub(crate) fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&one, &other| p_values[one].total_cmp(&p_values[other]));
    let mut adjusted = vec![1.0; p_values.len()];
    let tests = crate::number::len(p_values.len());
    let mut least = 1.0_f64;
    for (rank, &test) in order.iter().enumerate().rev() {
        least = least.min(p_values[test] * tests / crate::number::len(rank + 1));
        adjusted[test] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fifteen p-values of the example in Benjamini and Hochberg (1995): four are called at 0.05.
    #[test]
    fn the_example_of_the_paper_comes_out() {
        let p_values = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
            0.5719, 0.6528, 0.7590, 1.0,
        ];
        let adjusted = benjamini_hochberg(&p_values);
        assert_eq!(adjusted.iter().filter(|p| **p <= 0.05).count(), 4);
        assert!((adjusted[3] - 0.0095 * 15.0 / 4.0).abs() < 1e-12);
        assert!(adjusted.is_sorted());
    }

    #[test]
    fn no_test_has_no_result() {
        assert!(benjamini_hochberg(&[]).is_empty());
    }
}
