//! The order of the steps.

use std::io::{self, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

use binaries::{Locator, Recorded, Sources};
use debug_image::Wanted;
use perf_data::{EventAttr, PerfData};
use profile::{Profile, Reason, Symbols};
use session::{Conversion, LeftOut, Visited};
use symbolize::Symbolized;
use unwind::Unwinding;

use crate::args::SummaryFormat;
use crate::debuginfod;
use crate::hints;
use crate::images::{self, FoundImages, ImageNames, Images};
use crate::job::Job;
use crate::message::{Failure, Warning, base_name};
use crate::output::{Output, Target};
use crate::progress::Progress;
use crate::recording::Recording;
use crate::summary::Summary;
use crate::warnings;

/// Converts recordings to one profile.
pub fn run(job: &Job) -> Result<(), Failure> {
    let images = Images::new(&job.sources.images, job.summary.is_none())?;
    let mut parts = Vec::new();
    let mut nothing = None;
    for path in &job.recordings {
        let (conversion, warnings, failure) = read(job, &images, path)?;
        warn(job, warnings)?;
        nothing = nothing.or(failure);
        parts.push((shown_name(path), conversion));
    }
    // A series (`--switch-output`) is put together in the order of time.
    parts.sort_by_key(|(_, conversion)| conversion.profile.recording.start_unix_nanos);
    let recordings: Vec<_> = parts.iter().map(|(name, _)| *name).collect();
    let mut conversion = merge(parts)?;
    if let Some(failure) = nothing.filter(|_| conversion.profile.samples.is_empty()) {
        return Err(failure);
    }
    let selection = &job.session.selection;
    let (symbolized, names, warnings) = symbolize(job, &images, &conversion.profile)?;
    warn(job, warnings)?;
    let forced = warnings::forced_comments(&conversion.profile, &symbolized);
    let comments = &mut conversion.profile.comments;
    comments.extend(conversion.losses.comments());
    comments.extend(names.in_texts(forced));
    if !selection.is_everything() {
        comments.push(format!("selection:{selection}"));
        comments.extend(conversion.left_out.iter().map(LeftOut::comment));
    }

    let has_names = job.symbolize.is_some();
    job.lens.add(&mut conversion.profile, &symbolized, has_names)?;
    write_outputs(job, &title(&recordings), &conversion.profile, &symbolized.symbols)?;
    let summary = || {
        let mut summary = Summary::new(&recordings, job, &conversion, &symbolized);
        names.in_summaries(&mut summary.binaries);
        summary
    };
    match job.summary {
        None => {}
        Some(SummaryFormat::Text) => eprint!("{}", summary()),
        Some(SummaryFormat::Json) => print_json(&summary())?,
    }
    Ok(())
}

/// A recording, with what is known of its names.
pub(crate) struct NamedRecording {
    pub(crate) conversion: Conversion,
    pub(crate) symbolized: Symbolized,
    /// What the images are called.
    pub(crate) names: ImageNames,
    /// What is to be said of the names.
    pub(crate) warnings: Vec<Warning>,
}

/// Converts the one recording of a job that is to be looked into, and looks its names up.
pub(crate) fn read_named(job: &Job) -> Result<NamedRecording, Failure> {
    let images = Images::new(&job.sources.images, job.summary.is_none())?;
    let (named, warnings) = read_named_with(job, &images)?;
    warn(job, warnings)?;
    Ok(named)
}

/// The same with images that are at hand, and with what is to be said of the conversion.
pub(crate) fn read_named_with(
    job: &Job,
    images: &Images,
) -> Result<(NamedRecording, Vec<Warning>), Failure> {
    let (conversion, of_conversion, nothing) = read(job, images, job.first_recording())?;
    if let Some(failure) = nothing {
        return Err(failure);
    }
    let (symbolized, names, warnings) = symbolize(job, images, &conversion.profile)?;
    Ok((NamedRecording { conversion, symbolized, names, warnings }, of_conversion))
}

/// Converts one recording. What is to be said of it; if it has no sample, the reason.
fn read(
    job: &Job,
    images: &Images,
    path: &Path,
) -> Result<(Conversion, Vec<Warning>, Option<Failure>), Failure> {
    let shown = shown_name(path);
    let recording = Recording::open(path)?;
    let perf = recording
        .parse()
        .map_err(|error| hints::not_perf_data(shown, &error, recording.first_bytes()))?;
    hints::check_supported(shown, &perf)?;
    let selection = &job.session.selection;
    selection.check(&perf).map_err(|error| hints::not_selectable(shown, &error))?;
    // A long conversion should not end in a directory that does not exist.
    job.outputs().try_for_each(Target::check)?;

    let mut conversion = convert(job, images, &recording, &perf)?;
    name_events(job, &mut conversion.profile);
    fill_start_time(&mut conversion, path);
    let warnings = warnings::of_conversion(Path::new(shown), &perf, &recording, &conversion);
    let nothing =
        conversion.profile.samples.is_empty().then(|| match conversion.left_out.as_slice() {
            [] => hints::no_samples(shown, &perf),
            left_out => hints::nothing_selected(shown, selection, left_out),
        });
    Ok((conversion, warnings, nothing))
}

fn merge(parts: Vec<(&str, Conversion)>) -> Result<Conversion, Failure> {
    let mut parts = parts.into_iter();
    let (first, mut all) = parts.next().ok_or_else(|| Failure::new("no recording is given"))?;
    for (name, conversion) in parts {
        all.merge(conversion).map_err(|error| hints::events_differ(first, name, &error))?;
    }
    Ok(all)
}

/// What a flame graph of recordings is called.
fn title(names: &[&str]) -> String {
    match names {
        [first, _, ..] => format!("{} and {} more", base_name(first), names.len() - 1),
        [first] => base_name(first).to_owned(),
        [] => String::new(),
    }
}

pub(crate) fn shown_name(path: &Path) -> &str {
    if path == Path::new("-") { "standard input" } else { path.to_str().unwrap_or("the recording") }
}

fn convert(
    job: &Job,
    images: &Images,
    recording: &Recording,
    perf: &PerfData<'_>,
) -> Result<Conversion, Failure> {
    let has_dump =
        |event: &EventAttr| event.attr.sample_type.has(perf_data::SampleType::STACK_USER);
    let has_dump = perf.events().iter().any(has_dump);
    let release = |range| recording.release(range);
    let wanted = if has_dump && images.are_searched() {
        images::wanted_by_recording(perf, &release)
    } else {
        Wanted::default()
    };
    let found = has_dump.then(|| images.find(&wanted)).transpose()?;
    // Both passes hop over every byte.
    let progress = Progress::new("reading samples", 2 * recording.len(), job.summary.is_none());
    let visited = |visited| {
        let (Visited::Indexed(range) | Visited::Read(range)) = visited;
        progress.advance(range.end - range.start);
        recording.release(range);
    };
    let convert = if job.keeps_samples { session::convert_timed } else { session::convert };
    let Some(found) = found else {
        return Ok(convert(perf, &job.session, None, &visited));
    };
    // What unwinds a stack must be the recorded file, as much as what names it.
    let sources = Sources { images: found.paths, ..job.sources.clone() };
    let locator = Locator::new(&sources);
    let find = |profile: &Profile, binary| locator.locate(&Recorded::of(profile, binary)).found;
    let mut conversion = convert(perf, &job.session, Some(&Unwinding::new(&find)), &visited);
    conversion.profile.recording.is_unwound = true;
    Ok(conversion)
}

fn name_events(job: &Job, profile: &mut Profile) {
    if job.has_raw_event_names {
        for event in &mut profile.events {
            event.name.clone_from(&event.recorded_name);
        }
    }
}

/// The comment of a profile whose time is that of its file.
pub const GUESSED_START: &str = "time: of the recording's last change, less its duration";

/// perf notes the time of day only if asked to (`-k`). The file was finished when the recording
/// ended, unless it was copied without its times: the comment says where the time comes from.
fn fill_start_time(conversion: &mut Conversion, path: &Path) {
    let Conversion { profile, nanos_after, .. } = conversion;
    let recording = &mut profile.recording;
    if recording.start_unix_nanos.is_some() {
        return;
    }
    let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let nanos = modified
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|since| u64::try_from(since.as_nanos()).ok());
    if let Some(end) = nanos {
        let duration = recording.duration_nanos.unwrap_or(0).saturating_add(*nanos_after);
        recording.start_unix_nanos = end.checked_sub(duration);
        profile.comments.push(GUESSED_START.to_owned());
    }
}

