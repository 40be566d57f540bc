//! The difference as a profile for pprof, as its own `-diff_base` would make it.
//!
//! Each stack has a sample for what is now, and one, negative and labelled `pprof::base`, for what was
//! before. pprof adds them up, and takes its percentages of the labelled ones: `+2%` is two per cent of
//! all that was before.
//!
//! Functions are those of the comparison; their lines are where each side has them. If all files are pprof files
//! that count the same, so does this one, and can be merged with them.

use std::collections::HashMap;
use std::io::{self, Write};

use pprof_format::proto::{self, Function, Label, Line, Location, Mapping, Sample, ValueType};
use profile::{Id, Profile, Stack, Symbols, Table};
use regress::{Node, Run, Tree};

use crate::diff::columns::Columns;
use crate::diff::load::{Content, Loaded};
use crate::diff::stacks::{FrameFunctions, Stacks};

/// What folded stacks count.
const FOLDED: &str = "samples";

/// Writes the difference.
pub(crate) fn write(
    stacks: &Stacks,
    base: &[Loaded],
    head: &[Loaded],
    out: impl Write,
) -> io::Result<()> {
    let files = || head.iter().chain(base);
    let columns = files().map(|file| file.columns.as_ref()).collect::<Option<Vec<&Columns>>>();
    let columns = columns.filter(|all| all.iter().all(|other| other.has_kinds_of(all[0])));
    let kinds = match &columns {
        Some(columns) => columns[0].kinds.clone(),
        None => kinds(stacks),
    };
    let mut difference = Difference::new(stacks, kinds.len(), columns.is_some());
    // What is now has the say where a function is.
    for (side, files, runs) in [(1, head, &stacks.head), (0, base, &stacks.base)] {
        for ((file, run), frames) in files.iter().zip(runs).zip(&stacks.frames[side]) {
            match &file.content {
                Content::Profile(profile, symbols) => {
                    let nodes = difference.nodes(profile, symbols, frames);
                    difference.add_profile(side, file, profile, &nodes);
                }
                Content::Folded(_) => difference.add_run(side, run),
            }
        }
    }
    let period = columns.as_ref().and_then(|columns| columns[0].period.clone());
    let default = columns.map_or(Some(kinds.len() - 1), |columns| columns[0].default);
    pprof_format::write_message(&difference.message(&kinds, period, default), out)
}

/// What is counted of recordings and folded stacks.
fn kinds(stacks: &Stacks) -> Vec<(String, String)> {
    let count = "count".to_owned();
    if stacks.event.is_empty() {
        return vec![(FOLDED.to_owned(), count)];
    }
    vec![
        (pprof_format::count_type(&stacks.event), count),
        (pprof_format::weight_type(&stacks.event), stacks.unit.name().to_owned()),
    ]
}

/// A function at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    function: Id<regress::Function>,
    line: u32,
}

/// A place and what called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Call {
    caller: Id<Call>,
    place: Id<Place>,
}

/// Where a function is in the source: the file, and the line of its beginning.
#[derive(Clone, Default)]
struct Source {
    /// The linker's name: pprof takes a name that is the same as it for one to demangle.
    system_name: String,
    file: String,
    start: u32,
}

struct Difference<'a> {
    stacks: &'a Stacks,
    places: Table<Place>,
    /// Row 0 is no call; a caller's id is smaller than a call's.
    calls: Table<Call>,
    /// By side, call and column.
    values: [Vec<i64>; 2],
    width: usize,
    has_columns: bool,
    /// By function.
    sources: Vec<Option<Source>>,
}

const OUTSIDE: Id<Call> = Id::new(0);

impl<'a> Difference<'a> {
    fn new(stacks: &'a Stacks, width: usize, has_columns: bool) -> Self {
        let (mut places, mut calls) = (Table::new(), Table::new());
        let root = places.intern(Place { function: Id::new(0), line: 0 });
        calls.intern(Call { caller: OUTSIDE, place: root });
        let sources = vec![None; stacks.tree.functions.len()];
        let values = [Vec::new(), Vec::new()];
        Self { stacks, places, calls, values, width, has_columns, sources }
    }

