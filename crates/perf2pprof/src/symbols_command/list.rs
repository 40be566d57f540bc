//! `perf2pprof symbols list`.

use std::io::{self, Write};

use binaries::{Match, Sources};

use super::{binaries_of, build_id_of, files_of};
use crate::message::Failure;
use crate::output::Target;

/// Prints each binary that the sources hold.
pub(super) fn run(sources: &Sources) -> Result<(), Failure> {
    let found = binaries_of(sources)?;
    let mut out = io::stdout().lock();
    let written = found.iter().try_for_each(|found| print(&mut out, found));
    written.or_else(|error| Target::Stdout.failed(&error))
}

fn print(out: &mut impl Write, found: &Match) -> io::Result<()> {
    let image = &found.image;
    let kind = if image.pack().is_some() { "symbol pack of " } else { "" };
    writeln!(out, "{}", image.path().display())?;
    writeln!(out, "    {kind}{}, {}, {}", image.name(), image.machine(), found.quality())?;
    writeln!(out, "    {}", build_id_of(found))?;
    for other in &files_of(found)[1..] {
        writeln!(out, "    with {}", other.display())?;
    }
    Ok(())
}
