//! The boxes of a flame graph: a tree of names with the weight of each.
//!
//! Stacks that differ in nothing but addresses or lines are one path here. The table of nodes is
//! the tree: a node is its caller and its name, interned like any row, and a caller's id is
//! smaller than those of its callees. So the totals are one backward loop, and no text of a whole
//! stack is ever kept: the walk builds one line at a time, in one buffer.

use std::io;

use profile::{Id, LabelValue, Profile, SampleKey, Stack, Symbols, Table};

use crate::names::{Class, Names, Style};

/// The tree of one event.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) names: Names,
    nodes: Table<Node>,
    /// By node: the weight of the stacks that end there.
    weights: Vec<u64>,
}

/// A box: a name within its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Node {
    parent: Id<Node>,
    name: Id<String>,
}

impl Node {
    /// The box below all others.
    const ROOT: Id<Self> = Id::new(0);
}

impl Tree {
    /// The tree of the samples of one event.
    pub(crate) fn of(profile: &Profile, symbols: &Symbols, event: usize, style: Style) -> Self {
        let mut names = Names::of(profile, symbols, style);
        let mut paths = Paths::new(profile);
        let mut rows: Vec<(Id<Node>, Id<Stack>, u64)> = Vec::new();
        for (key, value) in profile.samples.iter() {
            if key.event as usize == event {
                let root = match first_name(profile, key) {
                    Some(name) => paths.child(Node::ROOT, names.intern(name, Class::Label)),
                    None => Node::ROOT,
                };
                rows.push((root, key.stack, value.weight));
            }
        }
        rows.sort_unstable();
        let mut weights = Vec::new();
        for (root, stack, weight) in rows {
            let node = paths.node_of(root, stack, &names);
            weights.resize(paths.nodes.len(), 0_u64);
            let sum = &mut weights[node.index()];
            *sum = sum.saturating_add(weight);
        }
        weights.resize(paths.nodes.len(), 0);
        Self { names, nodes: paths.nodes, weights }
    }

    /// The weight of all stacks.
    pub(crate) fn total(&self) -> u64 {
        self.weights.iter().fold(0, |sum, weight| sum.saturating_add(*weight))
    }

    /// Calls `emit` with each stack as a folded line knows it, `caller;callee`, and its weight:
    /// callers before their callees, callees by name. A box lighter than `lightest`, or without
    /// any weight, is left out, and what it weighs is added to its caller. The outermost boxes,
    /// which have no caller, are there however light they are. Returns how many were left out.
    pub(crate) fn walk(
        &self,
        lightest: u64,
        mut emit: impl FnMut(&str, u64) -> io::Result<()>,
    ) -> io::Result<usize> {
        let totals = self.totals();
        let callees = Callees::of(self);
        let is_shown = |node: &Id<Node>| {
            let lightest = if self.nodes[*node].parent == Node::ROOT { 1 } else { lightest.max(1) };
            totals[node.index()] >= lightest
        };
        let mut line = String::new();
        // Boxes to come, each with the length of its caller's line.
        let mut pending = vec![(Node::ROOT, 0)];
        let mut left_out = self.nodes.len();
        while let Some((node, caller_len)) = pending.pop() {
            left_out -= 1;
            line.truncate(caller_len);
            if node != Node::ROOT {
                if caller_len > 0 {
                    line.push(';');
                }
                line.push_str(self.names.text(self.nodes[node].name));
            }
            let callees = callees.of_node(node);
            let hidden = callees.iter().filter(|callee| !is_shown(callee));
            let weight = hidden.fold(self.weights[node.index()], |sum, callee| {
                sum.saturating_add(totals[callee.index()])
            });
            if weight > 0 {
                emit(&line, weight)?;
            }
            let shown = callees.iter().rev().filter(|callee| is_shown(callee));
            pending.extend(shown.map(|callee| (*callee, line.len())));
        }
        Ok(left_out)
    }

