//! What `--debug-image` names, made into files at hand.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use binaries::{Recorded, RecordedBinaries};
use cache::Cache;
use debug_image::{Form, Found, HeldFile, Source, Wanted, WantedBinary};
use perf_data::{Mmap, PerfData, RecordKind};
use profile::{Binary, BinaryKind, BuildId, Id, Profile};

use crate::binary_table::BinarySummary;
use crate::hints;
use crate::message::{Failure, Warning, base_name};
use crate::progress::Progress;

/// How many files of an image are listed in a warning.
const LISTED: usize = 5;

/// The debug images of a run. What was found in them is there for as long as this is.
pub(crate) struct Images {
    sources: Vec<(String, Source)>,
    cache: OnceCell<Cache>,
    is_quiet: bool,
}

/// What the debug images have of what was wanted.
#[derive(Default)]
pub(crate) struct FoundImages {
    /// Directories and files to look for binaries in, for [`binaries::Sources::images`].
    pub(crate) paths: Vec<PathBuf>,
    /// What the user should know of images that have nothing.
    pub(crate) warnings: Vec<Warning>,
    /// What the files are called.
    pub(crate) names: ImageNames,
}

/// What the files of the cache are called in their images.
#[derive(Default)]
pub(crate) struct ImageNames {
    /// Paths of the cache, and what they are called.
    names: Vec<(String, String)>,
    /// The directories and files in which the images are at hand.
    given: Vec<PathBuf>,
}

impl Images {
    /// The images that the user named.
    pub(crate) fn new(named: &[PathBuf], is_quiet: bool) -> Result<Self, Failure> {
        let source = |path: &PathBuf| {
            let is_stdin = path == Path::new("-");
            let shown = if is_stdin { "standard input".into() } else { path.display().to_string() };
            let source = Source::parse(path.as_os_str());
            source
                .map_err(|error| hints::no_debug_image(&shown, &error))
                .map(|source| (shown, source))
        };
        let sources = named.iter().map(source).collect::<Result<_, _>>()?;
        Ok(Self { sources, cache: OnceCell::new(), is_quiet })
    }

    /// Whether it matters what is wanted: what is used as it is stands at hand, wanted or not.
    pub(crate) fn are_searched(&self) -> bool {
        self.sources.iter().any(|(_, source)| source.as_is().is_none())
    }

    /// Finds what is wanted. Can be asked more than once.
    pub(crate) fn find(&self, wanted: &Wanted) -> Result<FoundImages, Failure> {
        let mut all = FoundImages::default();
        for (shown, source) in &self.sources {
            if let Some(path) = source.as_is() {
                if !path.exists() && Source::is_image_name(shown) {
                    return Err(hints::image_without_scheme(shown));
                }
                all.paths.push(path.to_owned());
                continue;
            }
            let found = self.search(shown, source, wanted);
            let found = found.map_err(|error| hints::no_debug_image(shown, &error))?;
            all.paths.extend(found.paths.iter().map(|path| match found.form {
                Form::AsIs => path.clone(),
                // A directory's files count by build ID and name; one that is named itself counts
                // whatever it is.
                _ => path.parent().unwrap_or(path).to_owned(),
            }));
            self.add_names(shown, &found, &mut all.names);
            all.warnings.extend(of_nothing(shown, &found, wanted));
        }
        all.names.given.clone_from(&all.paths);
        Ok(all)
    }

    fn search(
        &self,
        shown: &str,
        source: &Source,
        wanted: &Wanted,
    ) -> Result<Found, debug_image::Error> {
        let cache = if let Some(cache) = self.cache.get() {
            cache
        } else {
            let cache = Cache::open()?;
            self.cache.get_or_init(|| cache)
        };
        let bar = OnceCell::new();
        debug_image::find(source, wanted, cache, &|progress| {
            let stage = || format!("reading `{shown}`");
            let bar = bar.get_or_init(|| Progress::new(stage(), progress.total, self.is_quiet));
            bar.reach(progress.done);
        })
    }

    fn add_names(&self, shown: &str, found: &Found, names: &mut ImageNames) {
        let Some(cache) = self.cache.get() else { return };
        for held in &found.held {
            if let Some(path) = held.file.as_ref().and_then(|file| cache.file(file)) {
                names.names.push((path.display().to_string(), format!("{shown}/{}", held.path)));
            }
        }
    }
}

impl ImageNames {
    /// Warnings, with the names that the user knows.
    pub(crate) fn in_warnings(&self, mut warnings: Vec<Warning>) -> Vec<Warning> {
        for warning in &mut warnings {
            self.replace(&mut warning.message);
            warning.details.iter_mut().for_each(|text| self.replace(text));
        }
        warnings
    }

    /// Replaces paths of the cache by names that the user knows.
    pub(crate) fn in_summaries(&self, binaries: &mut [BinarySummary]) {
        for binary in binaries {
            self.replace(&mut binary.symbols);
            binary.refused.iter_mut().for_each(|text| self.replace(text));
        }
    }

    /// Texts of any kind, likewise.
    pub(crate) fn in_texts(&self, mut texts: Vec<String>) -> Vec<String> {
        for text in &mut texts {
            self.replace(text);
        }
        texts
    }

