//! Records: from header to header, and the few that say what runs where.

use crate::attr::{Attr, SampleType};
use crate::callchain::{Callchain, Words};
use crate::reader::{Endian, Reader};
use crate::resync::{MAX_DAMAGED, resync};

/// A record, its body not yet looked at.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// What it is.
    pub kind: RecordKind,
    /// `PERF_RECORD_MISC_*`: the mode of the processor, and bits that each type reads its own way.
    pub misc: u16,
    /// Where it begins, in bytes from the start of the file.
    pub offset: u64,
    /// What follows its header.
    pub body: &'a [u8],
}

/// The number of a record's type: `enum perf_event_type` of the kernel, and from 64 on
/// `enum perf_user_event_type` of perf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKind(pub u32);

macro_rules! record_kinds {
    ($($number:literal $constant:ident $name:literal,)*) => {
        impl RecordKind {
            $(#[doc = concat!("`PERF_RECORD_", $name, "`")] pub const $constant: Self = Self($number);)*

            /// The name of the type in the kernel's or perf's header; `None` for a newer one.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

record_kinds! {
    1 MMAP "MMAP",
    2 LOST "LOST",
    3 COMM "COMM",
    4 EXIT "EXIT",
    5 THROTTLE "THROTTLE",
    6 UNTHROTTLE "UNTHROTTLE",
    7 FORK "FORK",
    8 READ "READ",
    9 SAMPLE "SAMPLE",
    10 MMAP2 "MMAP2",
    11 AUX "AUX",
    12 ITRACE_START "ITRACE_START",
    13 LOST_SAMPLES "LOST_SAMPLES",
    14 SWITCH "SWITCH",
    15 SWITCH_CPU_WIDE "SWITCH_CPU_WIDE",
    16 NAMESPACES "NAMESPACES",
    17 KSYMBOL "KSYMBOL",
    18 BPF_EVENT "BPF_EVENT",
    19 CGROUP "CGROUP",
    20 TEXT_POKE "TEXT_POKE",
    21 AUX_OUTPUT_HW_ID "AUX_OUTPUT_HW_ID",
    22 CALLCHAIN_DEFERRED "CALLCHAIN_DEFERRED",
    64 HEADER_ATTR "HEADER_ATTR",
    65 HEADER_EVENT_TYPE "HEADER_EVENT_TYPE",
    66 HEADER_TRACING_DATA "HEADER_TRACING_DATA",
    67 HEADER_BUILD_ID "HEADER_BUILD_ID",
    68 FINISHED_ROUND "FINISHED_ROUND",
    69 ID_INDEX "ID_INDEX",
    70 AUXTRACE_INFO "AUXTRACE_INFO",
    71 AUXTRACE "AUXTRACE",
    72 AUXTRACE_ERROR "AUXTRACE_ERROR",
    73 THREAD_MAP "THREAD_MAP",
    74 CPU_MAP "CPU_MAP",
    75 STAT_CONFIG "STAT_CONFIG",
    76 STAT "STAT",
    77 STAT_ROUND "STAT_ROUND",
    78 EVENT_UPDATE "EVENT_UPDATE",
    79 TIME_CONV "TIME_CONV",
    80 HEADER_FEATURE "HEADER_FEATURE",
    81 COMPRESSED "COMPRESSED",
    82 FINISHED_INIT "FINISHED_INIT",
    83 COMPRESSED2 "COMPRESSED2",
    84 BPF_METADATA "BPF_METADATA",
    85 SCHEDSTAT_CPU "SCHEDSTAT_CPU",
    86 SCHEDSTAT_DOMAIN "SCHEDSTAT_DOMAIN",
}

impl RecordKind {
    /// Whether the kernel wrote the record, so that it may end in a [`SampleId`].
    pub fn is_from_kernel(self) -> bool {
        self.0 < Self::HEADER_ATTR.0
    }

    /// Whether the record holds a piece of a compressed stream of records.
    pub fn is_compressed(self) -> bool {
        matches!(self, Self::COMPRESSED | Self::COMPRESSED2)
    }
}

impl RawRecord<'_> {
    /// The processor's mode that the record speaks of.
    pub fn cpu_mode(&self) -> CpuMode {
        match self.misc & 0b111 {
            1 => CpuMode::Kernel,
            2 => CpuMode::User,
            3 => CpuMode::Hypervisor,
            4 => CpuMode::GuestKernel,
            5 => CpuMode::GuestUser,
            _ => CpuMode::Unknown,
        }
    }
}

/// `PERF_RECORD_MISC_CPUMODE_MASK`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CpuMode {
    /// Not stated.
    Unknown,
    /// The kernel of the recording machine.
    Kernel,
    /// A process of it.
    User,
    /// Its hypervisor.
    Hypervisor,
    /// The kernel of a guest.
    GuestKernel,
    /// A process of a guest.
    GuestUser,
}

/// Hops from record to record.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    offset: u64,
    endian: Endian,
    end: RecordsEnd,
    damage: Option<Damage>,
}

/// Why the records ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordsEnd {
    /// With the last whole record.
    Complete,
    /// Within a record: it begins at `offset` and its last `missing` bytes are not there.
    Cut {
        /// Where the record begins in the file.
        offset: u64,
        /// Bytes that it claims and the file does not have.
        missing: u64,
    },
}

