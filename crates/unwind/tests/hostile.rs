//! Damaged recordings and damaged binaries: a shorter stack, and never a panic or a hang.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::io::Write;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use binaries::{ElfImage, Match};
use common::{our_stacks, repeated, repository, unwound};
use object::{Object, ObjectSection};
use perf_data::PerfData;
use profile::{Binary, Id, Profile};
use session::{Conversion, Options, Selection, convert};
use unwind::{MAX_FRAMES, Unwinding};

/// Where the bytes change: the same ones in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Changes a few bytes: to anything, or to what numbers break at.
    fn damage(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            let value = match self.below(4) {
                0 => 0,
                1 => 0xff,
                2 => 0x7f,
                _ => self.next().to_le_bytes()[0],
            };
            let run = self.below(9).min(bytes.len() - at);
            bytes[at..at + run].fill(value);
        }
    }
}

fn recording() -> Vec<u8> {
    std::fs::read(repository("fixtures/small/dwarf.perf")).unwrap()
}

fn check(conversion: &Conversion) {
    assert!(conversion.profile.check());
    for stack in our_stacks(&conversion.profile).keys() {
        // The kernel's frames are not among these; a marker may be.
        assert!(stack.len() <= MAX_FRAMES + 1, "{}", stack.len());
    }
}

#[test]
fn a_damaged_recording_gives_what_is_left_of_its_stacks() {
    let whole = recording();
    let perf = PerfData::parse(&whole).unwrap();
    let first = perf.records().find(|record| record.kind.0 == 9).unwrap().offset;
    let first = usize::try_from(first).unwrap();
    let mut random = Random(0x5eed_0001);
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..8 {
            random.damage(&mut bytes[first..]);
        }
        check(&unwound(&bytes, &[&repository("fixtures/small/sysroot")], 1));
    }
}

/// Converts with the bytes of a file instead of the recorded one, unverified.
fn with_binary(recording: &[u8], elf: &[u8]) -> Option<Conversion> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(elf).unwrap();
    let image = ElfImage::open(file.path()).ok()?;
    let layout = image.layout().clone();
    let found = Match::new(image, layout);
    let find = |_: &Profile, _: Id<Binary>| Some(found.clone());
    let options =
        Options { labels: Vec::new(), selection: Selection::default(), threads: NonZeroUsize::MIN };
    let perf = PerfData::parse(recording).unwrap();
    Some(convert(&perf, &options, Some(&Unwinding::new(&find)), &|_| {}))
}

#[test]
fn a_damaged_binary_unwinds_less_and_quickly() {
    let recording = recording();
    let whole =
        std::fs::read(repository("fixtures/small/sysroot/usr/local/bin/recursive")).unwrap();
    let image = object::File::parse(&*whole).unwrap();
    let range = |name| {
        let (start, size) = image.section_by_name(name).unwrap().file_range().unwrap();
        usize::try_from(start).unwrap()..usize::try_from(start + size).unwrap()
    };
    let parts = [range(".eh_frame"), range(".eh_frame_hdr"), 0..64, 0..whole.len()];
    let mut random = Random(0x5eed_0002);
    let start = Instant::now();
    let mut converted = 0;
    for round in 0..2000 {
        let mut elf = whole.clone();
        random.damage(&mut elf[parts[round % parts.len()].clone()]);
        if let Some(conversion) = with_binary(&recording, &elf) {
            check(&conversion);
            converted += 1;
        }
    }
    assert!(converted > 1000, "{converted}");
    assert!(start.elapsed() < Duration::from_mins(2), "{:?}", start.elapsed());
}

#[test]
fn any_number_of_threads_gives_the_same_profile() {
    let long = repeated(&recording(), 40 << 20);
    let root = repository("fixtures/small/sysroot");
    let one = unwound(&long, &[&root], 1);
    let four = unwound(&long, &[&root], 4);
    assert!(one.profile.samples.total(0).count > 5000);
    assert_eq!(one.losses.all_without_unwind_info(), one.profile.samples.total(0));
    assert_eq!(format!("{:?}", one.profile), format!("{:?}", four.profile));
    assert_eq!(one.losses, four.losses);
}
