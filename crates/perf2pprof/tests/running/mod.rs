//! Runs the command on the recordings of the fixtures.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]
#![allow(dead_code, reason = "each file of tests takes what it needs")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file of the fixtures.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs it.
pub(crate) fn run(args: &[&str]) -> Output {
    run_in(Path::new("."), args)
}

/// Runs it in a directory.
pub(crate) fn run_in(directory: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perf2pprof"));
    command.current_dir(directory).args(args).output().unwrap()
}

/// What it printed; it has to succeed.
pub(crate) fn run_ok(args: &[&str]) -> String {
    let output = run(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}
