//! The header of a perf.data file, and the way to its records.

use std::ops::Range;

use crate::SampleId;
use crate::attr::{Attr, EventType};
use crate::event::{EventAttr, Events};
use crate::feature::{Features, ids_of};
use crate::reader::{Endian, Reader};
use crate::record::{RawRecord, RecordKind, Records};
use crate::sample::Sample;
use crate::section::Section;

/// A recording whose header is read.
#[derive(Clone, Debug)]
pub struct PerfData<'a> {
    endian: Endian,
    events: Events,
    features: Features,
    records: &'a [u8],
    records_offset: u64,
    truncation: Option<Truncation>,
    is_pipe: bool,
}

/// Bytes that the header promises and the file does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncation {
    /// The data ends with the file, before the place that the header states.
    Cut {
        /// Where the data should end, in bytes from the start of the file.
        expected_end: u64,
        /// Where the file ends.
        file_len: u64,
    },
    /// perf was killed before it wrote the size of the data and the feature sections: no build
    /// IDs, no names of host and events.
    NeverFinished,
}

/// Why a file is not read at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no byte.
    #[error("it is empty")]
    Empty,
    /// The first eight bytes are not `PERFILE2` in either byte order, nor `PERFFILE`.
    #[error("it does not start with \"PERFILE2\"")]
    NotPerfData,
    /// The header is longer than the file.
    #[error("its header takes {needed} bytes, and the file has {found}")]
    HeaderCut {
        /// Bytes of a whole header.
        needed: u64,
        /// Bytes of the file.
        found: u64,
    },
    /// The header is of a size that no perf writes.
    #[error("its header states a size of {size} bytes, where 16, 72 or at least 104 are known")]
    HeaderSize {
        /// The stated size.
        size: u64,
    },
    /// The events cannot be read, and without them no record can.
    #[error("its events (bytes {offset} to {end}) {problem}")]
    Events {
        /// Where the section begins.
        offset: u64,
        /// Where it should end.
        end: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// `struct perf_file_header`, of which a pipe has the first two words only.
const FILE_HEADER_SIZE: u64 = 104;
const PIPE_HEADER_SIZE: u64 = 16;
/// The first perf (2.6.31) wrote no bits of features.
const HEADER_SIZE_WITHOUT_FEATURES: u64 = 72;

impl<'a> PerfData<'a> {
    /// Reads the header, the events and the feature sections.
    ///
    /// # Errors
    /// Where nothing of the file can be used. A file that is cut short, or was never finished,
    /// is read as far as it goes: see [`PerfData::truncation`].
    pub fn parse(file: &'a [u8]) -> Result<Self, Error> {
        Self::parse_visiting(file, &|_| {})
    }

    /// As [`PerfData::parse`], for files larger than memory: `visited` is told which bytes were
    /// read and are not needed for now. A recording that came through a pipe is hopped over from
    /// beginning to end, since events and build IDs may stand anywhere.
    ///
    /// # Errors
    /// As [`PerfData::parse`].
    pub fn parse_visiting(file: &'a [u8], visited: &dyn Fn(Range<u64>)) -> Result<Self, Error> {
        let endian = match file.first_chunk::<8>() {
            Some(b"PERFILE2") => Endian::Little,
            Some(b"2ELIFREP") => Endian::Big,
            Some(b"PERFFILE") => endian_of_first_version(file),
            _ if file.is_empty() => return Err(Error::Empty),
            _ => return Err(Error::NotPerfData),
        };
        let found = file.len() as u64;
        let cut = |needed| Error::HeaderCut { needed, found };
        let mut reader = Reader::new(file, endian);
        let _magic = reader.u64();
        match reader.u64().ok_or(cut(PIPE_HEADER_SIZE))? {
            PIPE_HEADER_SIZE => Ok(Self::parse_pipe(reader.rest(), endian, visited)),
            HEADER_SIZE_WITHOUT_FEATURES => {
                let header = FileHeader::parse(&mut reader, false)
                    .ok_or(cut(HEADER_SIZE_WITHOUT_FEATURES))?;
                Self::parse_file(file, header, endian)
            }
            size if size < FILE_HEADER_SIZE => Err(Error::HeaderSize { size }),
            _ => {
                let header = FileHeader::parse(&mut reader, true).ok_or(cut(FILE_HEADER_SIZE))?;
                Self::parse_file(file, header, endian)
            }
        }
    }

    fn parse_file(file: &'a [u8], header: FileHeader, endian: Endian) -> Result<Self, Error> {
        let mut events = header.events(file, endian)?;
        let (records, truncation) = header.data(file);
        let mut features = Features::default();
        // Without a size of the data there is no place at which the sections could be found.
        if truncation.is_none() {
            header.read_features(file, endian, &mut features);
        }
        describe(&mut events, &features);
        let types = header.event_types.of(file).unwrap_or_default();
        for event_type in types.chunks_exact(EVENT_TYPE_SIZE) {
            name_by_config(&mut events, event_type, endian);
        }
        Ok(Self {
            endian,
            events: Events::new(events, endian),
            features,
            records,
            records_offset: header.data.offset,
            truncation,
            is_pipe: false,
        })
    }

    /// A pipe brings events and features as records, before the first that needs them.
    fn parse_pipe(records: &'a [u8], endian: Endian, visited: &dyn Fn(Range<u64>)) -> Self {
        const STEP_BYTES: u64 = 1 << 20;
        let mut step_start = 0;
        let mut events: Vec<EventAttr> = Vec::new();
        let mut features = Features::default();
        for record in Records::new(records, PIPE_HEADER_SIZE, endian) {
            if record.offset.saturating_sub(step_start) >= STEP_BYTES {
                visited(step_start..record.offset);
                step_start = record.offset;
            }
            match record.kind {
                RecordKind::HEADER_ATTR => events.extend(header_attr(record.body, endian)),
                RecordKind::EVENT_UPDATE => {
                    update_event(&mut events, record.body, endian);
                }
                RecordKind::HEADER_EVENT_TYPE => {
                    name_by_config(&mut events, record.body, endian);
                }
                _ => {
                    features.add_record(&record, endian);
                }
            }
        }
        describe(&mut events, &features);
        Self {
            endian,
            events: Events::new(events, endian),
            features,
            records,
            records_offset: PIPE_HEADER_SIZE,
            truncation: None,
            is_pipe: true,
        }
    }

    /// The records of the data section, in the order of the file: one round of buffers after the
    /// other, and within a round one CPU after the other, so **not** in the order of time.
    pub fn records(&self) -> Records<'a> {
        Records::new(self.records, self.records_offset, self.endian)
    }

    /// Whether records stand in compressed ones (`perf record -z`). Those that the kernel wrote
    /// are then only to be had by way of [`crate::write_records`].
    pub fn is_compressed(&self) -> bool {
        /// `HEADER_COMPRESSED`
        const FEATURE: u8 = 27;
        // The feature is not in a file that was never finished. perf compresses all that comes
        // from the kernel or nothing, so that the first such record tells.
        self.features.unread.contains(&FEATURE)
            || self
                .records()
                .find(|record| record.kind == RecordKind::SAMPLE || record.kind.is_compressed())
                .is_some_and(|record| record.kind.is_compressed())
    }

    /// The bytes of the records, as far as the file has them, and where they stand in it.
    pub fn record_bytes(&self) -> (&'a [u8], u64) {
        (self.records, self.records_offset)
    }

    /// The same recording with other records, which begin with the first of these bytes: those
    /// of this one, inflated, or of all files of a directory.
    #[must_use]
    pub fn with_records(self, records: &[u8]) -> PerfData<'_> {
        let Self { endian, events, features, truncation, is_pipe, .. } = self;
        PerfData { endian, events, features, records, records_offset: 0, truncation, is_pipe }
    }

    /// The records in a part of the data section: `start` must be the offset of a record, as
    /// [`Records::offset`] gives it, and `end` that of a later one or the end.
    pub fn records_between(&self, start: u64, end: u64) -> Records<'a> {
        let position = |offset: u64| usize::try_from(offset.saturating_sub(self.records_offset));
        let part = match (position(start), position(end)) {
            (Ok(start), Ok(end)) => self.records.get(start..end),
            _ => None,
        };
        Records::new(part.unwrap_or_default(), start, self.endian)
    }

    /// Decodes a sample, and says of which event it is: an index into [`PerfData::events`].
    /// `None` if it is broken or belongs to no event.
    pub fn sample(&self, record: &RawRecord<'a>) -> Option<(usize, Sample<'a>)> {
        self.events.sample(record)
    }

    /// The event that a counter or record of this id belongs to: an index into
    /// [`PerfData::events`].
    pub fn event_of_id(&self, id: u64) -> Option<usize> {
        self.events.event_of_id(id)
    }

    /// The time, thread and event of a record that is no sample, where it states them.
    pub fn trailer(&self, record: &RawRecord<'_>) -> Option<SampleId> {
        self.events.trailer(record)
    }

    /// The events that were recorded.
    pub fn events(&self) -> &[EventAttr] {
        self.events.list()
    }

    /// What the feature sections say.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// The byte order of the recording machine.
    pub fn endian(&self) -> Endian {
        self.endian
    }

    /// What the header promises and the file does not have.
    pub fn truncation(&self) -> Option<Truncation> {
        self.truncation
    }

    /// Whether the file was written to a pipe (`perf record -o -`).
    pub fn is_pipe(&self) -> bool {
        self.is_pipe
    }
}

