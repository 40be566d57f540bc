//! Functions that vanished and functions that appeared: which may be one under two names.
//!
//! Two functions are alike as far as the weights of their callers agree, and those of what they call, their own
//! weight among them. What calls them may have been renamed too: such callers and callees agree by half until they
//! are proposed themselves, and so a renamed namespace is followed from its outermost functions inwards.
//!
//! A proposal changes no verdict. Functions of equal weight in one place are alike whatever they do.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use profile::Id;

use crate::effect::Effect;
use crate::estimate::{Estimate, TELLING_SAMPLES};
use crate::options::Measure;
use crate::tree::Function;
use crate::{Comparison, Row, Run, Tree};

/// How much of the callers, and of what is called, has to agree; and of both in the mean.
const LEAST: f64 = 0.5;
const LEAST_MEAN: f64 = 0.75;

/// The next best function has to be less alike by so much.
const AHEAD: f64 = 0.1;

/// What callers and callees that are not known to be the same agree by.
const UNKNOWN: f64 = 0.5;

/// A function that may have another name now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rename {
    /// What vanished.
    pub from: Id<Function>,
    /// What appeared.
    pub to: Id<Function>,
    /// How far callers and callees agree, from 0 to 1.
    pub likeness: f64,
}

/// What may have been renamed, the largest change first.
pub fn propose_renames(
    tree: &Tree,
    base: &[Run],
    head: &[Run],
    comparison: &Comparison,
) -> Vec<Rename> {
    let is_enough = |estimate: &Estimate| {
        estimate.share >= comparison.options.min_change
            && estimate.share * estimate.effective_samples >= TELLING_SAMPLES
    };
    let is_named = |row: &&Row| !tree.functions[row.function].name.starts_with('[');
    let rows = || comparison.rows.iter().filter(is_named);
    let vanished: Vec<&Row> =
        rows().filter(|row| row.total.head.weight <= 0.0 && is_enough(&row.total.base)).collect();
    let appeared: Vec<&Row> =
        rows().filter(|row| row.total.base.weight <= 0.0 && is_enough(&row.total.head)).collect();
    if vanished.is_empty() || appeared.is_empty() {
        return Vec::new();
    }
    let both = comparison.rows.iter();
    let both = both.filter(|row| row.total.base.weight > 0.0 && row.total.head.weight > 0.0);
    let mut known: HashMap<Id<Function>, Id<Function>> =
        both.map(|row| (row.function, row.function)).collect();
    let from = Neighbours::of(tree, base, &vanished);
    let to = Neighbours::of(tree, head, &appeared);
    let mut found: Vec<Rename> = Vec::new();
    loop {
        let new = best(&vanished, &appeared, |old, new| {
            let is_free = !known.contains_key(&old.function) && !known.contains_key(&new.function);
            let is_possible = is_free && weigh_alike(&old.total.base, &new.total.head);
            is_possible.then(|| from.likeness(old.function, &to, new.function, &known)).flatten()
        });
        if new.is_empty() {
            return found;
        }
        for rename in &new {
            known.insert(rename.from, rename.to);
            known.insert(rename.to, rename.to);
        }
        found.extend(new);
    }
}

/// The pairs that are most alike to each other, with nobody near.
fn best(
    vanished: &[&Row],
    appeared: &[&Row],
    likeness: impl Fn(&Row, &Row) -> Option<f64>,
) -> Vec<Rename> {
    let mut pairs = Vec::new();
    for old in vanished {
        let of_old = appeared.iter().filter_map(|new| {
            let likeness = likeness(old, new)?;
            Some(Rename { from: old.function, to: new.function, likeness })
        });
        pairs.extend(of_old);
    }
    let is_rivalled = |pair: &Rename| {
        pairs.iter().any(|other| {
            (other.from == pair.from) != (other.to == pair.to)
                && other.likeness > pair.likeness - AHEAD
        })
    };
    pairs.iter().filter(|pair| !is_rivalled(pair)).copied().collect()
}

