//! Functions that a process made at run time, as it wrote them down itself: where each was, and
//! what it is called.
//!
//! Nothing in such a file says which run it is of, and pids are used again. So a file of this
//! machine counts only if this machine was recorded; in a sysroot that was asked for, the user says
//! that it belongs to the recording.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use binaries::Sources;
use profile::{Profile, Recording};

use crate::jitdump;
use crate::perf_map;

/// What a long-running compiler writes is some 10 MB, with its code some 100.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// The functions of one process that were made at run time.
#[derive(Debug)]
pub(crate) struct MadeCode {
    text: String,
    /// By address; they do not overlap.
    functions: Vec<MadeFunction>,
}

/// A function, its name a part of a text.
#[derive(Debug)]
pub(crate) struct MadeFunction {
    pub(crate) addresses: Range<u64>,
    pub(crate) name: Range<usize>,
}

impl MadeCode {
    /// What the process wrote down, and where.
    pub(crate) fn of(pid: i32, profile: &Profile, sources: &Sources) -> Option<(Self, PathBuf)> {
        if sources.sysroot == Path::new("/") && !is_this_host(&profile.recording) {
            return None;
        }
        let map = sources.in_sysroot(&perf_map::path_of(pid));
        if let Some(path) = map
            && let Ok(code) = perf_map::read(&path)
        {
            return Some((code, path));
        }
        let path = sources.in_sysroot(&jitdump::path_of(pid, profile)?)?;
        Some((jitdump::read(&path)?, path))
    }

    /// Functions in the order in which they were made, with the text that holds their names.
    pub(crate) fn new(text: String, mut functions: Vec<MadeFunction>) -> Self {
        // Memory is used again: of two functions that overlap, the later one is there now.
        // Which of them a sample saw cannot be told for a frame that stands for many samples.
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

fn is_this_host(recording: &Recording) -> bool {
    let this = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    recording.hostname.as_deref().is_some_and(|recorded| recorded == this.trim_end())
}
