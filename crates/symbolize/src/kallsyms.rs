//! The kernel's list of its own symbols, `/proc/kallsyms` or a copy of it.
//!
//! ```text
//! ffffffff81000000 T _text
//! ffffffff8100f2b0 t perf_event_task_tick
//! ffffffffc0a01000 t nf_conntrack_in  [nf_conntrack]
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;

/// A real list has some 10 MB.
const MAX_BYTES: u64 = 256 << 20;

/// Symbols that stand behind the last function of a range, and are none.
const ENDS: [&str; 3] = ["_etext", "_einittext", "_end"];

/// The functions of a running kernel, by address.
#[derive(Debug)]
pub(crate) struct Kallsyms {
    text: String,
    functions: Vec<KernelFunction>,
    /// How far the recorded kernel lay above the listed one.
    moved: u64,
}

#[derive(Debug)]
struct KernelFunction {
    start: u64,
    /// Where the next symbol of the same module begins. The last one's end is not known, and it
    /// covers nothing.
    end: u64,
    /// In `text`.
    name: Range<usize>,
}

/// Why a list of kernel symbols cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KallsymsError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It has no line as the kernel writes them.
    #[error("not a list of kernel symbols")]
    NotKallsyms,
    /// The kernel showed zeros for addresses, as it does to users without privileges.
    #[error("all addresses are zero")]
    Hidden,
    /// The symbol whose recorded address says how far the kernel was moved is not in the list.
    #[error("symbol `{0}` is not in the list")]
    NoReference(String),
}

/// A line of the list.
#[derive(Clone, Copy)]
struct Row<'text> {
    address: u64,
    kind: u8,
    name: &'text str,
    module: &'text str,
}

impl Kallsyms {
    /// Reads a list. `reference` is a symbol and its address while the recording was made.
    pub(crate) fn open(path: &Path, reference: Option<(&str, u64)>) -> Result<Self, KallsymsError> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
        let text = String::from_utf8(bytes);
        let text =
            text.unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Self::parse(text, reference)
    }

    fn parse(text: String, reference: Option<(&str, u64)>) -> Result<Self, KallsymsError> {
        let mut rows: Vec<Row<'_>> = text.lines().filter_map(row).collect();
        if rows.is_empty() {
            return Err(KallsymsError::NotKallsyms);
        }
        if rows.iter().all(|row| row.address == 0) {
            return Err(KallsymsError::Hidden);
        }
        let moved = match reference {
            Some((name, address)) => {
                let listed = rows.iter().find(|row| row.name == name && row.module.is_empty());
                let listed = listed.ok_or_else(|| KallsymsError::NoReference(name.to_owned()))?;
                address.wrapping_sub(listed.address)
            }
            None => 0,
        };
        // Modules are loaded anew at each boot, at addresses that say nothing about another one.
        rows.retain(|row| moved == 0 || row.module.is_empty());
        let functions = functions(&text, rows);
        Ok(Self { text, functions, moved })
    }

    /// The function at an address of the recorded kernel.
    pub(crate) fn find(&self, address: u64) -> Option<&str> {
        let listed = address.wrapping_sub(self.moved);
        let after = self.functions.partition_point(|function| function.start <= listed);
        let function = self.functions.get(after.checked_sub(1)?)?;
        if listed < function.end { self.text.get(function.name.clone()) } else { None }
    }
}

fn row(line: &str) -> Option<Row<'_>> {
    // Splitting at the first space of each part: a list has more than 100,000 lines.
    let (address, rest) = line.split_once(' ')?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let &[kind, b' ', ..] = rest.as_bytes() else { return None };
    let named = rest.get(2..)?;
    let end = named.bytes().position(|byte| byte.is_ascii_whitespace()).unwrap_or(named.len());
    let (name, module) = named.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
    Some(Row { address, kind, name, module: module.trim_ascii() })
}