/// `struct perf_file_header` behind its first two words.
#[derive(Clone, Copy, Debug)]
struct FileHeader {
    attr_size: u64,
    attrs: Section,
    data: Section,
    /// Names of events by their `config`, in files of perf before 3.7.
    event_types: Section,
    /// A bit per feature section.
    features: [u64; 4],
}

impl FileHeader {
    fn parse(reader: &mut Reader<'_>, has_features: bool) -> Option<Self> {
        let attr_size = reader.u64()?;
        let attrs = Section::parse(reader)?;
        let data = Section::parse(reader)?;
        let event_types = Section::parse(reader)?;
        let mut features = [0; 4];
        if has_features {
            for word in &mut features {
                *word = reader.u64()?;
            }
            if reader.endian() == Endian::Big {
                features = features_of_big_endian(features);
            }
        }
        Some(Self { attr_size, attrs, data, event_types, features })
    }

    fn events(&self, file: &[u8], endian: Endian) -> Result<Vec<EventAttr>, Error> {
        let Section { offset, .. } = self.attrs;
        let end = self.attrs.end().unwrap_or(u64::MAX);
        let error = |problem| Error::Events { offset, end, problem };
        let section = self.attrs.of(file).ok_or(error("lie outside the file"))?;
        // Each entry is an attribute, of whatever size that perf knew, and where its ids are.
        let entry_size = usize::try_from(self.attr_size).unwrap_or(usize::MAX);
        let attr_len = entry_size.checked_sub(Section::SIZE);
        let Some(attr_len) = attr_len.filter(|&len| len >= Attr::SIZE_VER0) else {
            return Err(error("are smaller than the smallest perf_event_attr"));
        };
        let entries = section.chunks_exact(entry_size);
        let events: Option<Vec<_>> = entries
            .map(|entry| {
                let (attr, ids) = entry.split_at_checked(attr_len)?;
                let attr = Attr::parse(attr, endian)?;
                // Ids that are not in the file are as good as none: the only event needs none.
                let ids = Section::parse(&mut Reader::new(ids, endian))?.of(file);
                Some(EventAttr { attr, name: None, ids: ids_of(ids.unwrap_or_default(), endian) })
            })
            .collect();
        match events {
            Some(events) if !events.is_empty() => Ok(events),
            Some(_) => Err(error("are none")),
            None => Err(error("state a size that no perf_event_attr has")),
        }
    }

