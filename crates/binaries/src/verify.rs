//! Is this file the one that was recorded?

use std::fmt;

use profile::{BinaryKind, BuildId};

use crate::calls::ASKED_SHARE;
use crate::geometry::{fits, largest_executable, page_sizes, recover};
use crate::{Calls, DebugLink, ElfError, ElfImage, Layout, Machine, Recorded, RecordedRange};

/// Why a file was not used, with the figures.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is not a readable ELF file.
    #[error(transparent)]
    Elf(#[from] ElfError),
    /// It is another build.
    #[error("build ID {found} instead of {recorded}")]
    BuildId {
        /// The recorded build ID.
        recorded: BuildId,
        /// The file's build ID.
        found: BuildId,
    },
    /// It is for another machine.
    #[error("code for {found}, recorded on {recorded}")]
    Machine {
        /// The recorded host's architecture.
        recorded: String,
        /// What the file's code is for.
        found: Machine,
    },
    /// Its code lies elsewhere in the file than the recorded code did: another link, be the build
    /// ID the same.
    #[error(
        "its code is laid out differently: {}, recorded {}",
        Shown(.found.as_slice()),
        Shown(.recorded.as_slice())
    )]
    Geometry {
        /// The executable mappings in the recording.
        recorded: Vec<RecordedRange>,
        /// The largest executable segment in the file, in whole pages.
        found: Option<RecordedRange>,
    },
    /// Its code is other code: no call stands where the recorded code returned to.
    #[error(
        "{0} recorded return addresses follow a call instruction in it, at least {asked}% do in the recorded file",
        asked = ASKED_SHARE * 100.0
    )]
    Calls(Calls),
    /// A DWARF package of another build: the units that were split off are not in it.
    #[error("a DWARF package of another build: it has none of the {0} units looked up")]
    Package(usize),
    /// Not the file that a debug file shares with others.
    #[error(
        "{} instead of build ID {expected}, which a debug file refers to",
        .found.map_or("no build ID".to_owned(), |found| format!("build ID {found}"))
    )]
    Supplement {
        /// As the debug file states.
        expected: BuildId,
        /// The file's.
        found: Option<BuildId>,
    },
    /// Nothing is recorded that could tell whether it is the right file.
    #[error("neither a build ID nor a mapping is recorded to check it against")]
    Unverifiable,
    /// A kernel without the symbol whose recorded address says how far the kernel was moved.
    #[error("it has no symbol `{0}`, whose address is recorded")]
    NoReference(String),
    /// Its checksum is not the one that the stripped file states for its debug file.
    #[error("CRC {found:08x} instead of {expected:08x}")]
    Checksum {
        /// As `.gnu_debuglink` states.
        expected: u32,
        /// Of the file's bytes.
        found: u32,
    },
}

impl Refusal {
    /// Whether the user may overrule it. Nobody can make names of a file that is none, or of code
    /// for another machine.
    pub fn can_be_overruled(&self) -> bool {
        match self {
            Self::BuildId { .. }
            | Self::Geometry { .. }
            | Self::Calls(_)
            | Self::Unverifiable
            | Self::Checksum { .. } => true,
            Self::Elf(_)
            | Self::Machine { .. }
            | Self::Package(_)
            | Self::Supplement { .. }
            | Self::NoReference(_) => false,
        }
    }
}

/// Checks an image against the recording.
///
/// # Errors
/// The first reason for which it cannot be the recorded file.
///
/// # Returns
/// The layout by which recorded offsets become addresses: the image's own, or for a debug file
/// without code the one found again from the recording (`geometry.rs` has the rule).
pub fn verify(image: &ElfImage, recorded: &Recorded<'_>) -> Result<Layout, Refusal> {
    if let (Some(recorded), Some(found)) = (recorded.build_id, image.build_id())
        && recorded != found
    {
        return Err(Refusal::BuildId { recorded, found });
    }
    if let Some(arch) = recorded.arch
        && image.machine().runs_on(arch) == Some(false)
    {
        return Err(Refusal::Machine { recorded: arch.to_owned(), found: image.machine() });
    }
    // The offsets of kernel code are runtime addresses, which no file states.
    if recorded.kind != BinaryKind::File {
        return match (recorded.build_id, image.build_id()) {
            (Some(_), Some(_)) => Ok(image.layout().clone()),
            _ => Err(Refusal::Unverifiable),
        };
    }
    let calls = Calls::of(image, &recorded.return_addresses);
    let layout = match verify_geometry(image, recorded) {
        // Whose mappings are not those of the process must be known by all else.
        Err(Refusal::Geometry { .. }) if is_known_otherwise(image, recorded, calls) => {
            image.layout().clone()
        }
        other => other?,
    };
    match calls {
        Some(calls) if calls.contradict() => Err(Refusal::Calls(calls)),
        _ => Ok(layout),
    }
}

/// Whether a file is the recorded one by its build ID and by its calls, whatever its layout.
fn is_known_otherwise(image: &ElfImage, recorded: &Recorded<'_>, calls: Option<Calls>) -> bool {
    !recorded.has_true_ranges
        && recorded.build_id.is_some()
        && recorded.build_id == image.build_id()
        && calls.is_some_and(Calls::are_proof)
}

fn verify_geometry(image: &ElfImage, recorded: &Recorded<'_>) -> Result<Layout, Refusal> {
    let (layout, ranges) = (image.layout(), recorded.ranges.as_slice());
    if ranges.is_empty() {
        return Err(Refusal::Unverifiable);
    }
    let page_sizes = page_sizes(recorded.arch);
    // Some tools keep the true file offsets in a debug file, so they get their chance first.
    if fits(layout, ranges, page_sizes) {
        return Ok(layout.clone());
    }
    let recovered =
        if image.has_true_layout() { None } else { recover(layout, ranges, page_sizes) };
    recovered.ok_or_else(|| Refusal::Geometry {
        recorded: ranges.to_vec(),
        found: largest_executable(layout, image.has_true_layout()),
    })
}

/// Checks that an image is the debug file that a binary links to. The checksum is over the whole
/// file, so it is computed only where no build ID can decide.
///
/// # Errors
/// If the checksum is another.
pub(crate) fn verify_link(image: &ElfImage, link: &DebugLink) -> Result<(), Refusal> {
    if image.build_id().is_some() {
        return Ok(());
    }
    let found = crc32fast::hash(image.bytes());
    image.mapped().release(0..usize::MAX);
    if found == link.crc { Ok(()) } else { Err(Refusal::Checksum { expected: link.crc, found }) }
}

/// Ranges as `0x24000+0x51000`.
struct Shown<'a>(&'a [RecordedRange]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no executable segment"),
            [first, more @ ..] => {
                write!(f, "{:#x}+{:#x}", first.offset, first.len)?;
                more.iter().try_for_each(|r| write!(f, ", {:#x}+{:#x}", r.offset, r.len))
            }
        }
    }
}
