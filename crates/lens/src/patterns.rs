//! Rules, compiled: the first one that matches a piece of code is found by a few look-ups in tables of prefixes, however
//! many rules there are.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use crate::rule_file::{RawRule, RawThread, Str};
use crate::rules::Rules;
use crate::{name, path, wrapper};

/// A piece of code: a function, physical or inlined, or an address without a name.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    /// Its name for people; "" if it has none.
    pub name: &'a str,
    /// The linker's name, which says what a wrapper wraps; "" if it is not known.
    pub system_name: &'a str,
    /// Its source file; "" if it is not known.
    pub path: &'a str,
    /// The ELF section that it is in, if that is known.
    pub section: Option<&'a str>,
    /// What it is a part of.
    pub origin: Origin,
}

/// What a piece of code is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The recorded program.
    Program,
    /// The C library, or the loader.
    Libc,
    /// Another library.
    Library,
    /// The kernel's page of code in each process.
    Vdso,
    /// Memory without a file: code made at run time.
    Anonymous,
    /// The kernel or its modules.
    Kernel,
    /// Nobody knows.
    Unknown,
}

/// The rule of a piece of code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// Its number, in the order of the rules.
    pub rule: usize,
    /// The filter that its pattern names.
    pub filter: Option<Cow<'a, str>>,
}

/// Rules, ready to be asked.
#[derive(Debug)]
pub struct Lens {
    pub(crate) rules: Vec<RawRule>,
    pub(crate) threads: Vec<RawThread>,
    alias: BTreeMap<Str, Str>,
    /// Made when the first name is asked for: a recording without symbols has none.
    user: OnceLock<Patterns>,
    kernel: OnceLock<Patterns>,
    sections: FxHashMap<Str, usize>,
    origins: FxHashMap<Origin, usize>,
}

impl Lens {
    /// Makes rules ready.
    pub fn new(rules: Rules) -> Self {
        let (mut sections, mut origins) = (FxHashMap::default(), FxHashMap::default());
        for (number, rule) in rules.list.iter().enumerate() {
            for section in &rule.section {
                sections.entry(section.clone()).or_insert(number);
            }
            for dso in &rule.dso {
                let origin = match &**dso {
                    "anon" => Origin::Anonymous,
                    "vdso" => Origin::Vdso,
                    _ => Origin::Libc,
                };
                origins.entry(origin).or_insert(number);
            }
        }
        let Rules { list, threads, alias } = rules;
        let (user, kernel) = Default::default();
        Self { rules: list, threads, alias, user, kernel, sections, origins }
    }

    /// The first rule that matches.
    pub fn find(&self, code: &Code<'_>) -> Option<Match<'_>> {
        let named = if code.name.is_empty() { None } else { self.find_named(code) };
        let section = code.section.and_then(|section| self.sections.get(section));
        let other = [section, self.origins.get(&code.origin)].into_iter().flatten().min();
        let other = other.map(|rule| Match { rule: *rule, filter: None });
        match (named, other) {
            (Some(named), Some(other)) if other.rule < named.rule => Some(other),
            (named, other) => named.or(other),
        }
    }

    /// Whether a rule asks for an ELF section.
    pub fn asks_for_section(&self, name: &str) -> bool {
        self.sections.contains_key(name)
    }

    /// The ID of a rule.
    pub fn rule_id(&self, rule: usize) -> &str {
        &self.rules[rule].id
    }

    fn find_named(&self, code: &Code<'_>) -> Option<Match<'_>> {
        let whole = wrapper::is_wrapper(code.name).then(|| wrapper::whole_name(code.system_name));
        let mut name = name::normalise(whole.flatten().as_deref().unwrap_or(code.name));
        if let Some((first, behind)) = name.split_once("::")
            && let Some(own) = self.alias.get(first)
        {
            name = format!("{own}::{behind}");
        }
        let is_kernel = code.origin == Origin::Kernel;
        let patterns = if is_kernel { &self.kernel } else { &self.user };
        let patterns = patterns.get_or_init(|| Patterns::of(&self.rules, is_kernel));
        let path = if code.path.is_empty() { String::new() } else { path::normalise(code.path) };
        let found = patterns.find(&name, &path)?;
        let filter = match found.filter {
            Filter::None => None,
            Filter::Named(filter) => Some(Cow::Borrowed(filter)),
            Filter::Captured(filter) => Some(Cow::Owned(filter)),
        };
        Some(Match { rule: found.rule, filter })
    }
}

/// The patterns of rules for one kind of code.
#[derive(Debug, Default)]
struct Patterns {
    /// Namespaces and classes, whole, and the filter that each is.
    namespaces: FxHashMap<Str, Vec<(usize, Option<Str>)>>,
    /// Namespaces whose next part is the name of a filter.
    captures: FxHashMap<Str, usize>,
    names: FxHashMap<Str, usize>,
    /// Beginnings of names.
    prefixes: FxHashMap<Str, usize>,
    prefix_lens: BTreeSet<usize>,
    /// Names with a `*` within.
    globs: Vec<(Vec<String>, usize)>,
    /// Directories and files.
    paths: FxHashMap<Str, usize>,
    /// Paths with a `*` for one part; whether that is the name of a filter.
    path_globs: Vec<(Vec<String>, usize, bool)>,
}

#[derive(Debug)]
struct Found<'a> {
    rule: usize,
    filter: Filter<'a>,
}

#[derive(Debug)]
enum Filter<'a> {
    None,
    Named(&'a str),
    Captured(String),
}

impl Patterns {
    /// Those of the rules for the kernel's code, or for that of users.
    fn of(rules: &[RawRule], is_kernel: bool) -> Self {
        let mut patterns = Self::default();
        for (number, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.kernel == is_kernel)
        {
            patterns.add(number, rule);
        }
        patterns
    }

