//! What is found in images of every form.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use cache::Cache;
use common::{blob_path, elf, gzip, image, layout, package, saved, tar, tar_of, write_all, zstd};
use debug_image::{Error, Form, Found, Source, Wanted, WantedBinary, find};
use profile::BuildId;
use tempfile::TempDir;

/// A directory with a cache, and room for images.
struct Place {
    dir: TempDir,
    cache: Cache,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache"), 1 << 30).unwrap();
        Self { dir, cache }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn find(&self, path: &Path, wanted: &Wanted) -> Result<Found, Error> {
        find(&Source::parse(path.as_os_str()).unwrap(), wanted, &self.cache, &|_| {})
    }

    /// The contents of what is found, in the order in which it will be searched.
    fn contents(&self, path: &Path, wanted: &Wanted) -> Vec<Vec<u8>> {
        let found = self.find(path, wanted).unwrap();
        found.paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }
}

/// Whoever looks for these build IDs.
fn wanted(ids: &[u8]) -> Wanted {
    let binary = |id: &u8| WantedBinary {
        path: "/usr/bin/recorded".to_owned(),
        build_id: BuildId::new(&[*id; 20]),
    };
    Wanted { binaries: Some(ids.iter().map(binary).collect()), arch: Some("x86_64".to_owned()) }
}

#[test]
fn every_form_holds_the_same() {
    let place = Place::new();
    let (envoy, other) = (elf(1, 5_000_000), elf(2, 3000));
    let files: [(&str, &[u8]); 4] = [
        ("usr/local/bin/envoy", &envoy),
        ("usr/local/bin/envoy-contrib.dwp", &package(7)),
        ("usr/bin/other", &other),
        ("etc/passwd", b"root"),
    ];
    let files = tar(&files);
    let base = tar(&[("bin/", b""), ("bin/sh", &elf(3, 100))]);
    let packed = image(&[gzip(&base), zstd(&files)]);
    let plain = image(&[base.clone(), files.clone()]);
    let docker = saved(&[base.clone(), files.clone()], false);
    let old_docker = saved(&[base, files.clone()], true);
    let oci = tar_of(&layout(&[(&packed, "")]));
    write_all(&place.dir.path().join("layout"), &layout(&[(&packed, "")]));
    write_all(&place.dir.path().join("plain"), &layout(&[(&plain, "amd64")]));
    let forms = [
        (place.write("files.tar", &files), Form::Tar),
        (place.write("files.tar.gz", &gzip(&files)), Form::Tar),
        (place.write("files.tar.zst", &zstd(&files)), Form::Tar),
        (place.write("docker.tar", &docker), Form::DockerArchive),
        (place.write("docker.tgz", &gzip(&docker)), Form::DockerArchive),
        (place.write("old-docker.tar", &old_docker), Form::DockerArchive),
        (place.write("oci.tar", &oci), Form::OciArchive),
        (place.write("oci.without-a-name", &zstd(&oci)), Form::OciArchive),
        (place.dir.path().join("layout"), Form::OciLayout),
        (place.dir.path().join("plain"), Form::OciLayout),
    ];
    for (path, form) in &forms {
        for was_read in [true, false] {
            let found = place.find(path, &wanted(&[1])).unwrap();
            assert_eq!((found.form, found.was_read), (*form, was_read), "{}", path.display());
            let names: Vec<_> = found.paths.iter().map(|path| path.file_name().unwrap()).collect();
            assert_eq!(names, ["envoy", "envoy-contrib.dwp"], "{}", path.display());
            let contents = place.contents(path, &wanted(&[1]));
            assert!(contents == [envoy.clone(), package(7)], "{}", path.display());
            let held = found.held.iter().filter(|held| held.path.starts_with("usr/")).count();
            assert_eq!(held, 3, "what was not wanted is known, and not kept");
        }
    }
}

#[test]
fn upper_layers_hide_what_is_below() {
    let place = Place::new();
    let layers = [
        tar(&[("a/old", &elf(1, 0)), ("a/replaced", &elf(2, 0)), ("b/x/deep", &elf(3, 0))]),
        tar(&[
            ("a/.wh.old", b""),
            ("a/replaced", &elf(4, 0)),
            ("b/.wh..wh..opq", b""),
            ("b/new", &elf(5, 0)),
        ]),
    ];
    let path = place.write("docker.tar", &saved(&layers, false));
    let found = place.find(&path, &Wanted::default()).unwrap();
    let held: Vec<_> = found.held.iter().map(|held| held.path.as_str()).collect();
    assert_eq!(held, ["a/replaced", "b/new"]);
    assert!(place.contents(&path, &wanted(&[1, 2, 3])).is_empty());
    assert!(place.contents(&path, &wanted(&[4, 5])) == [elf(4, 0), elf(5, 0)]);
}

#[test]
fn the_recorded_machine_picks_the_image() {
    let place = Place::new();
    let image_of = |id: u8| image(&[gzip(&tar(&[("envoy", &elf(1, 1000 + usize::from(id)))]))]);
    let (amd, arm, proof) = (image_of(1), image_of(2), image_of(3));
    let images = [(&amd, "amd64"), (&arm, "arm64"), (&proof, "unknown")];
    let path = place.write("oci.tar", &tar_of(&layout(&images)));
    let on = |arch: &str| Wanted { arch: Some(arch.to_owned()), ..wanted(&[1]) };
    assert!(place.contents(&path, &on("x86_64")) == [elf(1, 1001)]);
    assert!(place.contents(&path, &on("aarch64")) == [elf(1, 1002)]);
    let error = place.find(&path, &on("s390x")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it is for linux/amd64 and linux/arm64, and the recording is of linux/s390x"
    );
    let any = Wanted { arch: None, ..wanted(&[1]) };
    assert_eq!(place.contents(&path, &any).len(), 2);
}

