//! The files that the user gave by hand, opened once for all binaries of a profile.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{ElfError, ElfImage, Refusal, Refused};

/// How deep directories are walked. An unpacked container image is about ten deep.
const MAX_DEPTH: usize = 32;

/// How many files are looked at in one given directory. A Debian root has some 30,000.
const MAX_FILES: usize = 200_000;

/// The given ELF files, in a stable order: as they were given, directories in order of names.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) images: Vec<GivenImage>,
    /// Files that were named and are not usable at all.
    pub(crate) refused: Vec<Refused>,
}

/// An ELF file at hand.
#[derive(Debug)]
pub(crate) struct GivenImage {
    pub(crate) image: Arc<ElfImage>,
    /// Whether the file itself was named, not a directory above it.
    pub(crate) by_name: bool,
}

impl Given {
    pub(crate) fn open(paths: &[PathBuf]) -> Self {
        let mut given = Self::default();
        for path in paths {
            if path.is_dir() {
                given.add_directory(path);
            } else {
                given.add_file(path);
            }
        }
        given
    }

    fn add_file(&mut self, path: &Path) {
        match ElfImage::open(path) {
            Ok(image) => self.images.push(GivenImage { image: Arc::new(image), by_name: true }),
            Err(error) => {
                self.refused.push(Refused { path: path.to_owned(), refusal: Refusal::Elf(error) });
            }
        }
    }

    /// Takes the ELF files below a directory. Symbolic links are not followed: what they lead to
    /// inside is met anyhow, and what is outside was not given.
    fn add_directory(&mut self, path: &Path) {
        let mut ahead = vec![(path.to_owned(), 0)];
        let mut files = 0;
        while let Some((directory, depth)) = ahead.pop() {
            let Ok(entries) = fs::read_dir(&directory) else { continue };
            let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
            entries.sort_unstable_by_key(fs::DirEntry::file_name);
            // The last one pushed is walked first.
            for entry in entries.iter().rev() {
                if depth < MAX_DEPTH && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    ahead.push((entry.path(), depth + 1));
                }
            }
            for entry in entries {
                if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
                    continue;
                }
                files += 1;
                if files > MAX_FILES {
                    return;
                }
                self.add_found(&entry.path());
            }
        }
    }

    /// Most files in a directory are not ELF files, and that is no news.
    fn add_found(&mut self, path: &Path) {
        match ElfImage::open(path) {
            Ok(image) => self.images.push(GivenImage { image: Arc::new(image), by_name: false }),
            Err(ElfError::NotElf | ElfError::Unreadable(_)) => {}
            Err(error) => {
                self.refused.push(Refused { path: path.to_owned(), refusal: Refusal::Elf(error) });
            }
        }
    }
}
