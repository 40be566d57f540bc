//! Which functions are taken for one under two names.
#![allow(missing_docs, clippy::cast_precision_loss)]

use regress::{Block, Cell, Function, Options, Run, Tree, compare, propose_renames};

/// A run of folded stacks.
fn run(tree: &mut Tree, stacks: &[(&str, u64)]) -> Run {
    let cells = stacks.iter().map(|(stack, count)| {
        let node = stack.split(';').fold(Tree::ROOT, |node, name| {
            let function = Function { name: name.to_owned(), file: String::new() };
            let function = tree.functions.intern(function);
            tree.child(node, function)
        });
        Cell { node, block: 0, weight: *count as f64, count: *count }
    });
    let cells = cells.collect();
    Run { name: String::new(), blocks: vec![Block::default()], cells, sum_of_squares: None }
}

fn proposed(base: &[(&str, u64)], head: &[(&str, u64)]) -> Vec<String> {
    let mut tree = Tree::default();
    let (base, head) = ([run(&mut tree, base)], [run(&mut tree, head)]);
    let comparison = compare(&tree, &base, &head, &Options::default());
    let name = |function| &*tree.functions[function].name;
    let mut found: Vec<_> = propose_renames(&tree, &base, &head, &comparison)
        .iter()
        .map(|rename| format!("{} -> {}", name(rename.from), name(rename.to)))
        .collect();
    found.sort();
    found
}

#[test]
fn a_function_with_another_name_and_the_same_neighbours_is_one() {
    let base =
        [("main;run;old;copy", 300), ("main;run;old", 500), ("main;run;rest", 3000), ("idle", 900)];
    let head =
        [("main;run;new;copy", 320), ("main;run;new", 470), ("main;run;rest", 3100), ("idle", 880)];
    assert_eq!(proposed(&base, &head), ["old -> new"]);
    assert!(proposed(&base, &base).is_empty());
}

#[test]
fn equal_weight_in_another_place_is_another_function() {
    let base = [("main;run;old", 800), ("main;run;rest", 3000), ("main;poll", 3000)];
    let head = [("main;run;rest", 3000), ("main;poll;new", 800), ("main;poll", 3000)];
    assert!(proposed(&base, &head).is_empty());
}

#[test]
fn another_weight_in_the_same_place_is_another_function() {
    let base = [("main;run;old", 1200), ("main;run;rest", 3000)];
    let head = [("main;run;new", 400), ("main;run;rest", 3000)];
    assert!(proposed(&base, &head).is_empty());
}

#[test]
fn what_calls_others_is_another_function() {
    let base = [("main;run;old;copy", 800), ("main;run;parse", 3000), ("copy", 10)];
    let head = [("main;run;new;parse", 800), ("main;run;parse", 3000), ("copy", 10)];
    assert!(proposed(&base, &head).is_empty());
}

/// Each of them could be either.
#[test]
fn of_two_that_are_alike_none_is_proposed() {
    let base = [("main;old1", 800), ("main;old2", 800), ("main;rest", 3000)];
    let head = [("main;new1", 800), ("main;new2", 800), ("main;rest", 3000)];
    assert!(proposed(&base, &head).is_empty());
}

#[test]
fn a_renamed_namespace_is_followed_from_outside() {
    let base = [
        ("main;old::run;old::decode;old::copy;memcpy", 700),
        ("main;old::run;old::decode;read", 900),
        ("main;old::run;write", 1500),
        ("main;poll", 3000),
    ];
    let head = base.map(|(stack, count)| (stack.replace("old::", "new::"), count));
    let head: Vec<_> = head.iter().map(|(stack, count)| (&**stack, *count)).collect();
    let wanted = ["old::copy -> new::copy", "old::decode -> new::decode", "old::run -> new::run"];
    assert_eq!(proposed(&base, &head), wanted);
}

/// What is rare comes and goes by chance, and what has no name is at another address in each build.
#[test]
fn rare_and_unnamed_functions_are_not_proposed() {
    let base = [("main;old", 4), ("main;[envoy+0x1234]", 500), ("main;rest", 500)];
    let head = [("main;new", 4), ("main;[envoy+0x1238]", 500), ("main;rest", 500)];
    assert!(proposed(&base, &head).is_empty());
}
