//! Rules: which code belongs to what.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::rule_file::{RawImplies, RawRule, RawThread, RuleFile, Str, VERSION};

// `fn built_in() -> Rules`: the rules for Envoy 1.17 to 1.40, made of `rules/envoy.toml` by `build.rs`, so that no run of
// the program has to read them.
include!(concat!(env!("OUT_DIR"), "/built_in.rs"));

/// What the frames of a rule do to the answer, from the root of a stack to its leaf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// It owns what it calls: subsystem, and filter and direction if the rule has them.
    Owner,
    /// An owner at which the filter ends that was entered before.
    Boundary,
    /// A boundary that also ends a side call: the filter chain goes on.
    Resume,
    /// What it calls is done for the filter that was entered before.
    Sidecall,
    /// Done on behalf of its caller: work.
    Library,
    /// Asked for by nobody on the stack: an interrupt.
    Irq,
    /// Nothing.
    #[default]
    Glue,
}

/// An ordered list of rules, of which the first that matches counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub(crate) list: Vec<RawRule>,
    pub(crate) threads: Vec<RawThread>,
    pub(crate) alias: BTreeMap<Str, Str>,
}

/// What is wrong with a file of rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}{message}", rule.as_ref().map(|id| format!("rule `{id}`: ")).unwrap_or_default())]
pub struct RuleError {
    /// The line, from 1.
    pub line: usize,
    /// The rule, if it is known which.
    pub rule: Option<String>,
    /// What is wrong.
    pub message: String,
}

impl Rules {
    /// The rules that perf2pprof has of its own.
    pub fn built_in() -> Self {
        built_in()
    }

    /// Reads a file of rules. Its rules come before those of `base`, and in the place of those of `base` that have
    /// the same ID, unless the file says `replace = true`: then they are all.
    pub fn parse(text: &str, base: &Self) -> Result<Self, RuleError> {
        let file: RuleFile = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().replace('\n', ", ");
            RuleError { line: line_of(text, at), rule: rule_before(text, at), message }
        })?;
        if *file.version.get_ref() != VERSION {
            let message = format!("version {} is not known, {VERSION} is", file.version.get_ref());
            return Err(RuleError {
                line: line_of(text, file.version.span().start),
                rule: None,
                message,
            });
        }
        let mut rules: Vec<RawRule> = Vec::new();
        for rule in &file.rule {
            let wrong = |message: String| {
                let id = Some(rule.get_ref().id.to_string());
                RuleError { line: line_of(text, rule.span().start), rule: id, message }
            };
            check(rule.get_ref()).map_err(wrong)?;
            if rules.iter().any(|known| known.id == rule.get_ref().id) {
                return Err(wrong("there is another rule of this ID before".to_owned()));
            }
            rules.push(rule.get_ref().clone());
        }
        let mut threads: Vec<RawThread> =
            file.thread.into_iter().map(Spanned::into_inner).collect();
        let mut alias = file.alias;
        if !file.replace {
            let is_new = |rule: &&RawRule| file.rule.iter().all(|own| own.get_ref().id != rule.id);
            rules.extend(base.list.iter().filter(is_new).cloned());
            threads.extend(base.threads.iter().cloned());
            for (from, to) in &base.alias {
                alias.entry(from.clone()).or_insert_with(|| to.clone());
            }
        }
        Ok(Self { list: rules, threads, alias })
    }
}

