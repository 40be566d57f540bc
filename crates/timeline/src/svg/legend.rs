//! What the picture's colours and sizes mean.

use std::fmt::Write;

use maud::{Markup, html};

use crate::heatmap::Panel;
use crate::scale;
use crate::svg::panels::Layout;
use crate::svg::{LEFT, number, rgb};

/// How wide a letter is, about.
const LETTER: f64 = 6.2;

impl Layout<'_> {
    /// Groups, then the scale of the cells, then the sizes; leaves `y` behind them.
    pub(crate) fn legend(&mut self, width: f64) -> Markup {
        let groups = self.groups(width);
        let (scale_y, sizes_y) = (self.y, self.y + 18.0);
        self.y += 38.0;
        let most = self.map.all.heaviest();
        let busiest = self.map.own.iter().map(|(_, panel)| panel.heaviest()).max().unwrap_or(0);
        let full = |weight, panel: &Panel| self.map.rate(weight, panel.size.cell);
        let mut told = format!("up to {} (all threads)", full(most, &self.map.all));
        if let Some((_, panel)) = self.map.own.first().filter(|_| busiest > 0) {
            let _ = write!(told, ", {} (a worker)", full(busiest, panel));
        }
        let steps_width = 10.0 * crate::text::float(scale::STEPS as u64);
        let behind = LEFT + steps_width + 8.0;
        let dots = behind + 24.0 + LETTER * crate::text::float(told.len() as u64);
        html! {
            (groups)
            @for step in 0..scale::STEPS {
                rect x=(number(LEFT + 10.0 * crate::text::float(step as u64))) y=(number(scale_y - 9.0))
                    width="10" height="11" class=(format!("hm-{step}")) {}
            }
            text x=(number(behind)) y=(number(scale_y)) { (told) }
            circle cx=(number(dots)) cy=(number(scale_y - 4.0)) r="3.5" class="hm-thin" {}
            text x=(number(dots + 9.0)) y=(number(scale_y)) {
                "a dot: less than 20 samples, too few for a colour"
            }
            text x=(number(LEFT)) y=(number(sizes_y)) { (self.map.described()) }
        }
    }

    fn groups(&mut self, width: f64) -> Markup {
        let mut x = LEFT;
        let mut places = Vec::new();
        for (name, color) in &self.map.palette.legend {
            let needs = 30.0 + LETTER * crate::text::float(name.chars().count() as u64);
            if x + needs > width && x > LEFT {
                (x, self.y) = (LEFT, self.y + 17.0);
            }
            places.push((x, self.y, name, rgb(*color)));
            x += needs;
        }
        self.y += 20.0;
        html! {
            @for (x, y, name, color) in &places {
                rect x=(number(*x)) y=(number(y - 9.0)) width="11" height="11" fill=(color)
                    stroke="#666" stroke-width="0.5" {}
                text x=(number(x + 15.0)) y=(number(*y)) { (name) }
            }
        }
    }
}
