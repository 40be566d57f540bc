//! Images made to do harm: each ends in an error that says what is wrong, and writes nothing
//! outside of the cache.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use cache::Cache;
use common::{blob_path, elf, gzip, header, image, index, layout, saved, tar, tar_of, write_all};
use debug_image::{Source, Wanted, find};
use tempfile::TempDir;

struct Place {
    dir: TempDir,
    cache: Cache,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(&dir.path().join("cache"), 100 << 20).unwrap();
        Self { dir, cache }
    }

    fn write(&self, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join("image");
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Everything outside of the cache.
    fn outside(&self) -> Vec<PathBuf> {
        let mut ahead = vec![self.dir.path().to_owned()];
        let mut found = Vec::new();
        while let Some(dir) = ahead.pop() {
            for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_dir() && !entry.starts_with(self.cache.dir()) {
                    ahead.push(entry.clone());
                }
                found.push(entry);
            }
        }
        found.sort();
        found
    }

    #[track_caller]
    fn fails(&self, path: &Path, why: &str) {
        let before = self.outside();
        let begun = Instant::now();
        let source = Source::parse(path.as_os_str()).unwrap();
        let error = find(&source, &Wanted::default(), &self.cache, &|_| {}).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
        assert_eq!(self.outside(), before);
        let kept = fs::read_dir(self.cache.dir().join("files")).unwrap().count();
        let half = fs::read_dir(self.cache.dir().join("tmp")).unwrap().count();
        assert_eq!((kept, half), (0, 0), "nothing of it is kept");
    }
}

#[test]
fn paths_that_lead_out() {
    for path in [&b"../../evil"[..], b"a/../../evil", b"/../evil"] {
        let place = Place::new();
        let mut evil = header(path, 200);
        evil.extend(elf(1, 512));
        place.fails(&place.write(&evil), "leads out of it");
        let packed = image(&[gzip(&evil)]);
        place.fails(&place.write(&tar_of(&layout(&[(&packed, "")]))), "leads out of it");
    }
    // An absolute path is one inside of the image, and no link is followed.
    let place = Place::new();
    let outside = place.dir.path().join("outside");
    let link = format!("usr -> {}", place.dir.path().display());
    let mut files = tar(&[(&link, b""), ("usr/outside", &elf(1, 0))]);
    files.truncate(files.len() - 1024);
    files.extend(header(b"/etc/evil", 200));
    files.extend(elf(2, 512));
    let source = Source::parse(place.write(&files).as_os_str()).unwrap();
    let found = find(&source, &Wanted::default(), &place.cache, &|_| {}).unwrap();
    assert!(!outside.exists());
    assert!(found.paths.iter().all(|path| path.starts_with(place.cache.dir())));
    assert_eq!(found.paths.len(), 2);
}

