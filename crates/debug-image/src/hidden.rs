//! What the upper layers of an image hide of the lower ones.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::Error;
use crate::tar_stream::{Entry, Kind};

const MAX_PATHS: usize = 4_000_000;

/// Paths of the layers above. Of each path a hash is kept: an image has a hundred thousand paths,
/// of which a handful are ever asked for.
#[derive(Default)]
pub(crate) struct Hidden {
    hasher: RandomState,
    /// Files, links and whiteouts, which hide what has their path or is below it.
    covered: HashSet<u64>,
    /// Directories, which hide files with their path.
    directories: HashSet<u64>,
    /// Opaque directories, which hide everything below them.
    opaque: HashSet<u64>,
}

/// What an entry of a layer does to the layers below.
pub(crate) enum Cover {
    Path(String),
    Directory(String),
    Below(String),
}

impl Cover {
    /// What `entry` hides; whiteouts are files with names that begin in `.wh.`.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        let (directory, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        let Some(whiteout) = name.strip_prefix(".wh.") else {
            return Some(match entry.kind {
                Kind::Directory => Self::Directory(entry.path.clone()),
                _ => Self::Path(entry.path.clone()),
            });
        };
        match whiteout {
            ".wh..opq" => Some(Self::Below(directory.to_owned())),
            // Notes that aufs made for itself.
            note if note.starts_with(".wh.") => None,
            removed if directory.is_empty() => Some(Self::Path(removed.to_owned())),
            removed => Some(Self::Path(format!("{directory}/{removed}"))),
        }
    }
}

impl Hidden {
    /// Adds what a layer hides of those below it.
    pub(crate) fn add(&mut self, covers: impl IntoIterator<Item = Cover>) -> Result<(), Error> {
        for cover in covers {
            let (set, path) = match &cover {
                Cover::Path(path) => (&mut self.covered, path),
                Cover::Directory(path) => (&mut self.directories, path),
                Cover::Below(path) => (&mut self.opaque, path),
            };
            set.insert(self.hasher.hash_one(path.as_str()));
        }
        let paths = self.covered.len() + self.directories.len() + self.opaque.len();
        if paths > MAX_PATHS {
            let limit = MAX_PATHS as u64;
            return Err(Error::TooMany { what: format!("{paths} paths in its layers"), limit });
        }
        Ok(())
    }

    /// Whether the file `path` of the next lower layer is hidden.
    pub(crate) fn hides(&self, path: &str) -> bool {
        let has = |set: &HashSet<u64>, path: &str| set.contains(&self.hasher.hash_one(path));
        let ends = path.match_indices('/').map(|(end, _)| end);
        let mut above = std::iter::once("").chain(ends.map(|end| &path[..end]));
        has(&self.covered, path)
            || has(&self.directories, path)
            || above.any(|above| has(&self.covered, above) || has(&self.opaque, above))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(entries: &[(&str, Kind)]) -> Hidden {
        let mut hidden = Hidden::default();
        let covers = entries.iter().filter_map(|(path, kind)| {
            let kind = if *kind == Kind::Directory { Kind::Directory } else { Kind::File };
            Cover::of(&Entry { path: (*path).to_owned(), kind, size: 0, offset: 0 })
        });
        hidden.add(covers.collect::<Vec<_>>()).unwrap();
        hidden
    }

    #[test]
    fn files_hide_files_and_directories_do_not_hide_what_is_in_them() {
        let hidden = hidden(&[("usr", Kind::Directory), ("usr/bin/envoy", Kind::File)]);
        assert!(hidden.hides("usr/bin/envoy"));
        assert!(hidden.hides("usr/bin/envoy/below"));
        assert!(hidden.hides("usr"), "a file that became a directory");
        assert!(!hidden.hides("usr/bin/envoy.dwp"));
    }

    #[test]
    fn whiteouts_hide_a_path_or_all_in_a_directory() {
        let hidden = hidden(&[
            ("usr/bin/.wh.envoy", Kind::File),
            ("opt/.wh..wh..opq", Kind::File),
            ("srv/.wh..wh.plnk", Kind::File),
            (".wh.top", Kind::File),
        ]);
        assert!(hidden.hides("usr/bin/envoy"));
        assert!(hidden.hides("usr/bin/envoy/x"));
        assert!(!hidden.hides("usr/bin/.wh.envoy"));
        assert!(hidden.hides("opt/a/b"));
        assert!(!hidden.hides("opt"));
        assert!(!hidden.hides("srv/plnk"));
        assert!(hidden.hides("top/a"));
    }
}
