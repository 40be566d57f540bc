//! Names for kernel code, whose offsets are addresses of the recorded boot.
//!
//! The kernel is moved at each boot (KASLR), and a recording states where one symbol of it was:
//! `_text` or `_stext`. The distance to that symbol's address in a list or an ELF file moves all others.

use std::fs;
use std::path::{Path, PathBuf};

use binaries::{ElfImage, Match, Recorded, Refusal, Refused, verify};
use object::elf::{ELF_NOTE_GNU, FileHeader64, NT_GNU_BUILD_ID};
use object::read::elf::NoteIterator;
use object::{Endianness, Object, ObjectSymbol};
use profile::{Binary, BinaryKind, BuildId, Id, Profile, Relocation};

use crate::Options;
use crate::kallsyms::Kallsyms;
use crate::report::Problem;

/// The running kernel's symbols, and the notes with its build ID.
const RUNNING_SYMBOLS: &str = "/proc/kallsyms";
const RUNNING_NOTES: &str = "/sys/kernel/notes";

/// Where the recorded kernel's names come from.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    pub(crate) vmlinux: Option<Vmlinux>,
    pub(crate) kallsyms: Option<(PathBuf, Kallsyms)>,
    /// A vmlinux that is of another kernel.
    pub(crate) refused: Option<Refused>,
    pub(crate) problem: Option<Problem>,
}

/// The kernel as an ELF file.
#[derive(Clone, Debug)]
pub(crate) struct Vmlinux {
    pub(crate) found: Match,
    /// How far the recorded kernel lay above the addresses in the file.
    pub(crate) moved: u64,
}

impl Kernel {
    /// Opens the sources for the kernel that a profile was recorded on: what is given by hand,
    /// else what is installed of the same build. Lists are of the running kernel, if it is that
    /// one, or of perf's cache.
    pub(crate) fn open(profile: &Profile, options: &Options) -> Self {
        let mut kernel = Self::default();
        let Some(binary) = recorded_kernel(profile) else { return kernel };
        let build_id = profile.binaries[binary].build_id;
        let relocation = profile.binaries[binary].relocation;
        let reference = relocation.map(|relocation| reference(profile, relocation));
        let recorded = Recorded::of(profile, binary);
        if let Some(path) = &options.vmlinux {
            match open_vmlinux(path, &recorded, reference) {
                Ok(vmlinux) => kernel.vmlinux = Some(vmlinux),
                Err(refusal) => {
                    kernel.refused = Some(Refused { path: path.clone(), refusal });
                }
            }
        } else if build_id.is_some() {
            kernel.vmlinux = installed(profile, &recorded, options)
                .iter()
                .find_map(|path| open_vmlinux(path, &recorded, reference).ok());
        }
        let running = || {
            let running = running_build_id();
            (running.is_some() && running == build_id).then(|| PathBuf::from(RUNNING_SYMBOLS))
        };
        let cached = || options.sources.cached_kallsyms(build_id?);
        if let Some(path) = options.kallsyms.clone().or_else(running).or_else(cached) {
            match Kallsyms::open(&path, reference) {
                Ok(list) => kernel.kallsyms = Some((path, list)),
                Err(error) => kernel.problem = Some(Problem::Kallsyms { path, error }),
            }
        }
        kernel
    }
}

/// Where the recorded kernel may be installed with its symbols.
fn installed(profile: &Profile, recorded: &Recorded<'_>, options: &Options) -> Vec<PathBuf> {
    let release = profile.recording.os_release.as_deref().unwrap_or_default();
    let mut paths = options.sources.kernels(release);
    paths.extend(options.sources.debug_files(recorded, recorded.build_id));
    paths
}

/// The kernel among the binaries: the one whose place is recorded, if there are several.
fn recorded_kernel(profile: &Profile) -> Option<Id<Binary>> {
    let kernels = || profile.binaries.iter().filter(|(_, binary)| binary.kind.is_kernel());
    let placed = kernels().find(|(_, binary)| binary.relocation.is_some());
    let image = || kernels().find(|(_, binary)| binary.kind == BinaryKind::Kernel);
    Some(placed.or_else(image).or_else(|| kernels().next())?.0)
}

fn reference(profile: &Profile, relocation: Relocation) -> (&str, u64) {
    (profile.strings[relocation.symbol].as_str(), relocation.address.0)
}

fn open_vmlinux(
    path: &Path,
    recorded: &Recorded<'_>,
    reference: Option<(&str, u64)>,
) -> Result<Vmlinux, Refusal> {
    let image = ElfImage::open(path)?;
    let layout = verify(&image, recorded)?;
    let moved = match reference {
        Some((name, address)) => address.wrapping_sub(symbol_address(&image, name)?),
        None => 0,
    };
    let found = Match::new(image, layout);
    Ok(Vmlinux { found, moved })
}

fn symbol_address(image: &ElfImage, name: &str) -> Result<u64, Refusal> {
    let object = image.object()?;
    let symbol = object.symbols().find(|symbol| symbol.name() == Ok(name));
    Ok(symbol.ok_or_else(|| Refusal::NoReference(name.to_owned()))?.address())
}

/// The build ID of the running kernel.
fn running_build_id() -> Option<BuildId> {
    let notes = fs::read(RUNNING_NOTES).ok()?;
    build_id_in(&notes, Endianness::default())
}

/// The build ID in the bytes of a section of notes.
fn build_id_in(notes: &[u8], endian: Endianness) -> Option<BuildId> {
    const ALIGN: u64 = 4;
    let notes = NoteIterator::<FileHeader64<Endianness>>::new(endian, ALIGN, notes).ok()?;
    notes
        .map_while(Result::ok)
        .find(|note| note.name() == ELF_NOTE_GNU && note.n_type(endian) == NT_GNU_BUILD_ID)
        .and_then(|note| BuildId::new(note.desc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_id_is_found_among_other_notes() {
        // /sys/kernel/notes of a Linux 6.1, shortened.
        let mut notes = Vec::new();
        notes.extend([4, 0, 0, 0, 4, 0, 0, 0, 1, 1, 0, 0]);
        notes.extend(*b"Xen\0\x01\x02\x03\x04");
        notes.extend([4, 0, 0, 0, 8, 0, 0, 0, 3, 0, 0, 0]);
        notes.extend(*b"GNU\0\x7b\xda\xd2\xf3\x3e\xb8\x64\x14");
        let found = build_id_in(&notes, Endianness::Little).map(|id| id.to_string());
        assert_eq!(found.as_deref(), Some("7bdad2f33eb86414"));
        assert_eq!(build_id_in(&notes[..30], Endianness::Little), None);
    }
}
