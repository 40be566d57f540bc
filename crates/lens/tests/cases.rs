//! Stacks, and where in Envoy they are: `cases.txt`, which grew with the rules, and `cases-from-sources.txt`, which
//! was written before they were asked.
//!
//! A line is a stack, its root first, and the answer: `caller;callee => subsystem | work | filter | direction`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is a failed test")]

use std::fmt::Write as _;

use lens::{Lens, Rules, Sections, Tags};
use profile::{
    Binary, BinaryKind, FileOffset, Frame, FrameKind, Function, Id, Line, Profile, Reason, Stack,
    Symbols,
};

const GROWN: &str = include_str!("cases.txt");
const FROM_SOURCES: &str = include_str!("cases-from-sources.txt");

/// A profile that is made of stacks as they are written.
struct Made {
    profile: Profile,
    sections: Sections,
    stacks: Vec<Id<Stack>>,
    /// By frame: name and path.
    names: Vec<(String, String)>,
}

impl Made {
    fn new<'a>(stacks: impl Iterator<Item = &'a str>) -> Self {
        let mut profile = Profile::new();
        let binary = |profile: &mut Profile, path: &str, kind| {
            let path = profile.strings.intern_ref(path);
            profile.binaries.intern(Binary { path, build_id: None, kind, relocation: None })
        };
        let envoy = binary(&mut profile, "/usr/local/bin/envoy", BinaryKind::File);
        let stripped = binary(&mut profile, "/opt/stripped", BinaryKind::File);
        let kernel = binary(&mut profile, "[kernel.kallsyms]", BinaryKind::Kernel);
        let libc = binary(&mut profile, "/usr/lib/libc.so.6", BinaryKind::File);
        let anon = binary(&mut profile, "//anon", BinaryKind::Anonymous { pid: 1 });
        let vdso = binary(&mut profile, "[vdso]", BinaryKind::Vdso);
        profile.main_binary = Some(envoy);
        let mut made =
            Self { profile, sections: Sections::default(), stacks: Vec::new(), names: Vec::new() };
        made.names.push(Default::default());
        for stack in stacks {
            let mut id = Stack::EMPTY;
            for text in stack.split(';') {
                let (text, is_kernel) = match text.strip_suffix("_[k]") {
                    Some(text) => (text, true),
                    None => (text, false),
                };
                let mut parts = text.split('@');
                let name = parts.next().unwrap();
                let facts: Vec<_> = parts.map(|part| part.split_once('=').unwrap()).collect();
                let fact = |key| facts.iter().find(|(k, _)| *k == key).map(|(_, value)| *value);
                let is_unnamed = name.starts_with("0x");
                let in_binary = match fact("dso") {
                    _ if is_kernel => kernel,
                    None if is_unnamed => stripped,
                    None => envoy,
                    Some("libc") => libc,
                    Some("anon") => anon,
                    Some("vdso") => vdso,
                    Some(other) => panic!("`{other}`"),
                };
                if name.starts_with('[') && fact("dso").is_none() {
                    let text = made.profile.strings.intern_ref(name);
                    let frame = made.profile.frames.intern(Frame::marker(text));
                    made.names.resize(made.profile.frames.len(), Default::default());
                    id = made.profile.stacks.intern(Stack { parent: id, frame });
                    continue;
                }
                let offset = FileOffset(made.profile.frames.len() as u64 * 16);
                let frame =
                    Frame { binary: in_binary, kind: FrameKind::InstructionPointer, offset };
                let frame = made.profile.frames.intern(frame);
                if let Some(section) = fact("section") {
                    made.sections.add(in_binary, offset.0..offset.0 + 16, section);
                }
                let shown = if is_unnamed || fact("dso") == Some("anon") { "" } else { name };
                made.names.push((shown.to_owned(), fact("path").unwrap_or_default().to_owned()));
                id = made.profile.stacks.intern(Stack { parent: id, frame });
            }
            made.stacks.push(id);
        }
        made
    }

    fn symbols(&self) -> Symbols {
        let mut symbols = Symbols::none(&self.profile, Reason::Stripped);
        for (frame, (name, path)) in self.names.iter().enumerate() {
            if name.is_empty() {
                continue;
            }
            let mut text = |text: &str| symbols.strings.intern_ref(text);
            let (name, filename) = (text(name), text(path));
            let function = Function { name, system_name: name, filename, start_line: 0 };
            let function = symbols.functions.intern(function);
            symbols.name(Id::new(frame), &[Line { function, line: 0 }]);
        }
        symbols
    }
}

fn cases(text: &str) -> Vec<(&str, &str)> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.rsplit_once(" => ").unwrap()).collect()
}

/// The cases whose answer is another one.
fn wrong(text: &str) -> String {
    let cases = cases(text);
    let made = Made::new(cases.iter().map(|(stack, _)| *stack));
    let lens = Lens::new(Rules::built_in());
    let tags = Tags::of(&lens, &made.profile, &made.symbols(), &made.sections);
    let mut wrong = String::new();
    for ((stack, expected), id) in cases.iter().zip(&made.stacks) {
        let tag = tags.of_stack(*id);
        let subsystem = match tag.subsystem {
            Ok(subsystem) => tags.text(subsystem).to_owned(),
            Err(reason) => format!("({reason})"),
        };
        let or_none = |id: Option<Id<String>>| id.map_or("-", |id| tags.text(id));
        let (filter, direction) = (or_none(tag.filter), or_none(tag.direction));
        let is = format!("{subsystem} | {} | {filter} | {direction}", tags.text(tag.work));
        if is != *expected {
            let rule = tag.rule.map_or("-", |rule| lens.rule_id(rule));
            writeln!(wrong, "{stack}\n  is {is} (by {rule})\n  should be {expected}").unwrap();
        }
    }
    wrong
}

#[test]
fn stacks_are_where_they_should_be() {
    let wrong = wrong(GROWN);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn stacks_from_the_sources_are_where_they_should_be() {
    let wrong = wrong(FROM_SOURCES);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn there_are_as_many_cases_as_there_should_be() {
    let (grown, from_sources) = (cases(GROWN).len(), cases(FROM_SOURCES).len());
    assert!(from_sources >= 50 && grown + from_sources >= 150, "{grown} and {from_sources}");
}
