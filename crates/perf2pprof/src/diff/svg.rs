//! The comparison as flame graphs: the difference, and each side by itself.
//!
//! A box is coloured if its function's change is no noise, and the box changed in the same direction;
//! its shade is its own part of the change. All else is grey.

use std::io::{self, Write};

use flamegraph::{FlameBox, Heading, Picture, Shade, Shift, draw};
use regress::{Call, Comparison, Measure, Row, Tree};

use crate::diff::numbers::Numbers;
use crate::diff::stacks::Stacks;
use crate::diff::weights::Weights;
use crate::message::base_name;

/// Widths are scaled down to what the page's script can tell apart.
const WIDEST: f64 = 9_007_199_254_740_992.0;

/// Which side is as wide as it weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Width {
    /// What is now.
    Head,
    /// What was before, so that what vanished is seen.
    Base,
}

/// All that the graphs show.
pub(crate) struct Graphs<'a> {
    stacks: &'a Stacks,
    comparison: &'a Comparison,
    numbers: Numbers,
    base: &'a Weights,
    head: &'a Weights,
    /// By function.
    rows: Vec<Option<&'a Row>>,
}

impl<'a> Graphs<'a> {
    pub(crate) fn new(
        stacks: &'a Stacks,
        comparison: &'a Comparison,
        numbers: Numbers,
        base: &'a Weights,
        head: &'a Weights,
    ) -> Self {
        let mut rows = vec![None; stacks.tree.functions.len()];
        for row in &comparison.rows {
            rows[row.function.index()] = Some(row);
        }
        Self { stacks, comparison, numbers, base, head, rows }
    }

    /// The difference.
    pub(crate) fn difference(&self, width: Width, out: impl Write) -> io::Result<()> {
        let unit = match self.numbers.measure {
            Measure::Share => "pp",
            Measure::PerSecond | Measure::Per(..) => "%",
        };
        let what = match width {
            Width::Head => "now",
            Width::Base => "before",
        };
        let (base, head) = (self.name(Width::Base), self.name(Width::Head));
        let title = format!("{}{base} \u{2192} {head} (widths: {what})", self.event());
        let boxes = self.boxes(width, |node| Some(self.shift(node)));
        let picture = Picture { title: &title, heading: Heading::Legend(unit), boxes: &boxes };
        draw(&picture, |node| self.change(node), out)
    }

    /// One side.
    pub(crate) fn side(&self, side: Width, out: impl Write) -> io::Result<()> {
        let title = format!("{}{}", self.event(), self.name(side));
        let (weights, runs) = match side {
            Width::Head => (self.head, &self.stacks.head),
            Width::Base => (self.base, &self.stacks.base),
        };
        let all = weights.total[Tree::ROOT.index()];
        let samples: u64 = runs.iter().map(regress::Run::samples).sum();
        let heading = match &*self.stacks.event {
            "" => format!("{samples} samples"),
            _ => format!("{samples} samples, {}", self.numbers.weight(all)),
        };
        let boxes = self.boxes(side, |_| None);
        let picture = Picture { title: &title, heading: Heading::Text(&heading), boxes: &boxes };
        let details = |node: usize| {
            let weight = weights.total[node];
            format!("{}, {:.2}%", self.numbers.weight(weight), weight / all * 100.0)
        };
        draw(&picture, details, out)
    }

    fn event(&self) -> String {
        match &*self.stacks.event {
            "" => String::new(),
            event => format!("{event}: "),
        }
    }

    fn name(&self, side: Width) -> String {
        let runs = match side {
            Width::Head => &self.stacks.head,
            Width::Base => &self.stacks.base,
        };
        match &runs[..] {
            [run] => base_name(&run.name).to_owned(),
            runs => format!("{} runs", runs.len()),
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "scaled to have room"
    )]
    fn boxes(&self, side: Width, shift: impl Fn(usize) -> Option<Shift>) -> Vec<FlameBox<'_>> {
        let weights = match side {
            Width::Head => self.head,
            Width::Base => self.base,
        };
        let tree = &self.stacks.tree;
        let scale = (WIDEST / weights.total[Tree::ROOT.index()]).min(1.0);
        let node = |(id, node): (profile::Id<regress::Node>, &regress::Node)| FlameBox {
            caller: node.parent.index(),
            name: if id == Tree::ROOT { "all" } else { &tree.functions[node.function].name },
            weight: (weights.total[id.index()] * scale).round() as u64,
            shift: shift(id.index()),
        };
        tree.nodes().map(node).collect()
    }

    /// What a node has before and now, in the unit of the comparison.
    fn values(&self, node: usize) -> (f64, f64) {
        let overall = &self.comparison.overall;
        let value = |side: &Weights, all: &regress::Estimate| {
            if all.weight > 0.0 { side.total[node] / all.weight * all.value } else { 0.0 }
        };
        (value(self.base, &overall.base), value(self.head, &overall.head))
    }

    fn row(&self, node: usize) -> Option<&'a Row> {
        let node = self.stacks.tree.node(node)?;
        self.rows.get(node.function.index()).copied().flatten()
    }

    fn shift(&self, node: usize) -> Shift {
        let (base, head) = self.values(node);
        let change = head - base;
        let shade = Shade::of(change / self.comparison.overall.base.value);
        match self.row(node).map(|row| row.total.call) {
            Some(Call::Regressed) if change > 0.0 => Shift::Dearer(shade),
            Some(Call::Improved) if change < 0.0 => Shift::Cheaper(shade),
            _ => Shift::None,
        }
    }

    /// What a box of the difference says.
    fn change(&self, node: usize) -> String {
        let (base, head) = self.values(node);
        let numbers = self.numbers;
        let side = |side: &Weights, value: f64| {
            let weight = numbers.weight(side.total[node]);
            match numbers.measure {
                Measure::Share => format!("{weight}, {}", numbers.value(value)),
                Measure::PerSecond | Measure::Per(..) => {
                    let share = side.total[node] / side.total[Tree::ROOT.index()] * 100.0;
                    format!("{weight}, {}, {share:.2}%", numbers.value(value))
                }
            }
        };
        let here = format!(
            "before {}; now {}; {}",
            side(self.base, base),
            side(self.head, head),
            numbers.difference(head - base)
        );
        let Some(Row { total: change, .. }) = self.row(node) else { return here };
        let call = match change.call {
            Call::Same => "no significant change",
            Call::Regressed => "dearer",
            Call::Improved => "cheaper",
        };
        format!(
            "{here};\neverywhere: before {}; now {}; {} {}: {call}",
            numbers.value(change.base.value),
            numbers.value(change.head.value),
            numbers.difference(change.difference),
            numbers.interval(change)
        )
    }
}
