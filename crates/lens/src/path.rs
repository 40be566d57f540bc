//! Source paths, as rules have them.

/// A path in the source tree of Envoy or of a library: `source/common/...`, `external/quiche/...`. Bazel's
/// directories go, as does the mark of its newer names (`external/quiche+/`), and what is in front of an Envoy that
/// is built as a part of something else (`external/envoy/`).
pub(crate) fn normalise(path: &str) -> String {
    let mut path = path;
    if let Some(at) = path.rfind("/proc/self/cwd/") {
        path = &path[at + "/proc/self/cwd/".len()..];
    }
    if let Some(at) = path.find("bazel-out/")
        && let Some(bin) = path[at..].find("/bin/")
    {
        path = &path[at + bin + "/bin/".len()..];
    }
    if let Some(at) = path.find("/execroot/")
        && let Some((_, behind)) = path[at + "/execroot/".len()..].split_once('/')
    {
        path = behind;
    }
    while let Some(behind) = path.strip_prefix("./") {
        path = behind;
    }
    let Some(inside) = path.strip_prefix("external/") else {
        // Compiled where it lies: `/source/source/common/...`.
        return path
            .find("/source/common/")
            .or_else(|| path.find("/source/extensions/"))
            .map_or_else(|| path.to_owned(), |at| path[at + 1..].to_owned());
    };
    let Some((repository, behind)) = inside.split_once('/') else { return path.to_owned() };
    match repository.trim_end_matches(['+', '~']) {
        "envoy" => behind.to_owned(),
        repository => format!("external/{repository}/{behind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn one_file_has_one_path_in_every_build() {
        for path in [
            "source/common/http/conn_manager_impl.cc",
            "./source/common/http/conn_manager_impl.cc",
            "/proc/self/cwd/source/common/http/conn_manager_impl.cc",
            "external/envoy/source/common/http/conn_manager_impl.cc",
            "/build/execroot/envoy/source/common/http/conn_manager_impl.cc",
            "/source/source/common/http/conn_manager_impl.cc",
        ] {
            assert_eq!(normalise(path), "source/common/http/conn_manager_impl.cc", "{path}");
        }
        for path in [
            "external/quiche/quiche/quic/core/quic_framer.cc",
            "external/quiche+/quiche/quic/core/quic_framer.cc",
            "bazel-out/k8-opt/bin/external/quiche~/quiche/quic/core/quic_framer.cc",
        ] {
            assert_eq!(
                normalise(path),
                "external/quiche/quiche/quic/core/quic_framer.cc",
                "{path}"
            );
        }
    }
}
