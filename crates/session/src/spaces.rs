//! Address spaces and thread names as they were at any time of the recording.

use std::ops::Range;

use rustc_hash::FxHashMap;

use profile::{Binary, Id};

use crate::maps::{Mapped, Maps, Piece, Version};

/// Whose addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Space {
    /// A process of the recording machine, by its pid.
    Process(i32),
    /// The kernel of the recording machine.
    Kernel,
    /// A process of a guest, as numbered there.
    GuestProcess(i32),
    /// The kernel of a guest.
    GuestKernel,
}

/// Every version of every address space, and every name of every thread.
#[derive(Debug, Default)]
pub(crate) struct Spaces {
    maps: Maps,
    versions: FxHashMap<Space, Vec<(u64, SpaceVersion)>>,
    comms: FxHashMap<i32, Vec<(u64, Id<String>)>>,
}

/// An address space at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct SpaceVersion {
    pub(crate) maps: Version,
    /// The program that the process runs: the file that it mapped first.
    pub(crate) program: Option<Id<Binary>>,
}

/// Looking up, at any time.
impl Spaces {
    /// The address space as it was at `time`; empty if nothing is known of it.
    pub(crate) fn at(&self, space: Space, time: u64) -> Period<SpaceVersion> {
        at(self.versions.get(&space), time).map(Option::unwrap_or_default)
    }

    /// What was mapped at an address.
    pub(crate) fn lookup(&self, version: SpaceVersion, address: u64) -> Option<u32> {
        self.maps.lookup(version.maps, address)
    }

    /// The name of a thread at `time`.
    pub(crate) fn comm(&self, tid: i32, time: u64) -> Period<Option<Id<String>>> {
        at(self.comms.get(&tid), time)
    }
}

/// A value, and from when until when it is in force.
#[derive(Clone, Debug)]
pub(crate) struct Period<Value> {
    pub(crate) value: Value,
    pub(crate) times: Range<u64>,
}

impl<Value> Period<Value> {
    fn map<Other>(self, map: impl FnOnce(Value) -> Other) -> Period<Other> {
        Period { value: map(self.value), times: self.times }
    }
}

/// Building, in the order of time.
impl Spaces {
    pub(crate) fn map(&mut self, space: Space, time: u64, piece: Piece<Mapped>) {
        let mut version = self.latest(space);
        version.maps = self.maps.map(version.maps, piece);
        self.push(space, time, version);
    }

    /// Notes which file a process mapped, if it is the first since it began to run a program.
    pub(crate) fn set_program(&mut self, space: Space, time: u64, binary: Id<Binary>) {
        let version = self.latest(space);
        if version.program.is_none() {
            self.push(space, time, SpaceVersion { program: Some(binary), ..version });
        }
    }

    /// A process begins as a copy of another.
    pub(crate) fn fork(&mut self, child: i32, parent: i32, time: u64) {
        let version = self.latest(Space::Process(parent));
        self.push(Space::Process(child), time, version);
    }

    /// A process forgets its address space and runs another program, or is a new process of
    /// which nothing is known yet.
    pub(crate) fn clear(&mut self, process: i32, time: u64) {
        self.push(Space::Process(process), time, SpaceVersion::default());
    }

    pub(crate) fn set_comm(&mut self, tid: i32, time: u64, name: Id<String>) {
        self.comms.entry(tid).or_default().push((time, name));
    }

    /// A thread begins with the name of the one that made it.
    pub(crate) fn inherit_comm(&mut self, child: i32, parent: i32, time: u64) {
        if let Some(&(_, name)) = self.comms.get(&parent).and_then(|names| names.last()) {
            self.set_comm(child, time, name);
        }
    }

    fn latest(&self, space: Space) -> SpaceVersion {
        let versions = self.versions.get(&space).and_then(|versions| versions.last());
        versions.map(|(_, version)| *version).unwrap_or_default()
    }

    fn push(&mut self, space: Space, time: u64, version: SpaceVersion) {
        let versions = self.versions.entry(space).or_default();
        match versions.last_mut() {
            // Only the last version of one moment can be asked for.
            Some((last, latest)) if *last == time => *latest = version,
            _ => versions.push((time, version)),
        }
    }
}

/// The value that was in force at `time`.
fn at<Value: Copy>(changes: Option<&Vec<(u64, Value)>>, time: u64) -> Period<Option<Value>> {
    let changes = changes.map_or(&[][..], |changes| changes);
    let after = changes.partition_point(|(from, _)| *from <= time);
    let (start, value) = match after.checked_sub(1).map(|last| changes[last]) {
        Some((from, value)) => (from, Some(value)),
        None => (0, None),
    };
    // The last moment that there is belongs to no period; a sample of it is looked up anew.
    let end = changes.get(after).map_or(u64::MAX, |(from, _)| *from);
    Period { value, times: start..end }
}
