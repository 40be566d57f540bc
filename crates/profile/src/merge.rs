//! Several profiles as one: rows that are equal become one row, and their values add up.

use std::fmt;

use rustc_hash::FxHashSet;

use crate::{
    Binary, Event, Frame, FrameKind, Id, Label, LabelSet, LabelValue, Mapping, Profile, Recording,
    Relocation, SampleKey, Stack, Table,
};

/// Two profiles do not count the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMismatch {
    /// The events of the profile that was added to, each with its unit.
    pub ours: Vec<String>,
    /// Those of the one that was to be added.
    pub theirs: Vec<String>,
}

impl fmt::Display for EventMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| names.join(", ");
        write!(f, "events {} against {}", list(&self.theirs), list(&self.ours))
    }
}

impl std::error::Error for EventMismatch {}

impl Profile {
    /// Adds all of another profile, whose events must have the same names and units in the same
    /// order. Returns the ids that its binaries have here.
    ///
    /// Binaries are told apart by path, build ID and, for kernels, address; the rest of the
    /// tables follows. What a profile has once comes from the first that has it; the beginning is
    /// that of the earliest, and durations add up, as pprof adds them. Merging `a` with `b` and
    /// then with `c` gives the same as merging `a` with what `b` and `c` give.
    pub fn merge(&mut self, other: &Self) -> Result<Vec<Id<Binary>>, EventMismatch> {
        let names = |events: &[Event]| -> Vec<_> {
            events.iter().map(|event| format!("{} ({})", event.name, event.unit.name())).collect()
        };
        let (ours, theirs) = (names(&self.events), names(&other.events));
        if ours != theirs {
            return Err(EventMismatch { ours, theirs });
        }
        let strings: Vec<_> =
            other.strings.iter().map(|(_, text)| self.strings.intern_ref(text)).collect();
        let binaries = self.merge_binaries(other, &strings);
        let stacks = self.merge_stacks(other, &strings, &binaries);
        let labels = merge_labels(&mut self.labels, other, &strings);
        let mut rows = Vec::with_capacity(other.samples.len());
        for (key, value) in other.samples.iter() {
            let key = SampleKey {
                stack: stacks[key.stack.index()],
                event: key.event,
                labels: labels[key.labels.index()],
            };
            let row = self.samples.add(key, value);
            rows.push(u32::try_from(row).unwrap_or(u32::MAX));
        }
        self.blocks.append(&other.blocks, &rows);
        let main = other.main_binary.map(|binary| binaries[binary.index()]);
        self.main_binary = self.main_binary.or(main);
        self.recording.merge(&other.recording);
        for comment in &other.comments {
            if !self.comments.contains(comment) {
                self.comments.push(comment.clone());
            }
        }
        Ok(binaries)
    }

    fn merge_binaries(&mut self, other: &Self, strings: &[Id<String>]) -> Vec<Id<Binary>> {
        let text = |id: Id<String>| strings[id.index()];
        let binary = |row: &Binary| Binary {
            path: text(row.path),
            relocation: row
                .relocation
                .map(|relocation| Relocation { symbol: text(relocation.symbol), ..relocation }),
            ..*row
        };
        let rows = other.binaries.iter();
        let ids: Vec<_> = rows.map(|(_, row)| self.binaries.intern(binary(row))).collect();
        let part = |mapping: &Mapping| (mapping.binary, mapping.file_offset, mapping.len);
        let mut known: FxHashSet<_> = self.mappings.iter().map(|(_, row)| part(row)).collect();
        for (_, mapping) in other.mappings.iter() {
            let mapping = Mapping { binary: ids[mapping.binary.index()], ..*mapping };
            // One part of a file stands in the table once.
            if known.insert(part(&mapping)) {
                self.mappings.intern(mapping);
            }
        }
        ids
    }

    fn merge_stacks(
        &mut self,
        other: &Self,
        strings: &[Id<String>],
        binaries: &[Id<Binary>],
    ) -> Vec<Id<Stack>> {
        let frame = |row: &Frame| match (row.kind, row.marker_text()) {
            (FrameKind::Marker, Some(text)) => Frame::marker(strings[text.index()]),
            _ => Frame { binary: binaries[row.binary.index()], ..*row },
        };
        let rows = other.frames.iter();
        let frames: Vec<_> = rows.map(|(_, row)| self.frames.intern(frame(row))).collect();
        let mut stacks: Vec<Id<Stack>> = Vec::with_capacity(other.stacks.len());
        for (id, stack) in other.stacks.iter() {
            // Parents come first, so that their new id is known.
            let new = if id == Stack::EMPTY {
                id
            } else {
                let parent = stacks[stack.parent.index()];
                self.stacks.intern(Stack { parent, frame: frames[stack.frame.index()] })
            };
            stacks.push(new);
        }
        stacks
    }
}

fn merge_labels(
    ours: &mut Table<LabelSet>,
    other: &Profile,
    strings: &[Id<String>],
) -> Vec<Id<LabelSet>> {
    let text = |id: Id<String>| strings[id.index()];
    let label = |label: &Label| Label {
        key: text(label.key),
        value: match label.value {
            LabelValue::Text(value) => LabelValue::Text(text(value)),
            LabelValue::Number(number, unit) => LabelValue::Number(number, text(unit)),
        },
    };
    let sets = other.labels.iter();
    sets.map(|(_, set)| ours.intern(set.iter().map(label).collect())).collect()
}

impl Recording {
    fn merge(&mut self, other: &Self) {
        let both = |ours: Option<u64>, theirs: Option<u64>, of_two: fn(u64, u64) -> u64| match (
            ours, theirs,
        ) {
            (Some(ours), Some(theirs)) => Some(of_two(ours, theirs)),
            (ours, theirs) => ours.or(theirs),
        };
        let first = |ours: &mut Option<String>, theirs: &Option<String>| {
            if ours.is_none() {
                ours.clone_from(theirs);
            }
        };
        self.start_unix_nanos = both(self.start_unix_nanos, other.start_unix_nanos, u64::min);
        self.duration_nanos = both(self.duration_nanos, other.duration_nanos, u64::saturating_add);
        first(&mut self.arch, &other.arch);
        first(&mut self.hostname, &other.hostname);
        first(&mut self.os_release, &other.os_release);
        first(&mut self.perf_version, &other.perf_version);
        self.is_unwound |= other.is_unwound;
        self.is_imported |= other.is_imported;
        if self.command_line.is_none() {
            self.command_line.clone_from(&other.command_line);
        }
    }
}
