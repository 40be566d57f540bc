//! What is looked for.

use profile::BuildId;

use crate::HeldFile;

/// What is looked for in an image.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The recorded binaries; `None` for every ELF file with a build ID, and every package.
    pub binaries: Option<Vec<WantedBinary>>,
    /// The machine that was recorded, as `uname -m` names it: of an image for several platforms,
    /// the one for it is looked into.
    pub arch: Option<String>,
}

/// A recorded binary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedBinary {
    /// The recorded path.
    pub path: String,
    /// The recorded build ID.
    pub build_id: Option<BuildId>,
}

impl Wanted {
    /// Whether a file is one that was looked for.
    pub fn wants(&self, held: &HeldFile) -> bool {
        self.takes(&held.path, held.build_id, held.is_package)
    }

    /// Whether a file is to be taken: a package, of which only whoever reads it can tell where it
    /// belongs; a file with a recorded build ID; and where either side has none, one with the name.
    pub(crate) fn takes(&self, path: &str, build_id: Option<BuildId>, is_package: bool) -> bool {
        if is_package {
            return true;
        }
        let Some(binaries) = &self.binaries else { return build_id.is_some() };
        binaries.iter().any(|wanted| match (wanted.build_id, build_id) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => is_name_of(path, &wanted.path),
        })
    }

    /// The recorded architecture as images name it.
    pub(crate) fn platform(&self) -> Option<&str> {
        Some(match self.arch.as_deref()? {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "i386" | "i486" | "i586" | "i686" => "386",
            "armv6l" | "armv7l" | "armv8l" => "arm",
            other => other,
        })
    }
}

/// Whether a file bears the recorded name, perhaps with an addition such as `.debug` or `-static`.
fn is_name_of(path: &str, recorded: &str) -> bool {
    let name = |path: &'_ str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let (name, recorded) = (name(path), name(recorded));
    name.strip_prefix(&recorded).is_some_and(|rest| {
        !recorded.is_empty() && (rest.is_empty() || rest.starts_with(['.', '-', '_']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_ids_are_believed_before_names() {
        let id = |byte| BuildId::new(&[byte; 20]);
        let wanted = |build_id| Wanted {
            binaries: Some(vec![WantedBinary { path: "/usr/bin/envoy".to_owned(), build_id }]),
            arch: None,
        };
        assert!(wanted(id(1)).takes("x", id(1), false));
        assert!(!wanted(id(1)).takes("usr/bin/envoy", id(2), false));
        assert!(wanted(id(1)).takes("dbg/envoy.debug", None, false));
        assert!(wanted(None).takes("dbg/envoy-static", id(2), false));
        assert!(!wanted(None).takes("dbg/envoyproxy", id(2), false));
        assert!(wanted(None).takes("x", None, true));
        assert!(Wanted::default().takes("x", id(1), false));
        assert!(!Wanted::default().takes("x", None, false));
    }
}
