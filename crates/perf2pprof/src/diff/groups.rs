//! How the parts of Envoy changed: its subsystems, and its filters.

use lens::{Tag, Tags};
use profile::Id;
use regress::{Change, Function, Node, Options, Run, Tree, compare};

use crate::diff::load::{Content, Loaded};
use crate::diff::stacks::run_of;
use crate::timeline_command::course::name_of;

/// The changes of all parts, by name, the largest first.
pub(crate) struct Groups {
    pub(crate) subsystems: Vec<(String, Change)>,
    pub(crate) filters: Vec<(String, Change)>,
}

impl Groups {
    /// Of two sides of which every file was looked at; else there are none.
    pub(crate) fn of(base: &[Loaded], head: &[Loaded], event: &str, options: &Options) -> Self {
        let filter = |tags: &Tags, tag: &Tag| {
            tag.filter.map_or("no filter".to_owned(), |filter| tags.text(filter).to_owned())
        };
        let by = |name: &dyn Fn(&Tags, &Tag) -> String| {
            let mut tree = Tree::default();
            let mut runs = |side: &[Loaded]| -> Option<Vec<Run>> {
                side.iter().map(|file| run(&mut tree, file, event, name)).collect()
            };
            let (Some(base), Some(head)) = (runs(base), runs(head)) else { return Vec::new() };
            let rows = compare(&tree, &base, &head, options).rows;
            let named = |row: &regress::Row| (tree.functions[row.function].name.clone(), row.own);
            // What is all of one part is no news.
            if rows.len() > 1 { rows.iter().map(named).collect() } else { Vec::new() }
        };
        Self { subsystems: by(&|tags, tag| name_of(tags, tag).0), filters: by(&filter) }
    }
}

/// What a file has of each part.
fn run(
    tree: &mut Tree,
    file: &Loaded,
    event: &str,
    name: &dyn Fn(&Tags, &Tag) -> String,
) -> Option<Run> {
    let (Content::Profile(profile, _), Some(tags)) = (&file.content, &file.tags) else {
        return None;
    };
    let node = |(_, tag)| {
        let function = Function { name: name(tags, tag), file: String::new() };
        let function = tree.functions.intern(function);
        tree.child(Tree::ROOT, function)
    };
    let nodes: Vec<Id<Node>> = tags.iter().map(node).collect();
    Some(run_of(&file.name, profile, event, |stack| nodes[tags.id_of(stack).index()]))
}
