//! The difference as a profile for pprof, as its own `-diff_base` would make it.
//!
//! Each stack has a sample for what is now, and one, negative and labelled `pprof::base`, for what was
//! before. pprof adds them up, and takes its percentages of the labelled ones: `+2%` is two per cent of
//! all that was before.

use std::collections::HashMap;
use std::io::{self, Write};

use pprof_format::proto::{self, Function, Label, Line, Location, Mapping, Sample, ValueType};
use regress::{Node, Tree};

use crate::diff::stacks::Stacks;
use crate::diff::weights::Weights;

/// What folded stacks count.
const FOLDED: &str = "samples";

/// Writes the difference.
pub(crate) fn write(
    stacks: &Stacks,
    base: &Weights,
    head: &Weights,
    out: impl Write,
) -> io::Result<()> {
    pprof_format::write_message(&message(stacks, base, head), out)
}

fn message(stacks: &Stacks, base: &Weights, head: &Weights) -> proto::Profile {
    let tree = &stacks.tree;
    let mut strings = Strings::new();
    let is_base =
        Label { key: strings.index("pprof::base"), str: strings.index("true"), ..Label::default() };
    let mut samples = Vec::new();
    for (id, _) in tree.nodes() {
        let index = id.index();
        let mut sample = |side: &Weights, sign: i64, label: Vec<Label>| {
            if side.own[index] > 0.0 || side.count[index] > 0 {
                let location_id =
                    tree.callers(id).map(|function| function.index() as u64).collect();
                let count = i64::try_from(side.count[index]).unwrap_or(i64::MAX);
                let value = [count, whole(side.own[index])].map(|value| sign * value).to_vec();
                samples.push(Sample { location_id, value, label, ..Sample::default() });
            }
        };
        sample(head, 1, Vec::new());
        sample(base, -1, vec![is_base]);
    }
    let (location, function) = functions(tree, &mut strings);
    let unit = strings.index(stacks.unit.name());
    let count = strings.index("count");
    let (sample_type, event) = if stacks.event.is_empty() {
        let samples = strings.index(FOLDED);
        (vec![ValueType { r#type: samples, unit: count }], samples)
    } else {
        let counts = strings.index(&pprof_format::count_type(&stacks.event));
        let weights = strings.index(&pprof_format::weight_type(&stacks.event));
        let types =
            vec![ValueType { r#type: counts, unit: count }, ValueType { r#type: weights, unit }];
        (types, strings.index(&stacks.event))
    };
    // Folded stacks have one number.
    for sample in &mut samples {
        sample.value.truncate(sample_type.len());
    }
    let comment =
        "perf2pprof diff: what is now less what was before; percentages are of what was before";
    proto::Profile {
        default_sample_type: sample_type.last().map_or(0, |last| last.r#type),
        period_type: Some(ValueType { r#type: event, unit }),
        mapping: vec![Mapping {
            id: 1,
            filename: strings.index("difference"),
            has_functions: true,
            has_filenames: function.iter().any(|function| function.filename != 0),
            ..Mapping::default()
        }],
        comment: vec![strings.index(comment)],
        sample_type,
        sample: samples,
        location,
        function,
        string_table: strings.texts,
        ..proto::Profile::default()
    }
}

/// A location for each function, with its number; nothing is known of their addresses.
fn functions(tree: &Tree, strings: &mut Strings) -> (Vec<Location>, Vec<Function>) {
    let root = tree.nodes().next().map(|(_, Node { function, .. })| *function);
    let rows = tree.functions.iter().filter(|(id, _)| Some(*id) != root);
    rows.map(|(id, function)| {
        let id = id.index() as u64;
        let line = vec![Line { function_id: id, ..Line::default() }];
        let name = strings.index(&function.name);
        (
            Location { id, mapping_id: 1, line, ..Location::default() },
            Function {
                id,
                name,
                system_name: name,
                filename: strings.index(&function.file),
                ..Function::default()
            },
        )
    })
    .unzip()
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
