//! Colours of a difference, which nearly everyone can tell apart.
//!
//! Orange is dearer and blue is cheaper, as in maps of hot and cold; the darker, the more. Red and green, the
//! usual choice, are one colour to one man in twelve. A test measures the distances as people with each kind of
//! colour blindness see them.

use inferno::flamegraph::color::Color;

/// How a box changed, as it is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Not at all, or nobody knows.
    None,
    /// It became dearer.
    Dearer(Shade),
    /// It became cheaper.
    Cheaper(Shade),
}

/// By how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shade {
    /// By less than a hundredth of the whole.
    Light,
    /// By less than three hundredths.
    Middle,
    /// By more.
    Dark,
}

impl Shade {
    const ALL: [Self; 3] = [Self::Light, Self::Middle, Self::Dark];

    /// The shade for a change by this part of the whole.
    pub fn of(change: f64) -> Self {
        match change.abs() {
            size if size < 0.01 => Self::Light,
            size if size < 0.03 => Self::Middle,
            _ => Self::Dark,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Light => "under 1",
            Self::Middle => "1 to 3",
            Self::Dark => "over 3",
        }
    }
}

/// What a search marks boxes with. inferno's purple is the blue of [`Shift::Cheaper`] to who has no green cones.
pub(crate) const MARK: &str = "#ff005a";

/// The colour of a box.
pub(crate) fn color(shift: Shift) -> Color {
    let (r, g, b) = match shift {
        Shift::None => (222, 222, 222),
        Shift::Dearer(Shade::Light) => (255, 205, 130),
        Shift::Dearer(Shade::Middle) => (250, 165, 60),
        Shift::Dearer(Shade::Dark) => (225, 115, 20),
        Shift::Cheaper(Shade::Light) => (160, 180, 255),
        Shift::Cheaper(Shade::Middle) => (135, 155, 245),
        Shift::Cheaper(Shade::Dark) => (95, 115, 225),
    };
    Color { r, g, b }
}

/// What the colours mean, as the content of an SVG's `<text>`: a square of each, and words.
///
/// `unit` is that of the shades, `pp` or `%`.
pub(crate) fn legend(unit: &str) -> String {
    let square = |shift: Shift| {
        let Color { r, g, b } = color(shift);
        // The outline keeps the light ones visible on the page.
        format!(
            "<tspan fill=\"rgb({r},{g},{b})\" stroke=\"#666\" stroke-width=\"0.5\">\u{25a0}</tspan>"
        )
    };
    let row = |of: fn(Shade) -> Shift| {
        let shades = Shade::ALL.map(|shade| format!("{} {}", square(of(shade)), shade.text()));
        shades.join(" ")
    };
    format!(
        "dearer by {} {unit} &#160; cheaper by {} {unit} &#160; {} no significant change",
        row(Shift::Dearer),
        row(Shift::Cheaper),
        square(Shift::None)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sight::{SIGHTS, distance, linear};

    #[test]
    fn dearer_cheaper_and_neutral_are_told_apart_by_everyone() {
        for (name, sight) in &SIGHTS {
            for shade in Shade::ALL {
                let (dearer, cheaper) = (Shift::Dearer(shade), Shift::Cheaper(shade));
                for shift in [dearer, cheaper] {
                    let distance = distance(sight, color(shift), color(Shift::None));
                    assert!(distance >= 20.0, "{name}: {shift:?} and neutral: {distance:.1}");
                }
                for other in Shade::ALL {
                    let distance = distance(sight, color(dearer), color(Shift::Cheaper(other)));
                    assert!(
                        distance >= 40.0,
                        "{name}: {dearer:?}, cheaper {other:?}: {distance:.1}"
                    );
                }
            }
            for pair in Shade::ALL.windows(2) {
                for of in [Shift::Dearer, Shift::Cheaper] {
                    let distance = distance(sight, color(of(pair[0])), color(of(pair[1])));
                    assert!(
                        distance >= 8.0,
                        "{name}: {:?} and {:?}: {distance:.1}",
                        of(pair[0]),
                        of(pair[1])
                    );
                }
            }
        }
    }

    #[test]
    fn what_a_search_marks_is_seen_by_everyone() {
        let mark = Color { r: 255, g: 0, b: 90 };
        assert_eq!(format!("#{:02x}{:02x}{:02x}", mark.r, mark.g, mark.b), MARK);
        let shifts = Shade::ALL.into_iter().flat_map(|s| [Shift::Dearer(s), Shift::Cheaper(s)]);
        for shift in shifts.chain([Shift::None]) {
            for (name, sight) in &SIGHTS {
                let distance = distance(sight, color(shift), mark);
                assert!(distance >= 25.0, "{name}: {shift:?}: {distance:.1}");
            }
        }
    }

    /// As WCAG has it, for text of any size.
    #[test]
    fn black_text_is_readable_on_all() {
        let shifts = Shade::ALL.into_iter().flat_map(|s| [Shift::Dearer(s), Shift::Cheaper(s)]);
        for shift in shifts.chain([Shift::None]) {
            let [r, g, b] = linear(color(shift));
            let contrast = (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) / 0.05;
            assert!(contrast >= 4.5, "{shift:?}: {contrast:.1}");
        }
    }
}