    /// Where the images are at hand.
    pub(crate) fn given(&self) -> &[PathBuf] {
        &self.given
    }

    /// An error, with the names that the user knows.
    pub(crate) fn in_failure(&self, mut failure: Failure) -> Failure {
        self.replace(&mut failure.message);
        failure.hints.iter_mut().for_each(|text| self.replace(text));
        failure
    }

    /// A text, with the names that the user knows.
    pub(crate) fn shown(&self, mut text: String) -> String {
        self.replace(&mut text);
        text
    }

    fn replace(&self, text: &mut String) {
        for (path, name) in &self.names {
            if text.contains(path) {
                *text = text.replace(path, name);
            }
        }
    }
}

/// What names the sampled binaries of a profile, the main one first.
pub(crate) fn wanted_by_profile(profile: &Profile) -> Wanted {
    let binaries = sampled_files(profile).map(|recorded| WantedBinary {
        path: recorded.path.to_owned(),
        build_id: recorded.build_id,
    });
    Wanted { binaries: Some(binaries.collect()), arch: profile.recording.arch.clone() }
}

/// The files whose code was sampled, the main one first.
pub(crate) fn sampled_files(profile: &Profile) -> impl Iterator<Item = Recorded<'_>> {
    let mut ids: Vec<Id<Binary>> = profile.frames.iter().map(|(_, frame)| frame.binary).collect();
    ids.sort_unstable_by_key(|id| (Some(*id) != profile.main_binary, *id));
    ids.dedup();
    let recorded = RecordedBinaries::of(profile);
    ids.into_iter()
        .filter(|id| profile.binaries[*id].kind == BinaryKind::File)
        .map(move |id| recorded.get(id))
}

/// How much of a recording is read before the reader says how far it is.
const STEP_BYTES: u64 = 16 << 20;

/// What unwinds the stacks of a recording: whatever was mapped. `visited` is told what was read.
pub(crate) fn wanted_by_recording(perf: &PerfData<'_>, visited: &dyn Fn(Range<u64>)) -> Wanted {
    let features = perf.features();
    let in_header = features.build_ids.iter().map(|entry| {
        let build_id = match entry.size {
            Some(size) => BuildId::new(entry.build_id.get(..size).unwrap_or_default()),
            None => BuildId::from_padded(&entry.build_id),
        };
        WantedBinary { path: entry.path.clone(), build_id }
    });
    let mut binaries: BTreeSet<_> = in_header.collect();
    let named: HashSet<_> = features.build_ids.iter().map(|entry| entry.path.as_bytes()).collect();
    let is_mmap = |kind| kind == RecordKind::MMAP || kind == RecordKind::MMAP2;
    let mut step_start = 0;
    for record in perf.records() {
        if record.offset - step_start >= STEP_BYTES {
            visited(step_start..record.offset);
            step_start = record.offset;
        }
        if !is_mmap(record.kind) {
            continue;
        }
        let Some(mmap) = Mmap::parse(&record, perf.endian()) else { continue };
        let build_id = mmap.build_id.and_then(BuildId::new);
        if build_id.is_some() || !named.contains(mmap.path) {
            let path = String::from_utf8_lossy(mmap.path);
            let path = path.strip_suffix(" (deleted)").unwrap_or(&path).to_owned();
            binaries.insert(WantedBinary { path, build_id });
        }
    }
    let is_file = |path: &str| path.starts_with('/') && !path.starts_with("//");
    let binaries = binaries.into_iter().filter(|binary| is_file(&binary.path)).collect();
    Wanted { binaries: Some(binaries), arch: features.arch.clone() }
}

/// What to tell of an image in which nothing was recorded.
fn of_nothing(shown: &str, found: &Found, wanted: &Wanted) -> Option<Warning> {
    let main = wanted.binaries.as_ref()?.first()?;
    let names_something = found.held.iter().any(|held| !held.is_package && wanted.wants(held));
    if found.form == Form::AsIs || names_something {
        return None;
    }
    let form = found.form;
    let mut warning =
        Warning::new(format!("`{shown}`, {form}, holds none of the recorded binaries"))
            .about_unused(shown);
    warning = warning.detail(match main.build_id {
        Some(build_id) => format!("recorded: `{}` with build ID {build_id}", main.path),
        None => format!("recorded: `{}` without a build ID", main.path),
    });
    let images = || found.held.iter().filter(|held| !held.is_package);
    let is_same = |held: &&HeldFile| base_name(&held.path) == base_name(&main.path);
    let others = images().filter(|held| !is_same(held));
    for held in images().filter(is_same).chain(others).take(LISTED) {
        let build_id =
            held.build_id.map_or("no build ID".to_owned(), |id| format!("build ID {id}"));
        warning = warning.detail(format!("it holds: `{}` with {build_id}", held.path));
    }
    match images().count() {
        0 => warning = warning.detail("it holds no ELF file with code"),
        count if count > LISTED => {
            warning = warning.detail(format!("and {} more ELF files", count - LISTED));
        }
        _ => {}
    }
    Some(warning.hint(hints::OTHER_IMAGE))
}
