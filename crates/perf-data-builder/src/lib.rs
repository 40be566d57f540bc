//! perf.data files built byte by byte, for tests: what no machine at hand can record (other byte
//! orders, newer kernels, hardware fields), and the smallest input that shows one thing.
//!
//! Written from the kernel's `include/uapi/linux/perf_event.h` and perf's description of its
//! format, and knowing nothing of the crates that read: a test compares two readings of the
//! same definitions.
//!
//! ```
//! use perf_data_builder::{Event, Order, PerfFile};
//!
//! let mut file = PerfFile::new(Order::Little);
//! file.event(Event::cpu_clock().sample_type(0b111)); // IP, TID, TIME
//! file.record(9, 2, |body| body.u64(0x1234).u32(7).u32(8).u64(1_000));
//! assert_eq!(&file.build()[..8], b"PERFILE2");
//! ```

/// The byte order of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

/// Bytes in one byte order.
#[derive(Clone, Debug)]
pub struct Bytes {
    order: Order,
    bytes: Vec<u8>,
}

macro_rules! numbers {
    ($($name:ident)*) => {
        $(
            #[doc = concat!("Adds a number of type `", stringify!($name), "`.")]
            pub fn $name(&mut self, value: $name) -> &mut Self {
                match self.order {
                    Order::Little => self.bytes.extend(value.to_le_bytes()),
                    Order::Big => self.bytes.extend(value.to_be_bytes()),
                }
                self
            }
        )*
    };
}

impl Bytes {
    /// No bytes yet.
    pub fn new(order: Order) -> Self {
        Self { order, bytes: Vec::new() }
    }

    numbers! { u8 u16 u32 u64 i32 }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.bytes.extend(bytes);
        self
    }

    /// Adds a text that ends in a NUL, filled up to a multiple of eight bytes, as records have it.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let len = (text.len() + 1).next_multiple_of(8);
        self.bytes.extend(text.bytes());
        self.bytes.resize(self.bytes.len() + len - text.len(), 0);
        self
    }

    /// Adds a text as feature sections have it: its length, then the padded bytes.
    pub fn sized_text(&mut self, text: &str) -> &mut Self {
        let len = u32::try_from((text.len() + 1).next_multiple_of(64)).unwrap_or(u32::MAX);
        self.u32(len).raw(text.as_bytes());
        self.bytes.resize(self.bytes.len() + len as usize - text.len(), 0);
        self
    }

    /// The bytes so far.
    pub fn build(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}

/// An event, `struct perf_event_attr` of 128 bytes, and the ids of its records.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// `perf_type_id`
    pub event_type: u32,
    /// Which event of that type.
    pub config: u64,
    /// The period, or the frequency.
    pub period: u64,
    /// `PERF_SAMPLE_*`
    pub sample_type: u64,
    /// `PERF_FORMAT_*`
    pub read_format: u64,
    /// The bit field, bit 0 being the first field of the structure.
    pub flags: u64,
    /// `PERF_SAMPLE_BRANCH_*`
    pub branch_sample_type: u64,
    /// Dumped user registers.
    pub regs_user: u64,
    /// Dumped registers at the interrupt.
    pub regs_intr: u64,
    /// The ids.
    pub ids: Vec<u64>,
}

/// Bits of [`Event::flags`].
pub mod flags {
    /// The period is a frequency.
    pub const FREQ: u64 = 1 << 10;
    /// Every record ends in a `struct sample_id`.
    pub const SAMPLE_ID_ALL: u64 = 1 << 18;
}

impl Event {
    /// A software clock with a period of one millisecond.
    pub fn cpu_clock() -> Self {
        Self { event_type: 1, period: 1_000_000, ..Self::default() }
    }

    /// The fields of its samples.
    #[must_use]
    pub fn sample_type(mut self, bits: u64) -> Self {
        self.sample_type = bits;
        self
    }

    /// The ids of its records.
    #[must_use]
    pub fn ids(mut self, ids: &[u64]) -> Self {
        self.ids = ids.to_vec();
        self
    }

    /// The bit field.
    #[must_use]
    pub fn flags(mut self, bits: u64) -> Self {
        self.flags = bits;
        self
    }

    /// The structure, cut or filled up with zeros to `size` bytes.
    pub fn attr(&self, order: Order, size: u32) -> Vec<u8> {
        let flags = if order == Order::Big { self.flags.reverse_bits() } else { self.flags };
        let mut attr = Bytes::new(order);
        attr.u32(self.event_type).u32(size).u64(self.config).u64(self.period);
        attr.u64(self.sample_type).u64(self.read_format).u64(flags);
        attr.u32(0).u32(0).u64(0).u64(0);
        attr.u64(self.branch_sample_type).u64(self.regs_user).u32(0).u32(0).u64(self.regs_intr);
        let mut attr = attr.build();
        attr.resize(size as usize, 0);
        attr
    }
}

