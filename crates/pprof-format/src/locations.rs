//! Locations: the frames of the profile as pprof counts them.

use profile::{BinaryKind, Frame, FrameKind, Id, Profile, Symbols, Table};

use crate::segments::Segments;

/// The locations that samples use, numbered from 1 in the order of first use.
#[derive(Debug)]
pub(crate) struct Locations<'a> {
    profile: &'a Profile,
    segments: &'a Segments,
    places: Table<Place>,
    /// A frame of each place.
    frames: Vec<Id<Frame>>,
    /// By frame: the location, or 0 if none was asked for yet.
    ids: Vec<u64>,
}

/// What makes two frames one location. A return address and an instruction pointer that looks at
/// the call before it are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Code in a segment.
    Mapped {
        /// Its number among the [`Segments`].
        segment: usize,
        /// Its address, within the segment.
        address: u64,
    },
    /// Code that is in no mapping that the profile knows.
    Unmapped {
        /// The binary, by which placeholders differ.
        binary: Id<profile::Binary>,
        /// Its address as recorded.
        address: u64,
    },
    /// No code.
    Marker(Id<Frame>),
}

impl<'a> Locations<'a> {
    pub(crate) fn new(profile: &'a Profile, segments: &'a Segments) -> Self {
        Self {
            profile,
            segments,
            places: Table::new(),
            frames: Vec::new(),
            ids: vec![0; profile.frames.len()],
        }
    }

    /// The number of the location of a frame.
    pub(crate) fn id(&mut self, frame: Id<Frame>) -> u64 {
        let known = self.ids[frame.index()];
        if known != 0 {
            return known;
        }
        let index = self.places.intern(self.place(frame)).index();
        if index == self.frames.len() {
            self.frames.push(frame);
        }
        let id = index as u64 + 1;
        self.ids[frame.index()] = id;
        id
    }

    /// By frame: its number, or 0 for one that no sample has.
    pub(crate) fn ids(&self) -> &[u64] {
        &self.ids
    }

    fn place(&self, id: Id<Frame>) -> Place {
        let frame = &self.profile.frames[id];
        if frame.kind == FrameKind::Marker {
            return Place::Marker(id);
        }
        let offset = frame.lookup_offset();
        match self.segments.find(frame.binary, offset) {
            Some(segment) => {
                Place::Mapped { segment, address: self.segments.get(segment).address_of(offset) }
            }
            None => Place::Unmapped { binary: frame.binary, address: offset.0 },
        }
    }

    /// Number, place and a frame of every location, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Place, Id<Frame>)> {
        let frames = self.frames.iter();
        (1..)
            .zip(self.places.iter().zip(frames))
            .map(|(id, ((_, &place), &frame))| (id, place, frame))
    }

    /// The segment of every location that is in one.
    pub(crate) fn segments(&self) -> impl Iterator<Item = usize> {
        self.places.iter().filter_map(|(_, place)| match *place {
            Place::Mapped { segment, .. } => Some(segment),
            Place::Unmapped { .. } | Place::Marker(_) => None,
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.frames.len()
    }
}

/// What the locations of a binary have: the flags of its mappings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "these are the fields of profile.proto")]
pub(crate) struct Known {
    pub(crate) functions: bool,
    pub(crate) filenames: bool,
    pub(crate) line_numbers: bool,
    pub(crate) inline_frames: bool,
}

impl Known {
    /// By binary, from all locations in use. One with a function makes all have one. So does
    /// code that no file holds, which pprof does not try to symbolize.
    pub(crate) fn of_binaries(locations: &Locations<'_>, symbols: &Symbols) -> Vec<Self> {
        let profile = locations.profile;
        let mut known: Vec<Self> = profile
            .binaries
            .iter()
            .map(|(_, row)| Self { functions: row.kind != BinaryKind::File, ..Self::default() })
            .collect();
        for (_, _, frame) in locations.iter() {
            let lines = symbols.lines(frame);
            let known = &mut known[profile.frames[frame].binary.index()];
            known.functions |= !lines.is_empty();
            known.add(symbols, lines);
        }
        known
    }

    /// Adds what the lines of a location have.
    pub(crate) fn add(&mut self, symbols: &Symbols, lines: &[profile::Line]) {
        self.inline_frames |= lines.len() > 1;
        for line in lines {
            let filename = symbols.functions[line.function].filename;
            self.line_numbers |= line.line > 0;
            self.filenames |= !symbols.text(filename).is_empty();
        }
    }
}
