//! A recording as `perf_to_profile` converts it, for those who compare with its output.
//!
//! What differs from a conversion of ours, and is why this is apart from it: addresses are those
//! of the recorded processes, so that the same code in two processes is two locations; callers
//! are looked up one byte before their address even where the kernel took over; a caller that
//! lies nowhere is dropped in silence; events have their recorded names and the unit `count`;
//! nothing has a name, a line, a label or a time. The rules are those of
//! `perf_data_converter.cc` and `perf_data_handler.cc` of <https://github.com/google/perf_data_converter>.
//! What its parser does before is not redone: it joins neighbouring mappings and guesses those
//! of huge pages, so that its mappings are sometimes fewer.

mod builder;
mod spaces;

use perf_data::{
    AttrFlags, BranchStack, BuildIdEntry, Callchain, CallchainEntry, Comm, Context, CpuMode, Lost,
    Mmap, PerfData, RawRecord, RecordKind, Sample, Task,
};
use pprof_format::proto;

use builder::Builder;
use spaces::{Mapping, Spaces};

/// Converts a recording.
pub(crate) fn convert(perf: &PerfData<'_>) -> proto::Profile {
    let mut converter = Converter {
        perf,
        spaces: Spaces::default(),
        builder: Builder::new(perf),
        counts_lost_samples: counts_lost_samples(perf),
    };
    for (_, record) in in_order_of_time(perf) {
        converter.add(&record);
    }
    converter.builder.finish(perf)
}

/// All records by their time; what perf wrote itself has none and comes first.
fn in_order_of_time<'a>(perf: &PerfData<'a>) -> Vec<(u64, RawRecord<'a>)> {
    let time = |record: &RawRecord<'a>| match record.kind {
        RecordKind::SAMPLE => perf.sample(record).and_then(|(_, sample)| sample.time),
        _ => perf.trailer(record).and_then(|trailer| trailer.time),
    };
    let records = perf.records().filter(|record| record.kind.is_from_kernel());
    let mut records: Vec<_> = records.map(|record| (time(&record).unwrap_or(0), record)).collect();
    records.sort_by_key(|(time, _)| *time);
    records
}

/// From perf 6.1 on, `LOST_SAMPLES` tell of all lost samples; before, `LOST` does.
fn counts_lost_samples(perf: &PerfData<'_>) -> bool {
    let version = perf.features().perf_version.as_deref().unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= (6, 1),
        _ => false,
    }
}

struct Converter<'a> {
    perf: &'a PerfData<'a>,
    spaces: Spaces,
    builder: Builder,
    counts_lost_samples: bool,
}

