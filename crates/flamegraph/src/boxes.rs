//! The interactive picture of a tree whose boxes say what their owner wants: a difference, or one
//! side of it.
//!
//! inferno draws boxes that are numbers; what it wrote of each is then replaced by the name and the
//! details. So the layout, the zoom and the search are those of every other flame graph.

use std::fmt::Write as _;
use std::io::{self, Write};

use inferno::flamegraph::Options;
use inferno::flamegraph::color::{Color, PaletteMap, SearchColor};

use crate::colors::color;
use crate::diff_colors::{self, MARK, Shift};
use crate::group_colors;
use crate::names::{Class, printable};
use crate::svg::{MinWidth, draw_lines, empty};

/// What a picture shows.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// The first line.
    pub title: &'a str,
    /// What is below it.
    pub heading: Heading<'a>,
    /// The boxes, each behind its caller. The first one is the whole, and its own caller.
    pub boxes: &'a [FlameBox<'a>],
}

/// The line below the title.
#[derive(Clone, Copy, Debug)]
pub enum Heading<'a> {
    /// A text.
    Text(&'a str),
    /// What the colours of a difference mean; the unit of the shades.
    Legend(&'a str),
    /// What the groups are called, in the order of their numbers.
    Groups(&'a [Group<'a>]),
}

/// Boxes of one colour.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// What they have in common.
    pub name: &'a str,
    /// Their colour.
    pub color: GroupColor,
}

/// The colour of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupColor {
    /// One of its own, by number, of [`GROUP_COLORS`](crate::GROUP_COLORS).
    Own(usize),
    /// That of all groups without one of their own.
    Rest,
    /// That of what is not known.
    Unknown,
}

/// A box: a function within its caller.
#[derive(Clone, Copy, Debug)]
pub struct FlameBox<'a> {
    /// The caller: an index of the boxes.
    pub caller: usize,
    /// The function.
    pub name: &'a str,
    /// What it and all it called weigh.
    pub weight: u64,
    /// How it changed; `None` in a picture of no difference.
    pub shift: Option<Shift>,
}

/// Draws a picture. `details` is asked for what the box of an index says, next to its name, when it is
/// pointed at; it must not have an opening parenthesis, by which the page finds the end of the name.
pub fn draw(
    picture: &Picture<'_>,
    details: impl Fn(usize) -> String,
    out: impl Write,
) -> io::Result<()> {
    let fill = |index: usize| {
        let of = &picture.boxes[index];
        let class = if of.name.starts_with('[') { Class::Unnamed } else { Class::User };
        of.shift.map_or_else(|| color(of.name, class), diff_colors::color)
    };
    draw_filled(picture, fill, details, out)
}

/// Draws a picture whose boxes have the colours of groups: `group_of` says which by the box's index.
pub fn draw_groups(
    picture: &Picture<'_>,
    group_of: impl Fn(usize) -> GroupColor,
    details: impl Fn(usize) -> String,
    out: impl Write,
) -> io::Result<()> {
    draw_filled(picture, |index| group_colors::color(group_of(index)), details, out)
}

fn draw_filled(
    picture: &Picture<'_>,
    fill: impl Fn(usize) -> Color,
    details: impl Fn(usize) -> String,
    mut out: impl Write,
) -> io::Result<()> {
    let Some(whole) = picture.boxes.first().filter(|whole| whole.weight > 0) else {
        return empty(picture.title, &mut out);
    };
    let lightest = MinWidth::default().weight(whole.weight).max(1);
    let lines = lines(picture.boxes, lightest);
    let mut palette = palette(picture.boxes, lightest, fill);
    let mut options = Options::default();
    options.title = printable(picture.title);
    options.subtitle = Some(match picture.heading {
        Heading::Text(text) => printable(text),
        Heading::Legend(_) | Heading::Groups(_) => String::new(),
    });
    options.palette_map = Some(&mut palette);
    options.search_color = MARK.parse::<SearchColor>().map_err(io::Error::other)?;
    let image = draw_lines(&mut options, &lines)?;
    drop(lines);
    let image = labelled(&image, picture, details).ok_or_else(|| {
        io::Error::other("the boxes of the flame graph are not as inferno draws them")
    })?;
    out.write_all(image.as_bytes())
}

