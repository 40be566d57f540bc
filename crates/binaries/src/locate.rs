//! From a recorded binary to the file, or files, that can name its functions.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use profile::{BinaryKind, BuildId};

use crate::given::Given;
use crate::package::{count_units, skeleton_ids};
use crate::sources::package_beside;
use crate::split_units::{SplitUnits, is_split_unit};
use crate::supplement::supplement;
use crate::verify::{verify, verify_link};
use crate::{
    Calls, DebugLink, ElfError, ElfImage, Layout, Match, Note, Quality, Recorded, Refusal, Sources,
};

/// How many packages in the directory of a binary are tried.
const MAX_PACKAGES_BESIDE: usize = 16;

/// Finds binaries in [`Sources`]. Made once per run: it opens the files given by hand.
#[derive(Debug)]
pub struct Locator<'sources> {
    sources: &'sources Sources,
    given: Given,
}

/// What was found for a recorded binary.
#[derive(Debug, Default)]
pub struct Located {
    /// The best file, checked; `None` if there is none.
    pub found: Option<Match>,
    /// How many of the recorded return addresses follow a call in it, or in the file with its
    /// code; `None` if there is no code that could be asked.
    pub calls: Option<Calls>,
    /// The files that were looked at and are not the recorded one.
    pub refused: Vec<Refused>,
    /// What the user should know about the match.
    pub notes: Vec<Note>,
}

/// A file that is not the recorded one.
#[derive(Debug)]
pub struct Refused {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub refusal: Refusal,
}

impl<'sources> Locator<'sources> {
    /// Opens what was given by hand.
    pub fn new(sources: &'sources Sources) -> Self {
        Self { sources, given: Given::open(&sources.images) }
    }

    /// The binaries that were given by hand, each once: of several files with one build ID the
    /// one that can tell most.
    pub fn given_binaries(&self) -> Vec<Match> {
        let mut binaries: Vec<Match> = Vec::new();
        let images = self.given.images.iter().map(|given| &given.image);
        for image in images.clone().filter(|image| is_binary(image)) {
            let is_same = |other: &ElfImage| {
                image.build_id().is_some()
                    && image.build_id() == other.build_id()
                    && image.machine() == other.machine()
            };
            if let Some(known) = binaries.iter_mut().find(|known| is_same(&known.image)) {
                let is_better = image.quality() > known.image.quality();
                let other = if is_better { Arc::clone(&known.image) } else { Arc::clone(image) };
                if is_better {
                    known.image = Arc::clone(image);
                }
                if known.code.is_none() && other.has_code() {
                    known.code = Some(other);
                }
            } else {
                let image = Arc::clone(image);
                binaries.push(Match {
                    image,
                    code: None,
                    package: None,
                    supplement: None,
                    split: SplitUnits::default(),
                    layout: Layout::default(),
                });
            }
        }
        for found in &mut binaries {
            found.code = found.code.take().filter(|_| !found.image.has_code());
            let stated = found.code.as_ref().unwrap_or(&found.image);
            found.layout = stated.layout().clone();
            found.package = self.package(&found.image, &mut Vec::new(), &mut Vec::new());
            found.split = self.split_units(&found.image);
            found.supplement = self.supplement(&found.image, &mut Vec::new(), &mut Vec::new());
        }
        binaries
    }

    /// The ELF files that were given by name.
    pub fn given_files(&self) -> impl Iterator<Item = &Path> {
        let named = self.given.images.iter().filter(|given| given.by_name);
        let named = named.filter(|given| !is_split_unit(&given.image));
        named.map(|given| given.image.path())
    }

    /// The files given by hand that are no usable ELF files.
    pub fn into_refused(self) -> Vec<Refused> {
        self.given.refused
    }

    /// Looks for the files of one recorded binary: first among those given by hand, then at its
    /// recorded path, then where debug files are installed. All of them are looked at, so that a
    /// stripped file never hides a better one.
    pub fn locate(&self, recorded: &Recorded<'_>) -> Located {
        let mut search = Search::new(recorded);
        self.consider_given(&mut search);
        for path in self.sources.recorded_paths(recorded) {
            search.consider_path(&path);
        }
        let build_id = search.build_id();
        for path in self.sources.debug_files(recorded, build_id) {
            search.consider_path(&path);
        }
        if let Some((path, link)) = search.debug_link() {
            for linked in self.sources.linked_files(&path, &link) {
                search.consider_linked(&linked, &link);
            }
        }
        self.finish(search)
    }

