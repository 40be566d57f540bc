//! A profile's rows, one table after the other, as rows of the sum.

use super::message::{self, IdMap, Message};
use super::rows::{FunctionRow, LabelRow, LocationRow, MappingRow};
use super::{MergeError, Merger, number};

/// A profile on its way into the sum.
pub(super) struct Adding<'a> {
    pub(super) to: &'a mut Merger,
    pub(super) message: Message<'a>,
    /// The ids of its texts, as far as they are known.
    pub(super) texts: Vec<Option<u64>>,
}

impl Adding<'_> {
    pub(super) fn all(&mut self) -> Result<(), MergeError> {
        let columns = self.types()?;
        self.numbers()?;
        let mappings = self.mappings()?;
        let functions = self.functions()?;
        let locations = self.locations(&mappings, &functions)?;
        self.samples(&columns, &locations)?;
        Ok(())
    }

    /// The id that a text has in the sum.
    fn text(&mut self, index: u64) -> Result<u64, MergeError> {
        if index == 0 {
            return Ok(0);
        }
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let known = self.texts.get_mut(at).ok_or(MergeError::Dangling("a text"))?;
        if let Some(id) = *known {
            return Ok(id);
        }
        let text = str::from_utf8(self.message.strings[at])
            .map_err(|_| MergeError::Dangling("a text in UTF-8"))?;
        let id = u64::from(number(self.to.strings.intern_ref(text)));
        *known = Some(id);
        Ok(id)
    }

    /// Where each of its columns is in the sum, whose types are those of the first profile.
    fn types(&mut self) -> Result<Vec<usize>, MergeError> {
        let mut types = Vec::with_capacity(self.message.sample_types.len());
        for (name, unit) in self.message.sample_types.clone() {
            types.push((self.text(name)?, self.text(unit)?));
        }
        if types.is_empty() {
            return Err(MergeError::Dangling("what it counts"));
        }
        let mut names: Vec<u64> = types.iter().map(|(name, _)| self.named(*name)).collect();
        let is_twice = (1..names.len()).any(|at| names[..at].contains(&names[at]));
        if is_twice {
            names = types.iter().map(|(name, _)| *name).collect();
        }
        types.iter_mut().zip(&names).for_each(|(row, name)| row.0 = *name);
        if self.to.types.is_empty() {
            self.to.types.clone_from(&types);
        }
        let ours = &self.to.types;
        let columns: Option<Vec<usize>> =
            types.iter().map(|row| ours.iter().position(|other| other == row)).collect();
        // The columns of an event stay together, as its blocks want it.
        let is_of_pairs = |columns: &[usize]| {
            columns.chunks(2).enumerate().all(|(pair, to)| match to {
                [count, weight] => count % 2 == 0 && *weight == count + 1,
                [last] => *last == 2 * pair,
                _ => true,
            })
        };
        let is_all = |columns: &Vec<usize>| {
            let mut seen = columns.clone();
            seen.sort_unstable();
            seen.dedup();
            seen.len() == ours.len() && columns.len() == ours.len() && is_of_pairs(columns)
        };
        let Some(columns) = columns.filter(is_all) else {
            let (ours, theirs) = (self.to.sample_types(), self.to.shown_types(&types));
            return Err(MergeError::SampleTypes { ours, theirs });
        };
        if self.message.default_type != 0 && self.to.default_type.is_none() {
            let name = self.text(self.message.default_type)?;
            self.to.default_type = Some(if is_twice { name } else { self.named(name) });
        }
        Ok(columns)
    }

    /// The name of an event, or of a column of one: `cycles_event` for `cycles:ppp_event`.
    fn named(&mut self, name: u64) -> u64 {
        let text = self.to.shown(name);
        let end = ["_sample", "_event"].into_iter().find(|end| text.ends_with(end)).unwrap_or("");
        let event = &text[..text.len() - end.len()];
        let name = format!("{}{end}", (self.to.name_of)(event));
        u64::from(number(self.to.strings.intern(name)))
    }

    fn numbers(&mut self) -> Result<(), MergeError> {
        if let Some((name, unit)) = self.message.period_type {
            let name = self.text(name)?;
            let theirs = (self.named(name), self.text(unit)?);
            let ours = *self.to.period_type.get_or_insert(theirs);
            if ours != theirs {
                let shown = |row| self.to.shown_types(&[row]).concat();
                return Err(MergeError::PeriodType { ours: shown(ours), theirs: shown(theirs) });
            }
        }
        for index in self.message.comments.clone() {
            let text = self.text(index)?;
            self.to.comments.add(text);
        }
        let (drop, keep) = (self.message.drop_frames, self.message.keep_frames);
        let (drop, keep) = (self.text(drop)?, self.text(keep)?);
        let url = self.text(self.message.doc_url)?;
        let (to, message) = (&mut *self.to, &self.message);
        let first = |ours: &mut u64, theirs: u64| {
            if *ours == 0 {
                *ours = theirs;
            }
        };
        first(&mut to.drop_frames, drop);
        first(&mut to.keep_frames, keep);
        first(&mut to.doc_url, url);
        to.period = to.period.max(message.period);
        to.duration_nanos = to.duration_nanos.saturating_add(message.duration_nanos);
        if to.time_nanos == 0 || (message.time_nanos != 0 && message.time_nanos < to.time_nanos) {
            to.time_nanos = message.time_nanos;
        }
        Ok(())
    }

    /// The number and the first address of each mapping.
    fn mappings(&mut self) -> Result<IdMap<(u32, u64)>, MergeError> {
        let mut ids = IdMap::new(self.message.mappings.len());
        for content in std::mem::take(&mut self.message.mappings) {
            let mut row = MappingRow::parse(content)?;
            row.filename = self.text(row.filename)?;
            row.build_id = self.text(row.build_id)?;
            let path = self.to.shown(row.filename);
            let is_file = path.starts_with('/') && !path.starts_with("//");
            ids.insert(row.id, (self.to.mappings.add(row, is_file), row.memory_start));
        }
        Ok(ids)
    }

    fn functions(&mut self) -> Result<IdMap<u32>, MergeError> {
        let mut ids = IdMap::new(self.message.functions.len());
        for content in std::mem::take(&mut self.message.functions) {
            let (id, mut row) = FunctionRow::parse(content)?;
            for text in [&mut row.name, &mut row.system_name, &mut row.filename] {
                *text = self.text(*text)?;
            }
            ids.insert(id, number(self.to.functions.intern(row)));
        }
        Ok(ids)
    }

    fn locations(
        &mut self,
        mappings: &IdMap<(u32, u64)>,
        functions: &IdMap<u32>,
    ) -> Result<IdMap<u32>, MergeError> {
        let mut ids = IdMap::new(self.message.locations.len());
        let mut lines = Vec::new();
        for content in std::mem::take(&mut self.message.locations) {
            lines.clear();
            let (id, mut row) = LocationRow::parse(content, &mut lines)?;
            for line in &mut lines {
                let function = functions.get(line.function);
                line.function = function
                    .map(u64::from)
                    .ok_or(MergeError::Dangling("the function of a line"))?;
            }
            if row.mapping != 0 {
                let mapping = mappings.get(row.mapping);
                let (mapping, start) = mapping.ok_or(MergeError::Dangling("a mapping"))?;
                row.mapping = u64::from(mapping) + 1;
                row.address = row.address.wrapping_sub(start);
            }
            row.lines = number(self.to.lines.intern_ref(lines.as_slice()));
            ids.insert(id, number(self.to.locations.intern(row)));
        }
        Ok(ids)
    }

    fn samples(&mut self, columns: &[usize], locations: &IdMap<u32>) -> Result<(), MergeError> {
        let width = columns.len();
        let has_blocks = !self.message.block_lengths.is_empty();
        let lengths = if has_blocks {
            std::mem::take(&mut self.message.block_lengths)
        } else {
            vec![u64::try_from(self.message.duration_nanos).unwrap_or(0)]
        };
        let first = self.to.blocks.append(&lengths);
        let mut sample = message::Sample::default();
        let mut labels: Vec<LabelRow> = Vec::new();
        for content in std::mem::take(&mut self.message.samples) {
            sample.parse(content)?;
            if sample.values.len() != width {
                return Err(MergeError::Dangling("a value of a sample"));
            }
            labels.clear();
            for label in &sample.labels {
                let mut row = *label;
                for text in [&mut row.key, &mut row.text, &mut row.unit] {
                    *text = self.text(*text)?;
                }
                labels.push(row);
            }
            labels.sort_unstable();
            sample.stack.clear();
            for id in &sample.locations {
                let Some(location) = locations.get(*id) else {
                    return Err(MergeError::Dangling("a location"));
                };
                sample.stack.push(location);
            }
            let to = &mut *self.to;
            let stack = number(to.stacks.intern_ref(sample.stack.as_slice()));
            let set = number(to.labels.intern_ref(labels.as_slice()));
            let row = to.samples.intern((stack, set)).index();
            to.values.resize(to.samples.len() * width, 0);
            let values = &mut to.values[row * width..][..width];
            for (column, value) in columns.iter().zip(&sample.values) {
                values[*column] = values[*column].saturating_add(value.cast_signed());
            }
            if has_blocks {
                for cell in sample.cells.chunks_exact(4) {
                    let &[block, event, count, weight] = cell else { continue };
                    let column = usize::try_from(event).ok().and_then(|e| columns.get(2 * e));
                    if block >= lengths.len() as u64 {
                        return Err(MergeError::Dangling("a time block"));
                    }
                    let column = column.ok_or(MergeError::Dangling("the event of a time block"))?;
                    to.blocks.add(row, first + block, column / 2, (count, weight));
                }
            } else {
                for (pair, column) in sample.values.chunks_exact(2).zip(columns.iter().step_by(2)) {
                    let positive = |value: u64| value.cast_signed().max(0).cast_unsigned();
                    if let &[count, weight] = pair {
                        let value = (positive(count), positive(weight));
                        to.blocks.add(row, first, column / 2, value);
                    }
                }
            }
        }
        self.to.blocks.tidy();
        Ok(())
    }
}
