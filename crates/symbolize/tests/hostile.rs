//! Files that are damaged, or made to do harm: whatever the bytes, there is an answer, or a reason
//! why there is none, and no panic.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs;
use std::path::Path;

use binaries::ElfImage;
use profile::FileOffset;
use symbolize::symbolize;

use support::{Recording, fixture, options};

const DEBUG: &str = "edge-proxy/debug/usr/local/bin/edge-proxy";
const PACKAGE: &str = "edge-proxy/debug/usr/local/bin/edge-proxy.dwp";

/// A sequence of numbers that is the same in each run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

/// A recording of the sound file, some addresses of which are looked up in damaged ones.
fn recording() -> Recording {
    let image = ElfImage::open(&fixture(DEBUG)).unwrap();
    let mut recording = Recording::of(&image, "/usr/local/bin/edge-proxy");
    let text = *image.layout().executable().next().unwrap();
    for at in (0..text.file_size).step_by(1009) {
        recording.sample(FileOffset(text.offset.0 + at));
    }
    recording
}

/// Looks the recording up in an ELF file and a package with these bytes.
fn look_up(recording: &Recording, directory: &Path, elf: &[u8], package: &[u8]) {
    let path = directory.join("edge-proxy");
    fs::write(&path, elf).unwrap();
    fs::write(directory.join("edge-proxy.dwp"), package).unwrap();
    let symbolized = symbolize(&recording.profile, &options(&[directory], 1), &|_| {});
    let counted: u64 = symbolized.binaries.iter().map(|report| report.frames.total()).sum();
    assert_eq!(counted, recording.profile.frames.len() as u64 - 1, "every frame but the marker");
}

/// Changes some bytes in a window of the file, so that headers get their share.
fn damage(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let window = [64, 1024, 64 * 1024, bytes.len()][numbers.below(4)].min(bytes.len());
    let start = numbers.below(bytes.len() - window + 1);
    for _ in 0..=numbers.below(32) {
        let at = start + numbers.below(window);
        bytes[at] = match numbers.below(4) {
            0 => 0,
            1 => 0xff,
            2 => bytes[at] ^ 1 << numbers.below(8),
            _ => numbers.next().to_le_bytes()[0],
        };
    }
    bytes
}

#[test]
fn no_damage_makes_it_panic() {
    let (elf, package) = (fs::read(fixture(DEBUG)).unwrap(), fs::read(fixture(PACKAGE)).unwrap());
    let recording = recording();
    let directory = tempfile::tempdir().unwrap();
    let rounds = std::env::var("HOSTILE_ROUNDS").map_or(120, |rounds| rounds.parse().unwrap());
    for seed in 1..=rounds {
        let mut numbers = Numbers(seed << 17 | 1);
        let elf = if seed % 4 == 0 { elf.clone() } else { damage(&elf, &mut numbers) };
        look_up(&recording, directory.path(), &elf, &damage(&package, &mut numbers));
    }
}

#[test]
fn a_file_may_end_anywhere() {
    let (elf, package) = (fs::read(fixture(DEBUG)).unwrap(), fs::read(fixture(PACKAGE)).unwrap());
    let recording = recording();
    let directory = tempfile::tempdir().unwrap();
    for tenth in 1..10 {
        let (elf_end, package_end) = (elf.len() * tenth / 10, package.len() * tenth / 10);
        look_up(&recording, directory.path(), &elf[..elf_end], &package);
        look_up(&recording, directory.path(), &elf, &package[..package_end]);
    }
    for length in [0, 1, 4, 16, 63, 64, 65] {
        look_up(&recording, directory.path(), &elf[..length], &package[..length]);
        look_up(&recording, directory.path(), &elf, &package[..length]);
    }
}

/// Programs of which parts are in other files, and those.
const IN_PARTS: [&[&str]; 4] = [
    &["small/dwz/shapes-one", "small/dwz/common.dwz"],
    &["small/dwz/dwarf-5/shapes-two", "small/dwz/dwarf-5/common.dwz"],
    &["small/split/shapes", "small/split/shapes-one.dwo", "small/split/shapes-two.dwo"],
    &["small/debug-frame/shapes-one"],
];

#[test]
fn nor_does_damage_of_parts_in_files_of_their_own() {
    let rounds = std::env::var("HOSTILE_ROUNDS").map_or(300, |rounds| rounds.parse().unwrap());
    for files in IN_PARTS {
        let image = ElfImage::open(&fixture(files[0])).unwrap();
        let mut recording = Recording::of(&image, "/usr/local/bin/shapes");
        let text = *image.layout().executable().next().unwrap();
        for at in 0..text.file_size {
            recording.sample(FileOffset(text.offset.0 + at));
        }
        let directory = tempfile::tempdir().unwrap();
        let program = directory.path().join(Path::new(files[0]).file_name().unwrap());
        for seed in 1..=rounds {
            let mut numbers = Numbers(seed << 17 | 1);
            for file in files {
                let path = directory.path().join(Path::new(file).file_name().unwrap());
                let bytes = fs::read(fixture(file)).unwrap();
                let is_spared = numbers.below(3) == 0;
                let bytes = if is_spared { bytes } else { damage(&bytes, &mut numbers) };
                fs::write(path, bytes).unwrap();
            }
            symbolize(&recording.profile, &options(&[&program], 1), &|_| {});
        }
    }
}