/// Bytes between records that are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where the first record that cannot be one begins in the file.
    pub offset: u64,
    /// The size it states, which is smaller than its own header.
    pub size: u16,
    /// Bytes left out, in all places.
    pub lost: u64,
    /// In how many places the walk had to find its way again, or could not.
    pub places: u32,
}

impl<'a> Records<'a> {
    const HEADER_SIZE: usize = 8;

    /// Records that begin with `bytes`, which stand at `offset` in the file.
    pub(crate) fn new(bytes: &'a [u8], offset: u64, endian: Endian) -> Self {
        Self { rest: bytes, offset, endian, end: RecordsEnd::Complete, damage: None }
    }

    /// Goes on with other bytes of the same file.
    pub(crate) fn go_on_with(&mut self, bytes: &'a [u8], offset: u64) {
        (self.rest, self.offset) = (bytes, offset);
    }

    /// What was left out so far because it is no record.
    pub fn damage(&self) -> Option<Damage> {
        self.damage
    }

    /// Why there is no further record; [`RecordsEnd::Complete`] as long as there may be.
    pub fn end(&self) -> RecordsEnd {
        self.end
    }

    /// Where the next record begins in the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    fn stop(&mut self, end: RecordsEnd) -> Option<RawRecord<'a>> {
        self.rest = &[];
        self.end = end;
        None
    }

    fn rest_len(&self) -> u64 {
        self.rest.len() as u64
    }

    fn advance(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(len as u64);
        Some(taken)
    }

    /// Leaves out what is no record. `None` if nothing behind it is.
    #[cold]
    fn skip_damage(&mut self, size: u16) -> Option<()> {
        let places = self.damage.map_or(0, |damage| damage.places);
        let sound = if places < MAX_DAMAGED { resync(self.rest, self.endian) } else { None };
        let offset = self.offset;
        let damage = self.damage.get_or_insert(Damage { offset, size, lost: 0, places: 0 });
        let lost = sound.unwrap_or(self.rest.len());
        damage.lost = damage.lost.saturating_add(lost as u64);
        damage.places = places.saturating_add(1);
        if sound.is_none() {
            self.rest = &[];
            return None;
        }
        self.advance(lost).map(drop)
    }

    /// The payload that follows some records without being counted in their size.
    fn skip_payload(&mut self, record: &RawRecord<'a>) {
        let mut body = Reader::new(record.body, self.endian);
        let size = match record.kind {
            RecordKind::AUXTRACE => body.u64().unwrap_or(0),
            RecordKind::HEADER_TRACING_DATA => {
                u64::from(body.u32().unwrap_or(0)).next_multiple_of(8)
            }
            _ => return,
        };
        let skipped = usize::try_from(size).ok().and_then(|size| self.advance(size));
        if skipped.is_none() {
            let missing = size.saturating_sub(self.rest_len());
            self.stop(RecordsEnd::Cut { offset: record.offset, missing });
        }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = RawRecord<'a>;

    #[inline]
    fn next(&mut self) -> Option<RawRecord<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let offset = self.offset;
        let mut header = Reader::new(self.rest, self.endian);
        let (Some(kind), Some(misc), Some(size)) = (header.u32(), header.u16(), header.u16())
        else {
            let missing = (Self::HEADER_SIZE as u64).saturating_sub(self.rest_len());
            return self.stop(RecordsEnd::Cut { offset, missing });
        };
        let Some(body_len) = usize::from(size).checked_sub(Self::HEADER_SIZE) else {
            return self.skip_damage(size).and_then(|()| self.next());
        };
        let Some(body) = header.bytes(body_len) else {
            let missing = u64::from(size).saturating_sub(self.rest_len());
            return self.stop(RecordsEnd::Cut { offset, missing });
        };
        self.advance(usize::from(size))?;
        let record = RawRecord { kind: RecordKind(kind), misc, offset, body };
        if matches!(record.kind, RecordKind::AUXTRACE | RecordKind::HEADER_TRACING_DATA) {
            self.skip_payload(&record);
        }
        Some(record)
    }
}

