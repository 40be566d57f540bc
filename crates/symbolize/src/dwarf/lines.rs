//! Lines of addresses: a line program is run once, and what it says of other addresses is never
//! kept.

use gimli::{LineProgramHeader, UnitRef};

use super::Reader;
use super::ranges::Code;

/// The file and the line of an address, as the unit's table of files numbers it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) file: u64,
    pub(crate) line: u32,
}

/// Runs the line program of a unit, and tells of each row that covers any address the addresses
/// from and up to which it does. Rows of dropped functions are passed over.
pub(crate) fn each_row(
    unit: UnitRef<'_, Reader<'_>>,
    code: &Code,
    mut tell: impl FnMut(u64, u64, Row),
) -> gimli::Result<()> {
    let Some(program) = unit.line_program.clone() else { return Ok(()) };
    let mut rows = program.rows();
    let mut before: Option<(u64, Row)> = None;
    while let Some((_, row)) = rows.next_row()? {
        let address = row.address();
        // Addresses rise within a sequence. Where they do not, a sequence has lost its end: GNU ld
        // writes 0 for every address of a dropped function, and what goes back to 0 is skipped, its
        // end included.
        if let Some((start, row)) = before
            && start < address
        {
            tell(start, address, row);
        }
        let is_code = !row.end_sequence() && code.holds(address);
        let line = row.line().map_or(0, |line| u32::try_from(line.get()).unwrap_or(0));
        before = is_code.then_some((address, Row { file: row.file_index(), line }));
    }
    Ok(())
}

/// The path of a file: its own, or in its directory, or that in the directory of the compilation.
pub(crate) fn path(unit: UnitRef<'_, Reader<'_>>, file: u64) -> gimli::Result<Option<String>> {
    let Some(program) = &unit.line_program else { return Ok(None) };
    let header: &LineProgramHeader<_> = program.header();
    // Before DWARF 5, files are counted from 1.
    let Some(entry) = header.file(file) else { return Ok(None) };
    let mut path = unit.comp_dir.map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default();
    // Directory 0 is that of the compilation.
    if entry.directory_index() != 0
        && let Some(directory) = entry.directory(header)
    {
        push(&mut path, &unit.attr_string(directory)?.to_string_lossy());
    }
    push(&mut path, &unit.attr_string(entry.path_name())?.to_string_lossy());
    Ok(Some(path))
}

fn push(path: &mut String, part: &str) {
    if part.starts_with('/') {
        path.clear();
    } else if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(part);
}
