//! The panels, from top to bottom: groups by column, the cells of all threads, those of each worker.

use maud::{Markup, html};

use crate::heatmap::{Heatmap, Marked, Panel, is_meaningful};
use crate::slices::Slice;
use crate::svg::{LEFT, area, number, rgb};
use crate::text::float;
use crate::{range_text, scale, size_text, weight_text};

/// How high the columns of groups are.
const BANDS: f64 = 110.0;

/// How far the picture is drawn.
pub(crate) struct Layout<'a> {
    pub(crate) column_width: f64,
    /// Where the next thing stands.
    pub(crate) y: f64,
    pub(crate) map: &'a Heatmap<'a>,
    pub(crate) marked: &'a [Marked],
}

impl Heatmap<'_> {
    /// A weight within a time: how many CPUs it kept busy.
    pub(crate) fn rate(&self, weight: u64, within: u64) -> String {
        if self.is_time {
            format!("{:.2} CPUs", float(weight) / float(within.max(1)))
        } else {
            format!("{:.3e} per second", float(weight) / float(within.max(1)) * 1e9)
        }
    }

    /// What is said of a cell.
    fn told(&self, slice: &Slice, length: u64) -> String {
        let range = range_text(slice.start, slice.start.saturating_add(length));
        if slice.count == 0 {
            return format!("{range}: no samples");
        }
        let weight = weight_text(slice.weight, self.is_time);
        let samples = if slice.count == 1 { "sample" } else { "samples" };
        let most = slice.top().map_or_else(String::new, |(group, weight)| {
            let share = float(weight) / float(slice.weight.max(1)) * 100.0;
            format!("; most: {} {share:.0} %", self.palette.name(group))
        });
        format!("{range}: {weight}, {} {samples}{most}", slice.count)
    }
}

