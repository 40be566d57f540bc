//! How much is kept, and what goes first.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many bytes the cache may hold unless the environment says otherwise: some ten debug images
/// of Envoy.
pub const DEFAULT_LIMIT: u64 = 10 << 30;

/// The environment variable that states another limit, such as `20G` or `500M`.
pub const LIMIT_VARIABLE: &str = "PERF2PPROF_CACHE_LIMIT";

/// `20G`, `500M`, `64K` or a number of bytes.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last()? {
        (end, 'K' | 'k') => (&text[..end], 1 << 10),
        (end, 'M' | 'm') => (&text[..end], 1 << 20),
        (end, 'G' | 'g') => (&text[..end], 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Something that can be deleted.
struct Entry {
    used: SystemTime,
    size: u64,
    paths: Vec<PathBuf>,
}

/// Deletes what a killed process left, and then what was not used for the longest time, until the
/// rest fits. Needs the lock.
pub(crate) fn shrink(dir: &Path, limit: u64) {
    for path in list(&dir.join("tmp")) {
        remove(&path);
    }
    let mut entries: Vec<_> =
        list(&dir.join("files")).into_iter().map(|path| of_file(dir, path)).collect();
    let others = ["notes", "downloads"].into_iter().flat_map(|name| list(&dir.join(name)));
    entries.extend(others.map(|path| Entry {
        used: modified(&path),
        size: size(&path),
        paths: vec![path],
    }));
    entries.sort_by_key(|entry| entry.used);
    let mut total: u64 = entries.iter().map(|entry| entry.size).sum();
    for entry in entries {
        if total <= limit {
            break;
        }
        total -= entry.size;
        entry.paths.iter().for_each(|path| remove(path));
    }
}

fn of_file(dir: &Path, path: PathBuf) -> Entry {
    let stamp = dir.join("stamps").join(path.file_name().unwrap_or_default());
    let size = list(&path).iter().map(|path| size(path)).sum();
    Entry { used: modified(&stamp), size, paths: vec![path, stamp] }
}

fn list(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

fn size(path: &Path) -> u64 {
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.len())
}

fn modified(path: &Path) -> SystemTime {
    fs::symlink_metadata(path)
        .and_then(|metadata| metadata.modified())
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

/// What cannot be deleted stays until the next time.
fn remove(path: &Path) {
    let is_dir = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let _ = if is_dir { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::Cache;

    #[test]
    fn limits_are_read() {
        let limits = [("20G", 20 << 30), ("500m", 500 << 20), ("7", 7), ("0", 0)];
        for (text, limit) in limits {
            assert_eq!(parse(text), Some(limit), "{text}");
        }
        for text in ["", "G", "-1", "1.5G", "99999999999G", "ten"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_least_recently_used_goes_first_and_only_when_alone() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path(), 2500).unwrap();
        let ids = ["a", "b", "c"].map(|name| {
            let mut staged = cache.stage(name).unwrap();
            staged.write_all(&[0; 1000]).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20));
            staged.keep(&cache).unwrap()
        });
        let _abandoned = cache.stage("half").unwrap().path();
        assert!(cache.file(&ids[0]).is_some(), "used now, after the others");
        let other = Cache::at(dir.path(), 2500).unwrap();
        assert!(other.file(&ids[1]).is_some(), "nothing is deleted while it is used");
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(other.file(&ids[0]).is_some());
        drop((cache, other));
        let cache = Cache::at(dir.path(), 2500).unwrap();
        let left = ids.map(|id| cache.file(&id).is_some());
        assert_eq!(left, [true, true, false]);
    }

    #[test]
    fn what_a_killed_process_left_goes() {
        let dir = tempfile::tempdir().unwrap();
        drop(Cache::at(dir.path(), 1 << 20).unwrap());
        fs::create_dir(dir.path().join("tmp/left")).unwrap();
        fs::write(dir.path().join("tmp/left/envoy"), b"half").unwrap();
        drop(Cache::at(dir.path(), 1 << 20).unwrap());
        assert_eq!(list(&dir.path().join("tmp")).len(), 0);
    }
}
