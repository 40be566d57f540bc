//! Whether the files are recordings of one program.
//!
//! Two builds of a program have different build IDs, paths and addresses; what they share is the name of the
//! file, or else functions. Two programs share the kernel's functions and libc's.

use std::collections::HashSet;
use std::path::Path;

use profile::Id;
use regress::{Function, Run, Tree};

use crate::hints::comparison as hints;
use crate::message::{Failure, Warning};

/// What a file is a recording of.
pub(crate) struct Program {
    pub(crate) file: String,
    /// The name of the main binary.
    pub(crate) name: String,
    /// The functions in it.
    pub(crate) functions: HashSet<Id<Function>>,
}

/// Refuses sides that have nothing in common, and files of two programs. Warns where programs of two names
/// do have functions in common, or where one has no names to tell.
pub(crate) fn check(
    tree: &Tree,
    sides: &[HashSet<Id<Function>>; 2],
    runs: &[Vec<Run>; 2],
    programs: &[Program],
) -> Result<Option<Warning>, Failure> {
    let names = |functions: &HashSet<Id<Function>>| -> HashSet<String> {
        functions.iter().map(|function| tree.functions[*function].name.clone()).collect()
    };
    let two = programs.first().and_then(|first| {
        let mut others = programs.iter().filter(|other| other.name != first.name);
        Some((first, others.next()?))
    });
    let Some((first, other)) = two else {
        let is_disjoint = || names(&sides[0]).is_disjoint(&names(&sides[1]));
        return match (runs[0].first(), runs[1].first()) {
            (Some(base), Some(head)) if is_disjoint() => {
                Err(hints::nothing_in_common(&base.name, &head.name))
            }
            _ => Ok(None),
        };
    };
    let with_name = |program: &Program| -> HashSet<String> {
        names(&program.functions).into_iter().filter(|name| !name.starts_with('[')).collect()
    };
    let (of_first, of_other) = (with_name(first), with_name(other));
    if of_first.is_empty() || of_other.is_empty() {
        return Ok(Some(hints::programs_unnamed(first, other)));
    }
    let common = of_first.intersection(&of_other).count();
    if common == 0 {
        return Err(hints::other_program(first, other));
    }
    Ok(Some(hints::programs_of_two_names(first, other, common)))
}

/// A file that is given more than once says nothing new.
pub(crate) fn repeated(base: &[&Path], head: &[&Path]) -> Vec<Warning> {
    let canonical = |paths: &[&Path]| -> Vec<_> {
        paths
            .iter()
            .map(|path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf()))
            .collect()
    };
    let (bases, heads) = (canonical(base), canonical(head));
    let on_both = bases.iter().position(|path| heads.contains(path));
    let on_both = on_both.map(|at| hints::on_both_sides(base[at]));
    let twice = |paths: &[&Path], known: &[std::path::PathBuf]| {
        let at = (0..known.len()).find(|&at| known[..at].contains(&known[at]))?;
        Some(hints::given_twice(paths[at]))
    };
    on_both.into_iter().chain(twice(base, &bases)).chain(twice(head, &heads)).collect()
}
