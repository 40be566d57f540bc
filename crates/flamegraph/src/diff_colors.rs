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

    /// How colours are seen without one kind of cones: linear RGB to linear RGB, by Machado, Oliveira and
    /// Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), at full severity.
    const SIGHTS: [(&str, [[f64; 3]; 3]); 4] = [
        ("all cones", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152_286, 1.052_583, -0.204_868],
                [0.114_503, 0.786_281, 0.099_216],
                [-0.003_882, -0.048_116, 1.051_998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367_322, 0.860_646, -0.227_968],
                [0.280_085, 0.672_501, 0.047_413],
                [-0.011_820, 0.042_940, 0.968_881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255_528, -0.076_749, -0.178_779],
                [-0.078_411, 0.930_809, 0.147_602],
                [0.004_733, 0.691_367, 0.303_900],
            ],
        ),
    ];

    /// sRGB as linear parts of one.
    fn linear(color: Color) -> [f64; 3] {
        [color.r, color.g, color.b].map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn times(matrix: &[[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(one, other)| one * other).sum())
    }

    /// CIE L*a*b* under daylight (D65).
    fn lab(linear: [f64; 3]) -> [f64; 3] {
        let to_xyz = [
            [0.412_456_4, 0.357_576_1, 0.180_437_5],
            [0.212_672_9, 0.715_152_2, 0.072_175_0],
            [0.019_333_9, 0.119_192_0, 0.950_304_1],
        ];
        let [x, y, z] = times(&to_xyz, linear.map(|part| part.clamp(0.0, 1.0)));
        let [x, y, z] = [x / 0.950_47, y, z / 1.088_83].map(|part: f64| {
            if part > 216.0 / 24_389.0 {
                part.cbrt()
            } else {
                (24_389.0 / 27.0 * part + 16.0) / 116.0
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    /// The distance of two colours (CIE76); 2.3 can just be noticed.
    fn distance(sight: &[[f64; 3]; 3], one: Color, other: Color) -> f64 {
        let [one, other] = [one, other].map(|color| lab(times(sight, linear(color))));
        one.iter().zip(other).map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn distances_are_those_of_the_standard() {
        let [black, white, blue] = [(0, 0, 0), (255, 255, 255), (0, 0, 255)];
        let color = |(r, g, b)| Color { r, g, b };
        let all = &SIGHTS[0].1;
        assert!((distance(all, color(black), color(white)) - 100.0).abs() < 0.1);
        // L* 32.30, a* 79.19, b* -107.86
        let [l, a, b] = lab(linear(color(blue)));
        assert!((l - 32.30).abs() < 0.1 && (a - 79.19).abs() < 0.1 && (b + 107.86).abs() < 0.1);
    }

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
