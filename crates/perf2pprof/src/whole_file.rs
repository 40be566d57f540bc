//! Outputs of other programs of the house: they appear whole or not at all, as those of `perf2pprof` do.

use std::io::{self, Write};
use std::path::Path;

use crate::message::Failure;
use crate::output::Target;

/// Whether a file could be written, before any work is done; `-` is standard output.
pub fn check_output(path: &Path) -> Result<(), Failure> {
    Target::new(path).check()
}

/// Writes a file, and only then gives it its name.
pub fn write_output(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), Failure> {
    let target = Target::new(path);
    let mut output = target.create()?;
    match write(&mut output).and_then(|()| output.finish()) {
        Ok(()) => Ok(()),
        Err(error) => target.failed(&error),
    }
}
