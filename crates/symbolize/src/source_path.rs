//! Source paths as people know them, so that one function is one box.
//!
//! A default box of pprof is a function **and** its file. The same header, compiled by two units,
//! comes as `./envoy/http/filter.h`, `/proc/self/cwd/envoy/http/filter.h` and
//! `/build/bazel-out/k8-opt/bin/../../../envoy/http/filter.h`.

use std::borrow::Cow;

/// Directories that bazel compiles in: what follows is relative to the source tree.
const WORKING_DIRECTORY: &str = "/proc/self/cwd/";

/// A path in the one spelling for it: `.` and `..` folded, bazel's working and output directories
/// dropped, `external/quiche+/` written `external/quiche/`.
pub(crate) fn normalise(path: &str) -> Cow<'_, str> {
    let path = match path.rfind(WORKING_DIRECTORY) {
        Some(at) => &path[at + WORKING_DIRECTORY.len()..],
        None => path,
    };
    let is_plain = !path.contains("//")
        && path.split('/').all(|part| {
            !matches!(part, "." | ".." | "bazel-out" | "execroot") && !part.ends_with('+')
        });
    if is_plain { Cow::Borrowed(path) } else { Cow::Owned(rebuild(path)) }
}

fn rebuild(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // `a/..` is nothing; at the root, `..` is the root; before it, it stays.
            ".." => match parts.last() {
                Some(&last) if last != ".." => drop(parts.pop()),
                None if path.starts_with('/') => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    let mut is_absolute = path.starts_with('/');
    // .../execroot/envoy/external/...: bazel's sandbox, in front of the source tree.
    if let Some(at) = parts.iter().rposition(|&part| part == "execroot")
        && at + 2 < parts.len()
    {
        parts.drain(..at + 2);
        is_absolute = false;
    }
    // bazel-out/k8-opt/bin/...: the output tree mirrors the source tree.
    if let Some(at) = parts.iter().rposition(|&part| part == "bazel-out")
        && parts.get(at + 2) == Some(&"bin")
        && at + 3 < parts.len()
    {
        parts.drain(..at + 3);
        is_absolute = false;
    }
    if let Some(at) = parts.iter().position(|&part| part == "external")
        && let Some(repository) = parts.get_mut(at + 1)
    {
        *repository = repository.trim_end_matches('+');
    }
    let root = if is_absolute { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn one_file_has_one_path() {
        let table = [
            ("/src/edge/main.cc", "/src/edge/main.cc"),
            ("main.cc", "main.cc"),
            ("./main.cc", "main.cc"),
            ("/src/./edge//main.cc", "/src/edge/main.cc"),
            ("/src/edge/../common/hash.h", "/src/common/hash.h"),
            ("/../../main.cc", "/main.cc"),
            ("../lib/main.cc", "../lib/main.cc"),
            ("a/../../b.cc", "../b.cc"),
            (
                "/proc/self/cwd/source/common/http/conn_manager_impl.cc",
                "source/common/http/conn_manager_impl.cc",
            ),
            (
                "/proc/self/cwd/external/com_google_absl/absl/hash/hash.h",
                "external/com_google_absl/absl/hash/hash.h",
            ),
            (
                "/proc/self/cwd/./external/quiche+/quiche/http2/a.cc",
                "external/quiche/quiche/http2/a.cc",
            ),
            (
                "bazel-out/k8-opt/bin/external/envoy_api/envoy/a.pb.cc",
                "external/envoy_api/envoy/a.pb.cc",
            ),
            ("/proc/self/cwd/bazel-out/k8-fastbuild/bin/source/a.pb.h", "source/a.pb.h"),
            (
                "/root/.cache/bazel/_bazel_root/1f/execroot/envoy/source/exe/main.cc",
                "source/exe/main.cc",
            ),
            ("bazel-out/README", "bazel-out/README"),
            ("/usr/include/c++/12/bits/stl_vector.h", "/usr/include/c++/12/bits/stl_vector.h"),
            ("", ""),
            ("/", "/"),
        ];
        for (path, expected) in table {
            assert_eq!(normalise(path), expected, "{path}");
            assert_eq!(normalise(expected), expected, "a second time: {path}");
        }
    }
}