#[test]
fn without_a_build_id_the_name_counts() {
    let place = Place::new();
    let files = tar(&[("dbg/recorded-static", &elf(9, 0)), ("dbg/other", &elf(8, 0))]);
    let path = place.write("files.tar", &files);
    let mut wanted = wanted(&[1]);
    assert!(place.contents(&path, &wanted).is_empty());
    for binary in wanted.binaries.iter_mut().flatten() {
        binary.build_id = None;
    }
    assert!(place.contents(&path, &wanted) == [elf(9, 0)]);
}

#[test]
fn what_is_known_answers_other_questions_too() {
    let place = Place::new();
    let layers = [tar(&[("a", &elf(1, 0)), ("b", &elf(2, 0))])];
    let packed = image(&layers);
    let dir = place.dir.path().join("layout");
    write_all(&dir, &layout(&[(&packed, "")]));
    assert_eq!(place.contents(&dir, &wanted(&[1])).len(), 1);
    assert!(!place.find(&dir, &wanted(&[7])).unwrap().was_read, "that it is not there is known");
    assert!(place.find(&dir, &wanted(&[2])).unwrap().was_read, "it was not wanted before");
    fs::remove_file(dir.join(blob_path(&layers[0]))).unwrap();
    for ids in [&[1][..], &[2], &[1, 2]] {
        let found = place.find(&dir, &wanted(ids)).unwrap();
        assert!(!found.was_read && found.paths.len() == ids.len());
    }
    let everything = Wanted { binaries: None, ..wanted(&[]) };
    assert!(place.find(&dir, &everything).is_ok_and(|found| !found.was_read));
}

#[test]
fn a_damaged_cache_is_filled_again() {
    let place = Place::new();
    let path = place.write("files.tar", &tar(&[("envoy", &elf(1, 1000))]));
    let found = place.find(&path, &wanted(&[1])).unwrap();
    fs::write(&found.paths[0], elf(1, 999)).unwrap();
    let again = place.find(&path, &wanted(&[1])).unwrap();
    assert!(again.was_read);
    assert!(place.contents(&path, &wanted(&[1])) == [elf(1, 1000)]);
    // Another file under the same name is another image.
    place.write("files.tar", &tar(&[("envoy", &elf(1, 1001))]));
    assert!(place.contents(&path, &wanted(&[1])) == [elf(1, 1001)]);
}

#[test]
fn several_processes_find_the_same_at_once() {
    let place = Place::new();
    let path = place.write("files.tar.gz", &gzip(&tar(&[("envoy", &elf(1, 3_000_000))])));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let cache = Cache::at(place.cache.dir(), 1 << 30).unwrap();
                let source = Source::parse(path.as_os_str()).unwrap();
                let found = find(&source, &wanted(&[1]), &cache, &|_| {}).unwrap();
                assert!(fs::read(&found.paths[0]).unwrap() == elf(1, 3_000_000));
            });
        }
    });
}

/// The edge-proxy fixture has its debug info split off, so that both of its files are needed.
#[test]
fn layers_below_what_is_wanted_are_not_read() {
    let debug =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/edge-proxy/debug/usr/local/bin");
    let read = |name: &str| fs::read(debug.join(name)).unwrap();
    let binary = tar(&[("usr/local/bin/edge-proxy", &read("edge-proxy"))]);
    let package = tar(&[("usr/local/bin/edge-proxy.dwp", &read("edge-proxy.dwp"))]);
    let proxy = binaries::ElfImage::open(&debug.join("edge-proxy")).unwrap();
    let binary_wanted = WantedBinary { path: "/x".to_owned(), build_id: proxy.build_id() };
    let wanted = Wanted { binaries: Some(vec![binary_wanted]), arch: None };
    let unreadable = b"no layer".to_vec();
    for layers in [[&unreadable, &binary, &package], [&unreadable, &package, &binary]] {
        let place = Place::new();
        let packed = image(&layers.map(Clone::clone));
        let path = place.write("oci.tar", &tar_of(&layout(&[(&packed, "")])));
        let found = place.find(&path, &wanted).unwrap();
        assert_eq!((found.paths.len(), found.is_whole), (2, false));
        assert!(!place.find(&path, &wanted).unwrap().was_read);
    }
    let place = Place::new();
    let packed = image(&[unreadable, binary]);
    let path = place.write("oci.tar", &tar_of(&layout(&[(&packed, "")])));
    assert!(place.find(&path, &wanted).is_err(), "the package may be in the layer below");
}

#[test]
fn what_is_no_image_is_left_alone() {
    let place = Place::new();
    let files = [
        place.write("elf", &elf(1, 0)),
        place.write("text", b"text"),
        place.write("empty", b""),
        place.write("module.ko.gz", &gzip(&elf(1, 0))),
        place.write("module.ko.zst", &zstd(&elf(1, 0))),
        place.dir.path().join("missing"),
        place.dir.path().to_owned(),
    ];
    for path in files {
        assert_eq!(Source::parse(path.as_os_str()).unwrap().as_is(), Some(path.as_path()));
        assert_eq!(place.find(&path, &wanted(&[1])).unwrap().paths, [path]);
    }
}