/// A file with a header, events, records and feature sections.
#[derive(Clone, Debug)]
pub struct PerfFile {
    order: Order,
    attr_size: u32,
    events: Vec<Event>,
    records: Vec<u8>,
    features: Vec<(u8, Vec<u8>)>,
}

impl PerfFile {
    /// A file without events and records.
    pub fn new(order: Order) -> Self {
        let (events, records, features) = Default::default();
        Self { order, attr_size: 128, events, records, features }
    }

    /// The size of the attributes; older perf wrote as few as 64 bytes.
    pub fn attr_size(&mut self, size: u32) -> &mut Self {
        self.attr_size = size;
        self
    }

    /// Adds an event.
    pub fn event(&mut self, event: Event) -> &mut Self {
        self.events.push(event);
        self
    }

    /// Adds a record whose size fits its body.
    pub fn record(
        &mut self,
        kind: u32,
        misc: u16,
        body: impl FnOnce(&mut Bytes) -> &mut Bytes,
    ) -> &mut Self {
        let mut bytes = Bytes::new(self.order);
        let body = body(&mut bytes).build();
        let size = u16::try_from(body.len() + 8).unwrap_or(u16::MAX);
        let mut header = Bytes::new(self.order);
        header.u32(kind).u16(misc).u16(size).raw(&body);
        self.records.extend(header.build());
        self
    }

    /// Adds a `PERF_RECORD_MMAP2` of user code, with device and inode instead of a build ID.
    pub fn mmap2(
        &mut self,
        pid: i32,
        start: u64,
        len: u64,
        pgoff: u64,
        path: &str,
        time: u64,
    ) -> &mut Self {
        self.record(10, 2, |body| {
            body.i32(pid).i32(pid).u64(start).u64(len).u64(pgoff);
            body.u32(8).u32(1).u64(42).u64(0).u32(5).u32(2).text(path).i32(pid).i32(pid).u64(time)
        })
    }

    /// Adds a feature section; they must be added in the order of their numbers.
    pub fn feature(
        &mut self,
        number: u8,
        body: impl FnOnce(&mut Bytes) -> &mut Bytes,
    ) -> &mut Self {
        let mut bytes = Bytes::new(self.order);
        self.features.push((number, body(&mut bytes).build()));
        self
    }

    /// The records alone.
    pub fn records(&self) -> &[u8] {
        &self.records
    }

    /// The file as perf would write it to a disk.
    pub fn build(&self) -> Vec<u8> {
        const HEADER: u64 = 104;
        let entry = u64::from(self.attr_size) + 16;
        let attrs_len = entry * self.events.len() as u64;
        let ids_offset = HEADER + attrs_len;
        let ids_len = 8 * self.events.iter().map(|event| event.ids.len() as u64).sum::<u64>();
        let data_offset = ids_offset + ids_len;
        let data_len = self.records.len() as u64;
        let mut file = Bytes::new(self.order);
        file.raw(if self.order == Order::Little { b"PERFILE2" } else { b"2ELIFREP" });
        file.u64(HEADER).u64(entry).u64(HEADER).u64(attrs_len);
        file.u64(data_offset).u64(data_len).u64(0).u64(0);
        let mut bits = [0_u64; 4];
        for (number, _) in &self.features {
            bits[usize::from(number / 64)] |= 1 << (number % 64);
        }
        for word in bits {
            file.u64(word);
        }
        let mut next_ids = ids_offset;
        for event in &self.events {
            let len = 8 * event.ids.len() as u64;
            file.raw(&event.attr(self.order, self.attr_size)).u64(next_ids).u64(len);
            next_ids += len;
        }
        for id in self.events.iter().flat_map(|event| &event.ids) {
            file.u64(*id);
        }
        file.raw(&self.records);
        let mut next_feature = data_offset + data_len + 16 * self.features.len() as u64;
        for (_, body) in &self.features {
            file.u64(next_feature).u64(body.len() as u64);
            next_feature += body.len() as u64;
        }
        for (_, body) in &self.features {
            file.raw(body);
        }
        file.build()
    }

    /// The file as perf would write it to a pipe.
    pub fn build_pipe(&self) -> Vec<u8> {
        let mut file = Bytes::new(self.order);
        file.raw(if self.order == Order::Little { b"PERFILE2" } else { b"2ELIFREP" }).u64(16);
        for event in &self.events {
            let attr = event.attr(self.order, self.attr_size);
            let size = u16::try_from(8 + attr.len() + 8 * event.ids.len()).unwrap_or(u16::MAX);
            file.u32(64).u16(0).u16(size).raw(&attr);
            for id in &event.ids {
                file.u64(*id);
            }
        }
        file.raw(&self.records);
        file.build()
    }
}
