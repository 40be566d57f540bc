//! Samples: every field of `PERF_RECORD_SAMPLE`, in the order in which the kernel writes them
//! (`perf_output_sample` in `kernel/events/core.c`).

use crate::attr::{Attr, ReadFormat, SampleType};
use crate::callchain::{Callchain, Words};
use crate::reader::{Endian, Reader};

/// A sample. A field is `None` if the event was not opened with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample<'a> {
    /// The instruction pointer.
    pub ip: Option<u64>,
    /// Process and thread, as numbered in the pid namespace of perf.
    pub pid_tid: Option<(i32, i32)>,
    /// When, in nanoseconds of the recording's clock.
    pub time: Option<u64>,
    /// The address of the data.
    pub addr: Option<u64>,
    /// The id of the event.
    pub id: Option<u64>,
    /// The id of the event itself, if it was inherited.
    pub stream_id: Option<u64>,
    /// The CPU.
    pub cpu: Option<u32>,
    /// How many occurrences of the event the sample stands for.
    pub period: Option<u64>,
    /// The counters of the event, or of its group.
    pub read: Option<ReadValues<'a>>,
    /// Where the thread was, and how it came there.
    pub callchain: Option<Callchain<'a>>,
    /// Data of the tracepoint or PMU.
    pub raw: Option<&'a [u8]>,
    /// The last branches taken, latest first.
    pub branch_stack: Option<BranchStack<'a>>,
    /// The user's registers.
    pub user_registers: Option<Registers<'a>>,
    /// A copy of the user's stack.
    pub user_stack: Option<UserStack<'a>>,
    /// The cost; three numbers in one word with `PERF_SAMPLE_WEIGHT_STRUCT`.
    pub weight: Option<u64>,
    /// `union perf_mem_data_src`.
    pub data_src: Option<u64>,
    /// Why a transaction was aborted, `PERF_TXN_*`.
    pub transaction: Option<u64>,
    /// The registers at the interrupt.
    pub interrupt_registers: Option<Registers<'a>>,
    /// The physical address of the data.
    pub phys_addr: Option<u64>,
    /// The id of the control group.
    pub cgroup: Option<u64>,
    /// The size of the data's page, in bytes.
    pub data_page_size: Option<u64>,
    /// The size of the code's page, in bytes.
    pub code_page_size: Option<u64>,
    /// A piece of the AUX area.
    pub aux: Option<&'a [u8]>,
}

impl<'a> Sample<'a> {
    /// Decodes the body of a sample of the event `attr`; `None` if it is shorter than it says.
    pub(crate) fn parse(body: &'a [u8], attr: &Attr, endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(body, endian);
        let reader = &mut reader;
        let has = |bit| attr.sample_type.has(bit);
        let mut sample = Self::default();
        if has(SampleType::IDENTIFIER) {
            sample.id = Some(reader.u64()?);
        }
        if has(SampleType::IP) {
            sample.ip = Some(reader.u64()?);
        }
        if has(SampleType::TID) {
            sample.pid_tid = Some((reader.u32()?.cast_signed(), reader.u32()?.cast_signed()));
        }
        if has(SampleType::TIME) {
            sample.time = Some(reader.u64()?);
        }
        if has(SampleType::ADDR) {
            sample.addr = Some(reader.u64()?);
        }
        if has(SampleType::ID) {
            sample.id = Some(reader.u64()?);
        }
        if has(SampleType::STREAM_ID) {
            sample.stream_id = Some(reader.u64()?);
        }
        if has(SampleType::CPU) {
            sample.cpu = Some(reader.u32()?);
            let _reserved = reader.u32()?;
        }
        if has(SampleType::PERIOD) {
            sample.period = Some(reader.u64()?);
        }
        if has(SampleType::READ) {
            sample.read = Some(ReadValues::parse(reader, attr.read_format, endian)?);
        }
        if has(SampleType::CALLCHAIN) {
            let count = reader.u64()?;
            sample.callchain = Some(Callchain(Words::take(reader, count, endian)?));
        }
        if has(SampleType::RAW) {
            let size = reader.u32()?;
            sample.raw = Some(reader.claimed_bytes(u64::from(size))?);
        }
        if has(SampleType::BRANCH_STACK) {
            sample.branch_stack = Some(BranchStack::parse(reader, attr, endian)?);
        }
        if has(SampleType::REGS_USER) {
            sample.user_registers = Registers::parse(reader, attr.sample_regs_user, endian)?;
        }
        if has(SampleType::STACK_USER) {
            sample.user_stack = Some(UserStack::parse(reader)?);
        }
        if has(SampleType::WEIGHT | SampleType::WEIGHT_STRUCT) {
            sample.weight = Some(reader.u64()?);
        }
        if has(SampleType::DATA_SRC) {
            sample.data_src = Some(reader.u64()?);
        }
        if has(SampleType::TRANSACTION) {
            sample.transaction = Some(reader.u64()?);
        }
        if has(SampleType::REGS_INTR) {
            sample.interrupt_registers = Registers::parse(reader, attr.sample_regs_intr, endian)?;
        }
        if has(SampleType::PHYS_ADDR) {
            sample.phys_addr = Some(reader.u64()?);
        }
        if has(SampleType::CGROUP) {
            sample.cgroup = Some(reader.u64()?);
        }
        if has(SampleType::DATA_PAGE_SIZE) {
            sample.data_page_size = Some(reader.u64()?);
        }
        if has(SampleType::CODE_PAGE_SIZE) {
            sample.code_page_size = Some(reader.u64()?);
        }
        if has(SampleType::AUX) {
            let size = reader.u64()?;
            sample.aux = Some(reader.claimed_bytes(size)?);
        }
        Some(sample)
    }
}

