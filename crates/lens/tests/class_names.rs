//! The class names (RTTI) in released Envoys, against the rules: which namespaces no rule knows.
//!
//! `tests/class-names.tsv` has, by version, how many classes of Envoy's were found, how many of them only the rule for
//! all that is left matches, and in how many namespaces; `tests/unknown-namespaces.txt` lists those. A release that
//! brings more of them makes the check fail.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use cpp_demangle::{BorrowedSymbol, DemangleOptions};
use lens::{Code, Lens, Origin, Rules, normalise_name};

const FIGURES: &str = include_str!("class-names.tsv");
const UNKNOWN: &str = include_str!("unknown-namespaces.txt");

/// The names of Envoy's classes in the bytes of a binary. A type's name is a string of its mangling.
fn class_names(binary: &[u8]) -> BTreeSet<String> {
    let strings = binary.split(|byte| *byte == 0);
    let own = strings.filter(|s| s.starts_with(b"N5Envoy") || s.starts_with(b"ZN5Envoy"));
    let name = |string: &[u8]| {
        let mangled = [b"_ZTS", string].concat();
        let symbol = BorrowedSymbol::new(&mangled).ok()?;
        let name = symbol.demangle_with_options(&DemangleOptions::new()).ok()?;
        Some(normalise_name(name.strip_prefix("typeinfo name for ")?))
    };
    own.filter_map(name).filter(|name| name.starts_with("Envoy::")).collect()
}

/// The part of Envoy that a class is in, as far as it has a name of its own.
fn namespace(class: &str) -> String {
    let len = if class.starts_with("Envoy::Extensions::") { 3 } else { 2 };
    class.split("::").take(len).collect::<Vec<_>>().join("::")
}

#[test]
#[ignore = "needs released binaries; run by scripts/check-lens-rtti"]
fn namespaces_that_no_rule_knows_are_as_many_as_before() {
    let lens = Lens::new(Rules::built_in());
    let binaries = std::env::var("ENVOY_BINARIES").expect("VERSION=PATH, separated by spaces");
    let mut figures = String::from("version\tclasses\tunknown\tnamespaces\n");
    let mut all: BTreeMap<String, usize> = BTreeMap::new();
    for binary in binaries.split_whitespace() {
        let (version, path) = binary.split_once('=').unwrap();
        let classes = class_names(&std::fs::read(PathBuf::from(path)).unwrap());
        assert!(classes.len() > 4_000, "{version} has only {} classes", classes.len());
        let is_unknown = |class: &&String| {
            let origin = Origin::Program;
            let code = Code { name: class, system_name: "", path: "", section: None, origin };
            let found = lens.find(&code).map(|found| lens.rule_id(found.rule).to_owned());
            found.is_none_or(|rule| rule == "envoy.other")
        };
        let unknown: Vec<&String> = classes.iter().filter(is_unknown).collect();
        let mut namespaces: BTreeMap<String, usize> = BTreeMap::new();
        for class in &unknown {
            *namespaces.entry(namespace(class)).or_default() += 1;
        }
        let row = [classes.len(), unknown.len(), namespaces.len()].map(|n| n.to_string());
        writeln!(figures, "{version}\t{}", row.join("\t")).unwrap();
        for (namespace, classes) in namespaces {
            let most = all.entry(namespace).or_default();
            *most = classes.max(*most);
        }
    }
    let mut unknown = String::new();
    for namespace in all.keys() {
        writeln!(unknown, "{namespace}").unwrap();
    }
    println!("{figures}");
    let mut rows: Vec<_> = all.into_iter().collect();
    rows.sort_by_key(|(_, classes)| std::cmp::Reverse(*classes));
    for (namespace, classes) in rows {
        println!("{classes:5}  {namespace}");
    }
    if std::env::var_os("UPDATE").is_some() {
        let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests");
        std::fs::write(tests.join("class-names.tsv"), figures).unwrap();
        std::fs::write(tests.join("unknown-namespaces.txt"), unknown).unwrap();
        return;
    }
    assert_eq!(figures, FIGURES, "UPDATE=1 writes the new figures");
    assert_eq!(unknown, UNKNOWN, "UPDATE=1 writes the new list");
}
