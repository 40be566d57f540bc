//! What the profile does not hold, as warnings.

use std::path::{Path, PathBuf};

use binaries::{Note, Quality, Refusal, Refused};
use perf_data::{Damage, InflateProblem, PerfData, RecordsEnd, StreamLoss, Truncation};
use profile::Profile;
use session::{Conversion, Losses};
use symbolize::{BinaryReport, Problem, Symbolized};

use crate::hints;
use crate::message::Warning;
use crate::recording::Recording;
use crate::shares;
use crate::summary::percent;

/// Everything that is missing from a conversion.
pub(crate) fn of_conversion(
    shown: &Path,
    perf: &PerfData<'_>,
    recording: &Recording,
    conversion: &Conversion,
) -> Vec<Warning> {
    let shown = shown.display();
    let samples: u64 = conversion.profile.samples.iter().map(|(_, value)| value.count).sum();
    let kept = format!("kept: the {samples} samples before the cut; the rest is lost");
    let mut warnings = Vec::new();
    match perf.truncation() {
        Some(Truncation::Cut { expected_end, file_len }) => warnings.push(
            Warning::new(format!(
                "`{shown}` is cut short: its data section should end at byte {expected_end}, the file ends at byte {file_len}"
            ))
            .detail(kept)
            .hint("copy it again after `perf record` has ended, and compare the sizes"),
        ),
        Some(Truncation::NeverFinished) => warnings.push(
            Warning::new(format!("`{shown}` was never finished: perf was killed while it recorded"))
                .detail(format!("kept: the {samples} samples that reached the file; build IDs are lost"))
                .hint("end `perf record` with SIGINT: `kill -INT PID`, or `-- sleep 60` for a fixed time"),
        ),
        None => {}
    }
    warnings.extend(of_end(&shown.to_string(), perf, conversion.end, samples));
    warnings.extend(conversion.damage.map(|damage| of_damage(&shown.to_string(), damage, samples)));
    for (file, loss) in recording.losses() {
        let file =
            if file == Path::new("-") { shown.to_string() } else { file.display().to_string() };
        warnings.extend(of_stream(&file, perf, *loss, samples));
    }
    warnings.extend(of_losses(&shown.to_string(), conversion));
    warnings
}

/// What ends before its end.
fn of_end(shown: &str, perf: &PerfData<'_>, end: RecordsEnd, samples: u64) -> Option<Warning> {
    match end {
        // Told of already, with the place where the data should end.
        RecordsEnd::Cut { .. } if perf.truncation().is_some() => None,
        RecordsEnd::Cut { offset, missing } => Some(
            Warning::new(format!(
                "`{shown}` ends within the record at byte {offset}: {missing} bytes are missing"
            ))
            .detail(format!("kept: the {samples} samples before the cut; the rest is lost")),
        ),
        RecordsEnd::Complete => None,
    }
}

/// What is no record.
fn of_damage(shown: &str, damage: Damage, samples: u64) -> Warning {
    let Damage { offset, size, lost, places } = damage;
    let warning = Warning::new(format!(
        "`{shown}` is damaged: the record at byte {offset} claims a size of {size} bytes, and 8 is the least"
    ));
    let more = if places > 1 { format!(" in {places} places") } else { String::new() };
    warning.detail(format!(
        "kept: {samples} samples before and behind it; {lost} bytes{more} are lost"
    ))
}

/// What could not be unpacked.
fn of_stream(file: &str, perf: &PerfData<'_>, loss: StreamLoss, samples: u64) -> Option<Warning> {
    let problem = match loss {
        StreamLoss::Ended(end) => return of_end(file, perf, end, samples),
        StreamLoss::Damaged(damage) => return Some(of_damage(file, damage, samples)),
        StreamLoss::Compressed { offset, lost, problem } => {
            let problem = match problem {
                InflateProblem::Damaged => "is no zstd data, or damaged",
                InflateProblem::TooLarge => "grows to more than a thousand times its size",
            };
            format!(
                "what is compressed in the record at byte {offset} {problem}; {lost} compressed bytes are lost"
            )
        }
        // A cut file ends within a record when it is unpacked, too.
        StreamLoss::Inflated { .. } if perf.truncation().is_some() => return None,
        StreamLoss::Inflated { lost } => {
            format!("what is compressed in it ends in {lost} bytes that are no record")
        }
    };
    let warning = Warning::new(format!("`{file}` is damaged: {problem}"));
    Some(warning.detail(format!("kept: the {samples} samples that could be read")))
}