    /// The call of each stack of a file.
    fn nodes(
        &mut self,
        profile: &Profile,
        symbols: &Symbols,
        frames: &FrameFunctions,
    ) -> Vec<Id<Call>> {
        let places: Vec<Vec<Id<Place>>> = profile
            .frames
            .iter()
            .zip(frames)
            .map(|((id, _), functions)| {
                let lines = symbols.lines(id).iter().rev();
                let lines = lines.map(Some).chain(std::iter::repeat(None));
                let place = |(&function, line): (&_, Option<&profile::Line>)| {
                    if let Some(line) = line {
                        self.note_source(function, symbols, *line);
                    }
                    self.places.intern(Place { function, line: line.map_or(0, |line| line.line) })
                };
                functions.iter().zip(lines).map(place).collect()
            })
            .collect();
        let mut nodes: Vec<Id<Call>> = Vec::with_capacity(profile.stacks.len());
        for (id, stack) in profile.stacks.iter() {
            nodes.push(if id == Stack::EMPTY {
                OUTSIDE
            } else {
                let caller = nodes[stack.parent.index()];
                let places = places[stack.frame.index()].iter();
                places.fold(caller, |caller, &place| self.calls.intern(Call { caller, place }))
            });
        }
        nodes
    }

    fn note_source(
        &mut self,
        function: Id<regress::Function>,
        symbols: &Symbols,
        line: profile::Line,
    ) {
        // A binary that is compared as a whole has no source.
        let is_whole = self.stacks.tree.functions[function].name.starts_with('[');
        let source = &mut self.sources[function.index()];
        if source.is_none() && !is_whole {
            let named = symbols.functions[line.function];
            let file = symbols.text(named.filename).to_owned();
            let system_name = symbols.text(named.system_name).to_owned();
            *source = Some(Source { system_name, file, start: named.start_line });
        }
    }

    fn add_profile(&mut self, side: usize, file: &Loaded, profile: &Profile, nodes: &[Id<Call>]) {
        let event = profile.events.iter().position(|event| event.name == self.stacks.event);
        let columns = file.columns.as_ref().filter(|_| self.has_columns);
        for (row, (key, value)) in profile.samples.iter().enumerate() {
            if event != usize::try_from(key.event).ok() {
                continue;
            }
            let node = nodes[key.stack.index()];
            if let Some(columns) = columns {
                self.add(side, node, columns.row(row));
            } else {
                let whole = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
                self.add(side, node, &[whole(value.count), whole(value.weight)]);
            }
        }
    }

    fn add_run(&mut self, side: usize, run: &Run) {
        for cell in &run.cells {
            let mut functions: Vec<_> = self.stacks.tree.callers(cell.node).collect();
            functions.reverse();
            let node = functions.into_iter().fold(OUTSIDE, |caller, function| {
                let place = self.places.intern(Place { function, line: 0 });
                self.calls.intern(Call { caller, place })
            });
            let weight = whole(cell.weight);
            let count = i64::try_from(cell.count).unwrap_or(i64::MAX);
            let values = [count, weight];
            // Folded stacks have one number.
            self.add(side, node, if self.width == 1 { &values[1..] } else { &values });
        }
    }

    fn add(&mut self, side: usize, node: Id<Call>, values: &[i64]) {
        let start = node.index() * self.width;
        let sums = &mut self.values[side];
        if sums.len() < start + self.width {
            sums.resize(start + self.width, 0);
        }
        for (sum, value) in sums[start..].iter_mut().zip(values) {
            *sum = sum.saturating_add(*value);
        }
    }

