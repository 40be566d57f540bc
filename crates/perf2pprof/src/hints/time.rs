//! What to try for views of time.

use std::path::Path;

use crate::message::Failure;

/// A profile was given for something that needs times.
pub(crate) fn profile_has_no_time(path: &Path, what: &str) -> Failure {
    let shown = path.display();
    Failure::new(format!(
        "`{shown}` is a pprof profile, which does not say when its samples were taken"
    ))
    .hint(format!(
        "start from the recording: `{what}` needs the perf.data file that the profile was made of"
    ))
}

/// A side of a split has nothing.
pub(crate) fn nothing_beside(path: &Path, is_before: bool, seconds: f64) -> Failure {
    let side = if is_before { "before" } else { "from" };
    Failure::new(format!("`{}` has no samples {side} the moment of `--split-at`", path.display()))
        .hint(format!("its samples are from 0 to {seconds:.1} s; `perf2pprof timeline` shows when"))
}

/// The samples of a recording do not state their time.
pub(crate) fn recording_has_no_time(path: &Path) -> Failure {
    Failure::new(format!("the samples of `{}` do not say when they were taken", path.display()))
        .hint("`perf record -T` records it")
}
