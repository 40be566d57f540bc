//! The feature sections behind the data: who recorded, on what machine, which files were hit.

use crate::attr::Attr;
use crate::event::EventAttr;
use crate::reader::{Endian, Reader};
use crate::record::{RawRecord, RecordKind};

/// What the feature sections say. A section that is missing or broken leaves its field empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// Build IDs of the files that samples fell into.
    pub build_ids: Vec<BuildIdEntry>,
    /// The name of the host.
    pub hostname: Option<String>,
    /// The release of its kernel.
    pub os_release: Option<String>,
    /// The version of perf.
    pub perf_version: Option<String>,
    /// The machine, as `uname -m` names it.
    pub arch: Option<String>,
    /// The model of the processor.
    pub cpu_description: Option<String>,
    /// The arguments of perf.
    pub command_line: Option<Vec<String>>,
    /// The events with their names (`HEADER_EVENT_DESC`).
    pub event_descriptions: Vec<EventAttr>,
    /// The times of the first and last sample, in nanoseconds of the recording's clock.
    pub sample_time: Option<(u64, u64)>,
    /// The clock's time of one moment, and the time of day at that moment.
    pub clock_data: Option<ClockData>,
    /// Names of dynamic PMUs by their event type (`HEADER_PMU_MAPPINGS`).
    pub pmus: Vec<(u32, String)>,
    /// Numbers of features that are present and that this crate does not read.
    pub unread: Vec<u8>,
}

/// A build ID and the path of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildIdEntry {
    /// The process that mapped it; -1 for the host's own, the id of a virtual machine otherwise.
    pub pid: i32,
    /// The build ID, padded with zeros where `size` does not say better.
    pub build_id: [u8; 20],
    /// The number of bytes of the build ID, where perf recorded it.
    pub size: Option<usize>,
    /// The path.
    pub path: String,
    /// Whether it belongs to the kernel.
    pub is_kernel: bool,
}

/// `HEADER_CLOCK_DATA`, written by `perf record -k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockData {
    /// The time of day, in nanoseconds since 1970.
    pub wall_clock_nanos: u64,
    /// The recording's clock at the same moment, in nanoseconds.
    pub clock_nanos: u64,
}

/// The length of an entry of the table of build IDs, up to the path.
const BUILD_ID_ENTRY: usize = 28;

impl Features {
    /// `HEADER_FEAT_BITS`: the header has room for 256 features.
    pub(crate) const MAX: u8 = u8::MAX;

    /// Takes in one section. `None` if it is broken; what it said before it broke is kept.
    pub(crate) fn add(&mut self, feature: u8, bytes: &[u8], endian: Endian) -> Option<()> {
        let mut reader = Reader::new(bytes, endian);
        match feature {
            2 => self.add_build_ids(bytes, endian)?,
            3 => self.hostname = Some(reader.sized_string()?),
            4 => self.os_release = Some(reader.sized_string()?),
            5 => self.perf_version = Some(reader.sized_string()?),
            6 => self.arch = Some(reader.sized_string()?),
            8 => self.cpu_description = Some(reader.sized_string()?),
            11 => {
                // The count is a claim: arguments are taken as long as there are bytes.
                let count = reader.u32()?;
                let mut arguments = Vec::new();
                for _ in 0..count {
                    arguments.push(reader.sized_string()?);
                }
                self.command_line = Some(arguments);
            }
            12 => self.add_event_descriptions(&mut reader, endian)?,
            16 => {
                let count = reader.u32()?;
                for _ in 0..count {
                    let pmu = (reader.u32()?, reader.sized_string()?);
                    self.pmus.push(pmu);
                }
            }
            21 => self.sample_time = Some((reader.u64()?, reader.u64()?)),
            29 => {
                let (_version, _clockid) = (reader.u32()?, reader.u32()?);
                self.clock_data =
                    Some(ClockData { wall_clock_nanos: reader.u64()?, clock_nanos: reader.u64()? });
            }
            other => self.unread.push(other),
        }
        Some(())
    }

    fn add_build_ids(&mut self, bytes: &[u8], endian: Endian) -> Option<()> {
        // The first versions of the table (perf 2.6.33) had no pid before the build ID. Read with
        // one, the name of the kernel, which always comes first, lacks its first four letters.
        let records = || crate::record::Records::new(bytes, 0, endian);
        let first = records().next().and_then(|first| first.body.get(BUILD_ID_ENTRY..));
        let has_pid = !first.is_some_and(|path| path.starts_with(b"nel.kallsyms]"));
        for record in records() {
            self.add_build_id_with_pid(&record, endian, has_pid)?;
        }
        Some(())
    }

    /// `struct perf_record_header_build_id`, in the section and, in pipe mode, as a record.
    pub(crate) fn add_build_id(&mut self, record: &RawRecord<'_>, endian: Endian) -> Option<()> {
        self.add_build_id_with_pid(record, endian, true)
    }

    fn add_build_id_with_pid(
        &mut self,
        record: &RawRecord<'_>,
        endian: Endian,
        has_pid: bool,
    ) -> Option<()> {
        /// `PERF_RECORD_MISC_BUILD_ID_SIZE`
        const MISC_SIZE: u16 = 1 << 15;
        /// `HOST_KERNEL_ID`
        const HOST: i32 = -1;
        let mut reader = Reader::new(record.body, endian);
        let pid = if has_pid { reader.u32()?.cast_signed() } else { HOST };
        let build_id = *reader.bytes(20)?.first_chunk()?;
        let size = reader.u8()?;
        let _reserved = reader.bytes(3)?;
        self.build_ids.push(BuildIdEntry {
            pid,
            build_id,
            size: (record.misc & MISC_SIZE != 0).then_some(usize::from(size).min(20)),
            path: String::from_utf8_lossy(reader.c_string()).into_owned(),
            is_kernel: matches!(record.misc & 0b111, 1 | 4),
        });
        Some(())
    }

    fn add_event_descriptions(&mut self, reader: &mut Reader<'_>, endian: Endian) -> Option<()> {
        let count = reader.u32()?;
        let attr_size = reader.u32()?;
        for _ in 0..count {
            let attr = Attr::parse(reader.claimed_bytes(u64::from(attr_size))?, endian)?;
            let id_count = reader.u32()?;
            let name = Some(reader.sized_string()?);
            let ids = reader.claimed_bytes(u64::from(id_count).checked_mul(8)?)?;
            self.event_descriptions.push(EventAttr { attr, name, ids: ids_of(ids, endian) });
        }
        Some(())
    }

    /// Takes in a record that brings a feature in pipe mode; `false` if it is none such.
    pub(crate) fn add_record(&mut self, record: &RawRecord<'_>, endian: Endian) -> bool {
        match record.kind {
            RecordKind::HEADER_BUILD_ID => {
                self.add_build_id(record, endian);
            }
            RecordKind::HEADER_FEATURE => {
                let mut reader = Reader::new(record.body, endian);
                let feature = reader.u64().and_then(|feature| u8::try_from(feature).ok());
                if let Some(feature) = feature {
                    self.add(feature, reader.rest(), endian);
                }
            }
            _ => return false,
        }
        true
    }
}

/// A list of ids of 64 bits.
pub(crate) fn ids_of(bytes: &[u8], endian: Endian) -> Vec<u64> {
    let mut reader = Reader::new(bytes, endian);
    std::iter::from_fn(|| reader.u64()).collect()
}