    fn consider_given(&self, search: &mut Search<'_>) {
        let recorded = search.recorded;
        for given in self.given.images.iter().filter(|given| is_binary(&given.image)) {
            let image = &given.image;
            let same_build = recorded.build_id.is_some() && recorded.build_id == image.build_id();
            let no_build = recorded.build_id.is_none() || image.build_id().is_none();
            let same_name = is_name_of(image.name(), recorded.file_name());
            // A tiny library's layout is shared by many, so that it means something only for a
            // file that was named, by the user or by the recording.
            if same_build || same_name || (no_build && given.by_name) {
                let may_force = self.sources.force && (same_build || same_name);
                search.consider(Arc::clone(image), may_force);
            }
        }
    }

    fn finish(&self, search: Search<'_>) -> Located {
        let recorded = search.recorded;
        let mut notes = Vec::new();
        let mut calls = None;
        let mut others = Vec::new();
        let found = search.best().map(|(accepted, code)| {
            if accepted.is_forced {
                notes.push(Note::Forced);
            }
            let with_code = code.unwrap_or(accepted);
            calls = Calls::of(&with_code.image, &recorded.return_addresses);
            if calls.is_none() && recorded.kind == BinaryKind::File {
                let has_code = with_code.image.has_code();
                notes.push(if has_code { Note::UnknownMachine } else { Note::NoCode });
            }
            if recorded.build_id.is_none() || accepted.image.build_id().is_none() {
                notes.push(Note::NoBuildId);
            }
            Match {
                image: Arc::clone(&accepted.image),
                code: code.map(|code| Arc::clone(&code.image)),
                package: self.package(&accepted.image, &mut notes, &mut others),
                supplement: self.supplement(&accepted.image, &mut notes, &mut others),
                split: self.split_units(&accepted.image),
                layout: with_code.layout.clone(),
            }
        });
        let mut refused = search.refused;
        refused.append(&mut others);
        Located { found, calls, refused, notes }
    }

    fn split_units(&self, image: &ElfImage) -> SplitUnits {
        let given = self.given.images.iter().map(|given| &given.image);
        SplitUnits::of(image, given, self.sources)
    }

    fn supplement(
        &self,
        image: &ElfImage,
        notes: &mut Vec<Note>,
        refused: &mut Vec<Refused>,
    ) -> Option<Arc<ElfImage>> {
        let given = self.given.images.iter().map(|given| Arc::clone(&given.image));
        supplement(image, given, self.sources, notes, refused)
    }

    /// The package that has most of the units that were split off from `image`: one given by
    /// hand, or one beside it. The name says little: Envoy's contrib image has `envoy` and
    /// `envoy-contrib.dwp`.
    fn package(
        &self,
        image: &ElfImage,
        notes: &mut Vec<Note>,
        refused: &mut Vec<Refused>,
    ) -> Option<Arc<ElfImage>> {
        let ids = skeleton_ids(image).unwrap_or_default();
        if ids.is_empty() {
            return None;
        }
        let given = self.given.images.iter().map(|given| Arc::clone(&given.image));
        let beside = packages_beside(image.path());
        let beside = beside.iter().filter_map(|path| ElfImage::open(path).ok()).map(Arc::new);
        let mut best: Option<(usize, Arc<ElfImage>)> = None;
        for package in given.chain(beside).filter(|image| image.is_package()) {
            let units = count_units(&package, &ids).unwrap_or(0);
            if units == 0 {
                let (path, refusal) = (package.path().to_owned(), Refusal::Package(ids.len()));
                refused.push(Refused { path, refusal });
            }
            if units > best.as_ref().map_or(0, |(most, _)| *most) {
                best = Some((units, package));
            }
        }
        // With the right one at hand, others are no news: an image has packages of many programs.
        if best.is_some() {
            refused.retain(|refused| !matches!(refused.refusal, Refusal::Package(_)));
        }
        let Some((units, package)) = best else {
            notes.push(Note::PackageMissing);
            return None;
        };
        if units < ids.len() {
            notes.push(Note::PackageIncomplete { found: units, of: ids.len() });
        }
        Some(package)
    }
}

/// The candidates for one binary.
struct Search<'a> {
    recorded: &'a Recorded<'a>,
    accepted: Vec<Accepted>,
    refused: Vec<Refused>,
    seen: HashSet<PathBuf>,
}

struct Accepted {
    image: Arc<ElfImage>,
    layout: Layout,
    /// It was refused, and the user overruled that.
    is_forced: bool,
}

impl<'a> Search<'a> {
    fn new(recorded: &'a Recorded<'a>) -> Self {
        Self { recorded, accepted: Vec::new(), refused: Vec::new(), seen: HashSet::new() }
    }

    fn consider_path(&mut self, path: &Path) {
        self.consider_opened(path, verify);
    }

