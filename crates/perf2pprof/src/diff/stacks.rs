//! All files as one tree of functions, with a run for each.

use std::collections::{HashMap, HashSet};

use profile::{Binary, BinaryKind, BuildId, Frame, Id, Profile, Stack, Symbols, Unit};
use regress::{Block, Cell, Function, Node, Run, Tree, canonical_name};

use crate::diff::events::common_event;
use crate::diff::halves::Halves;
use crate::diff::load::{Content, Loaded};
use crate::diff::policy::Renamed;
use crate::diff::programs::{self, Program};
use crate::hints::comparison as hints;
use crate::message::{Failure, Warning, base_name};

/// By frame of a file: its functions.
pub(crate) type FrameFunctions = Vec<Vec<Id<Function>>>;

/// Both sides.
pub(crate) struct Stacks {
    pub(crate) tree: Tree,
    pub(crate) base: Vec<Run>,
    pub(crate) head: Vec<Run>,
    /// What is counted; "" for folded stacks, which do not say.
    pub(crate) event: String,
    pub(crate) unit: Unit,
    /// Functions that had another name, by the name that they have.
    pub(crate) renamed: HashMap<String, Renamed>,
    /// By side and file: the functions of each frame, the physical one first; none for folded stacks.
    pub(crate) frames: [Vec<FrameFunctions>; 2],
    /// What makes the comparison doubtful.
    pub(crate) warnings: Vec<Warning>,
}

impl Stacks {
    /// Brings the files together, and one event of them. Renamed functions become one.
    pub(crate) fn of(
        base: &[Loaded],
        head: &[Loaded],
        event: Option<&str>,
        renamed: &[Renamed],
    ) -> Result<Self, Failure> {
        let files = || base.iter().chain(head);
        let (event, unit, mut warnings) = common_event(files(), event)?;
        let mut builder = Builder {
            tree: Tree::default(),
            rebuilt: rebuilt(files()),
            halves: Halves::of(files()),
            sides: [HashSet::new(), HashSet::new()],
            programs: Vec::new(),
            renames: renamed
                .iter()
                .map(|row| (canonical_name(&row.from).into_owned(), row))
                .collect(),
            renamed: HashMap::new(),
            frames: Default::default(),
        };
        let mut runs = [Vec::new(), Vec::new()];
        for (side, files) in [base, head].into_iter().enumerate() {
            for file in files {
                let run = builder.run(file, &event, side);
                if run.weight() <= 0.0 {
                    return Err(hints::nothing_to_compare(&file.name));
                }
                runs[side].push(run);
            }
        }
        let Builder { tree, sides, halves, programs, renamed, mut frames, .. } = builder;
        warnings.extend(programs::check(&tree, &sides, &runs, &programs)?);
        let (tree, nodes, functions) =
            tree.aligned(|function, side| sides[side].contains(&function));
        for cell in runs.iter_mut().flatten().flat_map(|run| &mut run.cells) {
            cell.node = nodes[cell.node.index()];
        }
        for function in frames.iter_mut().flatten().flatten().flatten() {
            *function = functions[function.index()];
        }
        let [base, head] = runs;
        warnings.extend(halves.warnings());
        Ok(Self { tree, base, head, event, unit, renamed, frames, warnings })
    }
}

/// Binaries of which there are several builds among the files: the addresses of code without a
/// name say nothing about them.
fn rebuilt<'a>(files: impl Iterator<Item = &'a Loaded>) -> HashSet<String> {
    let mut builds: HashMap<String, HashSet<Option<BuildId>>> = HashMap::new();
    for file in files {
        let Content::Profile(profile, _) = &file.content else { continue };
        for (_, binary) in profile.binaries.iter() {
            let name = binary_name(profile, binary);
            builds.entry(name).or_default().insert(binary.build_id);
        }
    }
    builds.into_iter().filter(|(_, builds)| builds.len() > 1).map(|(name, _)| name).collect()
}