#[test]
fn links_between_layers_that_lead_nowhere() {
    let place = Place::new();
    let id = |number: u32| format!("{number:064x}");
    let with_links = |links: &[(u32, &str)]| {
        let config = (format!("{}.json", id(9)), br#"{"rootfs": {"diff_ids": ["sha256:0000000000000000000000000000000000000000000000000000000000000000"]}}"#.to_vec());
        let manifest =
            format!(r#"[{{"Config": "{}", "Layers": ["{}/layer.tar"]}}]"#, config.0, id(0));
        let mut files = vec![config, ("manifest.json".to_owned(), manifest.into_bytes())];
        files.extend(
            links.iter().map(|(at, to)| (format!("{}/layer.tar -> {to}", id(*at)), vec![])),
        );
        tar_of(&files)
    };
    let own = format!("../{}/layer.tar", id(0));
    let other = format!("../{}/layer.tar", id(1));
    place.fails(&place.write(&with_links(&[(0, &own)])), "in a circle");
    place.fails(&place.write(&with_links(&[(0, &other), (1, &own)])), "in a circle");
    place.fails(&place.write(&with_links(&[(0, "/etc/passwd")])), "`etc/passwd` is not in it");
    place.fails(&place.write(&with_links(&[(0, "../../../etc/passwd")])), "is not in it");
    place.fails(&place.write(&with_links(&[])), "is not in it");
}

#[test]
fn sizes_that_cannot_be() {
    let place = Place::new();
    for size in [u64::MAX, i64::MAX as u64, 1 << 62] {
        let mut claim = header(b"envoy", size);
        claim.extend(elf(1, 4096));
        place.fails(&place.write(&claim), "");
        place.fails(&place.write(&gzip(&claim)), "");
        place.fails(&place.write(&tar_of(&layout(&[(&image(&[claim]), "")]))), "");
    }
    // A name of four gigabytes.
    let mut name = header(b"././@LongLink", 4 << 30);
    name[156] = b'L';
    let sum: u32 = name
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    name[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    place.fails(&place.write(&gzip(&name)), "a name in it claims 4294967296 bytes");
    // More than the cache has room for.
    let big = tar(&[("envoy", &elf(1, 101 << 20))]);
    place.fails(&place.write(&big), "for which the cache has no room");
}

#[test]
fn digests_that_are_wrong() {
    let place = Place::new();
    let dir = place.dir.path().join("layout");
    let layer = gzip(&tar(&[("envoy", &elf(1, 5000))]));
    let packed = image(std::slice::from_ref(&layer));
    let files = layout(&[(&packed, "")]);
    let changed = [layer.clone(), packed.manifest.clone()];
    for blob in changed {
        write_all(&dir, &files);
        let mut other = blob.clone();
        // A byte of the file's content, or of a digest.
        let at = other.len() / 2;
        other[at] ^= 1;
        fs::write(dir.join(blob_path(&blob)), other).unwrap();
        place.fails(&dir, "is not what was asked for: its digest is sha256:");
    }
    // Another layer, whole.
    write_all(&dir, &files);
    fs::write(dir.join(blob_path(&layer)), gzip(&tar(&[("envoy", &elf(2, 0))]))).unwrap();
    place.fails(&dir, "is not what was asked for");
    fs::remove_file(dir.join(blob_path(&layer))).unwrap();
    place.fails(&dir, "is not in it");

    let docker = saved(&[tar(&[("envoy", &elf(1, 5000))])], false);
    let at = docker.windows(4).position(|bytes| bytes == b"\x7fELF").unwrap() + 300;
    let mut other = docker.clone();
    other[at] ^= 1;
    place.fails(&place.write(&other), "is not what was asked for");
    other.truncate(2048);
    place.fails(&place.write(&other), "ends before its end");
}

#[test]
fn manifests_without_measure_or_sense() {
    let place = Place::new();
    let dir = place.dir.path().join("layout");
    let layer = r#"{"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "size": 1}"#;
    let million = format!(r#"{{"layers": [{}]}}"#, vec![layer; 1_000_000].join(","));
    let two_thousand = format!(r#"{{"layers": [{}]}}"#, vec![layer; 2000].join(","));
    let deep = "[".repeat(1_000_000);
    let cases = [
        (million.as_str(), "it has more than 4194304 bytes"),
        (&two_thousand, "it claims 2000 layers, and 1000 are the most"),
        ("garbage", "`index.json` is damaged"),
        (&deep, "`index.json` is damaged"),
        ("{}", "neither an image manifest nor an image index"),
        (
            r#"{"layers": [{"digest": "sha256:../../../../etc/passwd", "size": 1}]}"#,
            "is no SHA-256 digest",
        ),
        (r#"{"layers": [{"digest": "md5:00", "size": 1}]}"#, "is no SHA-256 digest"),
        (
            r#"{"layers": [{"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "size": -1}]}"#,
            "invalid value",
        ),
    ];
    for (text, why) in cases {
        write_all(
            &dir,
            &[("index.json".to_owned(), text.as_bytes().to_vec()), ("blobs/x".to_owned(), vec![])],
        );
        place.fails(&dir, why);
    }
    let saved = [
        (r#"[{"Config": "../../etc/passwd", "Layers": []}]"#, "is not in it"),
        (r#"[{"Config": 1}]"#, "`manifest.json` is damaged"),
    ];
    for (text, why) in saved {
        let blob = ("0".repeat(64), b"x".to_vec());
        let files = [("manifest.json".to_owned(), text.as_bytes().to_vec()), blob];
        place.fails(&place.write(&tar_of(&files)), why);
    }
}

#[test]
fn indexes_that_lead_on_and_on() {
    let place = Place::new();
    let dir = place.dir.path().join("layout");
    let mut at = image(&[]);
    let mut files = Vec::new();
    for _ in 0..10 {
        files.push((blob_path(&at.manifest), at.manifest.clone()));
        at.manifest = index(&[(&at, "")]);
    }
    files.push(("index.json".to_owned(), at.manifest));
    write_all(&dir, &files);
    place.fails(&dir, "indexes of indexes");
}

#[test]
fn a_pipe_in_place_of_a_blob() {
    let place = Place::new();
    let dir = place.dir.path().join("layout");
    let packed = image(&[gzip(&tar(&[]))]);
    write_all(&dir, &layout(&[(&packed, "")]));
    let pipe = dir.join(blob_path(&packed.manifest));
    fs::remove_file(&pipe).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    place.fails(&dir, "it is no regular file");
}