    /// A debug file that a binary links to is known by its build ID, or else by its checksum.
    fn consider_linked(&mut self, path: &Path, link: &DebugLink) {
        self.consider_opened(path, |image, recorded| {
            verify_link(image, link)?;
            verify(image, recorded)
        });
    }

    fn consider_opened(
        &mut self,
        path: &Path,
        check: impl FnOnce(&ElfImage, &Recorded<'_>) -> Result<Layout, Refusal>,
    ) {
        if self.is_new(path) {
            match ElfImage::open(path) {
                Ok(image) => self.add(Arc::new(image), check),
                // That a place is empty is no news.
                Err(ElfError::Unreadable(error)) if is_absence(&error) => {}
                Err(error) => self.refuse(path, Refusal::Elf(error)),
            }
        }
    }

    /// A file that the user gave is used in spite of its refusal if the user says so.
    fn consider(&mut self, image: Arc<ElfImage>, may_force: bool) {
        if !self.is_new(image.path()) {
            return;
        }
        self.add(Arc::clone(&image), verify);
        let refused = self.refused.last().filter(|refused| refused.path == image.path());
        if may_force && refused.is_some_and(|refused| refused.refusal.can_be_overruled()) {
            let layout = image.layout().clone();
            self.accepted.push(Accepted { image, layout, is_forced: true });
        }
    }

    fn add(
        &mut self,
        image: Arc<ElfImage>,
        check: impl FnOnce(&ElfImage, &Recorded<'_>) -> Result<Layout, Refusal>,
    ) {
        match check(&image, self.recorded) {
            Ok(layout) => {
                self.add_packed_symbols(&image, &layout);
                self.accepted.push(Accepted { image, layout, is_forced: false });
            }
            Err(refusal) => self.refuse(image.path(), refusal),
        }
    }

    /// The symbol table in an accepted file is as much the recorded one's as the file is.
    fn add_packed_symbols(&mut self, image: &ElfImage, layout: &Layout) {
        if image.quality() >= Quality::Symbols {
            return;
        }
        match image.packed_symbols() {
            Ok(Some(symbols)) => {
                let (image, layout) = (Arc::new(symbols), layout.clone());
                self.accepted.push(Accepted { image, layout, is_forced: false });
            }
            Ok(None) => {}
            Err(error) => self.refuse(image.path(), Refusal::Elf(error)),
        }
    }

    fn refuse(&mut self, path: &Path, refusal: Refusal) {
        self.refused.push(Refused { path: path.to_owned(), refusal });
    }

    /// Whether the file, under whatever name, was not looked at yet.
    fn is_new(&mut self, path: &Path) -> bool {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.seen.insert(path)
    }

    /// The recorded build ID, or that of an accepted file if none is recorded.
    fn build_id(&self) -> Option<BuildId> {
        let found = || self.accepted.iter().find_map(|accepted| accepted.image.build_id());
        self.recorded.build_id.or_else(found)
    }

    fn debug_link(&self) -> Option<(PathBuf, DebugLink)> {
        self.accepted.iter().find_map(|accepted| {
            let link = accepted.image.debug_link()?;
            Some((accepted.image.path().to_owned(), link.clone()))
        })
    }

    /// The accepted file of the highest quality, of equals the first, and one with code if it has
    /// none.
    fn best(&self) -> Option<(&Accepted, Option<&Accepted>)> {
        // A file that was refused never stands before one that was not.
        let rank = |accepted: &&Accepted| (!accepted.is_forced, accepted.image.quality());
        let best = self.accepted.iter().rev().max_by_key(rank)?;
        let has_code =
            |other: &&Accepted| other.image.has_code() && other.is_forced == best.is_forced;
        let code = if best.image.has_code() { None } else { self.accepted.iter().find(has_code) };
        Some((best, code))
    }
}

/// Whether a file can be a binary or its debug file.
fn is_binary(image: &ElfImage) -> bool {
    !image.is_package() && !is_split_unit(image)
}

/// Whether a file's name is the recorded one, perhaps with an addition such as `.debug`
/// or `-static`.
fn is_name_of(name: &str, recorded: &str) -> bool {
    name.strip_prefix(recorded).is_some_and(|rest| {
        !recorded.is_empty() && (rest.is_empty() || rest.starts_with(['.', '-', '_']))
    })
}

fn packages_beside(image: &Path) -> Vec<PathBuf> {
    let named = package_beside(image);
    let entries = image.parent().and_then(|directory| fs::read_dir(directory).ok());
    let mut others: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "dwp"))
        .filter(|path| *path != named)
        .collect();
    others.sort_unstable();
    others.truncate(MAX_PACKAGES_BESIDE);
    others.insert(0, named);
    others
}

pub(crate) fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput
    )
}
