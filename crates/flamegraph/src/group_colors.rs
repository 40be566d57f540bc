//! Colours of groups, which nearly everyone can tell apart. They were searched for: a test measures the distances.

use inferno::flamegraph::color::Color;

use crate::boxes::{Group, GroupColor, escaped};

/// How many groups can have a colour of their own.
pub const GROUP_COLORS: usize = OWN.len();

const OWN: [(u8, u8, u8); 7] = [
    (250, 125, 55),
    (0, 180, 130),
    (225, 155, 245),
    (175, 250, 20),
    (175, 80, 195),
    (40, 255, 150),
    (225, 15, 255),
];

/// What has no colour of its own.
const REST: (u8, u8, u8) = (145, 140, 165);

/// What is not known.
const UNKNOWN: (u8, u8, u8) = (222, 222, 222);

impl GroupColor {
    /// Red, green and blue.
    pub fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Own(number) => OWN[number % OWN.len()],
            Self::Rest => REST,
            Self::Unknown => UNKNOWN,
        }
    }
}

/// The colour of a group.
pub(crate) fn color(group: GroupColor) -> Color {
    let (r, g, b) = group.rgb();
    Color { r, g, b }
}

/// What the colours mean, as the content of an SVG's `<text>`: a square of each, and its name.
pub(crate) fn legend(groups: &[Group<'_>]) -> String {
    let entry = |group: &Group<'_>| {
        let Color { r, g, b } = color(group.color);
        // The outline keeps the light ones visible on the page.
        format!(
            "<tspan fill=\"rgb({r},{g},{b})\" stroke=\"#666\" stroke-width=\"0.5\">\u{25a0}</tspan> {}",
            escaped(group.name)
        )
    };
    let entries: Vec<String> = groups.iter().map(entry).collect();
    // At 12 pixels a letter takes 7.2, and a square with what is around it four of those.
    let letters: usize = groups.iter().map(|group| group.name.chars().count() + 5).sum();
    let size = (12 * ROOM / letters.max(1)).min(12);
    format!("<tspan font-size=\"{size}\">{}</tspan>", entries.join(" &#160; "))
}

/// How many letters of 12 pixels have room in the picture.
const ROOM: usize = 164;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sight::{SIGHTS, distance, linear};

    fn all() -> Vec<GroupColor> {
        let own = (0..GROUP_COLORS).map(GroupColor::Own);
        own.chain([GroupColor::Rest, GroupColor::Unknown]).collect()
    }

    #[test]
    fn groups_are_told_apart_by_everyone() {
        let all = all();
        for (name, sight) in &SIGHTS {
            for (index, one) in all.iter().enumerate() {
                for other in &all[..index] {
                    let distance = distance(sight, color(*one), color(*other));
                    assert!(distance >= 20.0, "{name}: {one:?} and {other:?}: {distance:.1}");
                }
            }
        }
    }

    #[test]
    fn what_a_search_marks_is_seen_among_them() {
        let mark = Color { r: 255, g: 0, b: 90 };
        for group in all() {
            for (name, sight) in &SIGHTS {
                let distance = distance(sight, color(group), mark);
                assert!(distance >= 20.0, "{name}: {group:?}: {distance:.1}");
            }
        }
    }

    /// As WCAG has it, for text of any size.
    #[test]
    fn black_text_is_readable_on_all() {
        for group in all() {
            let [r, g, b] = linear(color(group));
            let contrast = (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05) / 0.05;
            assert!(contrast >= 4.5, "{group:?}: {contrast:.1}");
        }
    }
}
