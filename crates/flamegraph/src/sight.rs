//! Colours as people see them who have all cones, and who lack one kind: an oracle of the tests.

use inferno::flamegraph::color::Color;

/// How colours are seen without one kind of cones: linear RGB to linear RGB, by Machado, Oliveira and
/// Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), at full severity.
pub(crate) const SIGHTS: [(&str, [[f64; 3]; 3]); 4] = [
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
pub(crate) fn linear(color: Color) -> [f64; 3] {
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
        if part > 216.0 / 24_389.0 { part.cbrt() } else { (24_389.0 / 27.0 * part + 16.0) / 116.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The distance of two colours (CIE76); 2.3 can just be noticed.
pub(crate) fn distance(sight: &[[f64; 3]; 3], one: Color, other: Color) -> f64 {
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
