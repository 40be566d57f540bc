//! Writes the built-in rules as code.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a wrong rule is an error of the build")]

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use toml::{Table, Value};

const RULES: &str = "rules/envoy.toml";

fn main() {
    println!("cargo::rerun-if-changed={RULES}");
    let rules: Table = fs::read_to_string(RULES).unwrap().parse().unwrap();
    let mut code = "fn built_in() -> Rules {\n    Rules {\n        list: vec![\n".to_owned();
    for rule in rules["rule"].as_array().unwrap() {
        writeln!(code, "            {},", structure("RawRule", rule, Some("..RawRule::default()")))
            .unwrap();
    }
    code += "        ],\n        threads: vec![\n";
    for thread in rules["thread"].as_array().unwrap() {
        writeln!(code, "            {},", structure("RawThread", thread, None)).unwrap();
    }
    let alias = rules.get("alias").map_or("BTreeMap::new()".to_owned(), map);
    writeln!(code, "        ],\n        alias: {alias},\n    }}\n}}").unwrap();
    fs::write(Path::new(&env::var_os("OUT_DIR").unwrap()).join("built_in.rs"), code).unwrap();
}

/// A table as a structure. The compiler knows the names of its fields.
fn structure(name: &str, fields: &Value, others: Option<&str>) -> String {
    let field = |(field, value): (&String, &Value)| format!("{field}: {}", code(field, value));
    let mut fields: Vec<_> = fields.as_table().unwrap().iter().map(field).collect();
    fields.extend(others.map(str::to_owned));
    format!("{name} {{ {} }}", fields.join(", "))
}

fn code(field: &str, value: &Value) -> String {
    match (field, value) {
        ("class", Value::String(class)) => {
            let (first, rest) = class.split_at(1);
            format!("Class::{}{rest}", first.to_uppercase())
        }
        ("id" | "role", value) => text(value),
        ("implies", value) => {
            let filter = value.get("filter");
            let filter =
                filter.map_or("None".to_owned(), |filter| format!("Some({})", text(filter)));
            let subsystem = text(&value["subsystem"]);
            format!("Some(RawImplies {{ subsystem: {subsystem}, filter: {filter} }})")
        }
        (_, Value::String(_)) => format!("Some({})", text(value)),
        (_, Value::Boolean(value)) => value.to_string(),
        (_, Value::Array(values)) => {
            format!("vec![{}]", values.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        (_, Value::Table(_)) => map(value),
        _ => panic!("`{field}` is neither a text, a list, a table nor a truth"),
    }
}

fn text(value: &Value) -> String {
    format!("Str::Borrowed({:?})", value.as_str().unwrap())
}

fn map(value: &Value) -> String {
    let row =
        |(key, value): (&String, &Value)| format!("(Str::Borrowed({key:?}), {})", text(value));
    let rows: Vec<_> = value.as_table().unwrap().iter().map(row).collect();
    format!("BTreeMap::from([{}])", rows.join(", "))
}
