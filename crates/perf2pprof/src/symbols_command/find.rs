//! `perf2pprof symbols find`.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::Path;

use binaries::{Located, Locator, RecordedBinaries};
use profile::{BinaryKind, Profile};
use session::{Options, Selection};

use super::{Given, files_of};
use crate::hints;
use crate::message::Failure;
use crate::output::Target;
use crate::recording::Recording;

/// Prints what the sources are for each binary of the recording. It is an error if they are nothing
/// for any.
pub(super) fn run(given: &Given, recording: &Path, threads: NonZeroUsize) -> Result<(), Failure> {
    let profile = read(recording, threads)?;
    let locator = Locator::new(&given.sources);
    let mut found_any = false;
    let mut text = String::new();
    let recorded = RecordedBinaries::of(&profile);
    for (id, binary) in profile.binaries.iter() {
        if binary.kind != BinaryKind::File {
            continue;
        }
        let located = locator.locate(&recorded.get(id));
        found_any |= located.found.is_some();
        let id = binary.build_id.map_or_else(String::new, |id| format!(" (build ID {id})"));
        let _ = write!(text, "{}{id}\n{}", profile.strings[binary.path], told(&located));
    }
    let written = io::stdout().lock().write_all(given.names.shown(text).as_bytes());
    written.or_else(|error| Target::Stdout.failed(&error))?;
    let refused = locator.into_refused();
    if found_any { Ok(()) } else { Err(hints::fits_nothing(&given.shown, recording, &refused)) }
}

fn told(located: &Located) -> String {
    let mut text = String::new();
    if let Some(found) = &located.found {
        let files = files_of(found).into_iter().map(|path| format!("`{}`", path.display()));
        let files = files.collect::<Vec<_>>().join(" and ");
        let _ = writeln!(text, "    fits {files} ({})", found.quality());
    }
    for note in &located.notes {
        let _ = writeln!(text, "    {note}");
    }
    for refused in &located.refused {
        let _ = writeln!(text, "    not `{}`: {}", refused.path.display(), refused.refusal);
    }
    if text.is_empty() {
        text.push_str("    nothing of this name or build ID\n");
    }
    text
}

fn read(path: &Path, threads: NonZeroUsize) -> Result<Profile, Failure> {
    let shown = path.display().to_string();
    let recording = Recording::open(path)?;
    let perf = recording
        .parse()
        .map_err(|error| hints::not_perf_data(&shown, &error, recording.first_bytes()))?;
    hints::check_supported(&shown, &perf)?;
    let options = Options { labels: Vec::new(), selection: Selection::default(), threads };
    Ok(session::convert(&perf, &options, None, &|_| {}).profile)
}