/// Values of counters, `struct read_format`.
#[derive(Clone, Copy, Debug)]
pub struct ReadValues<'a> {
    /// For how long the event was enabled, in nanoseconds.
    pub time_enabled: Option<u64>,
    /// For how long it counted, in nanoseconds.
    pub time_running: Option<u64>,
    words: Words<'a>,
    format: ReadFormat,
}

/// The value of one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadValue {
    /// What was counted since the event was opened.
    pub value: u64,
    /// The id of the event.
    pub id: Option<u64>,
    /// Samples of the event that were lost so far.
    pub lost: Option<u64>,
}

impl<'a> ReadValues<'a> {
    fn parse(reader: &mut Reader<'a>, format: ReadFormat, endian: Endian) -> Option<Self> {
        let time = |reader: &mut Reader<'a>, bit| {
            if format.has(bit) { reader.u64().map(Some) } else { Some(None) }
        };
        let words_per_value = words_per_value(format);
        if format.has(ReadFormat::GROUP) {
            let count = reader.u64()?;
            let time_enabled = time(reader, ReadFormat::TOTAL_TIME_ENABLED)?;
            let time_running = time(reader, ReadFormat::TOTAL_TIME_RUNNING)?;
            let words = Words::take(reader, count.checked_mul(words_per_value)?, endian)?;
            return Some(Self { time_enabled, time_running, words, format });
        }
        // Alone, the value comes before the times, and its id and losses behind them: the two
        // pieces are only next to each other where no time is recorded. `Words` holds the value
        // first, so read the pieces apart.
        let value = Words::take(reader, 1, endian)?;
        let time_enabled = time(reader, ReadFormat::TOTAL_TIME_ENABLED)?;
        let time_running = time(reader, ReadFormat::TOTAL_TIME_RUNNING)?;
        let _id_and_lost = Words::take(reader, words_per_value.checked_sub(1)?, endian)?;
        Some(Self { time_enabled, time_running, words: value, format: ReadFormat::default() })
    }

    /// The values: one per event of the group, or the one of the event. Only values of a group
    /// have an id; that of a single event is the sample's.
    pub fn iter(&self) -> impl Iterator<Item = ReadValue> + use<'a> {
        let format = self.format;
        let mut words = self.words.iter();
        std::iter::from_fn(move || {
            let value = words.next()?;
            let id = if format.has(ReadFormat::ID) { words.next() } else { None };
            let lost = if format.has(ReadFormat::LOST) { words.next() } else { None };
            Some(ReadValue { value, id, lost })
        })
    }
}

fn words_per_value(format: ReadFormat) -> u64 {
    1_u64
        .saturating_add(u64::from(format.has(ReadFormat::ID)))
        .saturating_add(u64::from(format.has(ReadFormat::LOST)))
}

