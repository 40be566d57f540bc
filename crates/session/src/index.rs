//! The first pass: hop over all records, and keep the few that change what runs where.

use std::hint::black_box;
use std::ops::Range;

use rustc_hash::FxHashMap;

use perf_data::{
    BuildIdEntry, Cgroup, Comm, CpuMode, Damage, DeferredCallchain, Features, Ksymbol, Lost, Mmap,
    PerfData, RawRecord, RecordKind, RecordsEnd, Task,
};
use profile::{
    Binary, BinaryKind, BuildId, FileOffset, Id, Mapping, Relocation, RuntimeAddr, Table,
};

use crate::losses::Losses;
use crate::lost::LostByEvent;
use crate::maps::Piece;
use crate::reads::{Collector, LastValues};
use crate::spaces::{Space, Spaces};

/// All that the second pass needs to know before it meets its first sample.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) spaces: Spaces,
    pub(crate) strings: Table<String>,
    pub(crate) binaries: Table<Binary>,
    /// Every mapping that was recorded; pieces in [`Spaces`] are indices into it.
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) losses: Losses,
    pub(crate) end: RecordsEnd,
    /// What the data section holds besides records.
    pub(crate) damage: Option<Damage>,
    /// Parts of the data section, cut between records. What is no record lies between two parts.
    pub(crate) chunks: Vec<Range<u64>>,
    /// What counters in samples said last, by chunk.
    pub(crate) counters: LastValues,
    /// Where the user's part of a callchain is recorded, by thread and cookie.
    pub(crate) deferred: FxHashMap<(i32, u64), u64>,
    /// Where the records end.
    pub(crate) records_end: u64,
    /// Whether samples state their time. Where they do not, a record's place in the file serves
    /// as its time.
    pub(crate) is_timed: bool,
    /// The times of the first and the last sample, if they were asked for.
    pub(crate) sample_times: Option<(u64, u64)>,
    /// By event: samples that were lost.
    pub(crate) lost: Vec<u64>,
    /// The paths of control groups by their id.
    pub(crate) cgroups: FxHashMap<u64, Id<String>>,
}

/// A chunk is as long as this or a little longer: enough that what chunks have in common is
/// interned rarely, and short enough that all processors are busy to the end.
const CHUNK_BYTES: u64 = 16 << 20;

