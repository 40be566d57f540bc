//! What `dwz` took out of several debug files and put in one of its own: whole units of DWARF, and
//! strings.
//!
//! ```text
//!   .gnu_debugaltlink   the path of that file, and its build ID
//!   .debug_sup          the same in DWARF 5, where the file states the ID in a section of that name
//! ```
//!
//! References into it are bare offsets, so that in any other file they name something else: it must
//! have the stated ID.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gimli::{EndianSlice, Reader as _, RunTimeEndian};
use object::Object;
use profile::BuildId;

use crate::locate::is_absence;
use crate::{ElfError, ElfImage, Note, Refusal, Refused, Sources};

/// Where distributions keep these files, below a directory of debug files.
const DIRECTORY: &str = ".dwz";

/// What a debug file says of the file with its common parts.
#[derive(Debug)]
struct Link {
    path: PathBuf,
    id: BuildId,
}

/// The file with the common parts that `image` refers to, if it does.
///
/// `given` are looked at first, then the stated path, then the directories of debug files.
pub(crate) fn supplement(
    image: &ElfImage,
    given: impl Iterator<Item = Arc<ElfImage>>,
    sources: &Sources,
    notes: &mut Vec<Note>,
    refused: &mut Vec<Refused>,
) -> Option<Arc<ElfImage>> {
    let link = link(image)?;
    let mut others = Vec::new();
    let found = given
        .filter(|given| id(given) == Some(link.id))
        .chain(places(image.path(), &link, sources).iter().filter_map(|path| {
            open(path, link.id).map_err(|refusal| others.extend(refusal)).ok().map(Arc::new)
        }))
        .next();
    if found.is_none() {
        notes.push(Note::SupplementMissing(link.id));
        refused.append(&mut others);
    }
    found
}

/// Opens a file that may be the one with this ID. That a place is empty is no news.
fn open(path: &Path, expected: BuildId) -> Result<ElfImage, Option<Refused>> {
    let refused = |refusal| Some(Refused { path: path.to_owned(), refusal });
    let image = match ElfImage::open(path) {
        Ok(image) => image,
        Err(ElfError::Unreadable(error)) if is_absence(&error) => return Err(None),
        Err(error) => return Err(refused(Refusal::Elf(error))),
    };
    match id(&image) {
        Some(found) if found == expected => Ok(image),
        found => Err(refused(Refusal::Supplement { expected, found })),
    }
}

fn places(image: &Path, link: &Link, sources: &Sources) -> Vec<PathBuf> {
    // The path is relative to the file, not to a link to it.
    let image = image.canonicalize().unwrap_or_else(|_| image.to_owned());
    let mut places = Vec::new();
    if link.path.is_absolute() {
        places.extend(sources.in_sysroot(&link.path));
    } else if let Some(directory) = image.parent() {
        let root = sources.sysroot.canonicalize();
        match root.as_ref().ok().and_then(|root| directory.strip_prefix(root).ok()) {
            Some(inside) => places.extend(sources.in_sysroot(&inside.join(&link.path))),
            None => places.push(directory.join(&link.path)),
        }
    }
    places.extend(sources.in_debug_dirs(&format!("{DIRECTORY}/{}", name(&link.path))));
    places.extend(sources.build_id_files(link.id));
    places
}

/// What the path says below a directory of these files, or else its last part.
fn name(path: &Path) -> String {
    let path = path.to_string_lossy();
    let below = path.rsplit_once("/.dwz/").map(|(_, below)| below);
    let below = below.filter(|below| !below.split('/').any(|part| part == ".."));
    below.or_else(|| path.rsplit('/').next()).unwrap_or_default().to_owned()
}

/// The ID by which others refer to a file.
fn id(image: &ElfImage) -> Option<BuildId> {
    image.build_id().or_else(|| match debug_sup(image)? {
        (true, link) => Some(link.id),
        (false, _) => None,
    })
}

fn link(image: &ElfImage) -> Option<Link> {
    if let Ok(Some((path, id))) = image.object().ok()?.gnu_debugaltlink() {
        return Link::new(path, id);
    }
    match debug_sup(image)? {
        (false, link) => Some(link),
        (true, _) => None,
    }
}

impl Link {
    fn new(path: &[u8], id: &[u8]) -> Option<Self> {
        Some(Self { path: PathBuf::from(OsStr::from_bytes(path)), id: BuildId::new(id)? })
    }
}

/// Reads `.debug_sup`. True if the file is one that others refer to: then the ID is its own.
fn debug_sup(image: &ElfImage) -> Option<(bool, Link)> {
    let bytes = image.section(".debug_sup").ok()??;
    let is_little = image.object().ok()?.is_little_endian();
    let endian = if is_little { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let mut section = EndianSlice::new(&bytes, endian);
    let version = section.read_u16().ok()?;
    let is_supplement = section.read_u8().ok()? == 1;
    let path = section.read_null_terminated_slice().ok()?;
    let len = usize::try_from(section.read_uleb128().ok()?).ok()?;
    let id = section.split(len).ok()?;
    let link = Link::new(path.slice(), id.slice())?;
    (version == 5).then_some((is_supplement, link))
}
