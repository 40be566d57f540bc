//! What the frames of a profile are called: a side table, so that a profile without symbols is
//! the same profile with an empty one.

use std::borrow::Cow;
use std::ops::Range;

use crate::{BinaryKind, FileOffset, Frame, Id, Profile, Table};

/// Functions and source lines, per frame of one [`Profile`].
#[derive(Clone, Debug)]
pub struct Symbols {
    /// Names of functions and files; row 0 is "".
    pub strings: Table<String>,
    /// Distinct functions.
    pub functions: Table<Function>,
    lines: Vec<Line>,
    frames: Vec<Resolution>,
}

/// A function of the source, `Function` in `profile.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Function {
    /// The name for people: demangled, without parameters and template arguments. Equal to
    /// `system_name` if it could not be demangled.
    pub name: Id<String>,
    /// The name for the linker.
    pub system_name: Id<String>,
    /// The source file; "" if it is not known.
    pub filename: Id<String>,
    /// The line at which the function is declared; 0 if it is not known.
    pub start_line: u32,
}

/// A line of a function, `Line` in `profile.proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The function.
    pub function: Id<Function>,
    /// The line number, from 1; 0 if it is not known.
    pub line: u32,
}

/// The answer for one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Resolution {
    /// Rows of `lines`, never none.
    Named(Range<u32>),
    Unnamed(Unnamed),
}

/// Why a frame has no name, and what is known of it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// Why.
    pub reason: Reason,
    /// Where its function begins, if the file told (`.eh_frame` does in a stripped binary).
    pub function_start: Option<FileOffset>,
}

/// Why a frame has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Symbols were not asked for.
    NotAsked,
    /// The frame is a marker: its text is its name.
    Marker,
    /// Nothing was mapped at the address.
    Unmapped,
    /// The code was made at run time, and no file has its names.
    Anonymous,
    /// No file that could have its names was found.
    NoFile,
    /// A file was found, and is not the one that was recorded.
    WrongFile,
    /// The right file was found, and has no symbols.
    Stripped,
    /// The right file has symbols, and none covers the address.
    NoSymbol,
}

impl Symbols {
    /// No names at all, for every frame of `profile`, all for one reason.
    pub fn none(profile: &Profile, reason: Reason) -> Self {
        let mut strings = Table::new();
        strings.intern(String::new());
        let unnamed = Resolution::Unnamed(Unnamed { reason, function_start: None });
        Self {
            strings,
            functions: Table::new(),
            lines: Vec::new(),
            frames: vec![unnamed; profile.frames.len()],
        }
    }

    /// Gives a frame its lines: innermost inlined function first, the physical one last.
    /// Without any line the frame stays as it is.
    ///
    /// # Panics
    /// If the frame is not one of the profile that this table was made for.
    pub fn name(&mut self, frame: Id<Frame>, lines: &[Line]) {
        let (start, end) = (self.lines.len(), self.lines.len() + lines.len());
        if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end))
            && start < end
        {
            self.lines.extend_from_slice(lines);
            self.frames[frame.index()] = Resolution::Named(start..end);
        }
    }

    /// States why a frame has no name.
    ///
    /// # Panics
    /// If the frame is not one of the profile that this table was made for.
    pub fn leave_unnamed(&mut self, frame: Id<Frame>, unnamed: Unnamed) {
        self.frames[frame.index()] = Resolution::Unnamed(unnamed);
    }

    /// The lines of a frame, innermost inlined function first; none if it has no name.
    pub fn lines(&self, frame: Id<Frame>) -> &[Line] {
        match self.frames.get(frame.index()) {
            Some(Resolution::Named(rows)) => &self.lines[rows.start as usize..rows.end as usize],
            Some(Resolution::Unnamed(_)) | None => &[],
        }
    }

    /// Why a frame has no name; `None` if it has one.
    pub fn unnamed(&self, frame: Id<Frame>) -> Option<Unnamed> {
        match self.frames.get(frame.index())? {
            Resolution::Named(_) => None,
            Resolution::Unnamed(unnamed) => Some(*unnamed),
        }
    }

    /// The text of a name or path of this table.
    pub fn text(&self, id: Id<String>) -> &str {
        &self.strings[id]
    }

    /// What to show for a frame without a name: `[envoy+0x1234]`, with the start of its function
    /// if that is known, so that one function is one box; the text of a marker as it stands.
    pub fn placeholder<'p>(&self, profile: &'p Profile, frame: Id<Frame>) -> Cow<'p, str> {
        let row = &profile.frames[frame];
        if let Some(text) = row.marker_text() {
            return Cow::Borrowed(&profile.strings[text]);
        }
        let binary = &profile.binaries[row.binary];
        if binary.kind == BinaryKind::Unmapped {
            return Cow::Borrowed("[unknown]");
        }
        let known_start = self.unnamed(frame).and_then(|unnamed| unnamed.function_start);
        let offset = known_start.unwrap_or(row.lookup_offset());
        let path = profile.strings[binary.path].as_str();
        // `[kernel.kallsyms]` and `//anon` are no paths.
        let name = path.trim_end_matches(" (deleted)").rsplit('/').next().unwrap_or(path);
        let name = name.trim_start_matches('[').trim_end_matches(']');
        Cow::Owned(format!("[{name}+{offset:#x}]"))
    }
}