pub(crate) fn binary_name(profile: &Profile, binary: &Binary) -> String {
    let path = profile.strings[binary.path].trim_end_matches(" (deleted)");
    base_name(path).trim_start_matches('[').trim_end_matches(']').to_owned()
}

/// No stack of all that were sampled is met so often.
const WEIGHS_TIME: u64 = 10_000;

struct Builder<'a> {
    tree: Tree,
    rebuilt: HashSet<String>,
    halves: Halves,
    /// By side: the functions that it has.
    sides: [HashSet<Id<Function>>; 2],
    /// What was recorded, of the files that say it.
    programs: Vec<Program>,
    /// By the old name.
    renames: HashMap<String, &'a Renamed>,
    /// Those that were met, by the new name.
    renamed: HashMap<String, Renamed>,
    frames: [Vec<FrameFunctions>; 2],
}

impl Builder<'_> {
    fn run(&mut self, file: &Loaded, event: &str, side: usize) -> Run {
        match &file.content {
            Content::Profile(profile, symbols) => {
                self.of_profile(&file.name, profile, symbols, event, side)
            }
            Content::Folded(stacks) => self.of_folded(&file.name, stacks, side),
        }
    }

    fn function(&mut self, name: &str, file: &str, side: usize) -> Id<Function> {
        let mut name = canonical_name(name).into_owned();
        if let Some(renamed) = self.renames.get(&name) {
            name = canonical_name(&renamed.to).into_owned();
            self.renamed.entry(name.clone()).or_insert_with(|| (*renamed).clone());
        }
        let function = Function { name, file: base_name(file).to_owned() };
        let id = self.tree.functions.intern(function);
        self.sides[side].insert(id);
        id
    }

    /// Folded stacks do not say how many samples they are of. Where even the lightest has a weight like
    /// that of time, in nanoseconds or so, that is taken for one sample.
    #[expect(clippy::cast_precision_loss, reason = "a share has no sixteen digits")]
    fn of_folded(&mut self, name: &str, stacks: &[(Vec<String>, u64)], side: usize) -> Run {
        let lightest = stacks.iter().map(|(_, weight)| *weight).filter(|weight| *weight > 0).min();
        let one = lightest.filter(|weight| *weight >= WEIGHS_TIME).unwrap_or(1);
        let cells = stacks.iter().map(|(stack, weight)| {
            let node = stack.iter().fold(Tree::ROOT, |node, name| {
                let name = name.trim_end_matches("_[k]").trim_end_matches("_[i]");
                let function = self.function(name, "", side);
                self.tree.child(node, function)
            });
            Cell { node, block: 0, weight: *weight as f64, count: weight / one }
        });
        let cells = cells.collect();
        self.frames[side].push(Vec::new());
        Run { name: name.to_owned(), blocks: vec![Block::default()], cells, sum_of_squares: None }
    }

    fn of_profile(
        &mut self,
        name: &str,
        profile: &Profile,
        symbols: &Symbols,
        event: &str,
        side: usize,
    ) -> Run {
        let nodes = self.nodes(name, profile, symbols, side);
        run_of(name, profile, event, |stack| nodes[stack.index()])
    }

    /// The node of each stack of a profile, inlined calls expanded.
    fn nodes(
        &mut self,
        name: &str,
        profile: &Profile,
        symbols: &Symbols,
        side: usize,
    ) -> Vec<Id<Node>> {
        let frames: Vec<Vec<Id<Function>>> = profile
            .frames
            .iter()
            .map(|(id, frame)| self.of_frame(profile, symbols, id, frame, side))
            .collect();
        self.programs.extend(profile.main_binary.map(|main| {
            let is_main = |frame: &Frame| frame.binary == main;
            let of_main = profile.frames.iter().filter(|(_, frame)| is_main(frame));
            let functions = of_main.flat_map(|(id, _)| &frames[id.index()]).copied().collect();
            let program = binary_name(profile, &profile.binaries[main]);
            Program { file: name.to_owned(), name: program, functions }
        }));
        let mut nodes: Vec<Id<Node>> = Vec::with_capacity(profile.stacks.len());
        for (id, stack) in profile.stacks.iter() {
            // Parents come first.
            nodes.push(if id == Stack::EMPTY {
                Tree::ROOT
            } else {
                let parent = nodes[stack.parent.index()];
                let functions = &frames[stack.frame.index()];
                functions.iter().fold(parent, |node, function| self.tree.child(node, *function))
            });
        }
        self.frames[side].push(frames);
        nodes
    }

    /// The functions of a frame, the physical one first.
    fn of_frame(
        &mut self,
        profile: &Profile,
        symbols: &Symbols,
        id: Id<Frame>,
        frame: &Frame,
        side: usize,
    ) -> Vec<Id<Function>> {
        let lines = symbols.lines(id);
        let binary = &profile.binaries[frame.binary];
        let whole = || binary_name(profile, binary);
        if binary.kind != BinaryKind::None && self.halves.is_half_named(&whole()) {
            return vec![self.function(&format!("[{}]", whole()), "", side)];
        }
        if lines.is_empty() {
            // Memory without a file is elsewhere in each run.
            let is_elsewhere = binary.kind != BinaryKind::None
                && (matches!(binary.kind, BinaryKind::Anonymous { .. })
                    || self.rebuilt.contains(&whole()));
            let shown = if is_elsewhere {
                format!("[{}]", whole())
            } else {
                symbols.placeholder(profile, id).into_owned()
            };
            return vec![self.function(&shown, "", side)];
        }
        // Where inlined calls are not known, the file of a line is taken for that of its function.
        let is_half = self.halves.is_half_inlined(&whole());
        let lines = if is_half { &lines[lines.len() - 1..] } else { lines };
        let function = |line: &profile::Line| {
            let function = symbols.functions[line.function];
            let file = if is_half { "" } else { symbols.text(function.filename) };
            (symbols.text(function.name), file)
        };
        let named: Vec<_> = lines.iter().rev().map(function).collect();
        named.into_iter().map(|(name, file)| self.function(name, file, side)).collect()
    }
}

