//! The flame graphs of the lens: subsystems with their filters and functions, and all functions coloured by
//! subsystem.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};

use flamegraph::{FlameBox, GROUP_COLORS, Group, GroupColor, Heading, Picture, draw_groups};
use lens::{Tag, Tags};
use profile::{Frame, Id, Profile, Stack, Symbols, Unit};

use crate::message::base_name;
use crate::summary::percent;

/// Widths are scaled down to what the page's script can tell apart.
const WIDEST: u64 = 1 << 53;

/// All that the graphs show.
pub(crate) struct Graphs<'a> {
    pub(crate) title: &'a str,
    pub(crate) tags: &'a Tags,
    pub(crate) profile: &'a Profile,
    pub(crate) symbols: &'a Symbols,
    pub(crate) event: u32,
}

/// A box under construction.
struct Node {
    caller: usize,
    name: String,
    weight: u64,
    /// The number of its subsystem, among the heaviest of them.
    group: GroupColor,
    /// What the tooltip says beside its weight.
    detail: String,
}

/// A tree of boxes. The first is the whole.
struct Boxes {
    nodes: Vec<Node>,
    known: HashMap<(usize, String), usize>,
}

impl Boxes {
    fn new() -> Self {
        let group = GroupColor::Unknown;
        let (caller, weight, detail) = (0, 0, String::new());
        let whole = Node { caller, name: "all".to_owned(), weight, group, detail };
        Self { nodes: vec![whole], known: HashMap::new() }
    }

    /// The box of a name within another.
    fn child(&mut self, caller: usize, name: &str, group: GroupColor, detail: &str) -> usize {
        let nodes = &mut self.nodes;
        *self.known.entry((caller, name.to_owned())).or_insert_with(|| {
            let (name, detail) = (name.to_owned(), detail.to_owned());
            nodes.push(Node { caller, name, weight: 0, group, detail });
            nodes.len() - 1
        })
    }

    /// Adds to a box and all that it is in.
    fn add(&mut self, mut at: usize, weight: u64) {
        loop {
            let node = &mut self.nodes[at];
            node.weight = node.weight.saturating_add(weight);
            if at == 0 {
                return;
            }
            at = node.caller;
        }
    }
}

impl Graphs<'_> {
    /// Subsystems, in them their filters, in them the innermost functions.
    pub(crate) fn roll_up(&self, out: impl Write) -> io::Result<()> {
        let colors = self.colors();
        let mut boxes = Boxes::new();
        for (stack, weight) in self.samples() {
            let tag = self.tags.of_stack(stack);
            let subsystem = self.tags.subsystem(tag);
            let group = self.color(&colors, tag);
            let mut at = boxes.child(0, subsystem, group, "subsystem");
            if let Some(filter) = tag.filter {
                at = boxes.child(at, self.tags.text(filter), group, "filter");
            }
            if let Some(frame) = (stack != Stack::EMPTY).then(|| self.profile.stacks[stack].frame) {
                let names = self.names(frame);
                at = boxes.child(at, names.last().map_or("", String::as_str), group, subsystem);
            }
            boxes.add(at, weight);
        }
        let title = format!("{}: subsystem, filter, function", base_name(self.title));
        self.draw(&title, &boxes, &colors, out)
    }

    /// All functions, each in the colour of the subsystem that its stack is part of up to there.
    pub(crate) fn by_subsystem(&self, out: impl Write) -> io::Result<()> {
        let colors = self.colors();
        let mut boxes = Boxes::new();
        // By stack: its box. A caller's row is before its callees'.
        let mut of_stack = vec![0; self.profile.stacks.len()];
        for (id, stack) in self.profile.stacks.iter().filter(|(id, _)| *id != Stack::EMPTY) {
            let tag = self.tags.of_stack(id);
            let group = self.color(&colors, tag);
            let mut at = of_stack[stack.parent.index()];
            for name in self.names(stack.frame) {
                at = boxes.child(at, &name, group, self.tags.subsystem(tag));
            }
            of_stack[id.index()] = at;
        }
        for (stack, weight) in self.samples() {
            boxes.add(of_stack[stack.index()], weight);
        }
        let title = format!("{}: functions by subsystem", base_name(self.title));
        self.draw(&title, &boxes, &colors, out)
    }

    fn samples(&self) -> impl Iterator<Item = (Id<Stack>, u64)> {
        let rows = self.profile.samples.iter().filter(|(key, _)| key.event == self.event);
        rows.map(|(key, value)| (key.stack, value.weight))
    }

    /// The names of a frame, the physical function first.
    fn names(&self, frame: Id<Frame>) -> Vec<String> {
        let lines = self.symbols.lines(frame);
        if lines.is_empty() {
            return vec![self.symbols.placeholder(self.profile, frame).into_owned()];
        }
        let name = |line: &profile::Line| {
            self.symbols.text(self.symbols.functions[line.function].name).to_owned()
        };
        lines.iter().rev().map(name).collect()
    }

    /// The subsystems that have a colour of their own: the heaviest.
    fn colors(&self) -> Vec<String> {
        let mut weights: BTreeMap<&str, u64> = BTreeMap::new();
        for (stack, weight) in self.samples() {
            let tag = self.tags.of_stack(stack);
            if tag.subsystem.is_ok() {
                let sum = weights.entry(self.tags.subsystem(tag)).or_default();
                *sum = sum.saturating_add(weight);
            }
        }
        let mut weights: Vec<_> = weights.into_iter().collect();
        weights.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        weights.into_iter().take(GROUP_COLORS).map(|(name, _)| name.to_owned()).collect()
    }

    fn color(&self, colors: &[String], tag: &Tag) -> GroupColor {
        if tag.subsystem.is_err() {
            return GroupColor::Unknown;
        }
        let name = self.tags.subsystem(tag);
        let own = colors.iter().position(|own| own == name);
        own.map_or(GroupColor::Rest, GroupColor::Own)
    }

    fn draw(
        &self,
        title: &str,
        boxes: &Boxes,
        colors: &[String],
        out: impl Write,
    ) -> io::Result<()> {
        let own = colors.iter().enumerate();
        let mut groups: Vec<Group<'_>> =
            own.map(|(number, name)| Group { name, color: GroupColor::Own(number) }).collect();
        let is_used = |color| boxes.nodes.iter().skip(1).any(|node| node.group == color);
        for (name, color) in
            [("other subsystems", GroupColor::Rest), ("none, or not known", GroupColor::Unknown)]
        {
            if is_used(color) {
                groups.push(Group { name, color });
            }
        }
        let total = boxes.nodes[0].weight;
        let scale = total / WIDEST + 1;
        let drawn: Vec<FlameBox<'_>> = boxes
            .nodes
            .iter()
            .map(|node| FlameBox {
                caller: node.caller,
                name: &node.name,
                weight: node.weight / scale,
                shift: None,
            })
            .collect();
        let picture = Picture { title, heading: Heading::Groups(&groups), boxes: &drawn };
        let is_time = self
            .profile
            .events
            .get(self.event as usize)
            .is_some_and(|event| event.unit == Unit::Nanoseconds);
        #[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
        let details = |index: usize| {
            let node = &boxes.nodes[index];
            let share = percent(node.weight as f64 / total.max(1) as f64);
            let weight = if is_time {
                format!("{:.2} s", node.weight as f64 / 1e9)
            } else {
                node.weight.to_string()
            };
            let detail = if node.detail.is_empty() { "" } else { ", " };
            format!("{weight}, {share}{detail}{}", node.detail)
        };
        draw_groups(&picture, |index| boxes.nodes[index].group, details, out)
    }
}
