//! A profile that is written already, as the tables that symbols are looked up for.
//!
//! ```text
//!   Mapping   ─> binary (file name, build ID) and the part of it that was mapped
//!   Location  ─> frame: address - start + offset, and whether it is a return address
//!   Sample    ─> stack, weighed by the value that pprof shows first
//! ```
//!
//! The address of a caller is that of the call, one byte before the return address or more; that
//! is what `profile.proto` asks for. `perf_to_profile` takes that byte even from the frame below
//! the kernel's, which is no return address and gets it back here.
//!
//! Ids and indices of a profile are claims: what points nowhere is left out.

mod binary;

use std::collections::HashMap;

use pprof_format::proto;
use profile::{
    Binary, BinaryKind, BlockCell, Event, FileOffset, Frame, FrameKind, Function, Id, Label,
    LabelSet, LabelValue, Line, Mapping, Profile, RuntimeAddr, SampleKey, SampleValue, Sampling,
    Stack, Symbols, TimeBlocks, Unit,
};

use self::binary::binary;

#[cfg(test)]
pub(crate) use self::binary::parse_build_id;

/// Addresses from here on are the kernel's.
const KERNEL: u64 = 1 << 63;

/// A profile in our tables.
pub(crate) struct Imported {
    pub(crate) profile: Profile,
    /// The frame of each location, in the order of the file.
    pub(crate) frames: Vec<Option<Id<Frame>>>,
    /// The row of each sample, in the order of the file.
    pub(crate) rows: Vec<usize>,
    /// The binary of each mapping, in the order of the file.
    binaries: Vec<Id<Binary>>,
}

/// How a location was reached.
#[derive(Clone, Copy, Debug, Default)]
struct Uses {
    is_leaf: bool,
    is_caller: bool,
    /// It called nothing: the kernel took over.
    is_interrupted: bool,
}

impl Imported {
    pub(crate) fn new(old: &proto::Profile) -> Self {
        let (frames, rows, binaries) = Default::default();
        let mut imported = Self { profile: Profile::new(), frames, rows, binaries };
        imported.profile.recording.is_imported = true;
        imported.add_mappings(old);
        let mappings = RowIds::of(old.mapping.iter().map(|row| row.id));
        let locations = RowIds::of(old.location.iter().map(|row| row.id));
        imported.add_frames(old, &mappings, &locations);
        imported.add_samples(old, &locations);
        imported.profile.main_binary = imported.binaries.first().copied();
        imported
    }

    fn add_mappings(&mut self, old: &proto::Profile) {
        for row in &old.mapping {
            let binary = binary(&mut self.profile, old, row);
            let binary = self.profile.binaries.intern(binary);
            let is_identity = self.profile.binaries[binary].kind.is_identity_mapped();
            if let Some(len) = row.memory_limit.checked_sub(row.memory_start).filter(|&len| len > 0)
            {
                let file_offset = if is_identity { row.memory_start } else { row.file_offset };
                self.profile.mappings.intern(Mapping {
                    binary,
                    start: RuntimeAddr(row.memory_start),
                    len,
                    file_offset: FileOffset(file_offset),
                });
            }
            self.binaries.push(binary);
        }
    }