impl Layout<'_> {
    /// All of them.
    pub(crate) fn panels(&mut self) -> Markup {
        let bands = self.bands();
        let all = self.cells("all threads", &self.map.all, self.map.all.heaviest(), 150.0);
        let busiest = self.map.own.iter().map(|(_, panel)| panel.heaviest()).max().unwrap_or(0);
        let own: Vec<Markup> = self
            .map
            .own
            .iter()
            .map(|(name, panel)| self.cells(name, panel, busiest, 90.0))
            .collect();
        html! { (bands) (all) @for panel in &own { (panel) } }
    }

    fn width(&self) -> f64 {
        self.column_width * float(self.map.columns.slices.len() as u64)
    }

    /// The name of a panel, and its frame.
    fn frame(&self, name: &str, (y, height): (f64, f64)) -> Markup {
        html! {
            text x=(number(LEFT)) y=(number(y - 5.0)) class="hm-name" { (name) }
            rect x=(number(LEFT)) y=(number(y)) width=(number(self.width())) height=(number(height)) class="hm-frame" {}
        }
    }

    /// Stacked groups: what each column is made of.
    fn bands(&mut self) -> Markup {
        let columns = &self.map.columns;
        let most = columns.slices.iter().map(|slice| slice.weight).max().unwrap_or(0);
        let y = self.y + 16.0;
        let mut drawn = Vec::new();
        for (number, slice) in columns.slices.iter().enumerate() {
            let x = LEFT + self.column_width * float(number as u64);
            let told = self.map.told(slice, columns.length);
            let mut colors: Vec<(usize, u64)> = Vec::new();
            for (group, _, weight) in &slice.groups {
                let color = self.map.palette.color(*group);
                match colors.iter_mut().find(|(known, _)| *known == color) {
                    Some((_, sum)) => *sum = sum.saturating_add(*weight),
                    None => colors.push((color, *weight)),
                }
            }
            colors.sort_unstable();
            let mut top = y + BANDS;
            for (color, weight) in colors {
                let height = BANDS * float(weight) / float(most.max(1));
                top -= height;
                let legend = self.map.palette.legend.get(color);
                let (name, fill) = legend
                    .map_or(("", String::new()), |(name, color)| (name.as_str(), rgb(*color)));
                let share = float(weight) / float(slice.weight.max(1)) * 100.0;
                let told = format!("{told}; {name} {share:.0} %");
                // Neighbours that meet leave no seam.
                let place = (x, top, self.column_width + 0.2, height);
                drawn.push(area(place, "", Some(&fill), &told));
            }
        }
        let scale = self.map.rate(most, columns.length);
        let column = size_text(columns.length);
        let name = format!("what ran, each {column}");
        let frame = self.frame(&name, (y, BANDS));
        let marks = self.marks((y, BANDS), None);
        let labels = self.labels(y);
        self.y = y + BANDS + 14.0;
        html! {
            (frame)
            text x=(number(LEFT - 6.0)) y=(number(y + 9.0)) class="hm-axis hm-end" { (scale) }
            text x=(number(LEFT - 6.0)) y=(number(y + BANDS)) class="hm-axis hm-end" { "0" }
            g class="hm-cells hm-bands" { @for part in &drawn { (part) } }
            (marks) (labels)
            (self.axis())
        }
    }

    /// The seconds under a panel.
    fn axis(&mut self) -> Markup {
        let y = self.y - 3.0;
        let columns = &self.map.columns;
        let step = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600]
            .into_iter()
            .find(|step| float(*step) * self.column_width >= 36.0)
            .unwrap_or(600);
        let step = usize::try_from(step).unwrap_or(1);
        let ticks = columns.slices.iter().enumerate().filter(|(number, slice)| {
            // Round numbers, wherever the picture begins.
            let at = slice.start / columns.length.max(1);
            at.is_multiple_of(step as u64) || (*number == 0 && columns.slices.len() < step)
        });
        let ticks: Vec<(f64, String)> = ticks
            .map(|(number, slice)| {
                let x = LEFT + self.column_width * float(number as u64);
                (x, format!("{} s", slice.start / 1_000_000_000))
            })
            .collect();
        self.y += 12.0;
        html! {
            @for (x, text) in &ticks {
                text x=(number(*x)) y=(number(y)) class="hm-axis" { (text) }
            }
        }
    }

    /// A panel of cells. Time goes down within a column.
    fn cells(&mut self, name: &str, panel: &Panel, most: u64, room: f64) -> Markup {
        let rows = panel.size.rows().max(1);
        let height = (room / float(rows)).clamp(3.0, 18.0);
        let y = self.y + 18.0;
        let mut drawn = Vec::new();
        for (index, cell) in panel.cells.slices.iter().enumerate() {
            if cell.count == 0 {
                continue;
            }
            let (column, row) = (index as u64 / rows, index as u64 % rows);
            let (x, top) = (LEFT + self.column_width * float(column), y + height * float(row));
            let told = self.map.told(cell, panel.cells.length);
            if is_meaningful(cell) {
                let class = format!("hm-{}", scale::step(cell.weight, most));
                drawn.push(area((x, top, self.column_width, height), &class, None, &told));
            } else {
                let largest = (self.column_width.min(height) / 2.0).max(0.6);
                let part = (float(cell.count) / float(crate::MEANINGFUL)).sqrt();
                drawn.push(html! {
                    circle cx=(number(x + self.column_width / 2.0)) cy=(number(top + height / 2.0))
                        r=(number((largest * part).max(0.6))) class="hm-thin" { title { (told) } }
                });
            }
        }
        let all = height * float(rows);
        let size = size_text(panel.size.cell);
        let few = if panel.size.is_meaningful { "" } else { "; too few samples for most of them" };
        let name = format!("{name}, cells of {size}{few}");
        let frame = self.frame(&name, (y, all));
        let marks = self.marks((y, all), Some(panel));
        let end = size_text(panel.size.column);
        self.y = y + all + 14.0;
        html! {
            (frame)
            text x=(number(LEFT - 6.0)) y=(number(y + 8.0)) class="hm-axis hm-end" { "0" }
            text x=(number(LEFT - 6.0)) y=(number(y + all)) class="hm-axis hm-end" { "+" (end) }
            g class="hm-cells" { @for cell in &drawn { (cell) } }
            (marks)
            (self.axis())
        }
    }

    /// Frames around what is pointed out: the cells of it, or the columns that it is in.
    fn marks(&self, (y, height): (f64, f64), panel: Option<&Panel>) -> Markup {
        let columns = &self.map.columns;
        let start = columns.slices.first().map_or(0, |slice| slice.start);
        let mut frames = Vec::new();
        for mark in self.marked {
            let (from, to) = (mark.from.saturating_sub(start), mark.to.saturating_sub(start));
            let first = from / columns.length;
            let last = to.saturating_sub(1) / columns.length;
            for column in first..=last.min(first + 8) {
                let begin = column * columns.length;
                let part = |time: u64| {
                    float(time.saturating_sub(begin).min(columns.length)) / float(columns.length)
                };
                let (top, bottom) =
                    if panel.is_some() { (part(from), part(to)) } else { (0.0, 1.0) };
                let x = LEFT + self.column_width * float(column);
                frames.push((x, y + height * top, (bottom - top) * height));
            }
        }
        html! {
            @for (x, top, height) in &frames {
                rect x=(number(x - 1.0)) y=(number(top - 1.0)) width=(number(self.column_width + 2.0))
                    height=(number(height + 2.0)) class="hm-mark" {}
            }
        }
    }

    /// What stands above the columns that are pointed out.
    fn labels(&self, y: f64) -> Markup {
        let columns = &self.map.columns;
        let start = columns.slices.first().map_or(0, |slice| slice.start);
        let place = |mark: &Marked| {
            let column = mark.from.saturating_sub(start) / columns.length;
            LEFT + self.column_width * (float(column) + 0.5)
        };
        html! {
            @for mark in self.marked {
                text x=(number(place(mark))) y=(number(y - 4.0)) class="hm-label hm-mid" { (mark.label) }
            }
        }
    }
}
