//! Symbol packs of files that name the frames of many recordings: their debug info is read once, not once for each
//! recording.
//!
//! A pack gives the answers of the files that it was made from, and is checked against each recording as those are. It is
//! gone with the program.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use binaries::{Locator, Quality, Sources};
use profile::{BinaryKind, Profile};
use symbolize::{Symbolized, UsedFiles};
use tempfile::{NamedTempFile, TempDir};

/// Of smaller files the debug info is read as fast as a pack is: 40 recordings of a Rust program of 72 MB gained nothing.
const MIN_LEN: u64 = 80_000_000;

/// Making a pack takes as long as reading the debug info for so many recordings (measured with ceph-mds).
const MIN_RECORDINGS: u32 = 10;

/// The packs of a run. Shared by its threads.
pub struct Packs {
    directory: TempDir,
    /// How many recordings had names of a file.
    used: Mutex<HashMap<PathBuf, u32>>,
    min_len: u64,
    min_recordings: u32,
}

impl Packs {
    /// Without any pack.
    pub fn new() -> io::Result<Self> {
        let directory = tempfile::tempdir()?;
        let (min_len, min_recordings) = (MIN_LEN, MIN_RECORDINGS);
        Ok(Self { directory, used: Mutex::default(), min_len, min_recordings })
    }

    /// The directory that has them.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Notes which files named a recording's frames, and packs those that do it again and again.
    pub(super) fn note(&self, profile: &Profile, symbolized: &Symbolized) {
        let is_file = |binary| profile.binaries[binary].kind == BinaryKind::File;
        for report in symbolized.binaries.iter().filter(|report| is_file(report.binary)) {
            let Some(used) = report.used.as_ref().filter(|used| self.is_worth_it(used)) else {
                continue;
            };
            let count = {
                let mut all = self.used.lock().unwrap_or_else(PoisonError::into_inner);
                let count = all.entry(used.image.clone()).or_default();
                *count += 1;
                *count
            };
            // One thread meets the number, and the others go on as before meanwhile.
            if count == self.min_recordings {
                // Without a pack, names come from where they came before.
                drop(self.pack(used));
            }
        }
    }

    fn is_worth_it(&self, used: &UsedFiles) -> bool {
        let others = [&used.code, &used.package, &used.supplement].into_iter().flatten();
        let files = others.chain([&used.image]);
        let len = files.filter_map(|path| fs::metadata(path).ok()).map(|metadata| metadata.len());
        let is_pack = used.image.starts_with(self.path());
        used.quality >= Quality::Dwarf && !is_pack && len.sum::<u64>() >= self.min_len
    }

    fn pack(&self, used: &UsedFiles) -> io::Result<()> {
        let others = [&used.code, &used.package, &used.supplement].into_iter().flatten().cloned();
        let images = [used.image.clone()].into_iter().chain(others).collect();
        let sources = Sources { images, ..Sources::default() };
        let binaries = Locator::new(&sources).given_binaries();
        let is_whole =
            |found: &&binaries::Match| found.code().is_some() && found.quality() >= used.quality;
        let Some(found) = binaries.iter().find(is_whole) else { return Ok(()) };
        let packed = symbolize::pack(found, 1);
        if packed.dwarf_error.is_some() {
            return Ok(());
        }
        // It appears whole: other threads look into the directory all the time.
        let mut out = BufWriter::new(NamedTempFile::new()?);
        packed.writer.finish(&mut out)?;
        out.flush()?;
        let made = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let number = fs::read_dir(self.path())?.count();
        made.persist_noclobber(self.path().join(format!("{number}.pack")))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::lens_labels::LensLabels;
    use crate::mapper::Mapper;
    use crate::symbol_args::SymbolArgs;

    #[test]
    fn a_file_that_is_used_again_and_again_is_packed_and_says_the_same() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy");
        let symbols =
            SymbolArgs { debug_image: vec![fixtures.join("debug")], ..SymbolArgs::default() };
        let (labels, lens) = ("comm,thread_comm".parse().unwrap(), LensLabels::none());
        let packs = Packs { min_len: 1, min_recordings: 3, ..Packs::new().unwrap() };
        let mapper = Mapper::new(&symbols, &labels, &lens, &packs).unwrap();
        let recording = fixtures.join("edge-proxy.perf");
        let packed = || fs::read_dir(packs.path()).unwrap().count();
        let first = mapper.map(&recording).unwrap();
        // Libraries of this machine may have debug info too.
        let files = packs.used.lock().unwrap().len();
        assert!(packed() == 0 && files > 0);
        mapper.map(&recording).unwrap();
        mapper.map(&recording).unwrap();
        assert_eq!(packed(), files);
        let again = mapper.map(&recording).unwrap();
        assert_eq!(packs.used.lock().unwrap().values().max(), Some(&3), "the pack was used");
        assert_eq!(again.message, first.message);
        assert_eq!(again.warnings, first.warnings);
    }
}
