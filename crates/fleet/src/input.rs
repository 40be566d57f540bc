//! What is to be exported: the list of the inputs, and the bytes of each.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use perf2pprof::Failure;
use perf2pprof::mapper::Mapper;
use tempfile::NamedTempFile;

use crate::hash::{FileDigest, Id, shard_of};
use crate::store::{Store, cannot, is_url};

/// No recording in a bucket is longer.
const MAX_REMOTE: u64 = 16 << 30;

/// `I/N`: the I-th of N parts, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    of: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').and_then(|(index, of)| {
            Some(Self { index: index.parse().ok()?, of: of.parse().ok()? })
        });
        let shard = numbers.ok_or("a shard is I/N, such as 0/8")?;
        if shard.index >= shard.of {
            return Err(format!(
                "the shards of {} are 0/{0} to {}/{0}",
                shard.of,
                shard.of.max(1) - 1
            ));
        }
        Ok(shard)
    }
}

/// The inputs of a run.
pub struct Inputs {
    /// Their names, sorted.
    pub names: Vec<String>,
    /// The buckets that they are in.
    stores: Vec<(String, Store)>,
}

impl Inputs {
    /// Finds them. Directories and prefixes of buckets stand for all files below them.
    pub fn find(
        given: &[String],
        shard: Option<Shard>,
        endpoint: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut names = BTreeSet::new();
        let mut stores = Vec::new();
        for name in given {
            if is_url(name) {
                of_bucket(name, endpoint, &mut names, &mut stores)?;
            } else {
                of_directory(name, &mut names)?;
            }
        }
        let is_own =
            |name: &String| shard.is_none_or(|shard| shard_of(name, shard.of) == shard.index);
        Ok(Self { names: names.into_iter().filter(is_own).collect(), stores })
    }

    /// Opens an input.
    pub fn open(&self, name: &str) -> Result<Input, Failure> {
        if !is_url(name) {
            return Ok(Input { path: PathBuf::from(name), copy: None });
        }
        let bucket = self.stores.iter().find(|(bucket, _)| name.starts_with(bucket));
        let Some((bucket, Store::Remote(store))) = bucket else {
            return Err(Failure::new(format!("`{name}` is in no bucket that was named")));
        };
        let failed = |error: io::Error| cannot("copy", &name, &error);
        let mut copy = NamedTempFile::new().map_err(failed)?;
        let own = name[bucket.len()..].trim_start_matches('/');
        store.copy(own, MAX_REMOTE, &mut copy)?;
        copy.flush().map_err(failed)?;
        // Where a recording does not tell when it was made, its file does.
        if let Some(modified) = store.modified(own)? {
            copy.as_file().set_modified(modified).map_err(failed)?;
        }
        Ok(Input { path: copy.path().to_owned(), copy: Some(copy) })
    }
}

fn of_bucket(
    name: &str,
    endpoint: Option<&str>,
    names: &mut BTreeSet<String>,
    stores: &mut Vec<(String, Store)>,
) -> Result<(), Failure> {
    let store = Store::open(name, endpoint)?;
    let name = name.trim_end_matches('/');
    let found = store.list("")?;
    if found.is_empty() {
        let is_file = matches!(&store, Store::Remote(remote) if remote.modified("")?.is_some());
        if !is_file {
            return Err(Failure::new(format!("nothing is at `{name}`")));
        }
        names.insert(name.to_owned());
    }
    names.extend(found.into_iter().map(|entry| format!("{name}/{}", entry.name)));
    stores.push((name.to_owned(), store));
    // The longest first: one may be inside of another.
    stores.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    Ok(())
}

fn of_directory(name: &str, names: &mut BTreeSet<String>) -> Result<(), Failure> {
    let path = Path::new(name);
    if path.is_dir() && !is_of_threads(path) {
        let found = Store::Local(path.to_owned()).list("")?;
        let name = name.trim_end_matches('/');
        let mut directories = BTreeSet::new();
        for entry in found {
            // The files of `perf record --threads` are one recording.
            let directory = entry.name.rsplit_once('/').map_or("", |(directory, _)| directory);
            let whole = format!("{name}/{directory}");
            if !directory.is_empty() && is_of_threads(Path::new(&whole)) {
                directories.insert(whole);
            } else {
                names.insert(format!("{name}/{}", entry.name));
            }
        }
        names.extend(directories);
        return Ok(());
    }
    names.insert(name.to_owned());
    Ok(())
}

/// Whether a directory is a recording.
fn is_of_threads(path: &Path) -> bool {
    path.join("data.0").is_file() && Mapper::is_recording(&path.join("data"))
}

/// The names in a list, one on each line; `-` for standard input.
pub fn names_in(list: &str) -> Result<Vec<String>, Failure> {
    let failed = |error: io::Error| cannot("read", &list, &error);
    let lines: Box<dyn BufRead> = if list == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(io::BufReader::new(File::open(list).map_err(failed)?))
    };
    let mut names = Vec::new();
    for line in lines.lines() {
        let line = line.map_err(failed)?;
        let name = line.trim_end_matches('\r');
        if !name.trim().is_empty() {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

/// An input, at hand.
pub struct Input {
    /// Its file or directory.
    pub path: PathBuf,
    /// What is removed in the end.
    #[expect(dead_code, reason = "is there as long as the input is")]
    copy: Option<NamedTempFile>,
}

impl Input {
    /// The digest of its bytes.
    pub fn digest(&self) -> io::Result<Id> {
        let mut digest = FileDigest::default();
        if self.path.is_dir() {
            let mut files: Vec<_> = fs::read_dir(&self.path)?.collect::<io::Result<Vec<_>>>()?;
            files.sort_by_key(fs::DirEntry::file_name);
            for file in files {
                let name = file.file_name();
                digest.add(&(name.len() as u64).to_le_bytes());
                digest.add(name.as_encoded_bytes());
                let mut own = FileDigest::default();
                add(&mut own, &file.path())?;
                digest.add(&own.finish().0);
            }
        } else {
            add(&mut digest, &self.path)?;
        }
        Ok(digest.finish())
    }
}

fn add(digest: &mut FileDigest, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut piece = vec![0; 1 << 18];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(len) => digest.add(&piece[..len]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_parts_of_a_whole() {
        assert_eq!("3/4".parse(), Ok(Shard { index: 3, of: 4 }));
        for wrong in ["4/4", "0/0", "x", "1", "-1/2"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_input_is_in_one_shard_however_the_list_is_ordered() {
        let names: Vec<_> = (0..100).map(|at| format!("pod-{at}.perf")).collect();
        let mut all = BTreeSet::new();
        for index in 0..7 {
            let shard = Some(Shard { index, of: 7 });
            let part = Inputs::find(&names, shard, None).unwrap().names;
            let backwards: Vec<_> = names.iter().rev().cloned().collect();
            assert_eq!(Inputs::find(&backwards, shard, None).unwrap().names, part);
            for name in part {
                assert!(all.insert(name));
            }
        }
        assert_eq!(all.len(), 100);
    }
}