/// The boxes as folded lines, of numbers instead of names: callers before their callees, callees by name.
/// What a box that is too light weighs stays in its caller.
fn lines(boxes: &[FlameBox<'_>], lightest: u64) -> Vec<String> {
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); boxes.len()];
    for (index, of) in boxes.iter().enumerate().skip(1) {
        if of.weight >= lightest && of.caller < index {
            callees[of.caller].push(index);
        }
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    // Boxes to come, each with the length of its caller's line.
    let mut pending = vec![(0, 0)];
    while let Some((index, caller_len)) = pending.pop() {
        line.truncate(caller_len);
        if index > 0 {
            if caller_len > 0 {
                line.push(';');
            }
            // Writing to a text never fails.
            let _ = write!(line, "{index}");
        }
        let callees = &mut callees[index];
        callees.sort_unstable_by_key(|callee| (std::cmp::Reverse(boxes[*callee].name), *callee));
        let weights = callees.iter().map(|callee| boxes[*callee].weight);
        let called = weights.fold(0, u64::saturating_add);
        let own = boxes[index].weight.saturating_sub(called);
        if own > 0 {
            lines.push(format!("{line} {own}"));
        }
        pending.extend(callees.iter().map(|callee| (*callee, line.len())));
    }
    lines
}

fn palette(boxes: &[FlameBox<'_>], lightest: u64, fill: impl Fn(usize) -> Color) -> PaletteMap {
    let mut palette = PaletteMap::default();
    for (index, _) in boxes.iter().enumerate().filter(|(_, of)| of.weight >= lightest) {
        let number = if index == 0 { String::new() } else { index.to_string() };
        palette.insert(number, fill(index));
    }
    palette
}

/// The image with names for numbers. `None` if it is not made as expected.
fn labelled(
    image: &str,
    picture: &Picture<'_>,
    details: impl Fn(usize) -> String,
) -> Option<String> {
    let mut text = String::with_capacity(image.len() * 2);
    let mut rest = image;
    let legend = match picture.heading {
        Heading::Text(_) => None,
        Heading::Legend(unit) => Some(diff_colors::legend(unit)),
        Heading::Groups(groups) => Some(group_colors::legend(groups)),
    };
    if let Some(legend) = legend {
        let (before, behind) = rest.split_once("<text id=\"subtitle\"")?;
        let (attributes, behind) = behind.split_once('>')?;
        let (_, behind) = behind.split_once("</text>")?;
        write!(text, "{before}<text id=\"subtitle\"{attributes}>{legend}</text>").ok()?;
        rest = behind;
    }
    while let Some((before, behind)) = rest.split_once("<title>") {
        let (title, behind) = behind.split_once("</title>")?;
        let (drawn, behind) = behind.split_once("<text ")?;
        let (attributes, behind) = behind.split_once('>')?;
        let (_, behind) = behind.split_once("</text>")?;
        let index: usize = match title.split_once(' ')?.0 {
            "all" => 0,
            number => number.parse().ok()?,
        };
        let (_, width) = drawn.split_once(" width=\"")?;
        let width: f64 = width.split_once('%')?.0.parse().ok()?;
        let name = printable(picture.boxes.get(index)?.name);
        let shown = escaped(&shortened(&name, width));
        let (name, details) = (escaped(&name), escaped(&details(index)));
        write!(
            text,
            "{before}<title>{name} ({details})</title>{drawn}<text {attributes}>{shown}</text>"
        )
        .ok()?;
        rest = behind;
    }
    text.push_str(rest);
    Some(text)
}

/// As much of a name as has room in a box, for readers without the page's script. The width is in per
/// cent of the 1200 pixels of the image, and a letter takes seven of those.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 171")]
fn shortened(name: &str, width: f64) -> String {
    let room = (width.clamp(0.0, 100.0) * 12.0 / 7.0) as usize;
    if room < 3 {
        String::new()
    } else if name.chars().count() < room {
        name.to_owned()
    } else {
        name.chars().take(room - 2).chain("..".chars()).collect()
    }
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
