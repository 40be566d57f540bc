//! The places in which a recorded binary, or debug info for it, may be.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use profile::{BinaryKind, BuildId};

use crate::elf_image::PACKED;
use crate::sysroot::resolve;
use crate::{DebugLink, Recorded};

/// Where distributions install debug files.
const DEBUG_DIR: &str = "/usr/lib/debug";

/// Where to look for binaries.
#[derive(Clone, Debug)]
pub struct Sources {
    /// ELF files, DWARF packages (`.dwp`), and directories to look for both in, at any depth: what
    /// the user has at hand, such as an unpacked debug image.
    pub images: Vec<PathBuf>,
    /// The root of the recorded file system, in which recorded paths are looked up.
    pub sysroot: PathBuf,
    /// Directories laid out as `/usr/lib/debug`: by build ID (`.build-id/xx/yyyy.debug`) or by
    /// recorded path. `/usr/lib/debug` itself is always looked in.
    pub debug_dirs: Vec<PathBuf>,
    /// The directory of `perf buildid-cache`.
    pub build_id_cache: Option<PathBuf>,
    /// Servers of debug files (debuginfod). This crate asks none of them.
    pub servers: Vec<String>,
    /// Whether the files in `images` are used though they are not the recorded ones.
    pub force: bool,
}

impl Default for Sources {
    /// The local file system and perf's cache in the home directory.
    fn default() -> Self {
        Self {
            images: Vec::new(),
            sysroot: PathBuf::from("/"),
            debug_dirs: Vec::new(),
            build_id_cache: env::home_dir().map(|home| home.join(".debug")),
            servers: Vec::new(),
            force: false,
        }
    }
}

impl Sources {
    /// No place at all.
    pub fn none() -> Self {
        Self {
            images: Vec::new(),
            sysroot: PathBuf::from("/nonexistent"),
            debug_dirs: Vec::new(),
            build_id_cache: None,
            servers: Vec::new(),
            force: false,
        }
    }

    /// The file at the recorded path. A kernel module may have been packed since.
    pub(crate) fn recorded_paths(&self, recorded: &Recorded<'_>) -> Vec<PathBuf> {
        let mut paths = Vec::from_iter(self.in_sysroot(Path::new(recorded.path)));
        if recorded.kind == BinaryKind::KernelModule {
            let packed = PACKED.map(|end| format!("{}.{end}", recorded.path));
            paths.extend(packed.iter().filter_map(|path| self.in_sysroot(Path::new(path))));
        }
        paths
    }

    /// Where distributions put a kernel of this release (`uname -r`) with its symbols.
    pub fn kernels(&self, release: &str) -> Vec<PathBuf> {
        let places = [
            format!("/usr/lib/debug/boot/vmlinux-{release}"),
            format!("/usr/lib/debug/lib/modules/{release}/vmlinux"),
            format!("/lib/modules/{release}/vmlinux"),
            format!("/lib/modules/{release}/build/vmlinux"),
            format!("/boot/vmlinux-{release}"),
        ];
        let is_plain = !release.is_empty() && !release.contains('/');
        places
            .iter()
            .filter(|_| is_plain)
            .filter_map(|path| self.in_sysroot(Path::new(path)))
            .collect()
    }

    /// The copy of `/proc/kallsyms` that perf keeps of each kernel that it recorded.
    pub fn cached_kallsyms(&self, kernel: BuildId) -> Option<PathBuf> {
        Some(self.cache_entry(kernel)?.join("kallsyms")).filter(|path| path.is_file())
    }

    /// The entry of a build ID in perf's cache: a directory since perf 4.11, before that a link to
    /// the file.
    fn cache_entry(&self, build_id: BuildId) -> Option<PathBuf> {
        let (head, tail) = split(build_id)?;
        Some(self.build_id_cache.as_ref()?.join(".build-id").join(head).join(tail))
    }

    /// The place of an absolute path of the recorded machine, if it is there: inside the sysroot,
    /// whatever links say.
    pub fn in_sysroot(&self, path: &Path) -> Option<PathBuf> {
        resolve(&self.sysroot, path)
    }

    /// Where a binary is looked for, for those who wonder why it was not found.
    pub fn places(&self, path: &str) -> Vec<PathBuf> {
        let below = |directory: &Path, path: &str| directory.join(path.trim_start_matches('/'));
        let mut places = self.images.clone();
        places.push(below(&self.sysroot, path));
        places.extend(self.debug_dirs.iter().cloned());
        places.push(below(&self.sysroot, DEBUG_DIR));
        places.extend(self.build_id_cache.clone());
        places
    }

    /// Files named after a build ID, and debug files laid out by recorded path.
    pub fn debug_files(&self, recorded: &Recorded<'_>, build_id: Option<BuildId>) -> Vec<PathBuf> {
        let named = build_id.map(|build_id| self.build_id_files(build_id));
        let mut paths = named.unwrap_or_default();
        let below = recorded.path.trim_start_matches('/');
        paths.extend(self.in_debug_dirs(&format!("{below}.debug")));
        paths.extend(self.in_debug_dirs(below));
        paths
    }

    /// Files named after a build ID.
    pub(crate) fn build_id_files(&self, build_id: BuildId) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        if let Some((head, tail)) = split(build_id) {
            for suffix in [".debug", ""] {
                paths.extend(self.in_debug_dirs(&format!(".build-id/{head}/{tail}{suffix}")));
            }
        }
        if let Some(entry) = self.cache_entry(build_id) {
            paths.extend(["debug", "elf", "vdso"].map(|name| entry.join(name)));
            paths.push(entry);
        }
        paths
    }

    /// Where gdb, too, looks for the file that a stripped binary links to.
    pub(crate) fn linked_files(&self, binary: &Path, link: &DebugLink) -> Vec<PathBuf> {
        let Some(directory) = binary.parent() else { return Vec::new() };
        let mut paths = vec![directory.join(&link.name), directory.join(".debug").join(&link.name)];
        let recorded = directory.strip_prefix(&self.sysroot).unwrap_or(directory);
        if let Some(below) = recorded.join(&link.name).to_str() {
            paths.extend(self.in_debug_dirs(below.trim_start_matches('/')));
        }
        paths
    }

    /// `path` in each directory of debug files: the user's, and the sysroot's.
    pub(crate) fn in_debug_dirs(&self, path: &str) -> Vec<PathBuf> {
        let users = self.debug_dirs.iter().map(|directory| directory.join(path));
        let sysroot = resolve(&self.sysroot, &Path::new(DEBUG_DIR).join(path));
        users.chain(sysroot).collect()
    }
}

/// A build ID as build-ID directories have it: two digits, and the rest.
fn split(build_id: BuildId) -> Option<(String, String)> {
    let mut text = build_id.to_string();
    (text.len() > 2).then(|| {
        let tail = text.split_off(2);
        (text, tail)
    })
}

/// The package that `dwp` and Envoy's build leave beside a binary.
pub(crate) fn package_beside(image: &Path) -> PathBuf {
    let mut name = OsString::from(image);
    name.push(".dwp");
    PathBuf::from(name)
}
