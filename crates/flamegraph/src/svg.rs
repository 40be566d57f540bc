//! The interactive flame graph.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::ops::Range;

use inferno::flamegraph::color::{BackgroundColor, Color};
use inferno::flamegraph::{self, Direction, Options};
use profile::{Event, Profile, Symbols, Unit};

use crate::colors;
use crate::names::{Style, printable};
use crate::tree::Tree;

/// The part of the total, in millionths, that a box must have to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MinWidth(pub u32);

/// An eighth of a pixel.
impl Default for MinWidth {
    fn default() -> Self {
        Self(100)
    }
}

impl MinWidth {
    /// The least weight of a box.
    pub(crate) fn weight(self, total: u64) -> u64 {
        let weight = u128::from(total) * u128::from(self.0) / 1_000_000;
        u64::try_from(weight).unwrap_or(u64::MAX)
    }
}

/// As per cent.
impl fmt::Display for MinWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 10_000.0)
    }
}

/// Writes the flame graph of an event as an SVG that zooms and searches by itself, and returns
/// the sum of its weights.
///
/// Boxes are as wide as they weigh, and callers stand above their callees. Times are shown in milliseconds, in a short recording in
/// microseconds; the attributes of the boxes (`fg:w`, and `total_samples` of them all) have the
/// weights as the profile has them, so that the total can be compared. Nothing is fetched when
/// the file is opened. A box that is too narrow is not drawn, and its weight stays in its caller; the subtitle says
/// how many those are.
///
/// `event` is an index into [`Profile::events`]. Without any weight to draw, the SVG says so.
pub fn svg(
    profile: &Profile,
    symbols: &Symbols,
    event: usize,
    title: &str,
    min_width: MinWidth,
    mut out: impl Write,
) -> io::Result<u64> {
    let tree = Tree::of(profile, symbols, event, Style::Annotated);
    let total = tree.total();
    let Some(counted) = profile.events.get(event).filter(|_| total > 0) else {
        empty(title, &mut out)?;
        return Ok(0);
    };
    if total == u64::MAX {
        let message = format!("the weights of `{}` add up to more than 64 bits", counted.name);
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut lines = Vec::new();
    let left_out = tree.walk(min_width.weight(total), |stack, weight| {
        lines.push(format!("{stack} {weight}"));
        Ok(())
    })?;

    let scale = Scale::of(counted, total);
    let mut palette = colors::palette(&tree.names);
    let mut options = Options::default();
    options.title = printable(title);
    let mut subtitle = subtitle(profile, event, counted, total);
    if left_out > 0 {
        let count = grouped(left_out as u64);
        let _ = write!(subtitle, "; without {count} boxes of less than {min_width}");
    }
    options.subtitle = Some(subtitle);
    options.palette_map = Some(&mut palette);
    options.factor = scale.factor;
    options.count_name = scale.name;
    let image = draw_lines(&mut options, &lines)?;
    out.write_all(image.as_bytes())?;
    Ok(total)
}

/// Draws boxes from folded lines, callers before callees, of which nothing is too light to be seen.
pub(crate) fn draw_lines(options: &mut Options<'_>, lines: &[String]) -> io::Result<String> {
    options.bgcolors = Some(BackgroundColor::Flat(Color { r: 250, g: 250, b: 250 }));
    // Callers above their callees, as in pprof: the top of the page is what is seen first, and
    // in the other direction the deepest stack is all that is there.
    options.direction = Direction::Inverted;
    // What is too light is left out already, without loss.
    options.min_width = 0.0;
    // To inferno that means "the last line first, and no sorting". It would sort by the whole
    // line, and so put `a b` between `a` and `a;c`, where it cuts the box `a` in two.
    options.flame_chart = true;
    let mut image = Vec::new();
    flamegraph::from_lines(options, lines.iter().rev().map(String::as_str), &mut image)?;
    let mut image = String::from_utf8(image).map_err(io::Error::other)?;
    raise_match_count(&mut image);
    Ok(image)
}

/// Moves the answer to a search from the bottom of the image, which is out of sight, to the line
/// of the details at its top. inferno does so with the details alone.
fn raise_match_count(image: &mut String) {
    if let Some(details) = y_of(image, "details")
        && let Some(matched) = y_of(image, "matched")
    {
        let y = image[details].to_owned();
        image.replace_range(matched, &y);
    }
}

/// Where in the text the attribute `y` of an element is.
fn y_of(image: &str, id: &str) -> Option<Range<usize>> {
    const Y: &str = " y=\"";
    let element = image.find(&format!("id=\"{id}\""))?;
    let start = element + image[element..].find(Y)? + Y.len();
    let len = image[start..].find('"')?;
    Some(start..start + len)
}

/// How weights are shown.
struct Scale {
    factor: f64,
    name: String,
}

impl Scale {
    /// inferno rounds to whole units, for the percentages too, so that a unit has to be small
    /// next to the total.
    fn of(event: &Event, total: u64) -> Self {
        match event.unit {
            Unit::Count => Self { factor: 1.0, name: printable(&event.name) },
            Unit::Nanoseconds if total >= 10_000_000_000 => {
                Self { factor: 1e-6, name: "ms".to_owned() }
            }
            Unit::Nanoseconds => Self { factor: 1e-3, name: "µs".to_owned() },
        }
    }
}

/// `cpu-clock: 2,913 samples, 59.449 s of CPU time in 60.0 s`, and what the colours mean.
fn subtitle(profile: &Profile, index: usize, event: &Event, total: u64) -> String {
    let count = u32::try_from(index).map_or(0, |index| profile.samples.total(index).count);
    let name = printable(&event.name);
    let weight = match event.unit {
        Unit::Count => format!("{} {name}", grouped(total)),
        Unit::Nanoseconds => format!("{} s of CPU time", seconds(total)),
    };
    let duration = match profile.recording.duration_nanos {
        Some(duration) => format!(" in {} s", seconds(duration)),
        None => String::new(),
    };
    format!("{name}: {} samples, {weight}{duration} ({})", grouped(count), colors::LEGEND)
}

/// Nanoseconds as seconds, to the millisecond.
fn seconds(nanos: u64) -> String {
    let millis = nanos / 1_000_000 + u64::from(nanos % 1_000_000 >= 500_000);
    format!("{}.{:03}", grouped(millis / 1000), millis % 1000)
}

/// The number with a comma every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A graph without a box, instead of an empty file.
pub(crate) fn empty(title: &str, out: &mut impl Write) -> io::Result<()> {
    let title = printable(title).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(
        out,
        r##"<?xml version="1.0" standalone="no"?>
<svg version="1.1" width="1200" height="80" xmlns="http://www.w3.org/2000/svg">
<rect width="100%" height="100%" fill="#fafafa"/>
<text x="50%" y="32" text-anchor="middle" font-family="monospace" font-size="17">{title}</text>
<text x="50%" y="60" text-anchor="middle" font-family="monospace" font-size="12">no samples</text>
</svg>"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(["0", "999", "1,000", "1,234,567"], [0, 999, 1000, 1_234_567].map(grouped));
        assert_eq!(seconds(59_448_979_591), "59.449");
        assert_eq!(seconds(1_234_000_999_999_999), "1,234,001.000");
    }
}
