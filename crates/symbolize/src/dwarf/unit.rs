//! One unit: which of the addresses are in it, and what it says of them.

use std::collections::HashMap;

use gimli::{UnitHeader, UnitRef, UnitType};
use profile::Id;

use super::hits::{Call, Found, Hit};
use super::lines::{self, Row};
use super::names::Names;
use super::ranges::{Code, RangeAttributes};
use super::sections::Parsed;
use super::units::RawUnit;
use super::{Query, Reader, functions, split};

/// "", the first of all strings.
const NO_TEXT: Id<String> = Id::new(0);

/// Reads units, and keeps what is found.
pub(crate) struct UnitReader<'data> {
    parsed: &'data Parsed<'data>,
    code: &'data Code,
    query: Query<'data>,
    names: Names<'data>,
    found: Found,
}

/// An address in the unit, and what is known about it.
#[derive(Clone, Copy)]
struct Asked {
    /// Among all addresses.
    index: usize,
    address: u64,
    node: Option<usize>,
    row: Option<Row>,
}

impl<'data> UnitReader<'data> {
    pub(crate) fn new(
        parsed: &'data Parsed<'data>,
        code: &'data Code,
        query: Query<'data>,
    ) -> Self {
        let mut found = Found::default();
        found.strings.intern(String::new());
        Self { parsed, code, query, names: Names::new(parsed), found }
    }

    pub(crate) fn finish(mut self) -> Found {
        self.found.edges.sort_unstable();
        self.found.edges.dedup();
        self.found
    }

    /// Reads a unit. What is damaged in it is not found.
    pub(crate) fn read(&mut self, raw: &RawUnit) {
        // The unit may live shorter than the sections do.
        let dwarf: &gimli::Dwarf<Reader<'_>> = &self.parsed.dwarf;
        if let Some(header) = raw.header(dwarf)
            && !matches!(
                header.type_(),
                UnitType::Type { .. } | UnitType::SplitType { .. } | UnitType::Partial
            )
        {
            let _damage = self.read_unit(dwarf, header, raw.number);
        }
    }