    /// The data section as far as the file has it.
    fn data<'a>(&self, file: &'a [u8]) -> (&'a [u8], Option<Truncation>) {
        let file_len = file.len() as u64;
        let rest = || {
            let start = usize::try_from(self.data.offset).unwrap_or(usize::MAX);
            file.get(start..).unwrap_or_default()
        };
        if self.data.size == 0 && self.data.offset < file_len {
            return (rest(), Some(Truncation::NeverFinished));
        }
        if let Some(data) = self.data.of(file) {
            return (data, None);
        }
        let expected_end = self.data.end().unwrap_or(u64::MAX);
        (rest(), Some(Truncation::Cut { expected_end, file_len }))
    }

    /// Behind the data stands one section header per feature, in the order of their bits.
    fn read_features(&self, file: &[u8], endian: Endian, features: &mut Features) {
        let table = self.data.end().and_then(|end| usize::try_from(end).ok());
        let Some(table) = table.and_then(|start| file.get(start..)) else { return };
        let mut reader = Reader::new(table, endian);
        for feature in 0..=Features::MAX {
            let word = self.features.get(usize::from(feature / 64)).copied().unwrap_or(0);
            if word & (1 << (feature % 64)) == 0 {
                continue;
            }
            let Some(section) = Section::parse(&mut reader) else { return };
            if let Some(bytes) = section.of(file) {
                features.add(feature, bytes, endian);
            }
        }
    }
}