/// Reads the recording once; `visited` is told how far it is. Samples are not looked at unless
/// their times are wanted.
pub(crate) fn index(perf: &PerfData<'_>, wants_times: bool, visited: &dyn Fn(Range<u64>)) -> Index {
    let events = perf.events();
    let is_timed =
        events.iter().any(|event| event.attr.sample_type.has(perf_data::SampleType::TIME));
    let mut losses = Losses::default();
    let mut changes = Vec::new();
    let mut records = perf.records();
    let mut deferred = FxHashMap::default();
    let mut chunks = Vec::new();
    let mut chunk_start = records.offset();
    let mut latest = 0;
    let mut lost_by_event = LostByEvent::new(perf);
    let mut sample_times: Option<(u64, u64)> = None;
    let mut counters = Collector::new(perf);
    let mut next = chunk_start;
    loop {
        let end = next;
        let Some(record) = records.next() else { break };
        next = records.offset();
        if end - chunk_start >= CHUNK_BYTES || end < record.offset {
            visited(chunk_start..record.offset);
            chunks.push(chunk_start..end);
            chunk_start = record.offset;
            counters.end_chunk();
        }
        if record.kind == RecordKind::SAMPLE {
            if wants_times && let Some(time) = perf.sample(&record).and_then(|(_, s)| s.time) {
                let (first, last) = sample_times.unwrap_or((time, time));
                sample_times = Some((first.min(time), last.max(time)));
            }
            read_ahead(record.body);
            counters.sample(perf, &record);
            continue;
        }
        if record.kind.name().is_none() {
            *losses.unknown_records.entry(record.kind).or_default() += 1;
            continue;
        }
        let trailer = perf.trailer(&record);
        if record.kind == RecordKind::CALLCHAIN_DEFERRED {
            let tid = trailer.and_then(|trailer| trailer.pid_tid).map_or(-1, |(_, tid)| tid);
            match DeferredCallchain::parse(&record, perf.endian()) {
                // The record comes once per event, and each time says the same.
                Some(chain) => _ = deferred.entry((tid, chain.cookie)).or_insert(record.offset),
                None => losses.broken_records += 1,
            }
            continue;
        }
        let time = match trailer.and_then(|trailer| trailer.time) {
            _ if !is_timed => record.offset,
            Some(time) => time,
            // What perf wrote itself has no time: it holds from where it stands.
            None => latest,
        };
        latest = time;
        match Change::parse(&record, perf) {
            Parsed::Change(change) => changes.push((time, change)),
            Parsed::Lost(lost) => {
                let Losses { lost_samples, lost_records, .. } = &mut losses;
                let sum = if lost.are_samples { lost_samples } else { lost_records };
                *sum = sum.saturating_add(lost.count);
                lost_by_event.add(perf, &record, &lost);
            }
            Parsed::Nothing => {}
            Parsed::Broken => losses.broken_records += 1,
        }
    }
    let end = records.offset();
    visited(chunk_start..end);
    chunks.push(chunk_start..end);
    // Stable: records of one moment stay in the order of the file.
    changes.sort_by_key(|(time, _)| *time);
    let mut builder = Builder::new(perf.features());
    for (time, change) in changes {
        builder.apply(time, &change);
    }
    let lost = lost_by_event.told(perf, &mut losses);
    Index {
        spaces: builder.spaces,
        strings: builder.strings,
        binaries: builder.binaries,
        mappings: builder.mappings,
        losses,
        end: records.end(),
        damage: records.damage(),
        chunks,
        counters: counters.finish(),
        deferred,
        records_end: end,
        is_timed,
        sample_times,
        lost,
        cgroups: builder.cgroups,
    }
}

/// Looks at each cache line of what is hopped over. The processor fetches ahead of a reader that
/// goes line by line, and not of one that jumps from header to header and waits for each: on the
/// 400 MB of `scripts/record-busy` the pass takes 30 ms instead of 185 (benches/stages.rs).
fn read_ahead(body: &[u8]) {
    const CACHE_LINE: usize = 64;
    black_box(body.iter().step_by(CACHE_LINE).fold(0, |all, byte| all | byte));
}

