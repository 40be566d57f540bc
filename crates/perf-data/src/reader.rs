//! A cursor over bytes of either byte order. Every read says `None` where the bytes end.

/// The byte order of the machine that recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endian {
    /// Least significant byte first: x86-64, arm64.
    Little,
    /// Most significant byte first: s390x, some MIPS and PowerPC.
    Big,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    endian: Endian,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], endian: Endian) -> Self {
        Self { rest: bytes, endian }
    }

    pub(crate) fn endian(&self) -> Endian {
        self.endian
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    /// As [`Self::bytes`], with a length as the file states it.
    pub(crate) fn claimed_bytes(&mut self, len: u64) -> Option<&'a [u8]> {
        self.bytes(usize::try_from(len).ok()?)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        let bytes = self.array()?;
        Some(match self.endian {
            Endian::Little => u16::from_le_bytes(bytes),
            Endian::Big => u16::from_be_bytes(bytes),
        })
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        let bytes = self.array()?;
        Some(match self.endian {
            Endian::Little => u32::from_le_bytes(bytes),
            Endian::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        let bytes = self.array()?;
        Some(match self.endian {
            Endian::Little => u64::from_le_bytes(bytes),
            Endian::Big => u64::from_be_bytes(bytes),
        })
    }

    /// The text up to the first NUL, or to the end where there is none.
    pub(crate) fn c_string(&self) -> &'a [u8] {
        self.rest.split(|&byte| byte == 0).next().unwrap_or_default()
    }

    /// The string of a feature section (`struct perf_header_string`): a length, then that many
    /// bytes, filled up with NULs.
    pub(crate) fn sized_string(&mut self) -> Option<String> {
        let len = self.u32()?;
        let text = Self::new(self.claimed_bytes(u64::from(len))?, self.endian).c_string();
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }
}
