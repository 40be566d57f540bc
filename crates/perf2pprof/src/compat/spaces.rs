//! Address spaces as `perf_to_profile` keeps them: one per process, the kernel's that of pid -1,
//! each changed by the records in the order of time.

use std::collections::{BTreeMap, HashMap, HashSet};

use perf_data::Context;

/// The process that holds the kernel's mappings.
pub(super) const KERNEL: i32 = -1;

/// A mapping as one record states it.
#[derive(Clone, Debug)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) limit: u64,
    pub(super) file_offset: u64,
    pub(super) path: String,
    pub(super) build_id: String,
}

/// The mappings of all processes, by their number in `all`.
#[derive(Debug, Default)]
pub(super) struct Spaces {
    pub(super) all: Vec<Mapping>,
    /// By process: pieces by their first address, with their limit and mapping.
    pieces: HashMap<i32, BTreeMap<u64, (u64, usize)>>,
    /// By process: the mapping taken for its program.
    programs: HashMap<i32, usize>,
    /// Processes with a mapping of their own.
    have_mapped: HashSet<i32>,
    /// By process: the name of its main thread.
    names: HashMap<i32, String>,
}

impl Spaces {
    /// Maps something over whatever was there.
    pub(super) fn map(&mut self, pid: i32, mapping: Mapping) {
        let (start, limit, number) = (mapping.start, mapping.limit, self.all.len());
        let pieces = self.pieces.entry(pid).or_default();
        let overlapped: Vec<_> = pieces
            .range(..limit)
            .rev()
            .take_while(|(_, (end, _))| *end > start)
            .map(|(first, (end, number))| (*first, *end, *number))
            .collect();
        for (first, end, number) in overlapped {
            pieces.remove(&first);
            if first < start {
                pieces.insert(first, (start, number));
            }
            if end > limit {
                pieces.insert(limit, (end, number));
            }
        }
        pieces.insert(start, (limit, number));
        if is_program(pid, &mapping, self.programs.contains_key(&pid)) {
            self.programs.insert(pid, number);
        }
        self.all.push(mapping);
        self.have_mapped.insert(pid);
    }

    /// A process begins as a copy of another.
    pub(super) fn fork(&mut self, child: i32, parent: i32) {
        if let Some(pieces) = self.pieces.get(&parent).cloned() {
            self.pieces.insert(child, pieces);
        }
        if let Some(program) = self.programs.get(&parent).copied() {
            self.programs.insert(child, program);
        }
        if let Some(name) = self.names.get(&parent).cloned() {
            self.names.insert(child, name);
        }
    }

    /// The main thread of a process has a name.
    pub(super) fn name(&mut self, pid: i32, name: String) {
        self.names.insert(pid, name);
    }

    /// A process runs another program.
    pub(super) fn exec(&mut self, pid: i32) {
        self.programs.remove(&pid);
    }

    /// Whether a process ever mapped anything.
    pub(super) fn has_mapped(&self, pid: i32) -> bool {
        self.have_mapped.contains(&pid)
    }

    /// What is mapped at an address: in the process or, unless it is known to be the user's, in
    /// the kernel. Addresses of a guest or hypervisor mean nothing here.
    pub(super) fn find(&self, pid: i32, address: u64, context: Context) -> Option<usize> {
        let at = |pid: i32| {
            let (_, (limit, number)) = self.pieces.get(&pid)?.range(..=address).next_back()?;
            (address < *limit).then_some(*number)
        };
        match context {
            Context::User => at(pid),
            Context::Kernel | Context::Unknown => at(pid).or_else(|| at(KERNEL)),
            _ => None,
        }
    }

    /// The first mapping of the profile, for a sample of this process: its program or, for the
    /// kernel on behalf of a process without one, the kernel or the process's name. With its
    /// number, if it is a recorded one.
    pub(super) fn main(&self, pid: i32, is_kernel: bool) -> Option<(Option<usize>, Mapping)> {
        let numbered = |number: &usize| Some((Some(*number), self.all.get(*number)?.clone()));
        if let Some(program) = self.programs.get(&pid) {
            return numbered(program);
        }
        let kernel = self.programs.get(&KERNEL).and_then(numbered);
        match self.names.get(&pid) {
            _ if !is_kernel => None,
            Some(name) => Some((
                None,
                Mapping {
                    start: 0,
                    limit: 1,
                    file_offset: 0,
                    path: name.clone(),
                    build_id: kernel.map(|(_, kernel)| kernel.build_id).unwrap_or_default(),
                },
            )),
            None if pid == 0 => kernel,
            None => None,
        }
    }
}

/// Whether a mapping is taken for the program that a process runs: the first that is no library,
/// or whatever lies where programs were once loaded.
fn is_program(pid: i32, mapping: &Mapping, has_program: bool) -> bool {
    let path = mapping.path.as_str();
    let is_kernel = path.starts_with("[kernel.kallsyms]");
    if matches!(mapping.start, 0x804_8000 | 0x40_0000) || (pid == KERNEL && is_kernel) {
        return true;
    }
    let is_library = path.contains(".so.") || [".ko", ".so"].iter().any(|end| path.ends_with(end));
    let is_memory = path.starts_with("//")
        || path.starts_with("/memfd:")
        || path.starts_with("[anon:")
        || (path.starts_with('[') && path.ends_with(']'));
    !has_program && !is_library && !is_memory && !is_kernel
}