    fn read_unit<'unit>(
        &mut self,
        dwarf: &gimli::Dwarf<Reader<'unit>>,
        header: UnitHeader<Reader<'unit>>,
        number: u32,
    ) -> gimli::Result<()>
    where
        'data: 'unit,
    {
        let unit = dwarf.unit(header)?;
        let unit = unit.unit_ref(dwarf);
        match self.query {
            Query::Edges => self.read_edges(unit),
            Query::Addresses(addresses) => {
                let mut asked = self.asked(unit, addresses)?;
                if asked.is_empty() {
                    return Ok(());
                }
                self.read_lines(unit, &mut asked);
                self.read_split(unit, &mut asked, number)
            }
        }
    }

    /// The addresses in the unit.
    fn asked(&self, unit: UnitRef<'_, Reader<'_>>, addresses: &[u64]) -> gimli::Result<Vec<Asked>> {
        let mut indexes = Vec::new();
        let mut add = |start: u64, end: u64| {
            if self.code.holds(start) {
                let first = addresses.partition_point(|&address| address < start);
                let count = addresses[first..].partition_point(|&address| address < end);
                indexes.extend(first..first + count);
            }
        };
        let mut entries = unit.entries_raw(None)?;
        let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(Vec::new()) };
        let attributes = RangeAttributes::read(&mut entries, abbreviation)?;
        if !attributes.each(unit, &mut add)? {
            // A unit that does not say where its code is may have lines for it all the same.
            lines::each_row(unit, self.code, |start, end, _| add(start, end))?;
        }
        indexes.sort_unstable();
        indexes.dedup();
        let asked = |index| Asked { index, address: addresses[index], node: None, row: None };
        Ok(indexes.into_iter().map(asked).collect())
    }

    /// Damage ends the lines, and leaves the functions.
    fn read_lines(&self, unit: UnitRef<'_, Reader<'_>>, asked: &mut [Asked]) {
        let _damage = lines::each_row(unit, self.code, |start, end, row| {
            for asked in within(asked, start, end) {
                asked.row = Some(row);
            }
        });
    }

    /// Reads the functions of the unit, or of its split-off half.
    fn read_split<'unit>(
        &mut self,
        unit: UnitRef<'_, Reader<'unit>>,
        asked: &mut [Asked],
        number: u32,
    ) -> gimli::Result<()>
    where
        'data: 'unit,
    {
        let Some(id) = unit.dwo_id else {
            return self.read_functions(unit, unit, asked, number);
        };
        let parsed = self.parsed;
        self.found.split.of += 1;
        let read = |half: UnitRef<'_, Reader<'_>>| self.read_functions(half, unit, asked, number);
        if split::with_half(parsed, unit, id, read)?.is_none() {
            return self.read_functions(unit, unit, asked, number);
        }
        self.found.split.found += 1;
        Ok(())
    }

    /// Functions and names are the one unit's, files the other's.
    fn read_functions(
        &mut self,
        unit: UnitRef<'_, Reader<'_>>,
        files: UnitRef<'_, Reader<'_>>,
        asked: &mut [Asked],
        number: u32,
    ) -> gimli::Result<()> {
        let code = self.code;
        let nodes = functions::read(unit, |start, end, node| {
            let mut any = false;
            if code.holds(start) {
                for asked in within(asked, start, end) {
                    asked.node = Some(node);
                    any = true;
                }
            }
            any
        });
        // What was read before the damage is not all: a name could be that of the caller.
        let nodes = nodes?;
        self.names.begin_unit();
        let mut paths = HashMap::new();
        let mut calls: Vec<Option<u32>> = vec![None; nodes.len()];
        for asked in asked.iter().filter(|asked| asked.node.is_some() || asked.row.is_some()) {
            let call =
                asked.node.map(|node| self.call(unit, files, &nodes, node, &mut calls, &mut paths));
            let row = asked.row.unwrap_or(Row { file: u64::MAX, line: 0 });
            let path = self.path(files, Some(row.file), &mut paths);
            let address = u32::try_from(asked.index).unwrap_or(u32::MAX);
            self.found.hits.push(Hit { address, unit: number, call, path, line: row.line });
        }
        Ok(())
    }

    /// The number of a node's call. Those that it is inlined in are added first.
    fn call(
        &mut self,
        unit: UnitRef<'_, Reader<'_>>,
        files: UnitRef<'_, Reader<'_>>,
        nodes: &[functions::Node],
        node: usize,
        calls: &mut [Option<u32>],
        paths: &mut HashMap<u64, Id<String>>,
    ) -> u32 {
        let mut new = Vec::new();
        let mut next = Some(node);
        while let Some(node) = next.filter(|&node| calls[node].is_none()) {
            new.push(node);
            next = nodes[node].parent;
        }
        for node in new.into_iter().rev() {
            let entry = self.names.entry(unit, nodes[node].entry, &mut self.found.strings);
            let entry = entry.unwrap_or_default();
            let parent = nodes[node].parent.and_then(|parent| calls[parent]);
            let path = self.path(files, entry.call_file, paths);
            calls[node] = u32::try_from(self.found.calls.len()).ok();
            self.found.calls.push(Call {
                name: entry.named.system_name().unwrap_or(NO_TEXT),
                start_line: entry.named.start_line(),
                parent,
                path,
                line: entry.call_line,
            });
        }
        calls[node].unwrap_or(u32::MAX)
    }

    fn path(
        &mut self,
        files: UnitRef<'_, Reader<'_>>,
        file: Option<u64>,
        paths: &mut HashMap<u64, Id<String>>,
    ) -> Id<String> {
        let Some(file) = file.filter(|&file| file != u64::MAX) else { return NO_TEXT };
        *paths.entry(file).or_insert_with(|| {
            let path = lines::path(files, file).ok().flatten();
            path.map_or(NO_TEXT, |path| self.found.strings.intern(path))
        })
    }

    /// Where answers from this unit can change.
    fn read_edges(&mut self, unit: UnitRef<'_, Reader<'_>>) -> gimli::Result<()> {
        let Self { code, found, .. } = self;
        let edges = &mut found.edges;
        let mut add = |start: u64, end: u64| {
            let is_live = code.holds(start);
            if is_live {
                edges.extend([start, end]);
            }
            is_live
        };
        let mut entries = unit.entries_raw(None)?;
        let Some(abbreviation) = entries.read_abbreviation()? else { return Ok(()) };
        let attributes = RangeAttributes::read(&mut entries, abbreviation)?;
        attributes.each(unit, |start, end| {
            add(start, end);
        })?;
        let _damage = lines::each_row(unit, code, |start, end, _| {
            add(start, end);
        });
        let mut read = |unit: UnitRef<'_, Reader<'_>>| {
            functions::read(unit, |start, end, _| add(start, end)).map(|_| ())
        };
        let half = match unit.dwo_id {
            Some(id) => split::with_half(self.parsed, unit, id, &mut read)?,
            None => None,
        };
        if half.is_none() {
            read(unit)?;
        }
        Ok(())
    }
}

/// The addresses from `start` up to `end`.
fn within(asked: &mut [Asked], start: u64, end: u64) -> &mut [Asked] {
    let first = asked.partition_point(|asked| asked.address < start);
    let rest = &mut asked[first..];
    let count = rest.partition_point(|asked| asked.address < end);
    &mut rest[..count]
}