    fn add_frames(&mut self, old: &proto::Profile, mappings: &RowIds, locations: &RowIds) {
        let path = self.profile.strings.intern_ref("[unknown]");
        let kind = BinaryKind::Unmapped;
        let unmapped = Binary { path, build_id: None, kind, relocation: None };
        let unmapped = self.profile.binaries.intern(unmapped);
        let subtracts_always = is_of_perf_to_profile(old);
        let mapping_of = |row: &proto::Location| mappings.get(row.mapping_id);
        let is_kernel = |row: &proto::Location| match mapping_of(row) {
            Some(mapping) => self.profile.binaries[self.binaries[mapping]].kind.is_kernel(),
            None => row.address >= KERNEL,
        };
        let functions = RowIds::of(old.function.iter().map(|row| row.id));
        let uses = uses(old, locations, &is_kernel);
        for (row, uses) in old.location.iter().zip(uses) {
            let mapping = mapping_of(row);
            let binary = mapping.map_or(unmapped, |mapping| self.binaries[mapping]);
            // `[broken stack]`: a name for no address.
            if let (None, Some(name)) = (mapping, first_name(old, &functions, row)) {
                let text = self.profile.strings.intern_ref(name);
                self.frames.push(Some(self.profile.frames.intern(Frame::marker(text))));
                continue;
            }
            let old_mapping = mapping.and_then(|mapping| old.mapping.get(mapping));
            let is_identity = self.profile.binaries[binary].kind.is_identity_mapped();
            let offset = match old_mapping.filter(|_| !is_identity) {
                Some(mapping) => {
                    let into = row.address.wrapping_sub(mapping.memory_start);
                    into.wrapping_add(mapping.file_offset)
                }
                None => row.address,
            };
            let next = FileOffset(offset.saturating_add(1));
            let (kind, offset) = if uses.is_caller {
                (FrameKind::ReturnAddress, next)
            } else if uses.is_interrupted && !uses.is_leaf && subtracts_always {
                (FrameKind::InstructionPointer, next)
            } else {
                (FrameKind::InstructionPointer, FileOffset(offset))
            };
            let frame = self.profile.frames.intern(Frame { binary, kind, offset });
            self.frames.push(Some(frame));
        }
    }

    fn add_samples(&mut self, old: &proto::Profile, locations: &RowIds) {
        let Some(shown) = shown_value(old) else { return };
        let text = |index: i64| old.text(index).unwrap_or_default();
        let name = text(old.sample_type[shown].r#type);
        let unit = match text(old.sample_type[shown].unit) {
            "nanoseconds" => Unit::Nanoseconds,
            _ => Unit::Count,
        };
        let name = name.strip_suffix("_event").unwrap_or(name).to_owned();
        let counts = |kind: &proto::ValueType| {
            let kind = text(kind.r#type);
            kind == "samples" || kind.strip_suffix("_sample") == Some(&name)
        };
        let counted = old.sample_type.iter().position(counts);
        let sampling = Sampling::Period(0);
        self.profile.events = vec![Event { recorded_name: name.clone(), name, unit, sampling }];
        self.profile.recording.duration_nanos =
            u64::try_from(old.duration_nanos).ok().filter(|nanos| *nanos > 0);
        let mut cells = Vec::new();
        for sample in &old.sample {
            let labels = labels(&mut self.profile, old, sample);
            let mut stack = Stack::EMPTY;
            for id in sample.location_id.iter().rev() {
                let frame = locations.get(*id).and_then(|location| self.frames[location]);
                if let Some(frame) = frame {
                    stack = self.profile.stacks.intern(Stack { parent: stack, frame });
                }
            }
            let value = |index: usize| sample.value.get(index).copied().unwrap_or_default();
            // A difference of profiles has negative values.
            let weight = value(shown).unsigned_abs();
            let count = counted.map_or(0, |column| value(column).unsigned_abs());
            let value = SampleValue { count, weight };
            let row = self.profile.samples.add(SampleKey { stack, event: 0, labels }, value);
            self.rows.push(row);
            let Ok(row) = u32::try_from(row) else { continue };
            for cell in sample.block_cell.chunks_exact(4) {
                let &[block, event, count, weight] = cell else { continue };
                let block = u32::try_from(block).ok();
                let block = block.filter(|block| (*block as usize) < old.block_length.len());
                if let Some(block) = block.filter(|_| event == shown as u64 / 2) {
                    cells.push(BlockCell { row, block, value: SampleValue { count, weight } });
                }
            }
        }
        self.profile.blocks = TimeBlocks::new(old.block_length.clone(), cells);
    }

    /// Gives frames the names that their locations have, where nothing better was found.
    pub(crate) fn keep_names(&self, old: &proto::Profile, symbols: &mut Symbols) {
        let functions = RowIds::of(old.function.iter().map(|row| row.id));
        let rows = old.location.iter().zip(pprof_format::unnamed_locations(old));
        for ((row, is_unnamed), frame) in rows.zip(&self.frames) {
            let Some(frame) = *frame else { continue };
            if is_unnamed || self.profile.frames[frame].kind == FrameKind::Marker {
                continue;
            }
            let rows = row.line.iter().filter_map(|line| {
                let function = &old.function[functions.get(line.function_id)?];
                let mut text = |index| symbols.strings.intern_ref(old.text(index).unwrap_or(""));
                let function = Function {
                    name: text(function.name),
                    system_name: text(function.system_name),
                    filename: text(function.filename),
                    start_line: u32::try_from(function.start_line).unwrap_or(0),
                };
                let function = symbols.functions.intern(function);
                Some(Line { function, line: u32::try_from(line.line).unwrap_or(0) })
            });
            let lines: Vec<_> = rows.collect();
            symbols.name(frame, &lines);
        }
    }
}

/// The labels of a sample.
fn labels(profile: &mut Profile, old: &proto::Profile, sample: &proto::Sample) -> Id<LabelSet> {
    let mut text = |index| profile.strings.intern_ref(old.text(index).unwrap_or_default());
    let labels = sample.label.iter().map(|label| {
        let value = match label.str {
            0 => LabelValue::Number(label.num, text(label.num_unit)),
            index => LabelValue::Text(text(index)),
        };
        Label { key: text(label.key), value }
    });
    let labels = labels.collect();
    profile.labels.intern(labels)
}

/// Rows by their id; of two with one id the first.
struct RowIds {
    /// Most writers number rows from one on: so many do as they should.
    counted: u64,
    others: HashMap<u64, usize>,
}

impl RowIds {
    fn of(ids: impl Iterator<Item = u64>) -> Self {
        let (mut counted, mut others) = (0, HashMap::new());
        for (index, id) in ids.enumerate() {
            if others.is_empty() && id == counted + 1 {
                counted = id;
            } else if id == 0 || id > counted {
                others.entry(id).or_insert(index);
            }
        }
        Self { counted, others }
    }

    fn get(&self, id: u64) -> Option<usize> {
        if (1..=self.counted).contains(&id) {
            return usize::try_from(id - 1).ok();
        }
        self.others.get(&id).copied()
    }
}

/// The name of a location's innermost function.
fn first_name<'a>(
    old: &'a proto::Profile,
    functions: &RowIds,
    row: &proto::Location,
) -> Option<&'a str> {
    let function = functions.get(row.line.first()?.function_id)?;
    old.text(old.function[function].name)
}