    /// By node: its weight and that of all it called.
    fn totals(&self) -> Vec<u64> {
        let mut totals = self.weights.clone();
        for (id, node) in self.nodes.iter().rev() {
            if id != Node::ROOT {
                let total = totals[id.index()];
                let caller = &mut totals[node.parent.index()];
                *caller = caller.saturating_add(total);
            }
        }
        totals
    }
}

/// The nodes under construction.
struct Paths<'p> {
    profile: &'p Profile,
    nodes: Table<Node>,
    /// By stack: its node below the root for which it was last asked, and that root. Rows come
    /// sorted by root, so that no other is worth remembering.
    known: Vec<(Id<Node>, Id<Node>)>,
    /// Stacks on the way from a leaf to a known one.
    unknown: Vec<Id<Stack>>,
}

impl<'p> Paths<'p> {
    fn new(profile: &'p Profile) -> Self {
        let mut nodes = Table::new();
        nodes.intern(Node { parent: Node::ROOT, name: Id::new(0) });
        // No stack but the empty one is the root's.
        let known = vec![(Node::ROOT, Node::ROOT); profile.stacks.len()];
        Self { profile, nodes, known, unknown: Vec::new() }
    }

    fn child(&mut self, parent: Id<Node>, name: Id<String>) -> Id<Node> {
        self.nodes.intern(Node { parent, name })
    }

    /// The node of a stack below `root`.
    fn node_of(&mut self, root: Id<Node>, stack: Id<Stack>, names: &Names) -> Id<Node> {
        let mut at = stack;
        let mut node = loop {
            if at == Stack::EMPTY {
                break root;
            }
            let (known_root, node) = self.known[at.index()];
            if known_root == root && node != Node::ROOT {
                break node;
            }
            self.unknown.push(at);
            at = self.profile.stacks[at].parent;
        };
        while let Some(stack) = self.unknown.pop() {
            for &name in names.of_frame(self.profile.stacks[stack].frame) {
                node = self.child(node, name);
            }
            self.known[stack.index()] = (root, node);
        }
        node
    }
}

/// The callees of every node, by name.
struct Callees {
    /// By caller, then by the name of the callee.
    nodes: Vec<Id<Node>>,
    /// By caller: where its callees end.
    ends: Vec<u32>,
}

impl Callees {
    fn of(tree: &Tree) -> Self {
        let rows = &tree.nodes;
        let ranks = tree.names.ranks();
        let mut nodes: Vec<Id<Node>> = rows.iter().map(|(id, _)| id).skip(1).collect();
        nodes.sort_unstable_by_key(|&id| (rows[id].parent, ranks[rows[id].name.index()]));
        let mut ends: Vec<u32> = vec![0; rows.len()];
        for (end, &id) in (1..).zip(&nodes) {
            ends[rows[id].parent.index()] = end;
        }
        // A caller without callees ends where the one before it does.
        for caller in 1..ends.len() {
            ends[caller] = ends[caller].max(ends[caller - 1]);
        }
        Self { nodes, ends }
    }

    fn of_node(&self, caller: Id<Node>) -> &[Id<Node>] {
        let start = caller.index().checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.nodes[start as usize..self.ends[caller.index()] as usize]
    }
}

/// The first name of a line that is not a frame's: the thread, if the labels say, and something
/// at least for a sample of which nothing is known.
fn first_name<'p>(profile: &'p Profile, key: &SampleKey) -> Option<&'p str> {
    let value = |key_text: &str| {
        profile.labels[key.labels].iter().find_map(|label| match label.value {
            LabelValue::Text(text) if profile.strings[label.key] == key_text => Some(text),
            LabelValue::Text(_) | LabelValue::Number(..) => None,
        })
    };
    match value("thread_comm").or_else(|| value("comm")) {
        Some(text) => Some(&profile.strings[text]),
        None => (key.stack == Stack::EMPTY).then_some("[no stack]"),
    }
}
