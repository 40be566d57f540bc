//! What the first bytes of an ELF file tell of it, while the rest is still to come.

use binaries::Machine;
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, elf};
use profile::BuildId;

/// How many bytes are looked at. Linkers put the notes before the code.
pub(crate) const LEN: u64 = 1 << 20;

/// What the start of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElfStart {
    pub(crate) machine: Machine,
    /// `None` if the start does not hold one: the file may, further on.
    pub(crate) build_id: Option<BuildId>,
}

impl ElfStart {
    /// Reads the start of a file; `None` if it is no ELF file.
    pub(crate) fn read(start: &[u8]) -> Option<Self> {
        match start.get(..5)? {
            [0x7f, b'E', b'L', b'F', 1] => Self::of::<elf::FileHeader32<Endianness>>(start),
            [0x7f, b'E', b'L', b'F', 2] => Self::of::<elf::FileHeader64<Endianness>>(start),
            _ => None,
        }
    }

    fn of<Elf: FileHeader<Endian = Endianness>>(start: &[u8]) -> Option<Self> {
        let header = Elf::parse(start).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, start).unwrap_or_default();
        let mut notes = segments
            .iter()
            .filter_map(|segment| segment.notes(endian, start).ok().flatten())
            .flat_map(|notes| notes.map_while(Result::ok));
        let build_id = notes
            .find(|note| {
                note.name() == elf::ELF_NOTE_GNU && note.n_type(endian) == elf::NT_GNU_BUILD_ID
            })
            .and_then(|note| BuildId::new(note.desc()));
        Some(Self { machine: Machine(header.e_machine(endian).0), build_id })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use binaries::ElfImage;

    use super::*;

    #[test]
    fn the_start_tells_what_the_whole_file_does() {
        let path = Path::new("../../fixtures/edge-proxy/debug/usr/local/bin/edge-proxy");
        let bytes = std::fs::read(path).unwrap();
        let whole = ElfImage::open(path).unwrap();
        let start = ElfStart::read(&bytes[..4096]).unwrap();
        assert_eq!(start, ElfStart { machine: whole.machine(), build_id: whole.build_id() });
        for len in 0..200 {
            if let Some(start) = ElfStart::read(&bytes[..len]) {
                assert_eq!(start.build_id, None);
            }
        }
    }
}
