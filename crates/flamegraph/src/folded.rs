//! Folded stacks: one line per stack, which every flame graph tool reads.

use std::io::{self, BufWriter, Write};

use profile::{Profile, Symbols};

use crate::names::Style;
use crate::tree::Tree;

/// Writes the samples of an event as folded stacks, `thread;caller;callee WEIGHT`, and returns
/// the sum of the weights. Stacks with the same names are one line, callers come before their
/// callees, and callees are in the order of their names.
///
/// `event` is an index into [`Profile::events`]; without samples of it nothing is written.
pub fn folded(
    profile: &Profile,
    symbols: &Symbols,
    event: usize,
    out: impl Write,
) -> io::Result<u64> {
    let tree = Tree::of(profile, symbols, event, Style::Plain);
    let mut out = BufWriter::new(out);
    tree.walk(0, |stack, weight| writeln!(out, "{stack} {weight}"))?;
    out.flush()?;
    Ok(tree.total())
}