/// What ends a record that is no sample, if the event was opened with `sample_id_all`
/// (`struct sample_id`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleId {
    /// Process and thread.
    pub pid_tid: Option<(i32, i32)>,
    /// When, in nanoseconds of the recording's clock.
    pub time: Option<u64>,
    /// The id of the event.
    pub id: Option<u64>,
    /// The CPU.
    pub cpu: Option<u32>,
}

impl SampleId {
    /// The trailer of a record of the event `attr`. It is found from the end, so that it does
    /// not depend on what stands before it.
    pub(crate) fn parse(body: &[u8], attr: &Attr, endian: Endian) -> Option<Self> {
        let fields = [
            SampleType::TID,
            SampleType::TIME,
            SampleType::ID,
            SampleType::STREAM_ID,
            SampleType::CPU,
            SampleType::IDENTIFIER,
        ];
        let has = |bit| attr.sample_type.has(bit);
        let len = fields.iter().filter(|&&bit| has(bit)).count().saturating_mul(8);
        let mut reader = Reader::new(body.get(body.len().checked_sub(len)?..)?, endian);
        let mut trailer = Self::default();
        if has(SampleType::TID) {
            trailer.pid_tid = Some((reader.u32()?.cast_signed(), reader.u32()?.cast_signed()));
        }
        if has(SampleType::TIME) {
            trailer.time = Some(reader.u64()?);
        }
        if has(SampleType::ID) {
            trailer.id = Some(reader.u64()?);
        }
        if has(SampleType::STREAM_ID) {
            let _stream_id = reader.u64()?;
        }
        if has(SampleType::CPU) {
            trailer.cpu = Some(reader.u32()?);
            let _reserved = reader.u32()?;
        }
        if has(SampleType::IDENTIFIER) {
            trailer.id = Some(reader.u64()?);
        }
        Some(trailer)
    }
}

/// `PERF_RECORD_MMAP` and `PERF_RECORD_MMAP2`: something was mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mmap<'a> {
    /// The process; -1 for the kernel.
    pub pid: i32,
    /// The thread that mapped it.
    pub tid: i32,
    /// The first mapped address.
    pub start: u64,
    /// How many bytes are mapped.
    pub len: u64,
    /// Where in the file the mapping begins, in bytes. For the kernel image: the address of the
    /// symbol that the name ends in.
    pub file_offset: u64,
    /// The build ID, where the kernel recorded it (`perf record --buildid-mmap`).
    pub build_id: Option<&'a [u8]>,
    /// Whether it is mapped as data (`PERF_RECORD_MISC_MMAP_DATA`).
    pub is_data: bool,
    /// The path, or a name such as `//anon`.
    pub path: &'a [u8],
}

impl<'a> Mmap<'a> {
    /// `PERF_RECORD_MISC_MMAP_DATA`
    const MISC_DATA: u16 = 1 << 13;
    /// `PERF_RECORD_MISC_MMAP_BUILD_ID`
    const MISC_BUILD_ID: u16 = 1 << 14;

    /// Decodes a record of either type; `None` if it is shorter than its type says.
    pub fn parse(record: &RawRecord<'a>, endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(record.body, endian);
        let mut mmap = Self {
            pid: reader.u32()?.cast_signed(),
            tid: reader.u32()?.cast_signed(),
            start: reader.u64()?,
            len: reader.u64()?,
            file_offset: reader.u64()?,
            build_id: None,
            is_data: record.misc & Self::MISC_DATA != 0,
            path: &[],
        };
        if record.kind == RecordKind::MMAP2 {
            // Either the device and inode of the file or its build ID.
            let mut identity = Reader::new(reader.bytes(24)?, endian);
            if record.misc & Self::MISC_BUILD_ID != 0 {
                let len = identity.u8()?;
                let _reserved = identity.bytes(3)?;
                mmap.build_id = identity.bytes(usize::from(len).min(20));
            }
            let (_protection, _flags) = (reader.u32()?, reader.u32()?);
        }
        mmap.path = reader.c_string();
        Some(mmap)
    }
}

/// `PERF_RECORD_COMM`: a thread has a new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comm<'a> {
    /// The process.
    pub pid: i32,
    /// The thread.
    pub tid: i32,
    /// The name, at most 15 bytes.
    pub name: &'a [u8],
    /// Whether the name changed because the process runs another program now.
    pub is_exec: bool,
}

impl<'a> Comm<'a> {
    /// `PERF_RECORD_MISC_COMM_EXEC`
    const MISC_EXEC: u16 = 1 << 13;

