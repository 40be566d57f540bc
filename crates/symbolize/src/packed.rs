//! Answers from a symbol pack: those of the files that it was made from, as they stood.

use profile::ElfAddr;
use symbol_pack::{Cursor, Line, Pack, PackError};

use crate::answer::RawLine;
use crate::binary::{Source, View};

/// A place in a pack, and the answer for the address that was asked for last.
pub(crate) struct PackView<'pack, 'data> {
    cursor: Result<Cursor<'pack, 'data>, PackError>,
    lines: Vec<(u32, Line<'pack>)>,
    function_start: Option<u64>,
    error: Option<PackError>,
}

impl<'data> Source for Result<Pack<'data>, PackError> {
    type View<'s>
        = PackView<'s, 'data>
    where
        Self: 's;

    fn view(&self) -> PackView<'_, 'data> {
        let cursor = self.as_ref().map(Pack::cursor).map_err(|error| *error);
        PackView { cursor, lines: Vec::new(), function_start: None, error: None }
    }
}

impl View for PackView<'_, '_> {
    /// None from a damaged part of the pack: a wrong name is worse.
    fn lines(&mut self, address: ElfAddr) -> Vec<RawLine<'_>> {
        let Self { cursor, lines, .. } = self;
        lines.clear();
        let found = match cursor {
            Ok(cursor) => cursor.find(address.0, lines),
            Err(error) => Err(*error),
        };
        self.function_start = found.unwrap_or_else(|error| {
            lines.clear();
            self.error.get_or_insert(error);
            None
        });
        lines
            .iter()
            .map(|(function, line)| RawLine {
                name: Some(line.name),
                system_name: line.system_name.into(),
                path: line.path.into(),
                start_line: line.start_line,
                line: line.line,
                number: Some(*function),
            })
            .collect()
    }

    fn function_start(&mut self, _: ElfAddr) -> Option<ElfAddr> {
        self.function_start.map(ElfAddr)
    }

    fn error(&self) -> Option<PackError> {
        self.error
    }
}