fn symbolize(
    job: &Job,
    images: &Images,
    profile: &Profile,
) -> Result<(Symbolized, ImageNames, Vec<Warning>), Failure> {
    let Some(options) = &job.symbolize else {
        let symbols = Symbols::none(profile, Reason::NotAsked);
        let (binaries, refused, unused) = Default::default();
        let nothing = Symbolized { symbols, binaries, refused, unused };
        return Ok((nothing, ImageNames::default(), Vec::new()));
    };
    let FoundImages { paths, names, mut warnings } =
        images.find(&images::wanted_by_profile(profile))?;
    let mut options = options.clone();
    options.sources.images = paths;
    let is_quiet = job.summary.is_none();
    warnings.extend(debuginfod::add_files(profile, &mut options.sources, is_quiet)?);
    let progress =
        Progress::new("naming frames", profile.frames.len() as u64, job.summary.is_none());
    let report = |step: symbolize::Progress| progress.reach(step.done as u64);
    let symbolized = symbolize::symbolize(profile, &options, &report);
    let problems = warnings::of_symbols(profile, &symbolized, names.given());
    warnings.extend(names.in_warnings(problems));
    Ok((symbolized, names, warnings))
}

/// Prints warnings, or fails at the first if the user asked for that.
fn warn(job: &Job, warnings: Vec<Warning>) -> Result<(), Failure> {
    for warning in warnings {
        if job.is_strict {
            return Err(warning.into_failure());
        }
        eprintln!("{warning}");
    }
    Ok(())
}

/// Writes all outputs, and only then gives the files their names.
fn write_outputs(
    job: &Job,
    title: &str,
    profile: &Profile,
    symbols: &Symbols,
) -> Result<(), Failure> {
    let event = profile.default_event().unwrap_or(0);
    let threads = job.session.threads;
    let mut written = Vec::new();
    let mut write = |target: &Option<Target>, emit: &dyn Fn(&mut Output) -> io::Result<()>| {
        let Some(target) = target else { return Ok(()) };
        let mut output = target.create()?;
        match emit(&mut output) {
            Ok(()) => written.push((target.clone(), output)),
            Err(error) => target.failed(&error)?,
        }
        Ok::<_, Failure>(())
    };
    write(&job.pprof, &|out| pprof_format::write(profile, symbols, out, threads).map(drop))?;
    write(&job.svg, &|out| {
        flamegraph::svg(profile, symbols, event, title, job.min_width, out).map(drop)
    })?;
    write(&job.folded, &|out| flamegraph::folded(profile, symbols, event, out).map(drop))?;
    for (target, output) in written {
        if let Err(error) = output.finish() {
            target.failed(&error)?;
        }
    }
    Ok(())
}

fn print_json(summary: &Summary) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, summary)
        .map_err(io::Error::from)
        .and_then(|()| writeln!(out))
        .or_else(|error| Target::Stdout.failed(&error))
}
