//! What a recording says of a binary: all that a candidate can be checked against.

use profile::{Binary, BinaryKind, BuildId, Id, Profile};

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
        let path = profile.strings[binary.path].as_str();
        let live_path = path.strip_suffix(" (deleted)");
        Self {
            path: live_path.unwrap_or(path),
            deleted: live_path.is_some(),
            build_id: binary.build_id,
            kind: binary.kind,
            arch: profile.recording.arch.as_deref(),
            ranges,
        }
    }

    /// The last part of its path.
    pub fn file_name(&self) -> &'profile str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}