/// How each location was reached, in the order of the file.
fn uses(
    old: &proto::Profile,
    locations: &RowIds,
    is_kernel: &dyn Fn(&proto::Location) -> bool,
) -> Vec<Uses> {
    let is_kernel: Vec<_> = old.location.iter().map(is_kernel).collect();
    let mut all = vec![Uses::default(); old.location.len()];
    for sample in &old.sample {
        let mut callee: Option<usize> = None;
        for location in sample.location_id.iter().filter_map(|id| locations.get(*id)) {
            let used = &mut all[location];
            match callee {
                None => used.is_leaf = true,
                Some(callee) if is_kernel[callee] && !is_kernel[location] => {
                    used.is_interrupted = true;
                }
                Some(_) => used.is_caller = true,
            }
            callee = Some(location);
        }
    }
    all
}

/// The value that pprof shows: the one that is said to be, else the last.
fn shown_value(old: &proto::Profile) -> Option<usize> {
    let said = |kind: &proto::ValueType| {
        old.default_sample_type != 0 && kind.r#type == old.default_sample_type
    };
    old.sample_type.iter().position(said).or(old.sample_type.len().checked_sub(1))
}

/// Whether `perf_to_profile` wrote it: two values per event, and no time of anything.
fn is_of_perf_to_profile(old: &proto::Profile) -> bool {
    let ends_in = |kind: &proto::ValueType, end: &str| {
        old.text(kind.r#type).is_some_and(|name| name.ends_with(end))
    };
    let is_pair = |pair: &[proto::ValueType]| match pair {
        [count, weight] => ends_in(count, "_sample") && ends_in(weight, "_event"),
        _ => false,
    };
    !old.sample_type.is_empty()
        && old.sample_type.chunks(2).all(is_pair)
        && (old.time_nanos, old.duration_nanos, old.period) == (0, 0, 0)
        && old.period_type.is_none()
}

#[cfg(test)]
mod tests;