    fn add(&mut self, number: usize, rule: &RawRule) {
        let first = |map: &mut FxHashMap<Str, usize>, key: Str| {
            map.entry(key).or_insert(number);
        };
        for namespace in &rule.ns {
            self.namespaces.entry(namespace.clone()).or_default().push((number, None));
        }
        for (namespace, filter) in &rule.ns_filter {
            let filter = Some(filter.clone());
            self.namespaces.entry(namespace.clone()).or_default().push((number, filter));
        }
        if let Some(pattern) = &rule.ns_capture {
            let len = pattern.find('*').unwrap_or(pattern.len());
            first(&mut self.captures, beginning(pattern, len));
        }
        for name in &rule.sym {
            match name.find('*') {
                None => first(&mut self.names, name.clone()),
                Some(len) if len + 1 == name.len() => {
                    self.prefix_lens.insert(len);
                    first(&mut self.prefixes, beginning(name, len));
                }
                Some(_) => {
                    self.globs.push((name.split('*').map(str::to_owned).collect(), number));
                }
            }
        }
        let parts = |path: &str| path.trim_end_matches('/').split('/').map(str::to_owned).collect();
        for path in &rule.path {
            if path.contains('*') {
                self.path_globs.push((parts(path), number, false));
            } else {
                first(&mut self.paths, beginning(path, path.trim_end_matches('/').len()));
            }
        }
        if let Some(pattern) = &rule.path_capture {
            self.path_globs.push((parts(pattern), number, true));
        }
    }

    fn find(&self, name: &str, path: &str) -> Option<Found<'_>> {
        let mut best: Option<Found<'_>> = None;
        let mut offer = |rule: usize, filter: Filter<'static>| {
            let is_new = best.as_ref().is_none_or(|best| rule < best.rule);
            if is_new {
                best = Some(Found { rule, filter });
            }
            is_new || best.as_ref().is_some_and(|best| rule == best.rule)
        };
        let mut named = None;
        let borders = name.match_indices("::").map(|(at, _)| at).chain([name.len()]);
        for at in borders {
            // Of one rule, the longest namespace says which filter it is.
            for (rule, filter) in self.namespaces.get(&name[..at]).into_iter().flatten() {
                if offer(*rule, Filter::None)
                    && let Some(filter) = filter
                {
                    named = Some((*rule, &**filter));
                }
            }
            let behind = name.get(at + 2..).filter(|behind| !behind.is_empty());
            if let Some(behind) = behind
                && let Some(rule) = self.captures.get(&name[..at + 2])
            {
                let filter = behind.split("::").next().unwrap_or(behind);
                offer(*rule, Filter::Captured(filter.to_owned()));
            }
        }
        if let Some(rule) = self.names.get(name) {
            offer(*rule, Filter::None);
        }
        for len in self.prefix_lens.range(..=name.len()) {
            if let Some(rule) = name.get(..*len).and_then(|start| self.prefixes.get(start)) {
                offer(*rule, Filter::None);
            }
        }
        for (parts, rule) in &self.globs {
            if is_glob(parts, name) {
                offer(*rule, Filter::None);
            }
        }
        if !path.is_empty() {
            let borders = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            for rule in borders.filter_map(|at| self.paths.get(&path[..at])) {
                offer(*rule, Filter::None);
            }
            for (parts, rule, is_capture) in &self.path_globs {
                if let Some(part) = path_part(parts, path) {
                    let filter = || Filter::Captured(part.to_owned());
                    offer(*rule, if *is_capture { filter() } else { Filter::None });
                }
            }
        }
        let mut best = best?;
        if let Some((rule, filter)) = named.filter(|(rule, _)| *rule == best.rule) {
            best = Found { rule, filter: Filter::Named(filter) };
        }
        Some(best)
    }
}

/// So many bytes of a text, without a copy of one that stands in the program.
fn beginning(text: &Str, len: usize) -> Str {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..len]),
        Cow::Owned(text) => Cow::Owned(text[..len].to_owned()),
    }
}

/// Whether a name has the parts in their order, from its beginning to its end.
fn is_glob(parts: &[String], name: &str) -> bool {
    let [start, inner @ .., end] = parts else { return false };
    let Some(mut rest) = name.strip_prefix(start.as_str()) else { return false };
    for part in inner {
        let Some((_, behind)) = rest.split_once(part.as_str()) else { return false };
        rest = behind;
    }
    rest.ends_with(end.as_str())
}

/// What the `*` of a path's pattern stands for. It may be a part of a directory's name.
fn path_part<'p>(parts: &[String], path: &'p str) -> Option<&'p str> {
    let mut found = None;
    let mut components = path.split('/');
    for part in parts {
        let component = components.next()?;
        match part.split_once('*') {
            None if part == component => {}
            None => return None,
            Some((start, end)) => {
                let inside = component.strip_prefix(start)?.strip_suffix(end)?;
                found = Some(inside);
            }
        }
    }
    // The last part is a directory.
    components.next().and(found)
}
