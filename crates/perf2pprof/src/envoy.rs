//! Which debug image has the names of an Envoy.
//!
//! The build ID of a released Envoy is the git commit it was built from, which names the build
//! for people, and for nobody who has to pull an image: images are tagged with versions. Which
//! commit a version was built from is written down in `envoy_releases.tsv`, for as many releases
//! as were known when this was built; and the version stands in the binary, stripped or not.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use binaries::MappedFile;
use profile::{BuildId, Frame, Id, Line, Profile, Symbols};

use crate::message::base_name;

/// Whether a binary is an Envoy, by the name of its file: `envoy`, `envoy-static`, `envoy-contrib`.
pub(crate) fn is_envoy(file_name: &str) -> bool {
    file_name.contains("envoy")
}

/// Whether a profile is one of an Envoy: by the build ID of the main binary, its name, or the names of its functions.
pub(crate) fn is_profiled(profile: &Profile, symbols: &Symbols) -> bool {
    let Some(main) = profile.main_binary else { return false };
    let binary = &profile.binaries[main];
    let path = profile.strings[binary.path].trim_end_matches(" (deleted)");
    let is_own = |(id, frame): (Id<Frame>, &Frame)| {
        let is_envoys = |line: &Line| {
            let name = symbols.text(symbols.functions[line.function].name);
            name.starts_with("Envoy::Server::") || name.starts_with("Envoy::Event::")
        };
        frame.binary == main && symbols.lines(id).iter().any(is_envoys)
    };
    is_envoy(base_name(path))
        || binary.build_id.is_some_and(|id| release_of(id).is_some())
        || profile.frames.iter().any(is_own)
}

/// The releases and the commits they were built from, which are their build IDs.
/// `scripts/update-envoy-releases` writes it.
const RELEASES: &str = include_str!("envoy_releases.tsv");

/// The release whose commit is a build ID; `None` if no release that is known here is.
pub(crate) fn release_of(build_id: BuildId) -> Option<Version> {
    let commit = build_id.to_string();
    let rows = RELEASES.lines().filter_map(|line| line.split_once('\t'));
    let mut found = rows.filter(|(_, sha)| *sha == commit);
    Version::parse(found.next()?.0.as_bytes())
}

/// The version of an Envoy, read from its binary.
pub(crate) fn version_of(binary: &Path) -> Option<Version> {
    Version::find(&MappedFile::open(binary).ok()?)
}

/// A released version of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    minor: u16,
    patch: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}.{}", self.minor, self.patch)
    }
}

impl Version {
    /// The version among the strings of a binary; `None` if there is none, or more than one that
    /// could be it.
    fn find(bytes: &[u8]) -> Option<Self> {
        let strings = bytes.split(|&byte| byte == 0).filter(|string| string.len() <= 8);
        let versions: BTreeSet<_> = strings.filter_map(Self::parse).collect();
        let mut versions = versions.into_iter();
        versions.next().filter(|_| versions.next().is_none())
    }

    /// `1.31.2`. Minor versions of two digits are Envoy's since 2019, and rarely a library's.
    fn parse(string: &[u8]) -> Option<Self> {
        let (minor, patch) =
            std::str::from_utf8(string).ok()?.strip_prefix("1.")?.split_once('.')?;
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if minor.len() != 2 || !is_number(minor) || !is_number(patch) {
            return None;
        }
        Some(Self { minor: minor.parse().ok()?, patch: patch.parse().ok()? })
    }

    /// The name of the image with the symbols of this version. 1.26 moved it, and forgot the
    /// symbols until 1.26.3.
    pub(crate) fn debug_image(self) -> String {
        match self.minor {
            ..=25 => format!("envoyproxy/envoy-debug:v{self}"),
            _ => format!("envoyproxy/envoy:debug-v{self}"),
        }
    }

    /// The same for the build with all extensions, which shares the commit; `None` from before
    /// 1.26.
    pub(crate) fn contrib_debug_image(self) -> Option<String> {
        (self.minor >= 26).then(|| format!("envoyproxy/envoy:contrib-debug-v{self}"))
    }

    pub(crate) fn is_stripped_by_mistake(self) -> bool {
        self.minor == 26 && self.patch < 3
    }
}

/// How to get the names of an Envoy that has none.
pub(crate) fn hint(
    path: &str,
    build_id: Option<BuildId>,
    version: Option<Version>,
    command: &str,
) -> String {
    let what = match (version, build_id) {
        (Some(version), _) => {
            format!("`{path}` is Envoy {version} without its symbols, which its debug image has")
        }
        (None, Some(build_id)) => format!(
            "the names of `{path}` are in its debug image. Its build ID is the git commit it was \
             built from, {build_id}: `envoy --version` prints it beside the version, such as 1.31.2"
        ),
        (None, None) => format!(
            "the names of `{path}` are in its debug image; `envoy --version` in the pod prints the \
             version, such as 1.31.2"
        ),
    };
    if version.is_some_and(Version::is_stripped_by_mistake) {
        return format!(
            "{what}; but the images of 1.26.0 to 1.26.2 were published without symbols"
        );
    }
    let image = version.unwrap_or(Version { minor: 31, patch: 2 }).debug_image();
    format!("{what}:\n  {command} --debug-image docker://{image}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_alone_among_the_strings() {
        let find = |strings: &[&str]| Version::find(strings.join("\0").as_bytes());
        let envoy = ["\x7fELF", "library 1.22.3", "1.40.0", "1.0.0", "v1.31.2", "1.40.0", ""];
        assert_eq!(find(&envoy), Some(Version { minor: 40, patch: 0 }));
        assert_eq!(find(&["1.40.0", "1.31.2"]), None, "which of the two?");
        assert_eq!(find(&["1.+1.1", "1.12.", "1..", "1.99.70000"]), None);
    }

    #[test]
    fn the_table_of_releases_is_sorted_and_names_each_commit_once() {
        let rows: Vec<_> = RELEASES.lines().map(|line| line.split_once('\t').unwrap()).collect();
        let versions: Vec<_> =
            rows.iter().map(|(version, _)| Version::parse(version.as_bytes()).unwrap()).collect();
        assert!(versions.is_sorted_by(|a, b| a < b) && !rows.is_empty());
        let commits: BTreeSet<_> = rows.iter().map(|(_, commit)| commit).collect();
        assert_eq!(commits.len(), rows.len());
        for ((_, commit), version) in rows.iter().zip(versions) {
            let build_id = crate::import::parse_build_id(commit).unwrap();
            assert_eq!((commit.len(), release_of(build_id)), (40, Some(version)));
        }
        assert_eq!(release_of(BuildId::new(b"no release").unwrap()), None);
    }

    #[test]
    fn the_debug_image_was_renamed_with_1_26() {
        let image = |minor, patch| Version { minor, patch }.debug_image();
        assert_eq!(image(25, 9), "envoyproxy/envoy-debug:v1.25.9");
        assert_eq!(image(31, 2), "envoyproxy/envoy:debug-v1.31.2");
        let hint = hint(
            "/usr/local/bin/envoy",
            None,
            Some(Version { minor: 26, patch: 1 }),
            "perf2pprof e.perf",
        );
        assert!(hint.contains("without symbols") && !hint.contains("docker"), "{hint}");
    }
}
