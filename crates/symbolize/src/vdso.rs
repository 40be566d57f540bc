//! The code that the kernel gives to every process (`[vdso]`), an ELF file of one or two pages that
//! is in no file system. perf keeps a copy in its cache; the running kernel's is in our own memory.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use binaries::{ElfImage, Match, Recorded, verify};

/// More than any kernel's. The largest known has four pages of 64 KiB.
const MAX_LEN: u64 = 1 << 20;

/// Our own, if it is the one that was recorded.
pub(crate) fn running(recorded: &Recorded<'_>) -> Option<Match> {
    let image = ElfImage::in_memory(Path::new("[vdso]"), read()?).ok()?;
    let layout = verify(&image, recorded).ok()?;
    Some(Match::new(image, layout))
}

fn read() -> Option<Vec<u8>> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = (address(start)?, address(end)?);
    let len = end.checked_sub(start).filter(|len| *len <= MAX_LEN)?;
    let mut bytes = vec![0; usize::try_from(len).ok()?];
    File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, start).ok()?;
    Some(bytes)
}