fn functions(text: &str, mut rows: Vec<Row<'_>>) -> Vec<KernelFunction> {
    rows.sort_by_key(|row| (row.address, preference(row)));
    // From the end, so that the next symbol of each module is known.
    let mut next: HashMap<&str, u64> = HashMap::new();
    let mut functions = Vec::with_capacity(rows.len());
    for same_address in rows.chunk_by(|a, b| a.address == b.address).rev() {
        let row = &same_address[0];
        let end = next.insert(row.module, row.address);
        let is_code = matches!(row.kind, b't' | b'T' | b'w' | b'W') && !ENDS.contains(&row.name);
        if let Some(end) = end
            && is_code
        {
            // The name is a part of the text: where it lies there is all that needs to be kept.
            let offset = row.name.as_ptr().addr() - text.as_ptr().addr();
            let name = offset..offset + row.name.len();
            functions.push(KernelFunction { start: row.address, end, name });
        }
    }
    functions.reverse();
    functions
}

/// Which of several names for one address is shown: the smallest. As perf chooses: no weak alias,
/// a global name, one without underscores in front, the longest.
fn preference<'text>(
    row: &Row<'text>,
) -> (bool, bool, usize, std::cmp::Reverse<usize>, &'text str) {
    let is_weak = matches!(row.kind, b'w' | b'W');
    let underscores = row.name.bytes().take_while(|&byte| byte == b'_').count();
    (
        is_weak,
        row.kind.is_ascii_lowercase(),
        underscores,
        std::cmp::Reverse(row.name.len()),
        row.name,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000000 T startup_64
ffffffff81000100 t do_idle
ffffffff81000100 W __weak_alias
ffffffff81000200 T schedule
ffffffff81000300 T _etext
ffffffff81400000 D __start_rodata
ffffffffc0a00000 t nf_hook\t[nf_tables]
ffffffffc0a00040 d nf_data\t[nf_tables]
ffffffffc0b00000 t bpf_prog_1\t[bpf]
";

    fn parse(reference: Option<(&str, u64)>) -> Kallsyms {
        Kallsyms::parse(LIST.to_owned(), reference).unwrap()
    }

    #[test]
    fn a_symbol_reaches_to_the_next_one_of_its_module() {
        let kernel = parse(None);
        let table = [
            (0xffff_ffff_80ff_ffff, None),
            (0xffff_ffff_8100_0000, Some("startup_64")),
            (0xffff_ffff_8100_0123, Some("do_idle")),
            (0xffff_ffff_8100_02ff, Some("schedule")),
            (0xffff_ffff_8100_0300, None), // behind the text
            (0xffff_ffff_8140_0000, None), // data
            (0xffff_ffff_c0a0_003f, Some("nf_hook")),
            (0xffff_ffff_c0a0_0040, None),
            (0xffff_ffff_c0b0_0000, None), // its end is not known
            (u64::MAX, None),
            (0, None),
        ];
        for (address, name) in table {
            assert_eq!(kernel.find(address), name, "{address:#x}");
        }
    }

    #[test]
    fn a_kernel_that_was_moved_at_boot_is_moved_back() {
        let kernel = parse(Some(("_text", 0xffff_ffff_9500_0000)));
        assert_eq!(kernel.find(0xffff_ffff_9500_0250), Some("schedule"));
        assert_eq!(kernel.find(0xffff_ffff_8100_0250), None);
        assert_eq!(kernel.find(0xffff_ffff_c0a0_0000), None, "modules do not move along");
    }

    #[test]
    fn useless_lists_say_why() {
        let parse = |text: &str, reference| Kallsyms::parse(text.to_owned(), reference);
        assert!(matches!(parse("", None), Err(KallsymsError::NotKallsyms)));
        assert!(matches!(parse("\u{7f}ELF\nhello world\n", None), Err(KallsymsError::NotKallsyms)));
        assert!(matches!(parse("0000000000000000 T _text\n", None), Err(KallsymsError::Hidden)));
        assert!(matches!(
            parse(LIST, Some(("_nothing", 1))),
            Err(KallsymsError::NoReference(name)) if name == "_nothing"
        ));
    }
}