    fn message(
        self,
        kinds: &[(String, String)],
        period: Option<(String, String)>,
        default: Option<usize>,
    ) -> proto::Profile {
        let mut strings = Strings::new();
        let mut kind = |(name, unit): &(String, String)| ValueType {
            r#type: strings.index(name),
            unit: strings.index(unit),
        };
        let sample_type: Vec<_> = kinds.iter().map(&mut kind).collect();
        let counted = || {
            let name = if self.stacks.event.is_empty() { FOLDED } else { &self.stacks.event };
            (name.to_owned(), self.stacks.unit.name().to_owned())
        };
        let period_type = Some(kind(&period.unwrap_or_else(counted)));
        let function = self.functions(&mut strings);
        let location: Vec<_> = self.places.iter().skip(1).map(location).collect();
        let comment =
            "perf2pprof diff: what is now less what was before; percentages are of what was before";
        proto::Profile {
            sample: self.samples(&mut strings),
            default_sample_type: default.map_or(0, |column| sample_type[column].r#type),
            mapping: vec![Mapping {
                id: 1,
                filename: strings.index("difference"),
                has_functions: true,
                has_filenames: function.iter().any(|function| function.filename != 0),
                has_line_numbers: self.places.iter().any(|(_, place)| place.line > 0),
                ..Mapping::default()
            }],
            comment: vec![strings.index(comment)],
            sample_type,
            period_type,
            location,
            function,
            string_table: strings.texts,
            ..proto::Profile::default()
        }
    }

    fn samples(&self, strings: &mut Strings) -> Vec<Sample> {
        let is_base = Label {
            key: strings.index("pprof::base"),
            str: strings.index("true"),
            ..Label::default()
        };
        let mut samples = Vec::new();
        for (node, _) in self.calls.iter() {
            for (side, sign) in [(1, 1), (0, -1)] {
                let start = node.index() * self.width;
                let values = self.values[side].get(start..start + self.width).unwrap_or_default();
                if values.iter().all(|value| *value == 0) {
                    continue;
                }
                let value = values.iter().map(|value| value.saturating_mul(sign)).collect();
                let label = if side == 0 { vec![is_base] } else { Vec::new() };
                samples.push(Sample {
                    location_id: self.locations(node),
                    value,
                    label,
                    ..Sample::default()
                });
            }
        }
        samples
    }

    /// Innermost first.
    fn locations(&self, node: Id<Call>) -> Vec<u64> {
        let mut at = node;
        let ids = std::iter::from_fn(|| {
            let Call { caller, place } = self.calls[at];
            (at != OUTSIDE).then(|| {
                at = caller;
                place.index() as u64
            })
        });
        ids.collect()
    }

    fn functions(&self, strings: &mut Strings) -> Vec<Function> {
        let tree: &Tree = &self.stacks.tree;
        let root = tree.nodes().next().map(|(_, Node { function, .. })| *function);
        let rows = tree.functions.iter().filter(|(id, _)| Some(*id) != root);
        rows.map(|(id, function)| {
            let name = strings.index(&function.name);
            let source = self.sources[id.index()].clone();
            let source = source
                .unwrap_or_else(|| Source { file: function.file.clone(), ..Source::default() });
            Function {
                id: id.index() as u64,
                name,
                system_name: strings.index(&source.system_name),
                filename: strings.index(&source.file),
                start_line: source.start.into(),
            }
        })
        .collect()
    }
}

fn location((id, place): (Id<Place>, &Place)) -> Location {
    let line = Line {
        function_id: place.function.index() as u64,
        line: place.line.into(),
        ..Line::default()
    };
    // Nothing is known of its address, which differs from build to build.
    Location { id: id.index() as u64, mapping_id: 1, line: vec![line], ..Location::default() }
}

/// A sum of whole numbers, as one.
#[expect(clippy::cast_possible_truncation, reason = "what is larger becomes the largest there is")]
fn whole(weight: f64) -> i64 {
    weight.round() as i64
}

/// Each text once; the first is "".
struct Strings {
    texts: Vec<String>,
    known: HashMap<String, i64>,
}

impl Strings {
    fn new() -> Self {
        Self { texts: vec![String::new()], known: HashMap::from([(String::new(), 0)]) }
    }

    fn index(&mut self, text: &str) -> i64 {
        if let Some(index) = self.known.get(text) {
            return *index;
        }
        let index = i64::try_from(self.texts.len()).unwrap_or(0);
        self.texts.push(text.to_owned());
        self.known.insert(text.to_owned(), index);
        index
    }
}