fn of_losses(shown: &str, conversion: &Conversion) -> Vec<Warning> {
    let losses = &conversion.losses;
    let mut warnings = Vec::new();
    let mut count = |count: u64, what: &str, hint: Option<&str>| {
        if count > 0 {
            let mut warning = Warning::new(format!("`{shown}`: {count} {what}"));
            warning.hints.extend(hint.map(str::to_owned));
            warnings.push(warning);
        }
    };
    count(
        losses.lost_records.saturating_add(losses.lost_samples),
        "samples were lost while recording: perf could not keep up",
        Some("record with a larger buffer (`perf record -m 16M`) or less often (`-F 49`)"),
    );
    count(losses.unreadable_samples, "samples are broken or of no known event, and left out", None);
    count(losses.broken_records, "records are shorter than their type says, and left out", None);
    for (kind, records) in &losses.unknown_records {
        count(
            *records,
            &format!("records of type {} are not known to this version, and left out", kind.0),
            None,
        );
    }
    of_stacks(&conversion.profile, losses, &mut count);
    warnings
}

/// Stacks that had to be made, and could not be.
fn of_stacks(profile: &Profile, losses: &Losses, count: &mut impl FnMut(u64, &str, Option<&str>)) {
    for (binary, value) in &losses.without_unwind_info {
        let path = &profile.strings[profile.binaries[*binary].path];
        count(
            value.count,
            &format!(
                "stacks end in `{path}`: how to unwind it is written in the recorded file, which is not at hand"
            ),
            Some(
                "`--sysroot DIR` or `--debug-image PATH` name a place that has it; a stripped file will do",
            ),
        );
    }
    count(
        losses.unsupported_stacks.count,
        "stacks of 32-bit code, or of a machine other than x86-64 and arm64, are not unwound",
        Some("record with frame pointers: `perf record --call-graph fp`"),
    );
    count(
        losses.missing_user_stacks.count,
        "stacks lack their user part, which the kernel was to record later and did not",
        None,
    );
}

/// Files that should have had names and are not the recorded ones.
pub(crate) fn of_symbols(
    profile: &Profile,
    symbolized: &Symbolized,
    given: &[PathBuf],
) -> Vec<Warning> {
    let event = profile.default_event().and_then(|event| u32::try_from(event).ok()).unwrap_or(0);
    let weights = shares::by_binary(profile, &symbolized.symbols, event);
    let all: shares::Weights = weights.iter().copied().sum();
    let mut warnings: Vec<_> = symbolized
        .refused
        .iter()
        .map(|refused| {
            Warning::new(format!(
                "`{}` has no symbols: {}",
                refused.path.display(),
                refused.refusal
            ))
        })
        .collect();
    // A file that was refused is told of with the binary that it was refused for.
    let is_refused = |path: &PathBuf| {
        let mut refused = symbolized.binaries.iter().flat_map(|report| &report.refused);
        refused.any(|refused| refused.path == *path)
    };
    warnings.extend(symbolized.unused.iter().filter(|path| !is_refused(path)).map(|path| {
        Warning::new(format!(
            "`{}` names nothing: no recorded binary has its build ID or its name",
            path.display()
        ))
        .about_unused(path.display().to_string())
    }));
    for report in &symbolized.binaries {
        let of_binary = &weights[report.binary.index()];
        let unnamed = shares::share(of_binary.frames - of_binary.named, all.frames);
        warnings.extend(refused(profile, report, unnamed));
        warnings.extend(forced(profile, report));
        warnings.extend(packages(profile, report));
        warnings.extend(stripped(profile, report, given));
        let path = &profile.strings[profile.binaries[report.binary].path];
        warnings.extend(report.problems.iter().map(|problem| of_problem(path, problem)));
    }
    warnings
}

