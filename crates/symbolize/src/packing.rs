//! Makes symbol packs: asks for the answer wherever it can change.
//!
//! ```text
//!   ends of functions, inlined calls, symbols, unwind entries; rows of lines
//!     ──> an address each ──> the same lookup as for a profile ──> ranges ──> pack
//! ```
//!
//! Between two of these addresses nothing that is looked up begins or ends, so that the answer for
//! the first is the answer for all up to the next.

use std::collections::HashMap;

use binaries::{Match, Quality, pack_facts};
use profile::ElfAddr;
use symbol_pack::{Answer, Line, PackWriter};

use crate::binary::{Tables, is_nameless};
use crate::demangle::demangle;
use crate::dwarf::{self, DwarfError, Query};
use crate::source_path::normalise;

/// A pack that is not written yet.
pub struct Packed {
    /// The pack.
    pub writer: PackWriter,
    /// At how many addresses the answer was asked for.
    pub addresses: usize,
    /// What of the debug info could not be used.
    pub dwarf_error: Option<DwarfError>,
}

/// Makes a pack of all that the files of a binary say.
pub fn pack(found: &Match, threads: usize) -> Packed {
    let (facts, calls) = pack_facts(found);
    let mut writer = PackWriter::new(facts);
    calls.into_iter().for_each(|place| writer.add_call(place));
    let edges = edges(found, threads);
    let (tables, dwarf_error) = Tables::load(found, &edges, threads);
    // Each is demangled once, here, and not whenever the pack is asked.
    let mut names: HashMap<String, String> = HashMap::new();
    for &edge in &edges {
        let address = ElfAddr(edge);
        let lines = tables.lines(address);
        if is_nameless(&lines) {
            let function_start = tables.function_start(address).map(|start| start.0);
            writer.add(edge, Answer::Unnamed { function_start });
            continue;
        }
        // One spelling of a path now is one string less later; it is the one that is shown.
        for line in &lines {
            if !names.contains_key(&*line.system_name) {
                let name = demangle(&line.system_name).into_owned();
                names.insert(line.system_name.to_string(), name);
            }
        }
        let paths: Vec<_> = lines.iter().map(|line| normalise(&line.path)).collect();
        let lines: Vec<_> = lines
            .iter()
            .zip(&paths)
            .map(|(line, path)| Line {
                name: names.get(&*line.system_name).map_or("", String::as_str),
                system_name: &line.system_name,
                path,
                start_line: line.start_line,
                line: line.line,
            })
            .collect();
        writer.add(edge, Answer::Lines(&lines));
    }
    Packed { writer, addresses: edges.len(), dwarf_error }
}

/// The addresses at which an answer can change, sorted, each once.
fn edges(found: &Match, threads: usize) -> Vec<u64> {
    let mut edges = vec![0];
    if found.image.quality() >= Quality::Dwarf
        && let Ok(mut hits) = dwarf::ask(found, Query::Edges, threads)
    {
        edges.extend(hits.edges());
    }
    edges.extend(Tables::load(found, &[], threads).0.edges());
    for segment in found.layout.segments() {
        edges.extend([segment.address.0, segment.address.0.saturating_add(segment.memory_size)]);
    }
    edges.sort_unstable();
    edges.dedup();
    edges
}
