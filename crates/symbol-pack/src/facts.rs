//! What identifies the binary that a pack was made from, and tells how its code lies in memory.

use profile::BuildId;

use crate::number::{Numbers, put, put_bytes};

/// What the headers of the binary say: enough to check a recording against it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its build ID.
    pub build_id: Option<BuildId>,
    /// What its code is for (`e_machine`).
    pub machine: u16,
    /// How much its files could tell together: a number of the writer's own.
    pub quality: u8,
    /// Whether [`crate::Pack::is_after_call`] knows.
    pub has_calls: bool,
    /// The places in the file where a signal handler returns to: no call stands before them, which
    /// says nothing against the file. Sorted.
    pub signal_returns: Vec<u64>,
    /// What it was called, without directories.
    pub name: String,
    /// Its loaded segments.
    pub segments: Vec<Segment>,
}

/// A loaded segment (`PT_LOAD`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// `p_offset`.
    pub offset: u64,
    /// `p_filesz`.
    pub file_size: u64,
    /// `p_vaddr`.
    pub address: u64,
    /// `p_memsz`.
    pub memory_size: u64,
    /// Whether `p_flags` has `PF_X`.
    pub executable: bool,
}

impl Facts {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.build_id.as_ref().map_or(&[], |id| id.as_bytes()));
        put(out, self.machine.into());
        put(out, self.quality.into());
        put(out, self.has_calls.into());
        put(out, self.signal_returns.len() as u64);
        for place in &self.signal_returns {
            put(out, *place);
        }
        put_bytes(out, self.name.as_bytes());
        put(out, self.segments.len() as u64);
        for segment in &self.segments {
            put(out, segment.offset);
            put(out, segment.file_size);
            put(out, segment.address);
            put(out, segment.memory_size);
            put(out, segment.executable.into());
        }
    }

    pub(crate) fn read(numbers: &mut Numbers<'_>) -> Option<Self> {
        Some(Self {
            build_id: match numbers.take_bytes()? {
                [] => None,
                bytes => Some(BuildId::new(bytes)?),
            },
            machine: numbers.take()?.try_into().ok()?,
            quality: numbers.take()?.try_into().ok()?,
            has_calls: numbers.take()? != 0,
            signal_returns: (0..numbers.take_count()?)
                .map(|_| numbers.take())
                .collect::<Option<_>>()?,
            name: str::from_utf8(numbers.take_bytes()?).ok()?.to_owned(),
            segments: (0..numbers.take_count()?)
                .map(|_| Segment::read(numbers))
                .collect::<Option<_>>()?,
        })
    }
}

impl Segment {
    fn read(numbers: &mut Numbers<'_>) -> Option<Self> {
        Some(Self {
            offset: numbers.take()?,
            file_size: numbers.take()?,
            address: numbers.take()?,
            memory_size: numbers.take()?,
            executable: numbers.take()? != 0,
        })
    }
}
