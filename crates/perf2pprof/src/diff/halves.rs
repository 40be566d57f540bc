//! Binaries of which some files know more than others: what only some know would look new, or gone.

use std::collections::BTreeMap;

use crate::diff::load::{Content, Loaded};
use crate::diff::stacks::binary_name;
use crate::hints::comparison as hints;
use crate::message::Warning;

/// With fewer named frames, that none is of an inlined call may be chance.
const TELLING_FRAMES: usize = 20;

/// The binaries, each with a file that knows and one that does not.
#[derive(Default)]
pub(crate) struct Halves {
    named: BTreeMap<String, (String, String)>,
    inlined: BTreeMap<String, (String, String)>,
}

/// What a file knows of a binary.
#[derive(Default)]
struct Known {
    named: usize,
    inlined: usize,
}

impl Halves {
    /// Of all files.
    pub(crate) fn of<'a>(files: impl Iterator<Item = &'a Loaded>) -> Self {
        let mut named: BTreeMap<String, [Option<&str>; 2]> = BTreeMap::new();
        let mut inlined = named.clone();
        for file in files {
            for (binary, known) in known(file) {
                let note = |map: &mut BTreeMap<String, [Option<&'a str>; 2]>, knows: bool| {
                    let files = map.entry(binary.clone()).or_default();
                    files[usize::from(!knows)].get_or_insert(&file.name);
                };
                note(&mut named, known.named > 0);
                if known.inlined > 0 || known.named >= TELLING_FRAMES {
                    note(&mut inlined, known.inlined > 0);
                }
            }
        }
        let half = |map: BTreeMap<String, [Option<&str>; 2]>| {
            let both = map.into_iter().filter_map(|(binary, [with, without])| {
                Some((binary, (with?.to_owned(), without?.to_owned())))
            });
            both.collect()
        };
        Self { named: half(named), inlined: half(inlined) }
    }

    /// Whether a binary has named functions in some files, and frames without any name in others: every
    /// function would be new.
    pub(crate) fn is_half_named(&self, binary: &str) -> bool {
        self.named.contains_key(binary)
    }

    /// Whether inlined calls are known in some files only: every inlined function would be new.
    pub(crate) fn is_half_inlined(&self, binary: &str) -> bool {
        self.inlined.contains_key(binary)
    }

    /// What to say of them.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let named = self.named.iter();
        let named = named.map(|(binary, (with, without))| hints::half_named(binary, with, without));
        let inlined = self.inlined.iter().filter(|(binary, _)| !self.is_half_named(binary));
        let inlined =
            inlined.map(|(binary, (with, without))| hints::half_inlined(binary, with, without));
        named.chain(inlined).collect()
    }
}

fn known(file: &Loaded) -> BTreeMap<String, Known> {
    let mut known: BTreeMap<String, Known> = BTreeMap::new();
    let Content::Profile(profile, symbols) = &file.content else { return known };
    let binaries: Vec<_> =
        profile.binaries.iter().map(|(_, binary)| binary_name(profile, binary)).collect();
    let mut by_binary: Vec<Option<Known>> = binaries.iter().map(|_| None).collect();
    for (id, frame) in profile.frames.iter().filter(|(_, frame)| frame.marker_text().is_none()) {
        let lines = symbols.lines(id).len();
        let here = by_binary[frame.binary.index()].get_or_insert_default();
        here.named += usize::from(lines > 0);
        here.inlined += usize::from(lines > 1);
    }
    for (name, here) in binaries.into_iter().zip(by_binary) {
        let Some(here) = here else { continue };
        let known = known.entry(name).or_default();
        known.named += here.named;
        known.inlined += here.inlined;
    }
    known
}
