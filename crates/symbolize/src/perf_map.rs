//! Names that a just-in-time compiler writes down for perf: `/tmp/perf-PID.map`
//! (`tools/perf/Documentation/jit-interface.txt`).
//!
//! ```text
//! 3ef414c0 398 RegExp:[{(]
//! 3ef418a0 4e0 JS:~serve file:///srv/app.js:12:1
//! ```
//!
//! Nothing in such a file says which run it is of, and pids are used again. So a map in this
//! machine's `/tmp` counts only if this machine was recorded; in a sysroot that was asked for, the
//! user says that it belongs to the recording.

use std::fs::{self, File};
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use binaries::Sources;
use profile::Recording;

/// What a long-running compiler writes is some 10 MB.
const MAX_BYTES: u64 = 256 << 20;

/// The functions of one process that were made at run time.
#[derive(Debug)]
pub(crate) struct PerfMap {
    text: String,
    /// By address; they do not overlap.
    functions: Vec<MadeFunction>,
}

#[derive(Debug)]
struct MadeFunction {
    addresses: Range<u64>,
    /// In `text`.
    name: Range<usize>,
}

/// Where the map of a process would be, if it can be believed.
pub(crate) fn path_of(pid: i32, recording: &Recording, sources: &Sources) -> Option<PathBuf> {
    let is_believed = sources.sysroot != Path::new("/") || is_this_host(recording);
    is_believed.then(|| sources.in_sysroot(&Path::new("/tmp").join(format!("perf-{pid}.map"))))?
}

fn is_this_host(recording: &Recording) -> bool {
    let this = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    recording.hostname.as_deref().is_some_and(|recorded| recorded == this.trim_end())
}

impl PerfMap {
    /// Reads a map.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok(Self::parse(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Lines that are none are passed over: the last one of a process that was killed is cut.
    fn parse(text: String) -> Self {
        let base = text.as_ptr().addr();
        let mut functions: Vec<_> = text
            .lines()
            .filter_map(|line| {
                let (start, rest) = line.split_once(' ')?;
                let (len, name) = rest.split_once(' ')?;
                let number = |hex: &str| u64::from_str_radix(hex.trim_start_matches("0x"), 16).ok();
                let start = number(start)?;
                let end = start.checked_add(number(len)?)?;
                let name_start = name.as_ptr().addr() - base;
                let name = name_start..name_start + name.len();
                (start < end).then_some(MadeFunction { addresses: start..end, name })
            })
            .collect();
        // Memory is used again: of two functions that overlap, the later one is there now.
        // Which of them a sample saw is not written down.
        functions.reverse();
        functions.sort_by_key(|function| function.addresses.start);
        let mut kept: Vec<MadeFunction> = Vec::with_capacity(functions.len());
        for function in functions {
            match kept.last_mut() {
                Some(last) if last.addresses.start == function.addresses.start => {}
                Some(last) => {
                    last.addresses.end = last.addresses.end.min(function.addresses.start);
                    kept.push(function);
                }
                None => kept.push(function),
            }
        }
        Self { text, functions: kept }
    }

    /// The name of the function at an address.
    pub(crate) fn find(&self, address: u64) -> Option<&str> {
        let after = self.functions.partition_point(|function| function.addresses.start <= address);
        let function = &self.functions[after.checked_sub(1)?];
        function.addresses.contains(&address).then(|| &self.text[function.name.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[&str]) -> PerfMap {
        PerfMap::parse(lines.join("\n"))
    }

    #[test]
    fn an_address_is_named_by_the_function_that_covers_it() {
        let map = map(&["1000 10 JS:~serve file:///srv/app.js:12:1", "0x1020 8 other"]);
        assert_eq!(map.find(0x1000), Some("JS:~serve file:///srv/app.js:12:1"));
        assert_eq!(map.find(0x100f), Some("JS:~serve file:///srv/app.js:12:1"));
        assert_eq!(map.find(0x1010), None);
        assert_eq!(map.find(0x1027), Some("other"));
        assert_eq!(map.find(0xfff), None);
    }

    #[test]
    fn the_later_of_two_functions_has_the_memory() {
        let map = map(&["1000 100 first", "1000 80 second", "1040 40 third"]);
        assert_eq!(map.find(0x1000), Some("second"));
        assert_eq!(map.find(0x1050), Some("third"));
    }

    #[test]
    fn lines_that_are_none_are_passed_over() {
        let map = map(&[
            "",
            "1000",
            "zzz 1 a",
            "2000 ffffffffffffffff wraps",
            "3000 0 empty",
            "4000 1 ok",
        ]);
        assert_eq!(map.find(0x4000), Some("ok"));
        assert_eq!(map.functions.len(), 1);
    }
}
