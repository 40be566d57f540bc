//! `struct perf_event_attr`: what was asked of the kernel, and so what each record holds.

use crate::reader::{Endian, Reader};

/// One event as it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Which kind of event.
    pub event_type: EventType,
    /// Which event of that kind.
    pub config: u64,
    /// Occurrences between two samples or, with [`AttrFlags::FREQ`], samples per second.
    pub sample_period_or_freq: u64,
    /// The fields of a sample.
    pub sample_type: SampleType,
    /// The fields of a counter's value.
    pub read_format: ReadFormat,
    /// The bit field of switches.
    pub flags: AttrFlags,
    /// `PERF_SAMPLE_BRANCH_*`: which branches, and which fields of the branch stack.
    pub branch_sample_type: u64,
    /// Which user registers are dumped, a bit per register of the architecture.
    pub sample_regs_user: u64,
    /// How many bytes of the user stack are dumped at most.
    pub sample_stack_user: u32,
    /// The clock of all times (`clockid_t`), if [`AttrFlags::USE_CLOCKID`].
    pub clockid: u32,
    /// Which registers are dumped at the interrupt.
    pub sample_regs_intr: u64,
}

impl Attr {
    /// The size of the first published version of the structure (Linux 2.6.33).
    pub(crate) const SIZE_VER0: usize = 64;

    /// Reads as much of the structure as there is. Fields that an older perf did not write are 0;
    /// what a newer one added is passed over.
    pub(crate) fn parse(bytes: &[u8], endian: Endian) -> Option<Self> {
        let mut reader = Reader::new(bytes, endian);
        let event_type = EventType(reader.u32()?);
        // A size of 0 is how files of the first version state theirs.
        let size = match usize::try_from(reader.u32()?).ok()? {
            0 => Self::SIZE_VER0,
            size => size,
        };
        if size < Self::SIZE_VER0 {
            return None;
        }
        // What lies behind the stated size belongs to whatever comes next in the file.
        let known = bytes.get(..size.min(bytes.len()))?;
        let mut reader = Reader::new(known.get(8..)?, endian);
        let config = reader.u64()?;
        let sample_period_or_freq = reader.u64()?;
        let sample_type = SampleType(reader.u64()?);
        let read_format = ReadFormat(reader.u64()?);
        // A C bit field starts at the least significant bit on little-endian machines and at the
        // most significant one on big-endian machines.
        let flags = AttrFlags(match endian {
            Endian::Little => reader.u64()?,
            Endian::Big => reader.u64()?.reverse_bits(),
        });
        let _wakeup = reader.u32()?;
        let _bp_type = reader.u32()?;
        let _config1 = reader.u64()?;
        Some(Self {
            event_type,
            config,
            sample_period_or_freq,
            sample_type,
            read_format,
            flags,
            branch_sample_type: {
                let _config2 = reader.u64();
                reader.u64().unwrap_or(0)
            },
            sample_regs_user: reader.u64().unwrap_or(0),
            sample_stack_user: reader.u32().unwrap_or(0),
            clockid: reader.u32().unwrap_or(0),
            sample_regs_intr: reader.u64().unwrap_or(0),
        })
    }

    /// Occurrences between two samples, where that is fixed.
    pub fn sample_period(&self) -> Option<u64> {
        (!self.flags.has(AttrFlags::FREQ)).then_some(self.sample_period_or_freq)
    }

    /// Samples per second, where that is what was asked for.
    pub fn sample_frequency(&self) -> Option<u64> {
        self.flags.has(AttrFlags::FREQ).then_some(self.sample_period_or_freq)
    }
}

/// `perf_type_id`, or the number of a dynamic PMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventType(pub u32);

impl EventType {
    /// `PERF_TYPE_HARDWARE`
    pub const HARDWARE: Self = Self(0);
    /// `PERF_TYPE_SOFTWARE`
    pub const SOFTWARE: Self = Self(1);
    /// `PERF_TYPE_TRACEPOINT`
    pub const TRACEPOINT: Self = Self(2);
    /// `PERF_TYPE_HW_CACHE`
    pub const HW_CACHE: Self = Self(3);
    /// `PERF_TYPE_RAW`
    pub const RAW: Self = Self(4);
}

macro_rules! bits {
    ($(#[$doc:meta])* $name:ident { $($(#[$bit_doc:meta])* $bit:ident = $number:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub u64);

        impl $name {
            $($(#[$bit_doc])* pub const $bit: Self = Self(1 << $number);)*

            /// Whether any bit of `bits` is set.
            pub const fn has(self, bits: Self) -> bool {
                self.0 & bits.0 != 0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

bits! {
    /// `enum perf_event_sample_format`: which fields a sample has. Bits that this list lacks
    /// belong to fields behind all of these, so that samples of a newer kernel decode as far as
    /// they are known.
    SampleType {
        /// The instruction pointer.
        IP = 0,
        /// Process and thread.
        TID = 1,
        /// When.
        TIME = 2,
        /// The address of the data (or of a tracepoint's subject).
        ADDR = 3,
        /// Values of the event's counters.
        READ = 4,
        /// The callchain.
        CALLCHAIN = 5,
        /// The id of the event (of its group's leader, if inherited).
        ID = 6,
        /// The CPU.
        CPU = 7,
        /// How many occurrences the sample stands for.
        PERIOD = 8,
        /// The id of the event itself.
        STREAM_ID = 9,
        /// Data of the tracepoint or PMU.
        RAW = 10,
        /// The last branches taken.
        BRANCH_STACK = 11,
        /// User registers.
        REGS_USER = 12,
        /// Bytes of the user stack.
        STACK_USER = 13,
        /// A cost in cycles.
        WEIGHT = 14,
        /// Where the data came from in the memory hierarchy.
        DATA_SRC = 15,
        /// The id of the event, in a place that does not depend on the other fields.
        IDENTIFIER = 16,
        /// Why a transaction was aborted.
        TRANSACTION = 17,
        /// Registers at the interrupt.
        REGS_INTR = 18,
        /// The physical address of the data.
        PHYS_ADDR = 19,
        /// A piece of the AUX area.
        AUX = 20,
        /// The control group.
        CGROUP = 21,
        /// The size of the page of the data.
        DATA_PAGE_SIZE = 22,
        /// The size of the page of the code.
        CODE_PAGE_SIZE = 23,
        /// Three costs in one word.
        WEIGHT_STRUCT = 24,
    }
}

bits! {
    /// `enum perf_event_read_format`: which numbers come with a counter's value.
    ReadFormat {
        /// For how long the counter was enabled.
        TOTAL_TIME_ENABLED = 0,
        /// For how long it counted.
        TOTAL_TIME_RUNNING = 1,
        /// The id of the event.
        ID = 2,
        /// The values of all events of the group.
        GROUP = 3,
        /// How many samples the event lost.
        LOST = 4,
    }
}

bits! {
    /// The bit field of `struct perf_event_attr`, as far as it changes what records hold.
    AttrFlags {
        /// Threads and processes that are begun later count, too.
        INHERIT = 1,
        /// The period is a frequency.
        FREQ = 10,
        /// Every record ends in the id of its event, the time and so on.
        SAMPLE_ID_ALL = 18,
        /// Times are those of `clockid`.
        USE_CLOCKID = 25,
    }
}