/// The last branches that the processor took.
#[derive(Clone, Copy, Debug)]
pub struct BranchStack<'a> {
    /// The position of the newest entry in the hardware's buffer, where it was recorded.
    pub hw_index: Option<u64>,
    entries: Words<'a>,
}

/// `struct perf_branch_entry`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchEntry {
    /// The address of the branch.
    pub from: u64,
    /// Where it went.
    pub to: u64,
    /// Bits: predicted, cycles, kind, in the recorder's order of bits.
    pub flags: u64,
}

impl<'a> BranchStack<'a> {
    /// `PERF_SAMPLE_BRANCH_CALL_STACK`: the entries are not the last branches but the calls that
    /// have not returned, innermost first (`perf record --call-graph lbr`).
    pub const CALL_STACK: u64 = 1 << 11;
    /// `PERF_SAMPLE_BRANCH_HW_INDEX`
    const HW_INDEX: u64 = 1 << 17;
    /// `PERF_SAMPLE_BRANCH_COUNTERS` (Linux 6.8)
    const COUNTERS: u64 = 1 << 19;

    fn parse(reader: &mut Reader<'a>, attr: &Attr, endian: Endian) -> Option<Self> {
        let count = reader.u64()?;
        let hw_index = match attr.branch_sample_type & Self::HW_INDEX {
            0 => None,
            _ => Some(reader.u64()?),
        };
        let entries = Words::take(reader, count.checked_mul(3)?, endian)?;
        if attr.branch_sample_type & Self::COUNTERS != 0 {
            let _counters = Words::take(reader, count, endian)?;
        }
        Some(Self { hw_index, entries })
    }

    /// The branches, latest first.
    pub fn entries(&self) -> impl Iterator<Item = BranchEntry> + use<'a> {
        let mut words = self.entries.iter();
        std::iter::from_fn(move || {
            Some(BranchEntry { from: words.next()?, to: words.next()?, flags: words.next()? })
        })
    }
}

/// Dumped registers.
#[derive(Clone, Copy, Debug)]
pub struct Registers<'a> {
    /// `PERF_SAMPLE_REGS_ABI_32` (1) or `_64` (2): the width of the code that ran.
    pub abi: u64,
    mask: u64,
    values: Words<'a>,
}

impl<'a> Registers<'a> {
    /// `Some(None)` where the kernel had no registers to dump (a kernel thread).
    #[expect(clippy::option_option, reason = "outer: is the record whole; inner: were there any")]
    fn parse(reader: &mut Reader<'a>, mask: u64, endian: Endian) -> Option<Option<Self>> {
        let abi = reader.u64()?;
        if abi == 0 {
            return Some(None);
        }
        let values = Words::take(reader, u64::from(mask.count_ones()), endian)?;
        Some(Some(Self { abi, mask, values }))
    }

    /// The value of a register, by its number in `asm/perf_regs.h` of the architecture.
    pub fn get(&self, register: u32) -> Option<u64> {
        let bit = 1_u64.checked_shl(register)?;
        if self.mask & bit == 0 {
            return None;
        }
        let position = (self.mask & bit.saturating_sub(1)).count_ones();
        self.values.iter().nth(usize::try_from(position).ok()?)
    }
}

/// A copy of the top of the user's stack.
#[derive(Clone, Copy, Debug)]
pub struct UserStack<'a> {
    /// The bytes from the stack pointer on.
    pub bytes: &'a [u8],
    /// Whether the copy ends because the limit was reached, so that callers are missing.
    pub is_full: bool,
}

impl<'a> UserStack<'a> {
    fn parse(reader: &mut Reader<'a>) -> Option<Self> {
        let size = reader.u64()?;
        let reserved = reader.claimed_bytes(size)?;
        if size == 0 {
            return Some(Self { bytes: reserved, is_full: false });
        }
        // What was really copied; the rest of the room holds nothing.
        let copied = reader.u64()?;
        let bytes = reserved.get(..usize::try_from(copied).ok()?).unwrap_or(reserved);
        Some(Self { bytes, is_full: bytes.len() == reserved.len() })
    }
}
