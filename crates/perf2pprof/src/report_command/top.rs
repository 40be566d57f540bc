//! The functions that weigh most by themselves, and their lines that do.

use std::collections::HashMap;

use profile::{Frame, Id, Line, Profile, SampleKey, SampleValue, Stack, Symbols};
use regress::{Block, Cell, FunctionSums, Node, Run, Tree};

/// How many functions are listed.
const FUNCTIONS: usize = 25;

/// How many lines of each.
const LINES: usize = 3;

/// The functions that weigh most.
pub(crate) struct Top {
    pub(crate) functions: Vec<Function>,
    /// How many others there are.
    pub(crate) more: usize,
}

/// A function.
pub(crate) struct Function {
    pub(crate) name: String,
    /// Share of the weight where it itself ran.
    pub(crate) own: f64,
    /// Share of the weight where it or what it called ran.
    pub(crate) total: f64,
    /// Its lines that weigh most: file and number, and their share of all weight.
    pub(crate) lines: Vec<(String, f64)>,
}

impl Top {
    pub(crate) fn of(profile: &Profile, symbols: &Symbols, event: u32) -> Self {
        let mut tree = Tree::default();
        let frames: Vec<Vec<Id<regress::Function>>> = profile
            .frames
            .iter()
            .map(|(frame, _)| functions(&mut tree, profile, symbols, frame))
            .collect();
        let mut nodes: Vec<Id<Node>> = Vec::with_capacity(profile.stacks.len());
        for (id, stack) in profile.stacks.iter() {
            // A caller's row is before its callees'.
            nodes.push(if id == Stack::EMPTY {
                Tree::ROOT
            } else {
                let caller = nodes[stack.parent.index()];
                let own = &frames[stack.frame.index()];
                own.iter().fold(caller, |node, function| tree.child(node, *function))
            });
        }
        let samples = || profile.samples.iter().filter(|(key, _)| key.event == event);
        #[expect(clippy::cast_precision_loss, reason = "a share has no sixteen digits")]
        let cell = |(key, value): (&SampleKey, SampleValue)| Cell {
            node: nodes[key.stack.index()],
            block: 0,
            weight: value.weight as f64,
            count: value.count,
        };
        let cells = samples().map(cell).collect();
        let run = Run { blocks: vec![Block::default()], cells, ..Run::default() };
        let Some(sums) = FunctionSums::of(&tree, &run).pop() else {
            return Self { functions: Vec::new(), more: 0 };
        };
        let all = sums.all.max(1.0);
        let mut rows: Vec<Id<regress::Function>> = tree
            .functions
            .iter()
            .map(|(id, _)| id)
            .filter(|function| sums.own[function.index()] > 0.0)
            .collect();
        rows.sort_by(|one, other| sums.own[other.index()].total_cmp(&sums.own[one.index()]));
        let more = rows.len().saturating_sub(FUNCTIONS);
        rows.truncate(FUNCTIONS);
        let mut lines = lines(profile, symbols, event, &frames);
        let function = |id: Id<regress::Function>| Function {
            name: tree.functions[id].name.clone(),
            own: sums.own[id.index()] / all,
            total: sums.total[id.index()] / all,
            lines: heaviest(lines.remove(&id).unwrap_or_default(), all),
        };
        Self { functions: rows.into_iter().map(function).collect(), more }
    }
}

/// The weights of the lines of each function where it itself ran.
fn lines(
    profile: &Profile,
    symbols: &Symbols,
    event: u32,
    frames: &[Vec<Id<regress::Function>>],
) -> HashMap<Id<regress::Function>, HashMap<String, u64>> {
    let mut lines: HashMap<Id<regress::Function>, HashMap<String, u64>> = HashMap::new();
    for (key, value) in profile.samples.iter().filter(|(key, _)| key.event == event) {
        let frame = profile.stacks[key.stack].frame;
        let line = symbols.lines(frame).first().filter(|line| line.line > 0);
        if let (Some(line), Some(function)) = (line, frames[frame.index()].last()) {
            let file = symbols.text(symbols.functions[line.function].filename);
            let place = format!("{file}:{}", line.line);
            let sum = lines.entry(*function).or_default().entry(place).or_default();
            *sum = sum.saturating_add(value.weight);
        }
    }
    lines
}

#[expect(clippy::cast_precision_loss, reason = "a share has no sixteen digits")]
fn heaviest(lines: HashMap<String, u64>, all: f64) -> Vec<(String, f64)> {
    let mut lines: Vec<(String, u64)> = lines.into_iter().collect();
    lines.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    lines.into_iter().take(LINES).map(|(place, weight)| (place, weight as f64 / all)).collect()
}

/// The functions of a frame, the physical one first.
fn functions(
    tree: &mut Tree,
    profile: &Profile,
    symbols: &Symbols,
    frame: Id<Frame>,
) -> Vec<Id<regress::Function>> {
    let mut function =
        |name: String| tree.functions.intern(regress::Function { name, file: String::new() });
    let lines = symbols.lines(frame);
    if lines.is_empty() {
        return vec![function(symbols.placeholder(profile, frame).into_owned())];
    }
    let name = |line: &Line| symbols.text(symbols.functions[line.function].name).to_owned();
    lines.iter().rev().map(name).map(function).collect()
}