/// A record that changes an address space or a name.
#[derive(Debug)]
enum Change<'a> {
    Mmap(CpuMode, Mmap<'a>),
    Comm(Comm<'a>),
    Fork(Task),
    Ksymbol(Ksymbol<'a>),
    Cgroup(Cgroup<'a>),
}

enum Parsed<'a> {
    Change(Change<'a>),
    Lost(Lost),
    /// The record says nothing that matters here.
    Nothing,
    Broken,
}

impl<'a> Change<'a> {
    fn parse(record: &RawRecord<'a>, perf: &PerfData<'_>) -> Parsed<'a> {
        let endian = perf.endian();
        let change = match record.kind {
            RecordKind::MMAP | RecordKind::MMAP2 => {
                Mmap::parse(record, endian).map(|mmap| Change::Mmap(record.cpu_mode(), mmap))
            }
            RecordKind::COMM => Comm::parse(record, endian).map(Change::Comm),
            RecordKind::FORK => Task::parse(record, endian).map(Change::Fork),
            RecordKind::CGROUP => Cgroup::parse(record, endian).map(Change::Cgroup),
            RecordKind::KSYMBOL => Ksymbol::parse(record, endian).map(Change::Ksymbol),
            RecordKind::LOST | RecordKind::LOST_SAMPLES => {
                return Lost::parse(record, endian).map_or(Parsed::Broken, Parsed::Lost);
            }
            _ => return Parsed::Nothing,
        };
        change.map_or(Parsed::Broken, Parsed::Change)
    }
}

/// Applies changes, in the order of time.
struct Builder {
    spaces: Spaces,
    strings: Table<String>,
    binaries: Table<Binary>,
    mappings: Vec<Mapping>,
    cgroups: FxHashMap<u64, Id<String>>,
    build_ids: BuildIds,
}

impl Builder {
    fn new(features: &Features) -> Self {
        // The reserved rows are those of every profile.
        let profile::Profile { strings, binaries, .. } = profile::Profile::new();
        Self {
            spaces: Spaces::default(),
            strings,
            binaries,
            mappings: Vec::new(),
            cgroups: FxHashMap::default(),
            build_ids: BuildIds::new(&features.build_ids),
        }
    }

    fn apply(&mut self, time: u64, change: &Change<'_>) {
        match change {
            Change::Mmap(mode, mmap) => self.mmap(time, *mode, mmap),
            Change::Comm(comm) => {
                if comm.is_exec {
                    self.spaces.clear(comm.pid, time);
                }
                let name = self.strings.intern_ref(&*String::from_utf8_lossy(comm.name));
                self.spaces.set_comm(comm.tid, time, name);
            }
            Change::Fork(task) => self.fork(time, task),
            Change::Ksymbol(symbol) => self.ksymbol(time, symbol),
            Change::Cgroup(cgroup) => {
                // Ids are not used again while the machine runs.
                let path = self.strings.intern_ref(&*String::from_utf8_lossy(cgroup.path));
                self.cgroups.insert(cgroup.id, path);
            }
        }
    }

    fn fork(&mut self, time: u64, task: &Task) {
        if task.pid != task.parent_pid {
            // A process that ran before the recording began has its own mappings, which perf
            // lists; perf before 4.20 marks such a record by its time only.
            if task.is_synthesized || task.time == 0 {
                self.spaces.clear(task.pid, time);
            } else {
                self.spaces.fork(task.pid, task.parent_pid, time);
            }
        }
        self.spaces.inherit_comm(task.tid, task.parent_tid, time);
    }

    fn mmap(&mut self, time: u64, mode: CpuMode, mmap: &Mmap<'_>) {
        let Some(last) = mmap.len.checked_sub(1) else { return };
        let first = mmap.start;
        let last = first.saturating_add(last);
        let space = match mode {
            CpuMode::GuestKernel => Space::GuestKernel,
            CpuMode::GuestUser => Space::GuestProcess(mmap.pid),
            CpuMode::Kernel => Space::Kernel,
            _ if mmap.pid == -1 => Space::Kernel,
            _ => Space::Process(mmap.pid),
        };
        if mmap.is_data {
            self.spaces.map(space, time, Piece { first, last, mapped: None });
            return;
        }
        let binary = self.binary(space, mmap);
        let kind = self.binaries[binary].kind;
        let file_offset = if kind.is_identity_mapped() { first } else { mmap.file_offset };
        let mapped = self.add_mapping(Mapping {
            binary,
            start: RuntimeAddr(first),
            len: (last - first).saturating_add(1),
            file_offset: FileOffset(file_offset),
        });
        self.spaces.map(space, time, Piece { first, last, mapped });
        if kind == BinaryKind::File && !is_library(mmap.path) {
            self.spaces.set_program(space, time, binary);
        }
    }

    fn ksymbol(&mut self, time: u64, symbol: &Ksymbol<'_>) {
        let Some(last) = u64::from(symbol.len).checked_sub(1) else { return };
        let (first, last) = (symbol.start, symbol.start.saturating_add(last));
        let mapped = if symbol.is_removed {
            None
        } else {
            let path = self.strings.intern_ref(&*String::from_utf8_lossy(symbol.name));
            let kind = BinaryKind::KernelGenerated;
            let binary =
                self.binaries.intern(Binary { path, build_id: None, kind, relocation: None });
            self.add_mapping(Mapping {
                binary,
                start: RuntimeAddr(first),
                len: u64::from(symbol.len),
                file_offset: FileOffset(first),
            })
        };
        self.spaces.map(Space::Kernel, time, Piece { first, last, mapped });
    }

    fn add_mapping(&mut self, mapping: Mapping) -> Option<u32> {
        let index = u32::try_from(self.mappings.len()).ok()?;
        self.mappings.push(mapping);
        Some(index)
    }

    fn binary(&mut self, space: Space, mmap: &Mmap<'_>) -> Id<Binary> {
        let recorded = String::from_utf8_lossy(mmap.path);
        let (path, symbol) = match recorded.split_once(']') {
            // `[kernel.kallsyms]_text`
            Some((name, symbol)) if name.starts_with("[kernel.") => {
                (&recorded[..=name.len()], symbol)
            }
            _ => (&*recorded, ""),
        };
        let kind = kind(space, path);
        let build_id = mmap
            .build_id
            .and_then(BuildId::new)
            .or_else(|| self.build_ids.of(path, matches!(space, Space::Kernel)));
        let relocation = (kind == BinaryKind::Kernel && !symbol.is_empty()).then(|| Relocation {
            symbol: self.strings.intern_ref(symbol),
            address: RuntimeAddr(mmap.file_offset),
        });
        let path = self.strings.intern_ref(path);
        self.binaries.intern(Binary { path, build_id, kind, relocation })
    }
}

/// What backs a mapping, by its name.
fn kind(space: Space, path: &str) -> BinaryKind {
    match space {
        Space::GuestKernel | Space::GuestProcess(_) => BinaryKind::Guest,
        Space::Kernel if path.starts_with("[kernel.") => BinaryKind::Kernel,
        Space::Kernel => BinaryKind::KernelModule,
        Space::Process(pid) if is_memory(path) => BinaryKind::Anonymous { pid },
        // Code that the kernel places at an address of its choice: `[vdso]`, `[vsyscall]`.
        Space::Process(_) if path.starts_with('[') => BinaryKind::Vdso,
        Space::Process(_) => BinaryKind::File,
    }
}

/// Names that the kernel gives to memory without a file.
fn is_memory(path: &str) -> bool {
    const NAMES: [&str; 7] =
        ["//anon", "/anon_hugepage", "/dev/zero", "/SYSV", "[heap]", "[stack", "[anon"];
    path.is_empty() || NAMES.iter().any(|name| path.starts_with(name))
}

/// Whether a file is a shared library, by its name (`libc.so.6`, `ld-2.15.so`). The kernel maps
/// the program first, but perf lists the mappings of a running process by address.
fn is_library(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.ends_with(b".so") || name.windows(4).any(|part| part == b".so.")
}

/// The build IDs that perf found when the recording ended, by path.
struct BuildIds(FxHashMap<(String, bool), Option<BuildId>>);

impl BuildIds {
    fn new(entries: &[BuildIdEntry]) -> Self {
        let mut by_path = FxHashMap::default();
        for entry in entries {
            let build_id = match entry.size {
                Some(size) => BuildId::new(entry.build_id.get(..size).unwrap_or_default()),
                None => BuildId::from_padded(&entry.build_id),
            };
            by_path
                .entry((entry.path.clone(), entry.is_kernel))
                // One path, two files (in two containers): which of them a mapping is of cannot
                // be told, and a wrong build ID is worse than none.
                .and_modify(|known| {
                    if *known != build_id {
                        *known = None;
                    }
                })
                .or_insert(build_id);
        }
        Self(by_path)
    }

    fn of(&self, path: &str, is_kernel: bool) -> Option<BuildId> {
        *self.0.get(&(path.to_owned(), is_kernel))?
    }
}
