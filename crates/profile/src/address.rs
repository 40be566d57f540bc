//! Three kinds of address that look alike and must not be mixed.
//!
//! ```text
//!  RuntimeAddr   where the code was in the recorded process (after ASLR)
//!      |  - mapping start + mapping file offset        (Mapping::file_offset_of)
//!      v
//!  FileOffset    where the code is in the file: the same in every process
//!      |  - p_offset + p_vaddr of the segment          (needs the ELF file: crate `symbolize`)
//!      v
//!  ElfAddr       what symbol tables and DWARF speak of (`st_value`, `DW_AT_low_pc`)
//! ```

use std::fmt;

macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::LowerHex::fmt(&self.0, f)
            }
        }
    };
}

address! {
    /// An address in the address space of a recorded process, or of the recorded kernel.
    RuntimeAddr
}
address! {
    /// A position in a file on disk, in bytes. Memory that no file backs (the kernel image,
    /// `//anon`, `[heap]`) is mapped by identity: there the offset **is** the runtime address.
    FileOffset
}
address! {
    /// A virtual address as an ELF file states it, before it is loaded anywhere.
    ElfAddr
}
