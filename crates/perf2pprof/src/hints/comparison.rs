//! What to tell the user of `perf2pprof diff` to try.

use std::io;
use std::path::Path;

use super::reason;
use crate::diff::programs::Program;
use crate::message::{Failure, Warning};
use crate::summary::percent;

/// A file of nothing.
pub(crate) fn empty(shown: &str) -> Failure {
    Failure::new(format!("`{shown}` is empty"))
        .hint("was it still being written when it was copied?")
}

/// A file of none of the three kinds.
pub(crate) fn not_comparable(shown: &str, error: &pprof_format::Error) -> Failure {
    Failure::new(format!(
        "`{shown}` is no recording, no pprof profile and no folded stacks: {error}"
    ))
    .hint("each line of folded stacks is like `main;run;read 12`, as `perf2pprof --folded FILE` writes them")
}

/// A side without any weight.
pub(crate) fn nothing_to_compare(shown: &str) -> Failure {
    Failure::new(format!("`{shown}` has no sample to compare"))
        .hint("was the program under load while it was recorded?")
}

/// Two sides without anything that both have.
pub(crate) fn nothing_in_common(base: &str, head: &str) -> Failure {
    Failure::new(format!("`{base}` and `{head}` have no function in common"))
        .hint("compare recordings of one program, with names on both sides")
}

/// Two programs.
pub(crate) fn other_program(one: &Program, other: &Program) -> Failure {
    Failure::new(format!("{}, and no function of the one is in the other", of_two(one, other)))
        .hint("compare recordings of one program; two builds of it may differ in everything but its functions")
}

/// Maybe two programs.
pub(crate) fn programs_unnamed(one: &Program, other: &Program) -> Warning {
    Warning::new(format!("{}, and their functions have no names to tell by", of_two(one, other)))
        .hint("if that is one program, `--debug-image PATH`, given for each of the builds, names its functions")
}

/// One program under two names, or two that share code.
pub(crate) fn programs_of_two_names(one: &Program, other: &Program, common: usize) -> Warning {
    let functions = if common == 1 { "function is" } else { "functions are" };
    Warning::new(format!(
        "{}: {common} {functions} in both, and all others look new or gone",
        of_two(one, other)
    ))
}

fn of_two(one: &Program, other: &Program) -> String {
    format!(
        "`{}` is a recording of `{}` and `{}` is one of `{}`",
        one.file, one.name, other.file, other.name
    )
}

/// One file as what was before and what is now.
pub(crate) fn on_both_sides(path: &Path) -> Warning {
    Warning::new(format!("`{}` is on both sides, and does not differ from itself", path.display()))
}

/// One file as two runs.
pub(crate) fn given_twice(path: &Path) -> Warning {
    Warning::new(format!("`{}` is given twice on one side, and counts twice", path.display()))
        .detail("what it shows looks surer than it is")
        .hint("several files of a side are repeated runs: record again for each")
}

/// A file, and as many more of its side, with frames that have no names.
pub(crate) fn unnamed(file: &str, more: usize, share: f64, hints: &[String]) -> Warning {
    let more = if more > 0 { format!(", as in {more} more of this side") } else { String::new() };
    let share = percent(share);
    let mut warning =
        Warning::new(format!("in `{file}`, {share} of the weight of all frames has no name{more}"));
    warning.hints.extend_from_slice(hints);
    warning
}

/// A binary with names in some files only: one that has them, and one that has none.
pub(crate) fn half_named(binary: &str, named: &str, unnamed: &str) -> Warning {
    Warning::new(format!(
        "`{binary}` has names in `{named}` and none in `{unnamed}`, and is compared as a whole"
    ))
    .hint("`--debug-image` can be repeated, and each file takes what has its build ID; `--kallsyms` is for kernels")
}

/// A binary with inlined calls in some files only.
pub(crate) fn half_inlined(binary: &str, with: &str, without: &str) -> Warning {
    Warning::new(format!(
        "`{binary}` has inlined calls in `{with}` and none in `{without}`: in both they count as their caller's"
    ))
    .hint("the debug info of both builds has them, with its package (`.dwp`) if there is one")
}

/// The budgets and allowances cannot be opened.
pub(crate) fn cannot_open_policy(path: &Path, error: &io::Error) -> Failure {
    Failure::new(format!("cannot open `{}`: {}", path.display(), reason(error)))
}

/// They are not written as they should be.
pub(crate) fn not_a_policy(path: &Path, line: usize, problem: &str) -> Failure {
    Failure::new(format!("`{}` is no policy: line {line}: {}", path.display(), problem.trim_end()))
        .hint("a `[[budget]]` has `function` and `grow`, an `[[allow]]` `function`, `reason` and `until`, a `[[rename]]` `from`, `to` and `reason`")
}

/// The directory for all outputs cannot be made.
pub(crate) fn cannot_make_directory(path: &Path, error: &io::Error) -> Failure {
    let problem = match error.kind() {
        io::ErrorKind::AlreadyExists => "it is a file".to_owned(),
        _ => reason(error),
    };
    Failure::new(format!("cannot make the directory `{}`: {problem}", path.display()))
        .hint("`--out-dir DIR` names another one")
}
