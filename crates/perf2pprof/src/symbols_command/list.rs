//! `perf2pprof symbols list`.

use std::fmt::Write as _;
use std::io::{self, Write};

use binaries::Match;

use super::{Given, binaries_of, build_id_of, files_of};
use crate::message::Failure;
use crate::output::Target;

/// Prints each binary that the sources hold.
pub(super) fn run(given: &Given) -> Result<(), Failure> {
    let text: String = binaries_of(given)?.iter().map(told).collect();
    let written = io::stdout().lock().write_all(given.names.shown(text).as_bytes());
    written.or_else(|error| Target::Stdout.failed(&error))
}

fn told(found: &Match) -> String {
    let image = &found.image;
    let kind = if image.pack().is_some() { "symbol pack of " } else { "" };
    let mut text = format!(
        "{}\n    {kind}{}, {}, {}\n    {}\n",
        image.path().display(),
        image.name(),
        image.machine(),
        found.quality(),
        build_id_of(found)
    );
    for other in &files_of(found)[1..] {
        let _ = writeln!(text, "    with {}", other.display());
    }
    text
}