/// What makes a rule useless, beyond its syntax.
fn check(rule: &RawRule) -> Result<(), String> {
    let needs = |field: &str| Err(format!("its class needs `{field}`"));
    match rule.class {
        Class::Owner | Class::Boundary | Class::Resume | Class::Sidecall | Class::Irq
            if rule.subsystem.is_none() =>
        {
            return needs("subsystem");
        }
        Class::Library | Class::Irq if rule.work.is_none() => return needs("work"),
        _ => {}
    }
    let directions = ["downstream", "upstream", "sidecall"];
    if let Some(direction) = rule.direction.as_deref().filter(|word| !directions.contains(word)) {
        return Err(format!("`{direction}` is no direction; {} are", directions.join(", ")));
    }
    let kinds = ["anon", "libc", "vdso"];
    if let Some(dso) = rule.dso.iter().find(|dso| !kinds.contains(&dso.as_ref())) {
        return Err(format!("`{dso}` is no kind of mapping; {} are", kinds.join(", ")));
    }
    let captures = [("ns_capture", &rule.ns_capture), ("path_capture", &rule.path_capture)];
    for (field, pattern) in captures {
        if pattern.as_ref().is_some_and(|pattern| pattern.matches('*').count() != 1) {
            return Err(format!(
                "`{field}` needs one `*`, which stands for the name of the filter"
            ));
        }
    }
    if rule.sym.iter().any(|name| name.matches('*').count() > 2) {
        return Err("a name has at most two `*`".to_owned());
    }
    let has_pattern = [&rule.ns, &rule.sym, &rule.path, &rule.section, &rule.dso]
        .iter()
        .any(|patterns| !patterns.is_empty())
        || !rule.ns_filter.is_empty()
        || rule.ns_capture.is_some()
        || rule.path_capture.is_some();
    if has_pattern { Ok(()) } else { Err("it has no pattern, and matches nothing".to_owned()) }
}

/// The line of a place in a text, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// The ID of the rule that a place in a text is in.
fn rule_before(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at).unwrap_or(text);
    let start = before.rfind("[[rule]]")?;
    let end = text[start + 2..].find("[[").map_or(text.len(), |len| start + 2 + len);
    let line = text[start..end].lines().find_map(|line| line.trim().strip_prefix("id"))?;
    line.split('"').nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Rules::parse(text, &Rules::built_in()).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_line_and_rule() {
        let rule = |fields: &str| format!("version = 1\n\n[[rule]]\nid = \"mine\"\n{fields}\n");
        assert_eq!(
            error(&rule("ns = [\"A\"]\nclass = \"owner\"")),
            "line 3: rule `mine`: its class needs `subsystem`"
        );
        let unknown = error(&rule("names = [\"A\"]\nclass = \"glue\""));
        assert!(unknown.starts_with("line 5: rule `mine`: unknown field `names`"), "{unknown}");
        let unknown = error(&rule("ns = [\"A\"]\nclass = \"boss\""));
        assert!(unknown.starts_with("line 6: rule `mine`: unknown variant `boss`"), "{unknown}");
        assert_eq!(
            error(&rule("class = \"glue\"")),
            "line 3: rule `mine`: it has no pattern, and matches nothing"
        );
        assert_eq!(error("version = 2"), "line 1: version 2 is not known, 1 is");
        assert!(error("version = ").starts_with("line 1: "));
        let twice = rule(
            "ns = [\"A\"]\nclass = \"glue\"\n[[rule]]\nid = \"mine\"\nns = [\"B\"]\nclass = \"glue\"",
        );
        assert_eq!(error(&twice), "line 7: rule `mine`: there is another rule of this ID before");
    }

    #[test]
    fn the_built_in_rules_are_those_of_their_file() {
        let nothing = Rules { list: Vec::new(), threads: Vec::new(), alias: BTreeMap::new() };
        let file = Rules::parse(include_str!("../rules/envoy.toml"), &nothing).unwrap();
        assert_eq!(Rules::built_in(), file);
    }

    #[test]
    fn rules_of_a_file_come_first_or_are_all() {
        let built_in = Rules::built_in();
        let mine = "version = 1\n[[rule]]\nid = \"access_log\"\nns = [\"A\"]\nclass = \"glue\"\n";
        let extended = Rules::parse(mine, &built_in).unwrap();
        assert_eq!(extended.list[0].id, "access_log");
        assert_eq!(extended.list.len(), built_in.list.len(), "in the place of the built-in one");
        let all = Rules::parse(&format!("replace = true\n{mine}"), &built_in).unwrap();
        assert_eq!((all.list.len(), all.threads.len()), (1, 0));
    }
}
