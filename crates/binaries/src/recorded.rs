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
    /// What `profile` holds about one of its binaries. For many of them, [`RecordedBinaries`].
    pub fn of(profile: &'profile Profile, id: Id<Binary>) -> Self {
        let ranges = ranges(profile).filter(|(binary, _)| *binary == id);
        let mut ranges: Vec<_> = ranges.map(|(_, range)| range).collect();
        ranges.sort_unstable();
        let returns = return_addresses(profile).filter(|(binary, _)| *binary == id);
        let mut returns: Vec<_> = returns.map(|(_, offset)| offset).collect();
        returns.sort_unstable();
        Self::new(profile, id, ranges, returns)
    }

    fn new(
        profile: &'profile Profile,
        id: Id<Binary>,
        mut ranges: Vec<RecordedRange>,
        return_addresses: Vec<FileOffset>,
    ) -> Self {
        ranges.dedup();
        let binary = &profile.binaries[id];
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

/// What a profile holds about its binaries, gathered in one go: a profile may have thousands, and
/// asking for each reads all of it.
#[derive(Clone, Debug)]
pub struct RecordedBinaries<'profile> {
    profile: &'profile Profile,
    /// Both sorted.
    ranges: Vec<(Id<Binary>, RecordedRange)>,
    return_addresses: Vec<(Id<Binary>, FileOffset)>,
}

impl<'profile> RecordedBinaries<'profile> {
    /// Gathers what is known of all binaries.
    pub fn of(profile: &'profile Profile) -> Self {
        let mut ranges: Vec<_> = ranges(profile).collect();
        ranges.sort_unstable();
        let mut return_addresses: Vec<_> = return_addresses(profile).collect();
        return_addresses.sort_unstable();
        Self { profile, ranges, return_addresses }
    }

    /// The same as [`Recorded::of`].
    pub fn get(&self, id: Id<Binary>) -> Recorded<'profile> {
        let ranges = of_binary(&self.ranges, id).collect();
        let return_addresses = of_binary(&self.return_addresses, id).collect();
        Recorded::new(self.profile, id, ranges, return_addresses)
    }
}

/// The rows of one binary, of rows sorted by binary.
fn of_binary<Row: Copy>(
    rows: &[(Id<Binary>, Row)],
    id: Id<Binary>,
) -> impl Iterator<Item = Row> + '_ {
    let start = rows.partition_point(|(binary, _)| *binary < id);
    rows.iter().skip(start).take_while(move |(binary, _)| *binary == id).map(|(_, row)| *row)
}

fn ranges(profile: &Profile) -> impl Iterator<Item = (Id<Binary>, RecordedRange)> + '_ {
    profile.mappings.iter().map(|(_, mapping)| {
        (mapping.binary, RecordedRange { offset: mapping.file_offset, len: mapping.len })
    })
}

fn return_addresses(profile: &Profile) -> impl Iterator<Item = (Id<Binary>, FileOffset)> + '_ {
    let frames = profile.frames.iter().map(|(_, frame)| frame);
    let returns = frames.filter(|frame| frame.kind == FrameKind::ReturnAddress);
    returns.map(|frame| (frame.binary, frame.offset))
}

#[cfg(test)]
mod tests {
    use profile::{Frame, Mapping, RuntimeAddr};

    use super::*;

    #[test]
    fn gathered_in_one_go_or_asked_for_one_by_one_binaries_are_the_same() {
        let mut profile = Profile::new();
        let ids: Vec<_> = ["/a", "/b", "/c (deleted)", "/nothing known"]
            .map(|path| {
                let (path, kind) = (profile.strings.intern_ref(path), BinaryKind::File);
                profile.binaries.intern(Binary { path, build_id: None, kind, relocation: None })
            })
            .into();
        // In turns, from the end to the start of each file, and some of it twice.
        for (n, binary) in (0..12).rev().zip(ids.iter().take(3).copied().cycle()) {
            let file_offset = FileOffset(n / 6 * 0x1000);
            let start = RuntimeAddr(n * 0x1_0000);
            profile.mappings.intern(Mapping { binary, start, len: 0x1000, file_offset });
            for kind in [FrameKind::ReturnAddress, FrameKind::InstructionPointer] {
                profile.frames.intern(Frame { binary, kind, offset: FileOffset(n * 8) });
            }
        }
        let all = RecordedBinaries::of(&profile);
        for id in ids {
            assert_eq!(format!("{:?}", all.get(id)), format!("{:?}", Recorded::of(&profile, id)));
        }
        assert_eq!(all.get(profile.mappings.iter().next().unwrap().1.binary).ranges.len(), 2);
    }
}
