//! Which event a record belongs to.

use rustc_hash::FxHashMap;

use crate::attr::{Attr, SampleType};
use crate::reader::{Endian, Reader};
use crate::record::{RawRecord, SampleId};
use crate::sample::Sample;

/// An event of the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventAttr {
    /// How it was opened.
    pub attr: Attr,
    /// What perf calls it, such as `cycles:ppp`; `None` if the recording does not say.
    pub name: Option<String>,
    /// The ids by which its records name it, one per CPU or thread.
    pub ids: Vec<u64>,
}

/// The events of a recording, and the way from a record to its event.
#[derive(Clone, Debug)]
pub struct Events {
    list: Vec<EventAttr>,
    by_id: FxHashMap<u64, usize>,
    endian: Endian,
}

impl Events {
    pub(crate) fn new(list: Vec<EventAttr>, endian: Endian) -> Self {
        let ids = list.iter().enumerate();
        let by_id =
            ids.flat_map(|(index, event)| event.ids.iter().map(move |&id| (id, index))).collect();
        Self { list, by_id, endian }
    }

    /// The events in the order of the recording.
    pub fn list(&self) -> &[EventAttr] {
        &self.list
    }

    /// The event of a sample and its decoded fields. `None` if the sample is shorter than it
    /// says, or names an event that the recording does not have.
    pub fn sample<'a>(&self, record: &RawRecord<'a>) -> Option<(usize, Sample<'a>)> {
        let index = match self.list.as_slice() {
            [] => return None,
            [_] => 0,
            [first, ..] => self.event_of_id(sample_id(record.body, first.attr, self.endian)?)?,
        };
        let event = self.list.get(index)?;
        Some((index, Sample::parse(record.body, &event.attr, self.endian)?))
    }

    /// The trailer of a record that is no sample; `None` where the kernel wrote none.
    pub fn trailer(&self, record: &RawRecord<'_>) -> Option<SampleId> {
        // All events of one recording have the same trailer: perf opens them so.
        let attr = &self.list.first()?.attr;
        if !record.kind.is_from_kernel() || !attr.flags.has(crate::AttrFlags::SAMPLE_ID_ALL) {
            return None;
        }
        SampleId::parse(record.body, attr, self.endian)
    }

    /// The event that records of this id belong to. Without any id in the recording, and for
    /// the id 0 that perf gives to what it makes up, that is the first event.
    pub fn event_of_id(&self, id: u64) -> Option<usize> {
        match self.by_id.get(&id) {
            Some(&index) => Some(index),
            None if id == 0 || self.by_id.is_empty() => Some(0),
            None => None,
        }
    }
}

/// The id in a sample whose event is not yet known. Events that differ in their fields before it
/// carry `PERF_SAMPLE_IDENTIFIER`, which comes first; the others all have the id in one place.
fn sample_id(body: &[u8], attr: Attr, endian: Endian) -> Option<u64> {
    let has = |bit| attr.sample_type.has(bit);
    let mut reader = Reader::new(body, endian);
    if !has(SampleType::IDENTIFIER) {
        if !has(SampleType::ID) {
            return Some(0);
        }
        for before in [SampleType::IP, SampleType::TID, SampleType::TIME, SampleType::ADDR] {
            if has(before) {
                reader.u64()?;
            }
        }
    }
    reader.u64()
}
