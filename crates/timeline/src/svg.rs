//! A heat map as an SVG.

mod legend;
mod panels;

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use crate::heatmap::{Heatmap, Marked};
use crate::scale;
use crate::svg::panels::Layout;

/// Where the picture stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// In a file of its own, with a script that shows what the mouse is on, and for a click the `--time` of it.
    File,
    /// In a page that has no script.
    Inline,
}

/// The left edge of the cells: to the left of it stand numbers.
pub(crate) const LEFT: f64 = 62.0;

/// The widest that the cells can be together.
const WIDEST: f64 = 1110.0;

/// The narrowest, so that title and legend have room.
const NARROWEST: f64 = 760.0;

/// The first line under the title.
const TOP: f64 = 46.0;

impl Heatmap<'_> {
    /// Draws it. `marked` are pointed out, with what stands in their labels.
    pub fn svg(&self, marked: &[Marked], style: Style) -> String {
        let columns = crate::text::float(self.columns.slices.len() as u64).max(1.0);
        let column_width = (WIDEST / columns).min(48.0);
        let width = (column_width * columns).max(NARROWEST) + LEFT + 28.0;
        let mut layout = Layout { column_width, y: TOP, map: self, marked };
        let head = layout.legend(width);
        let details_y = layout.y + 4.0;
        layout.y += 24.0;
        let panels = layout.panels();
        let height = layout.y + 6.0;
        let view = format!("0 0 {} {}", number(width), number(height));
        let label = format!("heat map of {}: {}", self.title, self.described());
        let drawn = html! {
            svg xmlns="http://www.w3.org/2000/svg" version="1.1" class="hm" role="img" aria-label=(label)
                viewBox=(view) width=(number(width)) height=(number(height)) {
                style { (PreEscaped(css())) }
                rect x="0" y="0" width="100%" height="100%" fill="#fff" {}
                text x=(number(LEFT)) y="22" class="hm-title" { (self.title) ": when the time went" }
                (head)
                @if style == Style::File {
                    text id="hm-details" x=(number(LEFT)) y=(number(details_y)) class="hm-details" {
                        "point at a cell: what ran there; click it: the option that selects it"
                    }
                }
                (panels)
                @if style == Style::File { script { (PreEscaped(SCRIPT)) } }
            }
        };
        let text = drawn.into_string();
        match style {
            Style::File => format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}\n"),
            Style::Inline => text,
        }
    }

    /// The sizes of cells, and why these.
    pub fn described(&self) -> String {
        let size = self.all.size;
        let cell = crate::size_text(size.cell);
        let column = crate::size_text(size.column);
        if size.is_meaningful {
            let why = if size.cell == 20_000_000 {
                "as in FlameScope"
            } else {
                "the finest with which most samples are in cells of 20 or more"
            };
            format!("a column is {column}, a cell {cell} ({why})")
        } else {
            format!(
                "a column is {column}, a cell {cell}; too few samples for most cells to mean anything"
            )
        }
    }
}

/// Colours and letters. All classes begin with `hm`, since in a page they hold for all of it.
fn css() -> String {
    let mut css = String::from(
        ".hm text{font:11px system-ui,sans-serif;fill:#222}.hm .hm-title{font-size:16px;font-weight:600}\
         .hm .hm-name{font-size:12px;font-weight:600}.hm .hm-details{font-size:12px;fill:#333}\
         .hm .hm-axis{fill:#555;font-size:10px}.hm .hm-end{text-anchor:end}.hm .hm-mid{text-anchor:middle}\
         .hm-thin{fill:#8a8a8a}.hm-frame{fill:#f6f6f6;stroke:#ccc;stroke-width:.5}\
         .hm-mark{fill:none;stroke:#0057c2;stroke-width:2}.hm .hm-label{fill:#0057c2;font-weight:700}\
         .hm-cells rect:hover,.hm-cells circle:hover{stroke:#000;stroke-width:1}",
    );
    for step in 0..scale::STEPS {
        let _ = write!(css, ".hm-{step}{{fill:{}}}", scale::color(step));
    }
    css
}

/// Without any letter that XML would have escaped.
const SCRIPT: &str = r"
(function () {
  var details = document.getElementById('hm-details');
  var pinned = false;
  function told(event) {
    var title = event.target.querySelector ? event.target.querySelector('title') : null;
    return title ? title.textContent : '';
  }
  document.addEventListener('mouseover', function (event) {
    var text = told(event);
    if (text) { if (!pinned) { details.textContent = text; } }
  });
  document.addEventListener('click', function (event) {
    var text = told(event);
    pinned = text !== '';
    if (pinned) {
      var range = text.match(/^([0-9.]+)-([0-9.]+) s/);
      details.textContent = range ? '--time ' + range[1] + ',' + range[2] + '   ' + text : text;
    }
  });
})();
";

/// A length in the picture.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A rectangle with a tooltip.
pub(crate) fn area(
    (x, y, width, height): (f64, f64, f64, f64),
    class: &str,
    fill: Option<&str>,
    told: &str,
) -> Markup {
    html! {
        rect x=(number(x)) y=(number(y)) width=(number(width)) height=(number(height))
            class=[(!class.is_empty()).then_some(class)] fill=[fill] { title { (told) } }
    }
}

/// A colour as CSS has it.
pub(crate) fn rgb((r, g, b): (u8, u8, u8)) -> String {
    format!("rgb({r},{g},{b})")
}
