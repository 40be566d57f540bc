//! What the units say of the addresses, and which of them is believed.

use profile::{Id, Table};
use symbol_pack::MAX_DEPTH;

use super::{Query, SplitCount};
use crate::answer::RawLine;

/// What one worker found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) strings: Table<String>,
    pub(crate) calls: Vec<Call>,
    pub(crate) hits: Vec<Hit>,
    pub(crate) edges: Vec<u64>,
    pub(crate) split: SplitCount,
}

/// A function, or a call of it that is inlined in another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) name: Id<String>,
    pub(crate) start_line: u32,
    /// The call that it is inlined in, which comes before it, and the place of the call there.
    pub(crate) parent: Option<u32>,
    pub(crate) path: Id<String>,
    pub(crate) line: u32,
}

/// What a unit says of an address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit {
    /// The index of the address.
    pub(crate) address: u32,
    /// The number of the unit.
    pub(crate) unit: u32,
    pub(crate) call: Option<u32>,
    pub(crate) path: Id<String>,
    pub(crate) line: u32,
}

/// What is known about each address.
#[derive(Debug)]
pub(crate) struct Hits {
    parts: Vec<Found>,
    /// The part and the hit in it, per address.
    best: Vec<Option<(u32, u32)>>,
}

impl Hits {
    pub(crate) fn new(parts: Vec<Found>, query: Query<'_>) -> Self {
        let count = match query {
            Query::Addresses(addresses) => addresses.len(),
            Query::Edges => 0,
        };
        let mut hits = Self { parts, best: vec![None; count] };
        for (part, found) in (0..).zip(&hits.parts) {
            for (index, hit) in (0..).zip(&found.hits) {
                let best = &mut hits.best[hit.address as usize];
                let rank = |hit: &Hit| (hit.call.is_none(), hit.unit);
                let last = best.map(|(part, index): (u32, u32)| {
                    rank(&hits.parts[part as usize].hits[index as usize])
                });
                // A unit that knows the function is believed before one that has only a line, and
                // of equals the first, whoever has read it.
                if last.is_none_or(|last| rank(hit) < last) {
                    *best = Some((part, index));
                }
            }
        }
        hits
    }

    /// The split-off halves of the units with these addresses.
    pub(crate) fn split(&self) -> SplitCount {
        self.parts.iter().fold(SplitCount::default(), |sum, part| SplitCount {
            found: sum.found + part.split.found,
            of: sum.of + part.split.of,
        })
    }

    /// Where answers can change, in no order and some more than once.
    pub(crate) fn edges(&mut self) -> Vec<u64> {
        let mut edges = Vec::new();
        for part in &mut self.parts {
            edges.append(&mut part.edges);
        }
        edges
    }

    /// The lines of an address, by its index: the innermost inlined function first. The physical
    /// function, the last one, may lack its name (assembly has lines, and names only in the symbol
    /// table). Nothing if DWARF does not have the address.
    pub(crate) fn lines(&self, address: usize) -> Vec<RawLine<'_>> {
        let Some(Some((part, index))) = self.best.get(address) else { return Vec::new() };
        let found = &self.parts[*part as usize];
        let hit = found.hits[*index as usize];
        let text = |id: Id<String>| found.strings[id].as_str().into();
        let mut lines = Vec::new();
        let (mut path, mut line, mut next) = (hit.path, hit.line, hit.call);
        while let Some(call) = next.and_then(|index| found.calls.get(index as usize)) {
            let (system_name, start_line) = (text(call.name), call.start_line);
            lines.push(RawLine {
                system_name,
                path: text(path),
                start_line,
                line,
                ..RawLine::default()
            });
            (path, line, next) = (call.path, call.line, call.parent);
        }
        // A file can be made in which calls nest without end; the outermost are kept.
        lines.drain(..lines.len().saturating_sub(MAX_DEPTH));
        if lines.is_empty() {
            lines.push(RawLine { path: text(path), line, ..RawLine::default() });
        }
        lines
    }
}
