//! What a sample can be labelled with, and where the value comes from.
//!
//! Labels of the thread are found once per thread. The others differ from sample to sample: they
//! are asked for only where a label wants them, and each distinct combination is one row.

use profile::{Id, Label, LabelSet, LabelValue, Table};
use rustc_hash::FxHashMap;

use perf_data::{CpuMode, PerfData, Sample, SampleType};

use crate::threads::ThreadState;

/// Something that a sample can be labelled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelKey {
    /// The name of the process (of its main thread).
    Comm,
    /// The name of the thread.
    ThreadComm,
    /// The process, as numbered in perf's pid namespace.
    Pid,
    /// The thread, likewise.
    Tid,
    /// The CPU.
    Cpu,
    /// When the sample was taken, by the recording's clock. Makes each sample a row.
    TimestampNs,
    /// The mode in which the CPU was.
    ExecutionMode,
    /// The path of the control group, or its number where the recording does not name it.
    Cgroup,
    /// The size of the page of the code.
    CodePageSize,
    /// The size of the page of the data.
    DataPageSize,
    /// How long the memory access took, in cycles.
    CacheLatency,
    /// From which level of the memory hierarchy the data came.
    DataSrc,
    /// Whether other caches had the data.
    SnoopStatus,
    /// How long the instruction took from its issue, in cycles.
    InsLat,
    /// How long it took to retire, or to pass its pipeline stage, in cycles.
    RetireLat,
}

impl LabelKey {
    /// The labels that a name of a list stands for, as `perf_to_profile` groups them: `data_src`
    /// brings the snoop status, and `weights` is all of the sample's costs.
    pub fn named(name: &str) -> Option<&'static [Self]> {
        Self::LISTED.iter().find(|(listed, _)| *listed == name).map(|(_, keys)| *keys)
    }

    /// Every name that a list may have, and its labels.
    pub const LISTED: [(&str, &[Self]); 13] = [
        ("comm", &[Self::Comm]),
        ("thread_comm", &[Self::ThreadComm]),
        ("pid", &[Self::Pid]),
        ("tid", &[Self::Tid]),
        ("cpu", &[Self::Cpu]),
        ("timestamp_ns", &[Self::TimestampNs]),
        ("execution_mode", &[Self::ExecutionMode]),
        ("cgroup", &[Self::Cgroup]),
        ("code_page_size", &[Self::CodePageSize]),
        ("data_page_size", &[Self::DataPageSize]),
        ("cache_latency", &[Self::CacheLatency]),
        ("data_src", &[Self::DataSrc, Self::SnoopStatus]),
        ("weights", &[Self::CacheLatency, Self::InsLat, Self::RetireLat]),
    ];

    /// Every label, once.
    pub fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for key in Self::LISTED.iter().flat_map(|(_, keys)| *keys) {
            if !all.contains(key) {
                all.push(*key);
            }
        }
        all
    }

    /// The name of the label in a profile: `perf_to_profile`'s or, for what that does not have,
    /// the field's name in `perf script`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comm => "comm",
            Self::ThreadComm => "thread_comm",
            Self::Pid => "pid",
            Self::Tid => "tid",
            Self::Cpu => "cpu",
            Self::TimestampNs => "timestamp_ns",
            Self::ExecutionMode => "execution_mode",
            Self::Cgroup => "cgroup",
            Self::CodePageSize => "code_page_size",
            Self::DataPageSize => "data_page_size",
            Self::CacheLatency => "cache_latency",
            Self::DataSrc => "data_src",
            Self::SnoopStatus => "snoop_status",
            Self::InsLat => "ins_lat",
            Self::RetireLat => "retire_lat",
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::TimestampNs => "nanoseconds",
            Self::CodePageSize | Self::DataPageSize => "bytes",
            Self::CacheLatency | Self::InsLat | Self::RetireLat => "cycles",
            _ => "",
        }
    }

    /// Every text that the label can have, if there are few.
    fn texts(self) -> &'static [&'static str] {
        match self {
            Self::ExecutionMode => {
                &["Host Kernel", "Host User", "Guest Kernel", "Guest User", "Hypervisor"]
            }
            Self::DataSrc => &[
                "L1",
                "LFB",
                "L2",
                "L3",
                "Local DRAM",
                "Remote DRAM",
                "Remote Cache",
                "IO Memory",
                "Uncached Memory",
                "Unknown Level",
            ],
            Self::SnoopStatus => &["None", "Hit", "Miss", "HitM", "Unknown Status"],
            _ => &[],
        }
    }

    fn is_of_thread(self) -> bool {
        matches!(self, Self::Comm | Self::ThreadComm | Self::Pid | Self::Tid)
    }
}

/// The labels that were asked for, with every text that they need in the table of strings.
#[derive(Debug)]
pub(crate) struct Labels {
    /// In the order in which they were asked for: label, its key, its unit.
    keys: Vec<(LabelKey, Id<String>, Id<String>)>,
    texts: FxHashMap<&'static str, Id<String>>,
    /// Paths of control groups.
    cgroups: FxHashMap<u64, Id<String>>,
    pub(crate) are_of_thread: bool,
}

/// What a sample has for the labels that were asked for.
pub(crate) type Facts = Box<[Option<u64>]>;

