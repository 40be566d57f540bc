//! What the cache knows of an image that was read before.

use binaries::Machine;
use cache::{Cache, FileId};
use profile::BuildId;
use serde::{Deserialize, Serialize};

use crate::{Error, Form, Found, HeldFile, Wanted};

/// Raised when notes of before mean something else: they are then not used.
const VERSION: u32 = 1;

/// A note on an image.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    version: u32,
    form: Form,
    is_whole: bool,
    /// The build IDs for which nothing better is in the layers that were not read.
    complete: Vec<String>,
    held: Vec<Held>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Held {
    path: String,
    machine: u16,
    build_id: Option<String>,
    is_package: bool,
    file: Option<String>,
}

/// What the note under `key` says, if that answers what is asked.
pub(crate) fn recall(cache: &Cache, key: &str, wanted: &Wanted) -> Option<Found> {
    let note = read(cache, key)?;
    if !note.is_whole {
        // Where the search ended early, only what it ended for is known.
        let is_known = |build_id: Option<BuildId>| {
            build_id.is_some_and(|build_id| note.complete.contains(&build_id.to_string()))
        };
        if !wanted.binaries.as_ref()?.iter().all(|wanted| is_known(wanted.build_id)) {
            return None;
        }
    }
    let held: Option<Vec<_>> = note.held.into_iter().map(Held::into_file).collect();
    let Note { form, is_whole, .. } = note;
    let mut found = Found { form, paths: Vec::new(), held: held?, is_whole, was_read: false };
    found.add_paths(cache, wanted)?;
    Some(found)
}

/// Notes what was found.
pub(crate) fn note(cache: &Cache, key: &str, found: &Found, wanted: &Wanted) -> Result<(), Error> {
    let mut held: Vec<_> = found.held.iter().map(Held::of).collect();
    // What was found for another recording is still there.
    for known in read(cache, key).into_iter().flat_map(|note| note.held) {
        let same = held.iter_mut().find(|held| {
            held.file.is_none() && held.path == known.path && held.build_id == known.build_id
        });
        if let Some(held) = same {
            held.file = known.file;
        }
    }
    let ids = wanted.binaries.iter().flatten().filter_map(|wanted| wanted.build_id);
    let note = Note {
        version: VERSION,
        form: found.form,
        is_whole: found.is_whole,
        complete: if found.is_whole { Vec::new() } else { ids.map(|id| id.to_string()).collect() },
        held,
    };
    if let Ok(text) = serde_json::to_vec(&note) {
        cache.keep_note(key, &text)?;
    }
    Ok(())
}

fn read(cache: &Cache, key: &str) -> Option<Note> {
    let note: Note = serde_json::from_slice(&cache.note(key)?).ok()?;
    (note.version == VERSION).then_some(note)
}

impl Found {
    /// Fills in where the wanted files are; `None` if one of them is not in the cache.
    pub(crate) fn add_paths(&mut self, cache: &Cache, wanted: &Wanted) -> Option<()> {
        self.paths.clear();
        for held in &self.held {
            if wanted.wants(held) {
                let path = cache.file(held.file.as_ref()?)?;
                // One file at two places of an image is one file.
                if !self.paths.contains(&path) {
                    self.paths.push(path);
                }
            }
        }
        Some(())
    }
}

impl Held {
    fn of(file: &HeldFile) -> Self {
        Self {
            path: file.path.clone(),
            machine: file.machine.0,
            build_id: file.build_id.map(|id| id.to_string()),
            is_package: file.is_package,
            file: file.file.as_ref().map(FileId::to_string),
        }
    }

    /// `None` if it is not what [`Held::of`] wrote.
    fn into_file(self) -> Option<HeldFile> {
        Some(HeldFile {
            path: self.path,
            machine: Machine(self.machine),
            build_id: match self.build_id {
                Some(hex) => Some(parse_build_id(&hex)?),
                None => None,
            },
            is_package: self.is_package,
            file: match self.file {
                Some(text) => Some(FileId::parse(&text)?),
                None => None,
            },
        })
    }
}

fn parse_build_id(hex: &str) -> Option<BuildId> {
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<_>> = hex.as_bytes().chunks(2).map(byte).collect();
    BuildId::new(&bytes?)
}