/// One event of a profile as a run, with each stack where `node_of` says.
#[expect(clippy::cast_precision_loss, reason = "a share has no sixteen digits")]
pub(crate) fn run_of(
    name: &str,
    profile: &Profile,
    event: &str,
    node_of: impl Fn(Id<Stack>) -> Id<Node>,
) -> Run {
    let event = profile.events.iter().position(|other| other.name == event);
    let event = event.and_then(|event| u32::try_from(event).ok());
    let rows: Vec<Option<Id<Node>>> = profile
        .samples
        .iter()
        .map(|(key, _)| (Some(key.event) == event).then(|| node_of(key.stack)))
        .collect();
    let cell = |node: Id<Node>, block: u32, value: profile::SampleValue| Cell {
        node,
        block,
        weight: value.weight as f64,
        count: value.count,
    };
    let blocks = &profile.blocks;
    let seconds = |nanos: u64| nanos as f64 / 1e9;
    let (blocks, cells) = if blocks.cells().is_empty() {
        let duration = profile.recording.duration_nanos.unwrap_or(0);
        let rows = rows.iter().zip(profile.samples.iter());
        let cells = rows.filter_map(|(node, (_, value))| Some(cell((*node)?, 0, value)));
        (vec![Block { seconds: seconds(duration) }], cells.collect())
    } else {
        let lengths = blocks.lengths.iter().map(|nanos| Block { seconds: seconds(*nanos) });
        let of_cell = |of: &profile::BlockCell| {
            Some(cell(rows.get(of.row as usize).copied().flatten()?, of.block, of.value))
        };
        (lengths.collect(), blocks.cells().iter().filter_map(of_cell).collect())
    };
    Run { name: name.to_owned(), blocks, cells, sum_of_squares: None }
}
