//! Recorded paths, read inside the recorded file system and nowhere else.
//!
//! A sysroot is a copy of another machine's or container's files. Its symbolic links mean that
//! machine's paths: `/usr/lib/libc.so.6 -> /lib/...` must not end at this machine's `/lib`. So links are
//! followed here, step by step, and neither they nor `..` lead out.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// As many links as Linux follows (`MAXSYMLINKS`).
const MAX_LINKS: u32 = 40;

/// The place of `recorded` under `sysroot`, all links followed. `None` if there is nothing, or
/// links go in circles.
pub(crate) fn resolve(sysroot: &Path, recorded: &Path) -> Option<PathBuf> {
    let mut resolved = Vec::<OsString>::new();
    let mut ahead: Vec<OsString> = names(recorded).rev().collect();
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            resolved.pop();
            continue;
        }
        resolved.push(name);
        let here = below(sysroot, &resolved);
        if !here.symlink_metadata().ok()?.is_symlink() {
            continue;
        }
        links += 1;
        if links > MAX_LINKS {
            return None;
        }
        let target = here.read_link().ok()?;
        if target.is_absolute() {
            resolved.clear();
        } else {
            resolved.pop();
        }
        ahead.extend(names(&target).rev().collect::<Vec<_>>());
    }
    Some(below(sysroot, &resolved))
}

/// The names in a path, `..` included, the root and `.` left out.
fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

fn below(sysroot: &Path, names: &[OsString]) -> PathBuf {
    let mut path = sysroot.to_owned();
    path.extend(names);
    path
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_mean_paths_of_the_sysroot() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("usr/lib")).unwrap();
        fs::write(root.join("usr/lib/libc.so.6"), "").unwrap();
        symlink("/usr/lib", root.join("lib")).unwrap();
        symlink("../../../../lib/libc.so.6", root.join("usr/lib/libc.so")).unwrap();
        symlink("loop", root.join("loop")).unwrap();

        let libc = root.join("usr/lib/libc.so.6");
        for path in ["/usr/lib/libc.so.6", "/lib/libc.so.6", "/lib/libc.so", "/../lib/./libc.so.6"]
        {
            assert_eq!(resolve(root, Path::new(path)).as_deref(), Some(&*libc), "{path}");
        }
        assert_eq!(resolve(root, Path::new("/etc/passwd")), None);
        assert_eq!(resolve(root, Path::new("/loop")), None);
    }
}
