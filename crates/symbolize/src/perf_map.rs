//! Names that a just-in-time compiler writes down for perf: `/tmp/perf-PID.map`
//! (`tools/perf/Documentation/jit-interface.txt`).
//!
//! ```text
//! 3ef414c0 398 RegExp:[{(]
//! 3ef418a0 4e0 JS:~serve file:///srv/app.js:12:1
//! ```

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::made_code::{MAX_BYTES, MadeCode, MadeFunction};

/// Where a process leaves its map.
pub(crate) fn path_of(pid: i32) -> PathBuf {
    PathBuf::from(format!("/tmp/perf-{pid}.map"))
}

/// Reads a map.
pub(crate) fn read(path: &Path) -> io::Result<MadeCode> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(parse(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Lines that are none are passed over: the last one of a process that was killed is cut.
fn parse(text: String) -> MadeCode {
    let base = text.as_ptr().addr();
    let functions = text
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
    MadeCode::new(text, functions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[&str]) -> MadeCode {
        parse(lines.join("\n"))
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
        assert_eq!(map.find(0x2000), None);
    }
}
