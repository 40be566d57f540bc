//! Kernel modules: relocatable files (`.ko`), which the kernel lays out in memory itself.
//!
//! A recording states where a module's code begins. What lies how far behind it, the module loader
//! decides (`layout_sections` in `kernel/module/main.c`): the executable sections, in the order of
//! the file, each aligned as it asks, but those for initialisation, which are freed.
//!
//! On arm64 the loader puts trampolines of a size of its own in between, so that only x86-64 is known.

use binaries::{ElfError, ElfImage};
use object::read::elf::{FileHeader, SectionHeader};
use object::{Endianness, Object, ObjectSymbol, SectionIndex, SymbolKind, elf};

/// The functions of a module by their distance from where its code begins, sorted.
pub(crate) struct Module {
    functions: Vec<Function>,
}

struct Function {
    start: u64,
    end: u64,
    name: String,
}

impl Module {
    /// Reads the symbols; `None` if it is not known how the module would lie in memory.
    pub(crate) fn of(image: &ElfImage) -> Result<Option<Self>, ElfError> {
        let object = image.object()?;
        let object::File::Elf64(file) = &object else { return Ok(None) };
        let (header, endian) = (file.elf_header(), file.endian());
        if header.e_machine(endian) != elf::EM_X86_64 || header.e_type(endian) != elf::ET_REL {
            return Ok(None);
        }
        let starts = section_starts(file);
        let mut functions: Vec<_> = object
            .symbols()
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
            .filter_map(|symbol| {
                let start = starts.get(symbol.section_index()?.0).copied().flatten()?;
                let start = start.checked_add(symbol.address())?;
                let end = start.checked_add(symbol.size())?;
                Some(Function { start, end, name: symbol.name().ok()?.to_owned() })
            })
            .collect();
        functions.sort_by_key(|function| function.start);
        Ok(Some(Self { functions }))
    }

    /// The function that covers a place.
    pub(crate) fn find(&self, distance: u64) -> Option<&str> {
        let after = self.functions.partition_point(|function| function.start <= distance);
        let function = self.functions.get(after.checked_sub(1)?)?;
        (distance < function.end).then_some(&*function.name)
    }
}

/// How far behind the beginning of the module's code each section lies; `None` if it is not there.
fn section_starts(file: &object::read::elf::ElfFile64<'_, Endianness>) -> Vec<Option<u64>> {
    let endian = file.endian();
    let mut next = 0_u64;
    let sections = file.elf_section_table();
    let start = |(index, section): (usize, &elf::SectionHeader64<Endianness>)| {
        let flags = section.sh_flags(endian);
        let name = sections.section_name(endian, section).unwrap_or_default();
        let is_code = flags.contains(elf::SHF_ALLOC) && flags.contains(elf::SHF_EXECINSTR);
        if index == SectionIndex(0).0 || !is_code || name.starts_with(b".init") {
            return None;
        }
        let align = section.sh_addralign(endian).max(1);
        let start = next.checked_next_multiple_of(align)?;
        next = start.checked_add(section.sh_size(endian))?;
        Some(start)
    };
    sections.iter().enumerate().map(start).collect()
}