fn of_problem(recorded: &str, problem: &Problem) -> Warning {
    match problem {
        Problem::Dwarf { path, error } => Warning::new(format!(
            "the debug info of `{recorded}` in `{}` is damaged: {error}",
            path.display()
        ))
        .detail("names come from its symbol table, without lines and inlined calls"),
        Problem::Pack { path, error } => {
            Warning::new(format!("`{}` does not name all of `{recorded}`: {error}", path.display()))
                .hint("copy it again from where it was made")
        }
        Problem::Kallsyms { path, error } => {
            Warning::new(format!("`{}` names no kernel function: {error}", path.display()))
        }
    }
}

/// One warning for a binary for which nothing but wrong files was found.
fn refused(profile: &Profile, report: &BinaryReport, unnamed: f64) -> Option<Warning> {
    let (first, others) = report.refused.split_first()?;
    if report.used.is_some() || matches!(first.refusal, Refusal::Package(_)) {
        return None;
    }
    let binary = &profile.binaries[report.binary];
    let message = format!(
        "`{}` is not the `{}` that was recorded: {} of frames stay unnamed",
        first.path.display(),
        profile.strings[binary.path],
        percent(unnamed)
    );
    let mut warning = Warning::new(message).detail(first.refusal.to_string());
    warning.hints.extend(hints::for_twin(&first.refusal, binary.build_id.is_some()));
    if profile.recording.is_unwound && matches!(first.refusal, Refusal::Calls(_)) {
        warning = warning.detail("stacks through it were unwound by its tables, and are wrong too");
    }
    for other in others {
        warning = warning.detail(format!("nor is `{}`: {}", other.path.display(), other.refusal));
    }
    Some(warning)
}

/// Packages of other builds beside the right binary.
fn packages(profile: &Profile, report: &BinaryReport) -> Vec<Warning> {
    let recorded = &profile.strings[profile.binaries[report.binary].path];
    let is_package = |refused: &&Refused| matches!(refused.refusal, Refusal::Package(_));
    let warning = |refused: &Refused| {
        let path = refused.path.display();
        Warning::new(format!("`{path}` does not belong to `{recorded}`: {}", refused.refusal))
            .detail("inlined calls stay unknown; other names come from the binary")
    };
    report.refused.iter().filter(is_package).map(warning).collect()
}

/// The right file, of which more was expected: somebody said that it has the symbols.
fn stripped(profile: &Profile, report: &BinaryReport, given: &[PathBuf]) -> Option<Warning> {
    let used = report.used.as_ref().filter(|used| used.quality < Quality::Symbols)?;
    let is_given = given.iter().any(|path| used.image.starts_with(path));
    let recorded = &profile.strings[profile.binaries[report.binary].path];
    is_given.then(|| {
        let message = format!(
            "`{}` is the `{recorded}` that was recorded, and it is stripped: {}",
            used.image.display(),
            used.quality
        );
        Warning::new(message).hint(hints::FOR_STRIPPED)
    })
}

/// A file that the user wants though it is not the recorded one.
fn forced(profile: &Profile, report: &BinaryReport) -> Option<Warning> {
    let (path, refusal) = forced_file(report)?;
    let recorded = &profile.strings[profile.binaries[report.binary].path];
    let message = format!(
        "`{path}` is not the `{recorded}` that was recorded, and names it because of `--force-symbols`"
    );
    Some(Warning::new(message).detail(refusal).detail("take every name of it for a guess"))
}

/// The same, as comments of the profile.
pub(crate) fn forced_comments(profile: &Profile, symbolized: &Symbolized) -> Vec<String> {
    let comment = |report: &BinaryReport| {
        let (path, refusal) = forced_file(report)?;
        let recorded = &profile.strings[profile.binaries[report.binary].path];
        Some(format!("forced-symbols:{recorded} is named by {path}, which was refused: {refusal}"))
    };
    symbolized.binaries.iter().filter_map(comment).collect()
}

/// The file that was forced, and why it had been refused.
fn forced_file(report: &BinaryReport) -> Option<(String, String)> {
    let used = report.used.as_ref().filter(|_| report.notes.contains(&Note::Forced))?;
    let refused = report.refused.iter().find(|refused| refused.path == used.image);
    let refusal = refused.map(|refused| refused.refusal.to_string()).unwrap_or_default();
    Some((used.image.display().to_string(), refusal))
}
