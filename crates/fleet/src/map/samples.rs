//! A profile's samples as rows.

use std::collections::HashMap;
use std::sync::Arc;

use pprof_format::proto;

use super::{Rows, text};
use crate::events::Event;
use crate::hash::{Content, Id};
use crate::tables::{OtherLabel, RecordingRow, SampleLabels, SampleRow, StackRow};

/// How long a stretch of time is, in nanoseconds: ten minutes. Recordings take seconds to minutes, and are mostly
/// in one; hours are cut.
const BUCKET: i64 = 600 * 1_000_000_000;

/// Puts the samples, and their stacks, into the rows.
pub(super) fn add(
    profile: &proto::Profile,
    events: &[Event],
    recording: &RecordingRow,
    locations: &HashMap<u64, Id>,
    rows: &mut Rows,
) -> Result<(), String> {
    let mut sums = Sums { blocks: blocks(profile, recording.start_ns), rows: HashMap::new() };
    let mut known: HashMap<SampleLabels, Arc<SampleLabels>> = HashMap::new();
    for sample in &profile.sample {
        if sample.value.len() != profile.sample_type.len() {
            return Err("a value of a sample is missing in it".to_owned());
        }
        let stack = stack(sample, locations, rows)?;
        let labels = labels(profile, sample)?;
        let labels = match known.get(&labels) {
            Some(known) => Arc::clone(known),
            None => Arc::clone(known.entry(labels.clone()).or_insert_with(|| Arc::new(labels))),
        };
        sums.sample(events, sample, stack, &labels)?;
    }
    let names: Vec<Arc<str>> = events.iter().map(|event| Arc::from(event.name.as_str())).collect();
    let made = sums.rows.into_iter().map(|(key, (count, weight))| SampleRow {
        recording: recording.recording,
        stack: key.stack,
        event: Arc::clone(&names[key.event]),
        time_bucket: key.bucket,
        labels: key.labels,
        weight,
        count: events[key.event].count.is_some().then_some(count),
    });
    rows.samples = made.collect();
    Ok(())
}

fn stack(
    sample: &proto::Sample,
    locations: &HashMap<u64, Id>,
    rows: &mut Rows,
) -> Result<Id, String> {
    let mut content = Content::of("stacks");
    content.number(sample.location_id.len() as u64);
    let mut frames = Vec::with_capacity(sample.location_id.len());
    for location in &sample.location_id {
        let frame = *locations.get(location).ok_or("a location is missing in it")?;
        content.id(frame);
        frames.push(frame);
    }
    let id = content.finish();
    rows.stacks.entry(id).or_insert(StackRow { id, frames });
    Ok(id)
}

fn labels(profile: &proto::Profile, sample: &proto::Sample) -> Result<SampleLabels, String> {
    let mut labels = SampleLabels::default();
    for label in &sample.label {
        labels.others.push(OtherLabel {
            key: text(profile, label.key)?.to_owned(),
            text: text(profile, label.str)?.to_owned(),
            number: label.num,
            unit: text(profile, label.num_unit)?.to_owned(),
        });
    }
    labels.others.sort_unstable();
    for (column, (_, key)) in labels.texts.iter_mut().zip(SampleLabels::COLUMNS) {
        let mut own = labels.others.iter().enumerate().filter(|(_, label)| label.key == key);
        if let (Some((at, label)), None) = (own.next(), own.next())
            && label.number == 0
            && label.unit.is_empty()
            && !label.text.is_empty()
        {
            *column = Some(labels.others.remove(at).text);
        }
    }
    Ok(labels)
}

/// In which stretch of time each block of the profile begins.
fn blocks(profile: &proto::Profile, start: Option<i64>) -> Vec<Option<i64>> {
    let bucket = |time: i64| time.div_euclid(BUCKET).saturating_mul(BUCKET / 1000);
    let mut time = start;
    let lengths = profile.block_length.iter().map(|length| i64::try_from(*length).ok());
    let mut blocks = Vec::new();
    for length in lengths.chain([Some(0)]) {
        blocks.push(time.map(bucket));
        time = time.zip(length).and_then(|(time, length)| time.checked_add(length));
    }
    // Without blocks, all is where the profile begins.
    if profile.block_length.is_empty() {
        return blocks;
    }
    blocks.pop();
    blocks
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    stack: Id,
    event: usize,
    bucket: Option<i64>,
    labels: Arc<SampleLabels>,
}

/// Rows that are equal are added up.
struct Sums {
    blocks: Vec<Option<i64>>,
    /// Numbers of samples, and weights.
    rows: HashMap<Key, (i64, i64)>,
}

impl Sums {
    fn sample(
        &mut self,
        events: &[Event],
        sample: &proto::Sample,
        stack: Id,
        labels: &Arc<SampleLabels>,
    ) -> Result<(), String> {
        let value = |column: usize| sample.value.get(column).copied().unwrap_or(0);
        let mut is_in = false;
        for (at, event) in events.iter().enumerate() {
            let count = event.count.as_ref().map_or(0, |(column, ..)| value(*column));
            let weight = value(event.weight.0);
            // A sample without a value is a row nevertheless, once.
            let is_needed = at + 1 == events.len() && !is_in;
            if (count, weight) == (0, 0) && !is_needed {
                continue;
            }
            is_in = true;
            let mut add = |bucket, count: i64, weight: i64| {
                let key = Key { stack, event: at, bucket, labels: Arc::clone(labels) };
                let sum = self.rows.entry(key).or_default();
                sum.0 = sum.0.saturating_add(count);
                sum.1 = sum.1.saturating_add(weight);
            };
            match parts(&self.blocks, event, sample)? {
                Some(parts) => {
                    for (bucket, part) in parts {
                        add(bucket, part.0, part.1);
                    }
                }
                None => add(self.blocks.first().copied().flatten(), count, weight),
            }
        }
        Ok(())
    }
}

/// A part of a sample: a stretch of time, and the number and weight that fell into it.
type Part = (Option<i64>, (i64, i64));

/// What of a sample fell into which stretch of time. `None` if that does not add up to the sample.
fn parts(
    blocks: &[Option<i64>],
    event: &Event,
    sample: &proto::Sample,
) -> Result<Option<Vec<Part>>, String> {
    let Some((column, ..)) = &event.count else { return Ok(None) };
    if sample.block_cell.is_empty() {
        return Ok(None);
    }
    let mut parts: Vec<Part> = Vec::new();
    let mut sum = (0_i64, 0_i64);
    for cell in sample.block_cell.chunks_exact(4) {
        let &[block, of, count, weight] = cell else { continue };
        if usize::try_from(of).ok().and_then(|of| of.checked_mul(2)) != Some(*column) {
            continue;
        }
        let block = usize::try_from(block).ok().and_then(|block| blocks.get(block));
        let bucket = *block.ok_or("a time block is missing in it")?;
        let part = i64::try_from(count).ok().zip(i64::try_from(weight).ok());
        let Some((count, weight)) = part else { return Ok(None) };
        sum = (sum.0.saturating_add(count), sum.1.saturating_add(weight));
        match parts.last_mut().filter(|part| part.0 == bucket) {
            Some((_, part)) => {
                *part = (part.0.saturating_add(count), part.1.saturating_add(weight));
            }
            None => parts.push((bucket, (count, weight))),
        }
    }
    let value = |column: usize| sample.value.get(column).copied().unwrap_or(0);
    let is_all = !parts.is_empty() && sum == (value(*column), value(event.weight.0));
    Ok(is_all.then_some(parts))
}