/// Whether two weights may be one: nearly equal, or by chance not.
fn weigh_alike(base: &Estimate, head: &Estimate) -> bool {
    let ratio = base.share.min(head.share) / base.share.max(head.share);
    ratio >= 0.8 || (ratio >= 0.5 && Effect::of(Measure::Share, base, head).p_value() >= 0.01)
}

/// Weights by function.
type Weights<K> = HashMap<K, f64>;

/// What calls some functions on one side, and what they call.
#[derive(Default)]
struct Neighbours {
    callers: HashMap<Id<Function>, Weights<Id<Function>>>,
    /// `None` is the function itself.
    callees: HashMap<Id<Function>, Weights<Option<Id<Function>>>>,
}

impl Neighbours {
    fn of(tree: &Tree, runs: &[Run], rows: &[&Row]) -> Self {
        let wanted: HashSet<Id<Function>> = rows.iter().map(|row| row.function).collect();
        let mut own = vec![0.0; tree.len()];
        for cell in runs.iter().flat_map(|run| &run.cells) {
            own[cell.node.index()] += cell.weight;
        }
        let mut total = own.clone();
        for (id, node) in tree.nodes().rev().filter(|(id, _)| *id != Tree::ROOT) {
            total[node.parent.index()] += total[id.index()];
        }
        let mut neighbours = Self::default();
        for (id, node) in tree.nodes().filter(|(id, _)| *id != Tree::ROOT) {
            let function = node.function;
            let caller = tree.function(node.parent);
            if wanted.contains(&function) {
                let callees = neighbours.callees.entry(function).or_default();
                *callees.entry(None).or_default() += own[id.index()];
            }
            // A call of itself tells nothing of its neighbours.
            if caller == function {
                continue;
            }
            let total = total[id.index()];
            if wanted.contains(&function) {
                let callers = neighbours.callers.entry(function).or_default();
                *callers.entry(caller).or_default() += total;
            }
            if wanted.contains(&caller) {
                let callees = neighbours.callees.entry(caller).or_default();
                *callees.entry(Some(function)).or_default() += total;
            }
        }
        neighbours
    }

    /// `None` if it is too little.
    fn likeness(
        &self,
        old: Id<Function>,
        others: &Self,
        new: Id<Function>,
        known: &HashMap<Id<Function>, Id<Function>>,
    ) -> Option<f64> {
        let now = |function: &Id<Function>| {
            // The root has no row, and calls on both sides.
            let root = *function == Id::new(0);
            if root { Some(*function) } else { known.get(function).copied() }
        };
        let callers = agreement(self.callers.get(&old)?, others.callers.get(&new)?, now);
        let called =
            agreement(self.callees.get(&old)?, others.callees.get(&new)?, |callee| match callee {
                Some(function) => now(function).map(Some),
                None => Some(None),
            });
        let mean = f64::midpoint(callers, called);
        (callers.min(called) >= LEAST && mean >= LEAST_MEAN).then_some(mean)
    }
}

/// The part of two sides' weights that is at the same places. Those that are not known on either side agree
/// by half.
fn agreement<K: Eq + Hash>(
    base: &Weights<K>,
    head: &Weights<K>,
    now: impl Fn(&K) -> Option<K>,
) -> f64 {
    let parts = |weights: &Weights<K>| {
        let all: f64 = weights.values().sum();
        let mut parts: HashMap<Option<K>, f64> = HashMap::new();
        for (key, weight) in weights.iter().filter(|_| all > 0.0) {
            *parts.entry(now(key)).or_default() += weight / all;
        }
        parts
    };
    let (base, head) = (parts(base), parts(head));
    let common = base.iter().map(|(key, part)| {
        let common = part.min(head.get(key).copied().unwrap_or_default());
        if key.is_some() { common } else { UNKNOWN * common }
    });
    common.sum()
}
