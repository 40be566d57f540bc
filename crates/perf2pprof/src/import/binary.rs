//! What a mapping of a profile is a mapping of.

use pprof_format::proto;
use profile::{Binary, BinaryKind, BuildId, Profile, Relocation, RuntimeAddr};

use super::KERNEL;

/// The binary of a mapping, by its name.
pub(super) fn binary(profile: &mut Profile, old: &proto::Profile, row: &proto::Mapping) -> Binary {
    let filename = old.text(row.filename).unwrap_or_default();
    let (path, symbol) = match filename.split_once(']') {
        // `[kernel.kallsyms]_text`
        Some((name, symbol)) if name.starts_with("[kernel.") => (&filename[..=name.len()], symbol),
        _ => (filename, ""),
    };
    let kind = kind(path, row.memory_start);
    let symbol = profile.strings.intern_ref(symbol);
    let address = RuntimeAddr(row.memory_start);
    let is_placed = kind == BinaryKind::Kernel && symbol.index() != 0;
    Binary {
        path: profile.strings.intern_ref(path),
        build_id: old.text(row.build_id).and_then(parse_build_id),
        kind,
        relocation: is_placed.then_some(Relocation { symbol, address }),
    }
}

/// What backs a mapping, by its name and address.
fn kind(path: &str, start: u64) -> BinaryKind {
    const MEMORY: [&str; 7] =
        ["//anon", "/anon_hugepage", "/dev/zero", "/SYSV", "[heap]", "[stack", "[anon"];
    if path.starts_with("[guest.") {
        BinaryKind::Guest
    } else if path.starts_with("[kernel") {
        BinaryKind::Kernel
    } else if start >= KERNEL && path.starts_with("bpf_") {
        BinaryKind::KernelGenerated
    } else if start >= KERNEL && !path.starts_with("[vsyscall") {
        BinaryKind::KernelModule
    } else if MEMORY.iter().any(|name| path.starts_with(name)) {
        // Whose memory it was is not told.
        BinaryKind::Anonymous { pid: -1 }
    } else if path.starts_with('[') {
        BinaryKind::Vdso
    } else {
        BinaryKind::File
    }
}

/// A build ID in hexadecimal. Go's are no such ones, and no ELF file can be checked by them.
pub(crate) fn parse_build_id(text: &str) -> Option<BuildId> {
    let bytes = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        // A sign would be read as part of a number.
        let is_hex = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
        u8::from_str_radix(pair, 16).ok().filter(|_| is_hex)
    });
    BuildId::new(&bytes.collect::<Option<Vec<_>>>()?)
}