/// The first version of the magic is a text, the same on all machines. The size of the header,
/// which is a small number, tells their byte order (perf's `check_magic_endian`).
fn endian_of_first_version(file: &[u8]) -> Endian {
    let size = file.get(8..).and_then(|rest| Reader::new(rest, Endian::Little).u64());
    if size.is_some_and(|size| size > u64::from(u32::MAX)) { Endian::Big } else { Endian::Little }
}

/// perf writes the bits as an array of `unsigned long`, so that on big-endian machines their
/// order depends on its size, which the file does not state. perf itself guesses by the bit of
/// the host's name, which it always writes (`perf_file_header__read`), and so does this.
fn features_of_big_endian(words: [u64; 4]) -> [u64; 4] {
    const BUILD_ID: u64 = 1 << 2;
    const HOSTNAME: u64 = 1 << 3;
    let of_32_bits = words.map(|word| word.rotate_left(32));
    let has_hostname = |[first, ..]: &[u64; 4]| first & HOSTNAME != 0;
    match [words, of_32_bits].into_iter().find(has_hostname) {
        Some(words) => words,
        None if words == [0; 4] => words,
        None => [BUILD_ID, 0, 0, 0],
    }
}

/// `struct perf_trace_event_type`: a number and a name.
const EVENT_TYPE_SIZE: usize = 72;

/// Gives a name to the events of this `config`. The kind of event is not told, so that it is of
/// use where the kernel has no names: tracepoints and raw events.
fn name_by_config(events: &mut [EventAttr], event_type: &[u8], endian: Endian) -> Option<()> {
    let mut reader = Reader::new(event_type, endian);
    let config = reader.u64()?;
    let name = String::from_utf8_lossy(reader.c_string());
    for event in events {
        let is_named = event.name.is_some()
            || matches!(event.attr.event_type, EventType::HARDWARE | EventType::SOFTWARE);
        if !is_named && event.attr.config == config {
            event.name = Some(name.clone().into_owned());
        }
    }
    Some(())
}

/// `struct perf_record_header_attr`: an attribute, and behind it the ids.
fn header_attr(body: &[u8], endian: Endian) -> Option<EventAttr> {
    let attr = Attr::parse(body, endian)?;
    let mut size = Reader::new(body.get(4..)?, endian);
    let size = usize::try_from(size.u32()?).ok()?.max(Attr::SIZE_VER0);
    Some(EventAttr { attr, name: None, ids: ids_of(body.get(size..)?, endian) })
}

/// `struct perf_record_event_update`; only the name matters here.
fn update_event(events: &mut [EventAttr], body: &[u8], endian: Endian) -> Option<()> {
    const NAME: u64 = 2;
    let mut reader = Reader::new(body, endian);
    let kind = reader.u64()?;
    let id = reader.u64()?;
    let event = events.iter_mut().find(|event| event.ids.contains(&id))?;
    if kind == NAME {
        event.name = Some(String::from_utf8_lossy(reader.c_string()).into_owned());
    }
    Some(())
}

/// Gives the events the names of the descriptions: by a common id or, where there are no ids, by
/// their order.
fn describe(events: &mut [EventAttr], features: &Features) {
    let descriptions = &features.event_descriptions;
    for (index, event) in events.iter_mut().enumerate() {
        let by_id = descriptions
            .iter()
            .find(|description| description.ids.iter().any(|id| event.ids.contains(id)));
        let description = by_id.or_else(|| {
            let same_place = descriptions.get(index)?;
            let is_same = same_place.attr.event_type == event.attr.event_type
                && same_place.attr.config == event.attr.config;
            is_same.then_some(same_place)
        });
        if let Some(description) = description {
            event.name = event.name.take().or_else(|| description.name.clone());
            if event.ids.is_empty() {
                event.ids.clone_from(&description.ids);
            }
        }
    }
}
