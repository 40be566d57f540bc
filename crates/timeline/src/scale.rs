//! Colours of weights, from pale to dark.

/// How many colours a weight can have.
pub(crate) const STEPS: usize = 16;

/// The ends of the scale, and its middle. Lightness falls all the way, so that it can be read without any hue.
const STOPS: [(f64, f64, f64); 3] =
    [(253.0, 236.0, 200.0), (238.0, 130.0, 50.0), (110.0, 8.0, 60.0)];

/// The step of a weight among those up to `most`.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 15")]
#[expect(clippy::cast_precision_loss, reason = "a colour of 16")]
pub(crate) fn step(weight: u64, most: u64) -> usize {
    let part = crate::text::float(weight) / crate::text::float(most.max(1));
    ((part * STEPS as f64) as usize).min(STEPS - 1)
}

/// The colour of a step, as CSS has it.
#[expect(clippy::cast_precision_loss, reason = "0 to 15")]
pub(crate) fn color(step: usize) -> String {
    let part = step as f64 / (STEPS - 1) as f64 * 2.0;
    let (from, to, part) =
        if part < 1.0 { (STOPS[0], STOPS[1], part) } else { (STOPS[1], STOPS[2], part - 1.0) };
    let mixed = |from: f64, to: f64| (from + (to - from) * part).round();
    format!("rgb({},{},{})", mixed(from.0, to.0), mixed(from.1, to.1), mixed(from.2, to.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_is_darkest() {
        assert_eq!(step(0, 100), 0);
        assert_eq!(step(100, 100), STEPS - 1);
        assert_eq!(step(7, 0), STEPS - 1);
        assert_eq!(color(0), "rgb(253,236,200)");
        assert_eq!(color(STEPS - 1), "rgb(110,8,60)");
    }
}
