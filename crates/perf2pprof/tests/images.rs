//! Debug images of every form, as the user of the command meets them.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const EDGE_PROXY: &str = "edge-proxy/edge-proxy.perf";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name).canonicalize().unwrap()
}

/// Runs the command in an empty directory, with a cache of its own.
struct Run(TempDir);

impl Run {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn command(&self, recording: &str, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perf2pprof"));
        command.current_dir(self.0.path()).env("XDG_CACHE_HOME", self.0.path().join("cache"));
        command.stdin(Stdio::null()).arg(fixture(recording)).args(args);
        command
    }

    fn run(&self, recording: &str, args: &[&str]) -> Output {
        self.command(recording, args).output().unwrap()
    }

    /// The profile, which must come without an error.
    #[track_caller]
    fn profile(&self, recording: &str, image: &str) -> Vec<u8> {
        let output = self.run(recording, &["-q", "--debug-image", image, "-o", "-"]);
        assert!(output.status.success(), "{}", stderr(&output));
        output.stdout
    }

    /// A tar archive of a directory, called `name`.
    fn tar(&self, name: &str, dir: &Path) -> PathBuf {
        let path = self.0.path().join(name);
        let mut tar = tar::Builder::new(File::create(&path).unwrap());
        tar.append_dir_all("", dir).unwrap();
        tar.finish().unwrap();
        path
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn an_archive_is_as_good_as_what_is_in_it() {
    let run = Run::new();
    let debug = fixture("edge-proxy/debug");
    run.tar("debug.tar", &debug);
    let expected = run.profile(EDGE_PROXY, debug.to_str().unwrap());
    assert!(run.profile(EDGE_PROXY, "debug.tar") == expected);
    assert!(run.profile(EDGE_PROXY, "debug.tar") == expected, "from the cache");
    let mut command = run.command(EDGE_PROXY, &["-q", "--debug-image", "-", "-o", "-"]);
    let output = command.stdin(File::open(run.0.path().join("debug.tar")).unwrap()).output();
    assert!(output.unwrap().stdout == expected, "from standard input");
    let output = run.run(EDGE_PROXY, &["--debug-image", "debug.tar", "-o", "x.pb.gz"]);
    let shown =
        "from `debug.tar/usr/local/bin/edge-proxy` and `debug.tar/usr/local/bin/edge-proxy.dwp`";
    assert!(stderr(&output).contains(shown), "{}", stderr(&output));
}

/// Stacks are unwound while the recording is read, which is before its frames are named.
#[test]
fn an_archive_unwinds_stacks() {
    let run = Run::new();
    let root = fixture("small/sysroot");
    run.tar("root.tar", &root);
    let unwound = |image: &str| {
        let args = ["-q", "--sysroot", "nowhere", "--debug-image", image, "--folded", "-"];
        let output = run.run("small/dwarf.perf", &args);
        assert!(output.status.success(), "{}", stderr(&output));
        output.stdout
    };
    let expected = unwound(root.to_str().unwrap());
    assert!(!expected.is_empty());
    assert!(unwound("root.tar") == expected);
    fs::create_dir(run.0.path().join("empty")).unwrap();
    assert!(unwound("empty") != expected);
}

#[test]
fn an_image_of_something_else_is_told_of() {
    let run = Run::new();
    run.tar("debug.tar", &fixture("edge-proxy/debug"));
    let output = run.run("envoy.perf", &["--debug-image", "debug.tar", "-o", "x.pb.gz"]);
    assert!(output.status.success());
    let text = stderr(&output);
    for part in [
        "warning: `debug.tar`, a tar archive of files, holds none of the recorded binaries\n",
        "  recorded: `/usr/local/bin/envoy` with build ID 9e5580933739775e8bce696a57a2e1bc99368f23\n",
        "  it holds: `usr/local/bin/edge-proxy` with build ID 38a35343a95f131ba637ff64b59e36dda8920461\n",
        "hint: take the debug image of the very build that was recorded",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let output =
        run.run("envoy.perf", &["--strict", "--debug-image", "debug.tar", "-o", "x.pb.gz"]);
    assert!(!output.status.success());
}

#[test]
fn what_cannot_be_searched_is_an_error() {
    let run = Run::new();
    fs::write(run.0.path().join("image.zip"), b"PK\x03\x04").unwrap();
    let tar = run.tar("cut.tar", &fixture("edge-proxy/debug"));
    File::options().write(true).open(tar).unwrap().set_len(100_000).unwrap();
    let output = run.run(EDGE_PROXY, &["--debug-image", "envoyproxy/envoy:debug-v1.31.2"]);
    assert_eq!(
        stderr(&output),
        "error: there is no file `envoyproxy/envoy:debug-v1.31.2`\n\
         hint: `--debug-image docker://envoyproxy/envoy:debug-v1.31.2` takes the image of that name from its registry\n"
    );
    let cases = [
        ("image.zip", "it is compressed with zip", "unpack it"),
        ("cut.tar", "the archive is damaged: it ends before its end", "is it whole?"),
        (
            "docker://Not a name",
            "it is no name of an image",
            "docker://envoyproxy/envoy:debug-v1.31.2",
        ),
        ("docker://127.0.0.1:9/envoy", "`127.0.0.1:9` cannot be reached", "try again"),
    ];
    for (image, error, hint) in cases {
        let output = run.run(EDGE_PROXY, &["--debug-image", image, "-o", "x.pb.gz"]);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(
            text.starts_with(&format!("error: cannot take symbols from `{image}`: {error}")),
            "{text}"
        );
        assert!(text.contains("\nhint: ") && text.contains(hint), "{text}");
        assert!(!run.0.path().join("x.pb.gz").exists());
    }
}

#[test]
fn standard_input_is_one_thing() {
    let run = Run::new();
    let output = run.run(EDGE_PROXY, &["-", "--debug-image", "-", "-o", "x.pb.gz"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("only one input can come from standard input"));
}

#[test]
fn without_an_image_there_is_no_cache() {
    let run = Run::new();
    let debug = fixture("edge-proxy/debug");
    run.profile(EDGE_PROXY, debug.to_str().unwrap());
    assert!(!run.0.path().join("cache").exists());
    run.tar("debug.tar", &debug);
    let mut command = run.command(EDGE_PROXY, &["--debug-image", "debug.tar", "-o", "x.pb.gz"]);
    let output = command.env("XDG_CACHE_HOME", "/dev/null").output().unwrap();
    let text = stderr(&output);
    assert!(text.contains("cannot use the cache in `/dev/null/perf2pprof`"), "{text}");
    assert!(text.contains("hint: `XDG_CACHE_HOME=DIR`"), "{text}");
    let mut command = run.command(EDGE_PROXY, &["--debug-image", "debug.tar", "-o", "x.pb.gz"]);
    let output = command.env("PERF2PPROF_CACHE_LIMIT", "much").output().unwrap();
    assert!(stderr(&output).contains("`PERF2PPROF_CACHE_LIMIT` is `much`, not a size"), "{text}");
}

/// A pack of an image's binary is that of the binary.
#[test]
fn symbols_are_packed_listed_and_found_in_archives() {
    let run = Run::new();
    let debug = fixture("edge-proxy/debug");
    run.tar("debug.tar", &debug);
    let symbols = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_perf2pprof"));
        command.current_dir(run.0.path()).env("XDG_CACHE_HOME", run.0.path().join("cache"));
        command.arg("symbols").args(args).output().unwrap()
    };
    let of = |args: &[&str]| {
        let output = symbols(args);
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let dir = debug.to_str().unwrap();
    let listed = of(&["list", "debug.tar"]);
    assert!(listed.starts_with("debug.tar/usr/local/bin/edge-proxy\n"), "{listed}");
    assert_eq!(listed, of(&["list", dir]).replace(dir, "debug.tar"));
    let recording = fixture(EDGE_PROXY);
    let recording = recording.to_str().unwrap();
    assert_eq!(
        of(&["find", "debug.tar", recording]),
        of(&["find", dir, recording]).replace(dir, "debug.tar")
    );
    of(&["pack", "debug.tar", "-o", "from-archive.symbols"]);
    of(&["pack", dir, "-o", "from-directory.symbols"]);
    let read = |name: &str| fs::read(run.0.path().join(name)).unwrap();
    assert!(read("from-archive.symbols") == read("from-directory.symbols"));
    let envoy = fixture("envoy.perf");
    let output = symbols(&["find", "debug.tar", envoy.to_str().unwrap()]);
    let text = stderr(&output);
    assert!(text.starts_with("error: `debug.tar` fits no binary of"), "{text}");
}
