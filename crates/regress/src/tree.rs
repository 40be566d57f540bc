//! Stacks of functions of all runs as one tree, so that runs are compared row by row.

use profile::{Id, Table};

/// A function as it is compared: by name, and by file where a name alone means several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// The name, made robust ([`crate::canonical_name`]).
    pub name: String,
    /// The file, without its directories; "" if not known or not needed.
    pub file: String,
}

/// A function and what called it. A parent's id is smaller than its child's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// The caller; the root for the outermost function.
    pub parent: Id<Node>,
    /// The function.
    pub function: Id<Function>,
}

/// The call tree of all runs. Row 0 is the root, and no function.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Distinct functions; row 0 is the root's.
    pub functions: Table<Function>,
    nodes: Table<Node>,
    /// By node: whether no caller is the same function, so that its total counts once.
    outermost: Vec<bool>,
}

impl Default for Tree {
    fn default() -> Self {
        let mut tree = Self { functions: Table::new(), nodes: Table::new(), outermost: Vec::new() };
        let root = Function { name: String::new(), file: String::new() };
        let function = tree.functions.intern(root);
        tree.nodes.intern(Node { parent: Self::ROOT, function });
        tree.outermost.push(false);
        tree
    }
}

impl Tree {
    /// The node without a function.
    pub const ROOT: Id<Node> = Id::new(0);

    /// The node of a function that `parent` calls.
    pub fn child(&mut self, parent: Id<Node>, function: Id<Function>) -> Id<Node> {
        let id = self.nodes.intern(Node { parent, function });
        if id.index() == self.outermost.len() {
            let recurs = self.callers(parent).any(|caller| caller == function);
            self.outermost.push(!recurs);
        }
        id
    }

    /// The functions of a stack, innermost first.
    pub fn callers(&self, node: Id<Node>) -> impl Iterator<Item = Id<Function>> {
        self.path(node).map(|(_, function)| function)
    }

    /// The nodes from one to the root, which is not among them, and their functions.
    pub(crate) fn path(&self, node: Id<Node>) -> impl Iterator<Item = (Id<Node>, Id<Function>)> {
        let mut at = node;
        std::iter::from_fn(move || {
            let (here, Node { parent, function }) = (at, self.nodes[at]);
            (here != Self::ROOT).then(|| {
                at = parent;
                (here, function)
            })
        })
    }

    /// The nodes, each behind its parent.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = (Id<Node>, &Node)> + ExactSizeIterator {
        self.nodes.iter()
    }

    /// The node of a number below [`Tree::len`], but not the root.
    pub fn node(&self, index: usize) -> Option<&Node> {
        (1..self.len()).contains(&index).then(|| &self.nodes[Id::new(index)])
    }

    /// The function of a node; the root's of the root.
    pub(crate) fn function(&self, node: Id<Node>) -> Id<Function> {
        self.nodes[node].function
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no stack.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Whether a node is where its function's total is counted.
    pub(crate) fn is_outermost(&self, node: Id<Node>) -> bool {
        self.outermost[node.index()]
    }

    /// The same tree with functions of one name made one, unless a side has several of that name
    /// in different files; and for each old node and function the new one.
    ///
    /// `files` tells which side (0 or 1) has a function.
    pub fn aligned(
        &self,
        sides: impl Fn(Id<Function>, usize) -> bool,
    ) -> (Self, Vec<Id<Node>>, Vec<Id<Function>>) {
        let ambiguous = self.ambiguous_names(sides);
        let mut tree = Self::default();
        let functions: Vec<_> = self
            .functions
            .iter()
            .map(|(_, function)| {
                let mut function = function.clone();
                if !ambiguous.contains(&*function.name) {
                    function.file.clear();
                }
                tree.functions.intern(function)
            })
            .collect();
        let mut nodes: Vec<Id<Node>> = Vec::with_capacity(self.nodes.len());
        for (id, node) in self.nodes.iter() {
            nodes.push(if id == Self::ROOT {
                Self::ROOT
            } else {
                tree.child(nodes[node.parent.index()], functions[node.function.index()])
            });
        }
        (tree, nodes, functions)
    }

    fn ambiguous_names(
        &self,
        sides: impl Fn(Id<Function>, usize) -> bool,
    ) -> std::collections::HashSet<&str> {
        use std::collections::{HashMap, HashSet};
        let mut files: HashMap<(&str, usize), HashSet<&str>> = HashMap::new();
        for (id, function) in self.functions.iter() {
            for side in 0..2 {
                if sides(id, side) && !function.file.is_empty() {
                    files.entry((&function.name, side)).or_default().insert(&function.file);
                }
            }
        }
        files.into_iter().filter(|(_, files)| files.len() > 1).map(|((name, _), _)| name).collect()
    }
}
