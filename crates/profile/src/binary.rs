//! What was mapped: executables, libraries, the kernel, memory without a file.

use std::fmt;

use crate::{FileOffset, Id, RuntimeAddr};

/// Something whose code was sampled. perf calls it a DSO, `profile.proto` a mapping's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Binary {
    /// The path as recorded, such as `/usr/local/bin/envoy` or `[kernel.kallsyms]`. A replaced
    /// file keeps its ` (deleted)`.
    pub path: Id<String>,
    /// The build ID as recorded; `None` if the recording has none for this path.
    pub build_id: Option<BuildId>,
    /// What backs its addresses.
    pub kind: BinaryKind,
    /// For the kernel: the symbol whose runtime address the recording states.
    pub relocation: Option<Relocation>,
}

/// What backs the addresses of a [`Binary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryKind {
    /// A file in the recorded file system.
    File,
    /// The kernel image; its offsets are runtime addresses.
    Kernel,
    /// A loadable kernel module; its offsets are runtime addresses.
    KernelModule,
    /// Code that the kernel made itself, such as a BPF program; offsets are runtime addresses.
    KernelGenerated,
    /// The page of code that the kernel gives to each process (`[vdso]`).
    Vdso,
    /// Memory of a process without a file (`//anon`, `[heap]`): code made at run time. Its
    /// offsets are runtime addresses, which mean something in that process only.
    Anonymous {
        /// The process that mapped it.
        pid: i32,
    },
    /// The kernel or a process of a virtual machine's guest.
    Guest,
    /// Nothing was mapped at the address.
    Unmapped,
    /// Not code at all: the row of frames that are [markers](crate::FrameKind::Marker).
    None,
}

impl BinaryKind {
    /// Whether code in it runs in kernel mode.
    pub fn is_kernel(self) -> bool {
        matches!(self, Self::Kernel | Self::KernelModule | Self::KernelGenerated)
    }

    /// Whether its offsets are runtime addresses (see [`FileOffset`]).
    pub fn is_identity_mapped(self) -> bool {
        !matches!(self, Self::File | Self::Vdso)
    }
}

/// How far the kernel was moved at boot: a symbol, and its address in the recorded kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Relocation {
    /// `_text` or `_stext`.
    pub symbol: Id<String>,
    /// The address of the symbol while the recording was made.
    pub address: RuntimeAddr,
}

/// A piece of a binary in memory, as the recording states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// The binary that is mapped.
    pub binary: Id<Binary>,
    /// The first mapped address.
    pub start: RuntimeAddr,
    /// Mapped bytes; a multiple of the page size except for the kernel.
    pub len: u64,
    /// Where in the file the mapping begins (`pgoff`).
    pub file_offset: FileOffset,
}

impl Mapping {
    /// The place in the file of a mapped address. Addresses outside the mapping give offsets
    /// outside the mapped part of the file.
    pub fn file_offset_of(&self, address: RuntimeAddr) -> FileOffset {
        FileOffset(address.0.wrapping_sub(self.start.0).wrapping_add(self.file_offset.0))
    }

    /// The address of a place in the file, were all of the file mapped as this part is.
    pub fn address_of(&self, offset: FileOffset) -> RuntimeAddr {
        RuntimeAddr(offset.0.wrapping_sub(self.file_offset.0).wrapping_add(self.start.0))
    }

    /// Whether a place in the file is mapped here.
    pub fn contains(&self, offset: FileOffset) -> bool {
        offset.0.wrapping_sub(self.file_offset.0) < self.len
    }
}

/// A build ID: the bytes of the ELF note `NT_GNU_BUILD_ID`, at most 20 of them, which is all
/// that the kernel and perf record (`BUILD_ID_SIZE_MAX`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BuildId {
    bytes: [u8; Self::MAX_LEN],
    len: u8,
}

impl BuildId {
    /// The most bytes that a recorded build ID has.
    pub const MAX_LEN: usize = 20;

    /// The build ID of these bytes: `None` if there are none or all are zero, which is how perf
    /// says that it knows none. A longer ID is cut as perf cuts it.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let bytes = &bytes[..bytes.len().min(Self::MAX_LEN)];
        if bytes.iter().all(|&byte| byte == 0) {
            return None;
        }
        let mut id = Self { bytes: [0; Self::MAX_LEN], len: 0 };
        id.bytes[..bytes.len()].copy_from_slice(bytes);
        id.len = u8::try_from(bytes.len()).ok()?;
        Some(id)
    }

    /// The build ID in a field of fixed size whose padding is not told apart: perf before 5.10
    /// wrote 20 bytes for every ID, an MD5 or UUID (16 bytes) filled up with zeros.
    pub fn from_padded(bytes: &[u8]) -> Option<Self> {
        let mut end = bytes.len().min(Self::MAX_LEN);
        while end >= 4 && bytes[end - 4..end] == [0; 4] {
            end -= 4;
        }
        Self::new(&bytes[..end])
    }

    /// The bytes of the ID.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Lowercase hexadecimal, as `perf buildid-list` and `file` print it.
impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_id_of_zeros_is_no_build_id() {
        assert_eq!(BuildId::new(&[0; 20]), None);
        assert_eq!(BuildId::new(&[]), None);
        assert_eq!(BuildId::from_padded(&[0; 20]), None);
    }

    #[test]
    fn padding_is_taken_off_in_words_of_four() {
        let mut field = [0; 20];
        field[..13].fill(0xab);
        let id = BuildId::from_padded(&field).unwrap();
        assert_eq!(id.as_bytes().len(), 16, "a zero at the end of a real ID stays");
        assert_eq!(id.to_string(), "abababababababababababababab0000"[..26].to_owned() + "000000");
    }

    #[test]
    fn conversions_undo_each_other() {
        let mapping = Mapping {
            binary: Id::new(1),
            start: RuntimeAddr(0x5555_0000_1000),
            len: 0x3000,
            file_offset: FileOffset(0x1000),
        };
        let offset = mapping.file_offset_of(RuntimeAddr(0x5555_0000_2345));
        assert_eq!(offset, FileOffset(0x2345));
        assert_eq!(mapping.address_of(offset), RuntimeAddr(0x5555_0000_2345));
        assert!(mapping.contains(offset));
        assert!(!mapping.contains(FileOffset(0x4000)));
        assert!(!mapping.contains(FileOffset(0xfff)));
    }
}
