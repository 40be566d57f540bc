//! What a recording says of a binary: all that a candidate can be checked against.

use profile::{Binary, BinaryKind, BuildId, FileOffset, FrameKind, Id, Profile};

use crate::RecordedRange;

/// A binary as it was recorded.
#[derive(Clone, Debug)]
pub struct Recorded<'profile> {
    /// Its path, without a trailing ` (deleted)`.
    pub path: &'profile str,
    /// Whether the file had been replaced or removed while its process ran.
    pub deleted: bool,
    /// Its build ID, if the recording has it.
    pub build_id: Option<BuildId>,
    /// What backs its addresses.
    pub kind: BinaryKind,
    /// The architecture of the host, as `uname -m` names it.
    pub arch: Option<&'profile str>,
    /// Its executable mappings, sorted, each once.
    pub ranges: Vec<RecordedRange>,
    /// Whether the ranges are whole mappings, as perf records them. Those of a profile are what
    /// its writer made of them, so that they can be wider than any segment.
    pub has_true_ranges: bool,
    /// The places to which its code was about to return, sorted, each once.
    pub return_addresses: Vec<FileOffset>,
}

impl<'profile> Recorded<'profile> {
    /// What `profile` holds about one of its binaries.
    pub fn of(profile: &'profile Profile, id: Id<Binary>) -> Self {
        let binary = &profile.binaries[id];
        let mut ranges: Vec<RecordedRange> = profile
            .mappings
            .iter()
            .filter(|(_, mapping)| mapping.binary == id)
            .map(|(_, mapping)| RecordedRange { offset: mapping.file_offset, len: mapping.len })
            .collect();
        ranges.sort_unstable();
        ranges.dedup();
        let is_return =
            |frame: &profile::Frame| frame.binary == id && frame.kind == FrameKind::ReturnAddress;
        let returns = profile.frames.iter().filter(|(_, frame)| is_return(frame));
        let mut return_addresses: Vec<_> = returns.map(|(_, frame)| frame.offset).collect();
        return_addresses.sort_unstable();
        let path = profile.strings[binary.path].as_str();
        let live_path = path.strip_suffix(" (deleted)");
        Self {
            path: live_path.unwrap_or(path),
            deleted: live_path.is_some(),
            build_id: binary.build_id,
            kind: binary.kind,
            arch: profile.recording.arch.as_deref(),
            ranges,
            has_true_ranges: !profile.recording.is_imported,
            return_addresses,
        }
    }

    /// The last part of its path.
    pub fn file_name(&self) -> &'profile str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}