impl Converter<'_> {
    fn add(&mut self, record: &RawRecord<'_>) {
        let endian = self.perf.endian();
        match record.kind {
            RecordKind::MMAP | RecordKind::MMAP2 => {
                if let Some(mmap) = Mmap::parse(record, endian).filter(|mmap| mmap.len > 0) {
                    self.map(&mmap);
                }
            }
            RecordKind::COMM => {
                if let Some(comm) = Comm::parse(record, endian)
                    && comm.pid == comm.tid
                {
                    self.name(&comm);
                }
            }
            RecordKind::FORK => {
                if let Some(task) = Task::parse(record, endian)
                    && task.pid != task.parent_pid
                {
                    self.spaces.fork(task.pid, task.parent_pid);
                }
            }
            RecordKind::LOST | RecordKind::LOST_SAMPLES => {
                if let Some(lost) = Lost::parse(record, endian)
                    && lost.are_samples == self.counts_lost_samples
                {
                    self.lose(record, &lost);
                }
            }
            RecordKind::SAMPLE => {
                if let Some((event, sample)) = self.perf.sample(record) {
                    self.sample(event, &sample, record.cpu_mode());
                }
            }
            _ => {}
        }
    }

    /// Where the kernel (3.16 and later) tells an exec from a mere change of the name, it is
    /// believed; a process that has mapped nothing yet is taken for a new program anyway.
    fn name(&mut self, comm: &Comm<'_>) {
        /// `comm_exec`
        const TELLS_EXEC: AttrFlags = AttrFlags(1 << 24);
        let tells = self.perf.events().iter().any(|event| event.attr.flags.has(TELLS_EXEC));
        if !tells || comm.is_exec || !self.spaces.has_mapped(comm.pid) {
            self.spaces.exec(comm.pid);
            self.builder.forget_process(comm.pid);
        }
        self.spaces.name(comm.pid, String::from_utf8_lossy(comm.name).into_owned());
    }

    fn map(&mut self, mmap: &Mmap<'_>) {
        /// Addresses from here on are the kernel's.
        const HALF: u64 = 1 << 63;
        let path = String::from_utf8_lossy(mmap.path).into_owned();
        let limit = mmap.start.saturating_add(mmap.len);
        // perf before 3.16 lets the kernel begin at its first symbol, which has the address 0.
        let begins_at_zero = mmap.start <= HALF && mmap.file_offset > HALF && limit > HALF;
        let start = if begins_at_zero { mmap.file_offset & !0xfff } else { mmap.start };
        let build_id = match mmap.build_id {
            Some(bytes) => hex(bytes),
            None => build_id(&self.perf.features().build_ids, &path),
        };
        self.builder.forget(mmap.pid, start..limit);
        let file_offset = mmap.file_offset;
        self.spaces.map(mmap.pid, Mapping { start, limit, file_offset, path, build_id });
    }

    fn sample(&mut self, event: usize, sample: &Sample<'_>, mode: CpuMode) {
        let pid = sample.pid_tid.map_or(0, |(pid, _)| pid);
        self.builder.begin(pid, || self.spaces.main(pid, mode == CpuMode::Kernel));
        let at_leaf = context(mode);
        let leaf = sample.ip.and_then(|ip| Some((ip, self.spaces.find(pid, ip, at_leaf)?)));
        let branches = sample.branch_stack.iter().flat_map(BranchStack::entries);
        let branches: Vec<_> = branches.map(|branch| branch.from).collect();
        let mut stack = vec![leaf];
        let (mut is_first, mut at) = (true, Context::Unknown);
        for entry in sample.callchain.iter().flat_map(Callchain::entries) {
            match entry {
                // The branches are the user's part.
                CallchainEntry::Context(Context::User) if !branches.is_empty() => break,
                CallchainEntry::Context(mark) => at = mark,
                // The first address repeats that of the sample.
                CallchainEntry::Address(_) if is_first => is_first = false,
                CallchainEntry::Address(address) => {
                    let caller = self.spaces.find(pid, address, at);
                    let caller = caller.filter(|&number| self.spaces.all[number].start < address);
                    stack.extend(caller.map(|number| Some((address - 1, number))));
                }
            }
        }
        for from in branches {
            let caller = self.spaces.find(pid, from, Context::Unknown);
            stack.extend(caller.map(|number| Some((from, number))));
        }
        let attr = &self.perf.events()[event].attr;
        let period = sample.period.filter(|&period| period > 0);
        let fixed = attr.sample_period().filter(|&period| period > 0);
        let weight = period.or(fixed).unwrap_or(1);
        self.builder.sample(pid, &stack, &self.spaces.all, (event, 1, weight));
    }

    /// Lost samples lie at an address of their own, in a mapping of that name.
    fn lose(&mut self, record: &RawRecord<'_>, lost: &Lost) {
        const ADDRESS: u64 = 9 << 60;
        let trailer = self.perf.trailer(record).unwrap_or_default();
        let id = lost.id.or(trailer.id).unwrap_or(0);
        let Some(event) = self.perf.event_of_id(id) else { return };
        let pid = trailer.pid_tid.map_or(0, |(pid, _)| pid);
        self.builder.begin(pid, || None);
        let number = self.spaces.all.len();
        self.spaces.all.push(Mapping {
            start: ADDRESS,
            limit: ADDRESS + 1,
            file_offset: 0,
            path: "[lost]".to_owned(),
            build_id: String::new(),
        });
        let period = self.perf.events()[event].attr.sample_period().filter(|&period| period > 0);
        let weight = lost.count.saturating_mul(period.unwrap_or(1));
        let value = (event, lost.count, weight);
        self.builder.sample(pid, &[Some((ADDRESS, number))], &self.spaces.all, value);
    }
}

/// The build ID that perf noted for a path when it ended. It names the kernel
/// `[kernel.kallsyms]`, and its mapping `[kernel.kallsyms]_text`.
fn build_id(entries: &[BuildIdEntry], path: &str) -> String {
    let name = if path.starts_with("[kernel.kallsyms]") { "[kernel.kallsyms]" } else { path };
    let entry = entries.iter().find(|entry| entry.path == name);
    entry.map(|entry| hex(&entry.build_id[..entry.size.unwrap_or(20)])).unwrap_or_default()
}

fn context(mode: CpuMode) -> Context {
    match mode {
        CpuMode::Unknown => Context::Unknown,
        CpuMode::Kernel => Context::Kernel,
        CpuMode::User => Context::User,
        CpuMode::Hypervisor => Context::Hypervisor,
        CpuMode::GuestKernel => Context::GuestKernel,
        CpuMode::GuestUser => Context::GuestUser,
    }
}

fn hex(bytes: &[u8]) -> String {
    profile::BuildId::new(bytes).map(|id| id.to_string()).unwrap_or_default()
}