impl Labels {
    pub(crate) fn new(
        asked: &[LabelKey],
        cgroups: FxHashMap<u64, Id<String>>,
        strings: &mut Table<String>,
    ) -> Self {
        let mut key = |&label: &LabelKey| {
            (label, strings.intern_ref(label.name()), strings.intern_ref(label.unit()))
        };
        let keys: Vec<_> = asked.iter().map(&mut key).collect();
        let texts = asked.iter().flat_map(|label| label.texts());
        Self {
            keys,
            texts: texts.map(|&text| (text, strings.intern_ref(text))).collect(),
            cgroups,
            are_of_thread: asked.iter().all(|label| label.is_of_thread()),
        }
    }

    /// What a sample says of the labels that differ from sample to sample.
    pub(crate) fn facts(
        &self,
        perf: &PerfData<'_>,
        (event, mode): (usize, CpuMode),
        sample: &Sample<'_>,
    ) -> Facts {
        let weights = || Weights::of(perf, event, sample);
        // 0 is what the kernel writes where the event has no such cost.
        let is_measured = |cost: &u64| *cost > 0;
        let fact = |&(label, ..): &(LabelKey, _, _)| match label {
            LabelKey::Comm | LabelKey::ThreadComm | LabelKey::Pid | LabelKey::Tid => None,
            LabelKey::Cpu => sample.cpu.map(u64::from),
            LabelKey::TimestampNs => sample.time,
            LabelKey::ExecutionMode => execution_mode(mode),
            LabelKey::Cgroup => sample.cgroup,
            LabelKey::CodePageSize => sample.code_page_size.filter(|&size| size > 0),
            LabelKey::DataPageSize => sample.data_page_size.filter(|&size| size > 0),
            LabelKey::CacheLatency => weights().map(|weights| weights.latency).filter(is_measured),
            LabelKey::InsLat => weights()?.instruction.map(u64::from).filter(is_measured),
            LabelKey::RetireLat => weights()?.retirement.map(u64::from).filter(is_measured),
            LabelKey::DataSrc => memory_level(sample.data_src?),
            LabelKey::SnoopStatus => sample.data_src.map(snoop_status),
        };
        self.keys.iter().map(fact).collect()
    }

    /// The labels of a sample of a thread.
    pub(crate) fn set(&self, thread: &ThreadState, facts: &[Option<u64>]) -> LabelSet {
        let label = |(position, &(label, key, unit)): (usize, &(LabelKey, Id<String>, _))| {
            let fact = facts.get(position).copied().flatten();
            let value = match label {
                LabelKey::Comm => LabelValue::Text(thread.comm?),
                LabelKey::ThreadComm => LabelValue::Text(thread.thread_comm?),
                LabelKey::Pid => LabelValue::Number(i64::from(thread.pid), unit),
                LabelKey::Tid => LabelValue::Number(i64::from(thread.tid), unit),
                LabelKey::ExecutionMode | LabelKey::DataSrc | LabelKey::SnoopStatus => {
                    let text = label.texts().get(usize::try_from(fact?).ok()?)?;
                    LabelValue::Text(*self.texts.get(text)?)
                }
                LabelKey::Cgroup if self.cgroups.contains_key(&fact?) => {
                    LabelValue::Text(*self.cgroups.get(&fact?)?)
                }
                _ => LabelValue::Number(fact?.cast_signed(), unit),
            };
            Some(Label { key, value })
        };
        self.keys.iter().enumerate().filter_map(label).collect()
    }
}

/// The position in the texts of [`LabelKey::ExecutionMode`].
fn execution_mode(mode: CpuMode) -> Option<u64> {
    match mode {
        CpuMode::Kernel => Some(0),
        CpuMode::User => Some(1),
        CpuMode::GuestKernel => Some(2),
        CpuMode::GuestUser => Some(3),
        CpuMode::Hypervisor => Some(4),
        CpuMode::Unknown => None,
    }
}

/// The costs of a sample: `union perf_sample_weight`.
struct Weights {
    latency: u64,
    instruction: Option<u16>,
    retirement: Option<u16>,
}

impl Weights {
    fn of(perf: &PerfData<'_>, event: usize, sample: &Sample<'_>) -> Option<Self> {
        let word = sample.weight?;
        let attr = &perf.events().get(event)?.attr;
        if !attr.sample_type.has(SampleType::WEIGHT_STRUCT) {
            return Some(Self { latency: word, instruction: None, retirement: None });
        }
        // Three fields of 32, 16 and 16 bits, from the least significant on, in either byte order.
        let part = |shift: u32| u16::try_from((word >> shift) & 0xffff).ok();
        Some(Self { latency: word & 0xffff_ffff, instruction: part(32), retirement: part(48) })
    }
}

/// The position in the texts of [`LabelKey::DataSrc`], from the bits `mem_lvl` of
/// `union perf_mem_data_src` (`PERF_MEM_LVL_*`); only a hit says where the data was.
fn memory_level(data_src: u64) -> Option<u64> {
    const HIT: u64 = 0x02;
    const LEVELS: [u64; 9] = [0x08, 0x10, 0x20, 0x40, 0x80, 0x300, 0xc00, 0x1000, 0x2000];
    let level = (data_src >> 5) & 0x3fff;
    (level & HIT != 0).then(|| position(&LEVELS, level))
}

/// The position in the texts of [`LabelKey::SnoopStatus`], from the bits `mem_snoop`
/// (`PERF_MEM_SNOOP_*`).
fn snoop_status(data_src: u64) -> u64 {
    position(&[0x02, 0x04, 0x08, 0x10], (data_src >> 19) & 0x1f)
}

/// The first mask that has a bit in common; the number of masks if none has.
fn position(masks: &[u64], bits: u64) -> u64 {
    masks.iter().take_while(|&&mask| bits & mask == 0).count() as u64
}
