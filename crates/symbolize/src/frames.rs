//! The frames of a profile as the places to look up: per binary, sorted, each place once.

use profile::{Binary, FileOffset, Frame, FrameKind, Id, Profile};

/// The frames of one binary.
#[derive(Debug)]
pub(crate) struct BinaryFrames {
    pub(crate) binary: Id<Binary>,
    /// The distinct places of the frames, sorted.
    pub(crate) places: Vec<FileOffset>,
    /// Each frame and the index of its place, in the order of places. A return address and an
    /// instruction pointer one byte before it share a place.
    pub(crate) frames: Vec<(Id<Frame>, usize)>,
}

/// Groups all frames of code by their binary, in the order of the binaries.
pub(crate) fn by_binary(profile: &Profile) -> Vec<BinaryFrames> {
    let mut frames: Vec<(Id<Binary>, FileOffset, Id<Frame>)> = profile
        .frames
        .iter()
        .filter(|(_, frame)| frame.kind != FrameKind::Marker)
        .map(|(id, frame)| (frame.binary, frame.lookup_offset(), id))
        .collect();
    frames.sort_unstable();
    frames.chunk_by(|a, b| a.0 == b.0).map(one_binary).collect()
}

fn one_binary(frames: &[(Id<Binary>, FileOffset, Id<Frame>)]) -> BinaryFrames {
    let mut group = BinaryFrames {
        binary: frames[0].0,
        places: Vec::new(),
        frames: Vec::with_capacity(frames.len()),
    };
    for &(_, place, frame) in frames {
        if group.places.last() != Some(&place) {
            group.places.push(place);
        }
        group.frames.push((frame, group.places.len() - 1));
    }
    group
}
