//! The boxes of a flame graph: a tree of names with the weight of each.
//!
//! Stacks that differ in nothing but addresses or lines are one path here. The table of nodes is
//! the tree: a node is its caller and its name, interned like any row, and a caller's id is
//! smaller than those of its callees. So the totals are one backward loop, and no text of a whole
//! stack is ever kept: the walk builds one line at a time, in one buffer.

use std::collections::HashMap;
use std::io;

use profile::{Id, LabelSet, LabelValue, Profile, Stack, Symbols, Table};
use rustc_hash::FxBuildHasher;

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
        let mut weights = Vec::new();
        for (key, value) in profile.samples.iter() {
            if key.event as usize != event {
                continue;
            }
            let node = match thread_name(profile, key.labels) {
                Some(thread) => {
                    let root = paths.child(Node::ROOT, names.intern(thread, Class::Label));
                    paths.node_of(root, key.stack, &names)
                }
                None if key.stack == Stack::EMPTY => {
                    paths.child(Node::ROOT, names.intern("[no stack]", Class::Label))
                }
                None => paths.node_of(Node::ROOT, key.stack, &names),
            };
            weights.resize(paths.nodes.len(), 0_u64);
            let weight = &mut weights[node.index()];
            *weight = weight.saturating_add(value.weight);
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
    /// any weight, is left out, and what it weighs is added to its caller.
    pub(crate) fn walk(
        &self,
        lightest: u64,
        mut emit: impl FnMut(&str, u64) -> io::Result<()>,
    ) -> io::Result<()> {
        let totals = self.totals();
        let callees = Callees::of(self);
        let is_shown = |node: &Id<Node>| totals[node.index()] >= lightest.max(1);
        let mut line = String::new();
        // Boxes to come, each with the length of its caller's line.
        let mut pending = vec![(Node::ROOT, 0)];
        while let Some((node, caller_len)) = pending.pop() {
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
        Ok(())
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
    /// The nodes of the stacks seen so far, below each thread.
    known: HashMap<(Id<Node>, Id<Stack>), Id<Node>, FxBuildHasher>,
    /// Stacks on the way from a leaf to a known one.
    unknown: Vec<Id<Stack>>,
}

impl<'p> Paths<'p> {
    fn new(profile: &'p Profile) -> Self {
        let mut nodes = Table::new();
        nodes.intern(Node { parent: Node::ROOT, name: Id::new(0) });
        Self { profile, nodes, known: HashMap::default(), unknown: Vec::new() }
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
            if let Some(&node) = self.known.get(&(root, at)) {
                break node;
            }
            self.unknown.push(at);
            at = self.profile.stacks[at].parent;
        };
        while let Some(stack) = self.unknown.pop() {
            for &name in names.of_frame(self.profile.stacks[stack].frame) {
                node = self.child(node, name);
            }
            self.known.insert((root, stack), node);
        }
        node
    }
}

/// The callees of every node, by name.
struct Callees {
    /// By caller, then by the name of the callee.
    nodes: Vec<Id<Node>>,
    /// By caller: where its callees begin; one more at the end.
    starts: Vec<usize>,
}

impl Callees {
    fn of(tree: &Tree) -> Self {
        let rows = &tree.nodes;
        let mut nodes: Vec<Id<Node>> = rows.iter().map(|(id, _)| id).skip(1).collect();
        nodes.sort_unstable_by_key(|&id| (rows[id].parent, tree.names.text(rows[id].name)));
        let mut starts = vec![0; rows.len() + 1];
        for &id in &nodes {
            starts[rows[id].parent.index() + 1] += 1;
        }
        for caller in 1..starts.len() {
            starts[caller] += starts[caller - 1];
        }
        Self { nodes, starts }
    }

    fn of_node(&self, caller: Id<Node>) -> &[Id<Node>] {
        &self.nodes[self.starts[caller.index()]..self.starts[caller.index() + 1]]
    }
}

/// The thread that a sample is of, if its labels say.
fn thread_name(profile: &Profile, labels: Id<LabelSet>) -> Option<&str> {
    let value = |key: &str| {
        profile.labels[labels].iter().find_map(|label| match label.value {
            LabelValue::Text(text) if profile.strings[label.key] == key => Some(text),
            LabelValue::Text(_) | LabelValue::Number(..) => None,
        })
    };
    let text = value("thread_comm").or_else(|| value("comm"))?;
    Some(&profile.strings[text])
}
