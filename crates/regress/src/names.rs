//! Names that are the same in two builds of the same source.

use std::borrow::Cow;

/// What compilers append to the name of a part or a copy of a function, behind a dot.
const SUFFIXES: [&str; 9] =
    ["llvm", "cold", "part", "constprop", "isra", "lto_priv", "__uniq", "clone", "warm"];

/// All ways to write a namespace without a name.
const ANONYMOUS: [&str; 3] = ["_GLOBAL__N_1", "{anonymous}", "(anonymous)"];

/// A name without what changes from build to build though the source does not: the numbers of
/// lambdas and unnamed types, ABI tags, and what compilers append to parts and copies of a function.
pub fn canonical_name(name: &str) -> Cow<'_, str> {
    let plain = without_suffixes(name);
    let is_plain = !plain.contains(['[', '{', '\'', '$', '(']) && !plain.contains(ANONYMOUS[0]);
    if is_plain {
        return Cow::Borrowed(plain);
    }
    let mut text = without_tags(plain);
    for anonymous in ANONYMOUS {
        if text.contains(anonymous) {
            text = text.replace(anonymous, "(anonymous namespace)");
        }
    }
    Cow::Owned(without_numbers(&text))
}

/// `run.llvm.123`, `run.cold`, `run.part.0.isra.1`, `run [clone .cold]`
fn without_suffixes(name: &str) -> &str {
    let mut name = name.split(" [clone ").next().unwrap_or(name).trim();
    while let Some((head, tail)) = name.rsplit_once('.') {
        let is_number = !tail.is_empty() && tail.bytes().all(|byte| byte.is_ascii_digit());
        let is_suffix = SUFFIXES.contains(&tail) || is_number && has_suffix(head);
        if !is_suffix || head.is_empty() {
            break;
        }
        name = head;
    }
    name
}

fn has_suffix(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(head, tail)| !head.is_empty() && SUFFIXES.contains(&tail))
}

/// `name[abi:cxx11]`
fn without_tags(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, tagged)) = rest.split_once("[abi:") {
        text.push_str(before);
        rest = tagged.split_once(']').map_or("", |(_, behind)| behind);
    }
    text + rest
}

/// `{lambda(int)#2}`, `'lambda0'(int)`, `$_3`, `{unnamed type#1}`, `'unnamed1'`
fn without_numbers(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find(['{', '\'', '$']) {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let (kind, behind) = unnumbered(from);
        text.push_str(kind);
        rest = behind;
    }
    text + rest
}

/// What the beginning of a text stands for, and what is behind it.
fn unnumbered(text: &str) -> (&str, &str) {
    if let Some(inside) = text.strip_prefix("{lambda") {
        return ("{lambda}", behind_brace(inside));
    }
    if let Some(inside) = text.strip_prefix("{unnamed") {
        return ("{unnamed}", behind_brace(inside));
    }
    if let Some(inside) = text.strip_prefix("'lambda") {
        return ("{lambda}", behind_quote(inside));
    }
    if let Some(inside) = text.strip_prefix("'unnamed") {
        return ("{unnamed}", behind_quote(inside));
    }
    if let Some(number) = text.strip_prefix("$_") {
        return ("{lambda}", number.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    // One of the three, and nothing that is known.
    text.split_at(1)
}

/// Behind the brace that closes the one before the text.
fn behind_brace(text: &str) -> &str {
    let mut open = 1_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return text.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

/// Behind `0'` and the parameters that may follow it.
fn behind_quote(text: &str) -> &str {
    let behind = text.split_once('\'').map_or("", |(_, behind)| behind);
    if !behind.starts_with('(') {
        return behind;
    }
    let mut open = 0_u32;
    for (at, byte) in behind.bytes().enumerate() {
        match byte {
            b'(' => open += 1,
            b')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return behind.get(at + 1..).unwrap_or_default();
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_between_builds_is_left_out() {
        let same = [
            ("Envoy::Http::decode", "Envoy::Http::decode"),
            ("decode.llvm.1234567890", "decode"),
            ("decode.cold", "decode"),
            ("decode.cold.1", "decode"),
            ("decode.part.0.isra.2.constprop.0", "decode"),
            ("decode [clone .cold] [clone .1]", "decode"),
            ("std::string::size[abi:cxx11]", "std::string::size"),
            ("run()::{lambda(int)#2}::operator()", "run()::{lambda}::operator()"),
            (
                "run::{lambda(auto:1)#1}::operator()::{lambda()#3}",
                "run::{lambda}::operator()::{lambda}",
            ),
            ("run::'lambda0'(int)::operator()", "run::{lambda}::operator()"),
            ("run::$_12::operator()", "run::{lambda}::operator()"),
            ("x::_GLOBAL__N_1::y", "x::(anonymous namespace)::y"),
            ("x::{anonymous}::y", "x::(anonymous namespace)::y"),
            ("make::{unnamed type#1}::make", "make::{unnamed}::make"),
        ];
        for (name, canonical) in same {
            assert_eq!(canonical_name(name), canonical, "{name}");
            assert_eq!(canonical_name(canonical), canonical, "{canonical} again");
        }
    }

    #[test]
    fn what_is_part_of_a_name_stays() {
        for name in ["main.run", "runtime.mcall", "v8.1", ".plt", "a.b.2", "[broken stack]", "it's"]
        {
            assert_eq!(canonical_name(name), name);
        }
    }

    #[test]
    fn broken_names_do_not_hang() {
        for name in ["{lambda", "'lambda", "'lambda'(", "$_", "{", "'", "[abi:", ".cold", ".llvm.1"]
        {
            let _ = canonical_name(name);
        }
    }
}