    /// Decodes the record; `None` if it is too short.
    pub fn parse(record: &RawRecord<'a>, endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(record.body, endian);
        Some(Self {
            pid: reader.u32()?.cast_signed(),
            tid: reader.u32()?.cast_signed(),
            name: reader.c_string(),
            is_exec: record.misc & Self::MISC_EXEC != 0,
        })
    }
}

/// `PERF_RECORD_FORK` and `PERF_RECORD_EXIT`: a thread began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// The process.
    pub pid: i32,
    /// The process that began it; equal to `pid` for a further thread.
    pub parent_pid: i32,
    /// The thread.
    pub tid: i32,
    /// The thread that began it.
    pub parent_tid: i32,
    /// When.
    pub time: u64,
    /// Whether perf made the record up for a process that ran already: such a process has its
    /// own mappings, and not its parent's (`PERF_RECORD_MISC_FORK_EXEC`).
    pub is_synthesized: bool,
}

impl Task {
    /// `PERF_RECORD_MISC_FORK_EXEC`
    const MISC_FORK_EXEC: u16 = 1 << 13;

    /// Decodes the record; `None` if it is too short.
    pub fn parse(record: &RawRecord<'_>, endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(record.body, endian);
        Some(Self {
            pid: reader.u32()?.cast_signed(),
            parent_pid: reader.u32()?.cast_signed(),
            tid: reader.u32()?.cast_signed(),
            parent_tid: reader.u32()?.cast_signed(),
            time: reader.u64()?,
            is_synthesized: record.misc & Self::MISC_FORK_EXEC != 0,
        })
    }
}

/// `PERF_RECORD_LOST` and `PERF_RECORD_LOST_SAMPLES`: the buffer was full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// How many records or samples did not reach the file.
    pub count: u64,
    /// Whether all of them were samples.
    pub are_samples: bool,
    /// The id of the event in whose buffer there was no room; records of other events that share
    /// the buffer are counted under it too.
    pub id: Option<u64>,
}

impl Lost {
    /// Decodes a record of either type; `None` if it is too short.
    pub fn parse(record: &RawRecord<'_>, endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(record.body, endian);
        let are_samples = record.kind == RecordKind::LOST_SAMPLES;
        let id = if are_samples { None } else { Some(reader.u64()?) };
        Some(Self { count: reader.u64()?, are_samples, id })
    }
}

/// `PERF_RECORD_KSYMBOL`: the kernel made or removed code of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ksymbol<'a> {
    /// The first address of the code.
    pub start: u64,
    /// How many bytes.
    pub len: u32,
    /// Whether the code was removed.
    pub is_removed: bool,
    /// Its name, such as `bpf_prog_6deef7357e7b4530`.
    pub name: &'a [u8],
}

impl<'a> Ksymbol<'a> {
    /// `PERF_RECORD_KSYMBOL_FLAGS_UNREGISTER`
    const UNREGISTER: u16 = 1;

    /// Decodes the record; `None` if it is too short.
    pub fn parse(record: &RawRecord<'a>, endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(record.body, endian);
        let start = reader.u64()?;
        let len = reader.u32()?;
        let _ksym_type = reader.u16()?;
        let flags = reader.u16()?;
        Some(Self {
            start,
            len,
            is_removed: flags & Self::UNREGISTER != 0,
            name: reader.c_string(),
        })
    }
}

/// `PERF_RECORD_CALLCHAIN_DEFERRED` (Linux 6.18): the user's part of callchains that were taken
/// while the thread was in the kernel, walked when it returned.
#[derive(Clone, Copy, Debug)]
pub struct DeferredCallchain<'a> {
    /// What the callchains that lack this part state behind [`Context::UserDeferred`].
    ///
    /// [`Context::UserDeferred`]: crate::Context::UserDeferred
    pub cookie: u64,
    /// The user's part.
    pub callchain: Callchain<'a>,
}

impl<'a> DeferredCallchain<'a> {
    /// Decodes the record; `None` if it is shorter than it says.
    pub fn parse(record: &RawRecord<'a>, endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(record.body, endian);
        let cookie = reader.u64()?;
        let count = reader.u64()?;
        Some(Self { cookie, callchain: Callchain(Words::take(&mut reader, count, endian)?) })
    }
}

/// `PERF_RECORD_CGROUP`: a control group and its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cgroup<'a> {
    /// Its number, as samples state it.
    pub id: u64,
    /// Its path below the root of the hierarchy.
    pub path: &'a [u8],
}

impl<'a> Cgroup<'a> {
    /// Decodes the record; `None` if it is too short.
    pub fn parse(record: &RawRecord<'a>, endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(record.body, endian);
        Some(Self { id: reader.u64()?, path: reader.c_string() })
    }
}
