//! Looking through archives for wanted ELF files, and keeping those.

use std::io::{self, Read, Write};

use binaries::{ElfImage, Quality, holds_units_of};
use cache::{Cache, Staged};

use crate::elf_start::{self, ElfStart};
use crate::hidden::{Cover, Hidden};
use crate::tar_stream::{Entry, Input, Kind, Tar};
use crate::{Error, HeldFile, Wanted};

/// How many ELF files an image may have. A Debian root with all its kernel modules has some 10,000.
const MAX_HELD: u64 = 200_000;

/// A search through an image.
pub(crate) struct Hunt<'a> {
    wanted: &'a Wanted,
    cache: &'a Cache,
    /// How many bytes may still be kept.
    room: u64,
    pub(crate) held: Vec<HeldFile>,
}

/// What one layer has, not to be believed before the layer's digest is checked.
#[derive(Default)]
pub(crate) struct Haul {
    files: Vec<(HeldFile, Option<Staged>)>,
    covers: Vec<Cover>,
}

impl<'a> Hunt<'a> {
    pub(crate) fn new(wanted: &'a Wanted, cache: &'a Cache) -> Self {
        Self { wanted, cache, room: cache.limit(), held: Vec::new() }
    }

    /// Looks through an archive. `hidden` is what the layers above it hide; without, it is no
    /// layer, and every file counts.
    pub(crate) fn scan(
        &mut self,
        part: &str,
        tar: &mut Tar<impl Input>,
        hidden: Option<&Hidden>,
    ) -> Result<Haul, Error> {
        let mut haul = Haul::default();
        while let Some(entry) = tar.next().map_err(|error| Error::damaged(part, &error))? {
            if hidden.is_some() {
                haul.covers.extend(Cover::of(&entry));
            }
            if entry.kind != Kind::File || hidden.is_some_and(|hidden| hidden.hides(&entry.path)) {
                continue;
            }
            let Some(caught) = self.look_at(part, tar, &entry)? else { continue };
            // A file that is in an archive twice is, once unpacked, the second one.
            haul.files.retain(|(held, _)| held.path != entry.path);
            haul.files.push(caught);
            let held = (self.held.len() + haul.files.len()) as u64;
            if held > MAX_HELD {
                return Err(Error::TooMany { what: format!("{held} ELF files"), limit: MAX_HELD });
            }
        }
        Ok(haul)
    }

    /// Takes what was found in a layer that is what it should be.
    pub(crate) fn keep(&mut self, haul: Haul, hidden: &mut Hidden) -> Result<(), Error> {
        for (mut held, staged) in haul.files {
            held.file = staged.map(|staged| staged.keep(self.cache)).transpose()?;
            self.held.push(held);
        }
        hidden.add(haul.covers)
    }

    /// Whether nothing better can come: everything wanted is there with all of its debug info.
    pub(crate) fn is_complete(&self) -> bool {
        let Some(wanted) = &self.wanted.binaries else { return false };
        let open = |held: &HeldFile| ElfImage::open(&self.cache.file(held.file.as_ref()?)?).ok();
        let packages: Vec<_> =
            self.held.iter().filter(|held| held.is_package).filter_map(open).collect();
        wanted.iter().all(|wanted| {
            let has_id =
                |held: &&HeldFile| wanted.build_id.is_some() && held.build_id == wanted.build_id;
            self.held.iter().filter(has_id).filter_map(open).any(|image| {
                image.quality() == Quality::Dwarf
                    && image.has_code()
                    && holds_units_of(&image, &packages)
            })
        })
    }

    /// Reads a file as far as it takes to know whether it is wanted; to its end if it is.
    fn look_at(
        &mut self,
        part: &str,
        tar: &mut Tar<impl Input>,
        entry: &Entry,
    ) -> Result<Option<(HeldFile, Option<Staged>)>, Error> {
        let damaged = |error: io::Error| Error::damaged(part, &error);
        let mut start = Vec::new();
        tar.take(64).read_to_end(&mut start).map_err(damaged)?;
        if ElfStart::read(&start).is_none() {
            return Ok(None);
        }
        tar.take(elf_start::LEN - 64).read_to_end(&mut start).map_err(damaged)?;
        let Some(ElfStart { machine, build_id }) = ElfStart::read(&start) else { return Ok(None) };
        let path = entry.path.clone();
        let mut held = HeldFile { path, machine, build_id, is_package: false, file: None };
        if build_id.is_some() && !self.wanted.takes(&held.path, build_id, false) {
            return Ok(Some((held, None)));
        }
        if entry.size > self.room {
            let (path, size, limit) = (held.path, entry.size, self.cache.limit());
            return Err(Error::TooLarge { path, size, limit });
        }
        let mut staged = self.cache.stage(&held.path)?;
        copy(&start, tar, &mut staged).map_err(|error| match error {
            CopyError::Read(error) => damaged(error),
            CopyError::Write(error) => self.cache.error(error).into(),
        })?;
        // What its sections say, which stand at its end: packages have nothing else.
        if let Ok(image) = ElfImage::open(&staged.path()) {
            held.build_id = image.build_id();
            held.is_package = image.is_package();
        }
        if !self.wanted.takes(&held.path, held.build_id, held.is_package) {
            return Ok(Some((held, None)));
        }
        self.room = self.room.saturating_sub(staged.len());
        Ok(Some((held, Some(staged))))
    }
}

fn copy(start: &[u8], rest: &mut impl Read, out: &mut Staged) -> Result<(), CopyError> {
    out.write_all(start).map_err(CopyError::Write)?;
    let mut chunk = vec![0; 1 << 18];
    loop {
        match rest.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(len) => out.write_all(&chunk[..len]).map_err(CopyError::Write)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CopyError::Read(error)),
        }
    }
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}
