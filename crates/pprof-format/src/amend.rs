//! Names for a profile that is written already.
//!
//! The message stays as it is, byte for byte, and is only added to. protobuf allows that: fields
//! of a list may stand anywhere, and of a single field the last one counts.
//!
//! ```text
//!   sample sample  mapping        location              function  string    sample …
//!                  └─ + flags     └─ + lines of code    … and behind all: + functions, + strings,
//!                                                                         + comments
//! ```
//!
//! So what this version does not know of, a newer field or somebody's own, survives.

use std::collections::HashMap;
use std::io::{self, Write};

use profile::{Binary, BinaryKind, Frame, Id, Profile, Symbols};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use crate::functions::Functions;
use crate::gzip::Gzip;
use crate::locations::Known;
use crate::read::{Error, decode, inflate};
use crate::strings::Strings;
use crate::wire::{Message, Output};
use crate::{fields, proto};

/// What is to be added to a profile.
#[derive(Clone, Copy, Debug)]
pub struct Amendment<'a> {
    /// The tables that the profile's locations were turned into.
    pub profile: &'a Profile,
    /// The names of its frames.
    pub symbols: &'a Symbols,
    /// The frame of each location, in the order of the message; `None` for a location that is
    /// left alone.
    pub frames: &'a [Option<Id<Frame>>],
    /// Texts to be added to the comments.
    pub comments: &'a [String],
}

/// For each location of a profile, whether it lacks a name: it has no function, or one that only
/// stands for the place, `[envoy+0x1234]`, as [`crate::write()`] makes them.
pub fn unnamed_locations(profile: &proto::Profile) -> Vec<bool> {
    let functions: HashMap<u64, &proto::Function> =
        profile.function.iter().map(|function| (function.id, function)).collect();
    let is_placeholder = |line: &proto::Line| {
        functions.get(&line.function_id).is_some_and(|function| {
            let name = profile.text(function.name).unwrap_or_default();
            let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
            let place = inner.and_then(|inner| inner.rsplit_once("+0x"));
            (line.line, function.filename) == (0, 0)
                && place.is_some_and(|(_, hex)| u64::from_str_radix(hex, 16).is_ok())
        })
    };
    let is_unnamed = |row: &proto::Location| match row.line.as_slice() {
        [] => true,
        [line] => is_placeholder(line),
        _ => false,
    };
    profile.location.iter().map(is_unnamed).collect()
}

/// Writes the profile in `bytes`, which may be compressed, with names for its [unnamed
/// locations](unnamed_locations). Locations of a binary of which anything has a name get a placeholder if they
/// have none themselves, as [`crate::write()`] has it.
///
/// # Errors
/// If the profile is broken, or if it cannot be written.
pub fn amend(bytes: &[u8], amendment: &Amendment<'_>, out: impl Write) -> Result<(), Error> {
    let message = inflate(bytes)?;
    let old = decode(&message)?;
    let mut additions = Additions::new(&old, amendment);
    let mut out = Output::new(Gzip::new(out).map_err(Error::Write)?);
    let (mut mapping, mut location) = (0, 0);
    for field in Fields(&message) {
        let field = field?;
        match (field.number, field.content) {
            (fields::profile::MAPPING, Some(content)) => {
                additions.mapping(mapping, content);
                out.message(field.number, &additions.row)?;
                mapping += 1;
            }
            (fields::profile::LOCATION, Some(content)) => {
                additions.location(location, content)?;
                out.message(field.number, &additions.row)?;
                location += 1;
            }
            _ => out.bytes(field.whole)?,
        }
    }
    additions.finish(&mut out)?;
    out.into_inner().finish().map_err(Error::Write)
}

/// What is added, as it is found out.
struct Additions<'a> {
    amendment: &'a Amendment<'a>,
    old: &'a proto::Profile,
    /// By location of the old message.
    unnamed: Vec<bool>,
    functions: Functions<'a>,
    strings: Strings<'a>,
    /// By binary: whether its locations are to have functions.
    known: Vec<bool>,
    /// By mapping of the old message: what its locations will have.
    flags: Vec<Known>,
    /// The row that is being added to.
    row: Message,
    /// The number of old functions, and of old strings.
    first_function: u64,
    first_string: i64,
}

impl<'a> Additions<'a> {
    fn new(old: &'a proto::Profile, amendment: &'a Amendment<'a>) -> Self {
        let first_string = i64::try_from(old.string_table.len()).unwrap_or(i64::MAX);
        let first_function = old.function.iter().map(|function| function.id).max().unwrap_or(0);
        let mut additions = Self {
            amendment,
            old,
            unnamed: unnamed_locations(old),
            functions: Functions::of(amendment.symbols),
            strings: Strings::new(),
            known: Vec::new(),
            flags: Vec::new(),
            row: Message::default(),
            first_function,
            first_string,
        };
        additions.known = additions.known_binaries();
        additions.flags = additions.mapping_flags();
        additions
    }

    /// The frame of a location that is to be named, and its binary.
    fn frame(&self, location: usize) -> Option<(Id<Frame>, Id<Binary>)> {
        let frame = (*self.amendment.frames.get(location)?)?;
        let unnamed = self.unnamed.get(location).copied();
        unnamed.filter(|&unnamed| unnamed)?;
        Some((frame, self.amendment.profile.frames[frame].binary))
    }

    fn known_binaries(&self) -> Vec<bool> {
        let Amendment { profile, symbols, frames, .. } = *self.amendment;
        let rows = profile.binaries.iter();
        let mut known: Vec<_> = rows.map(|(_, row)| row.kind != BinaryKind::File).collect();
        for (frame, old) in frames.iter().zip(&self.old.location) {
            if let Some(frame) = *frame
                && (!old.line.is_empty() || !symbols.lines(frame).is_empty())
            {
                known[profile.frames[frame].binary.index()] = true;
            }
        }
        known
    }

    fn mapping_flags(&self) -> Vec<Known> {
        let symbols = self.amendment.symbols;
        let ids = self.old.mapping.iter().enumerate().map(|(index, row)| (row.id, index));
        let by_id: HashMap<u64, usize> = ids.collect();
        let mut flags = vec![Known::default(); self.old.mapping.len()];
        for (index, row) in self.old.location.iter().enumerate() {
            let Some((frame, binary)) = self.frame(index) else { continue };
            let Some(&mapping) = by_id.get(&row.mapping_id) else { continue };
            flags[mapping].functions |= self.known[binary.index()];
            flags[mapping].add(symbols, symbols.lines(frame));
        }
        flags
    }

    /// Makes the row of a mapping.
    fn mapping(&mut self, index: usize, content: &[u8]) {
        self.row.clear();
        self.row.raw(content);
        let known = self.flags.get(index).copied().unwrap_or_default();
        // A flag that is set already is left as it is.
        self.row.flag(fields::mapping::HAS_FUNCTIONS, known.functions);
        self.row.flag(fields::mapping::HAS_FILENAMES, known.filenames);
        self.row.flag(fields::mapping::HAS_LINE_NUMBERS, known.line_numbers);
        self.row.flag(fields::mapping::HAS_INLINE_FRAMES, known.inline_frames);
    }

    /// Makes the row of a location.
    fn location(&mut self, index: usize, content: &[u8]) -> Result<(), Error> {
        self.row.clear();
        let Amendment { profile, symbols, .. } = *self.amendment;
        let frame = self.frame(index);
        let lines = frame.map_or(&[][..], |(frame, _)| symbols.lines(frame));
        let has_line = self.old.location.get(index).is_some_and(|row| !row.line.is_empty());
        for field in Fields(content) {
            let field = field?;
            // A placeholder goes when a name comes.
            if lines.is_empty() || field.number != fields::location::LINE {
                self.row.raw(field.whole);
            }
        }
        let Some((frame, binary)) = frame else { return Ok(()) };
        for line in lines {
            let function = self.functions.named(line.function, &mut self.strings);
            self.line(function, line.line);
        }
        if lines.is_empty() && !has_line && self.known[binary.index()] {
            let function = self.functions.placeholder(profile, frame, &mut self.strings);
            self.line(function, 0);
        }
        Ok(())
    }

    fn line(&mut self, function: u64, line: u32) {
        let mut message = Message::default();
        message.uint(fields::line::FUNCTION_ID, function.saturating_add(self.first_function));
        message.uint(fields::line::LINE, u64::from(line));
        self.row.message(fields::location::LINE, &message);
    }

    /// Writes the new rows of the tables that everything refers to.
    fn finish<W: Write>(mut self, out: &mut Output<W>) -> io::Result<()> {
        let comments: Vec<_> =
            self.amendment.comments.iter().map(|text| self.strings.index(text)).collect();
        // Index 0 is "" in the old table, if it has any, as in the new one, and not added twice.
        let has_empty = usize::from(!self.old.string_table.is_empty());
        let first = self.first_string - i64::from(has_empty != 0);
        let index = |new: i64| if new == 0 { 0 } else { new.saturating_add(first) };
        for (id, function) in self.functions.iter() {
            let mut message = Message::default();
            message.uint(fields::function::ID, id.saturating_add(self.first_function));
            message.int(fields::function::NAME, index(function.name));
            message.int(fields::function::SYSTEM_NAME, index(function.system_name));
            message.int(fields::function::FILENAME, index(function.filename));
            message.int(fields::function::START_LINE, function.start_line);
            out.message(fields::profile::FUNCTION, &message)?;
        }
        for text in self.strings.iter().skip(has_empty) {
            out.text(fields::profile::STRING_TABLE, text)?;
        }
        let mut message = Message::default();
        for text in comments {
            message.int(fields::profile::COMMENT, index(text));
        }
        out.fields(&message)
    }
}

/// The fields of a message, as they stand in it.
struct Fields<'a>(&'a [u8]);

struct Field<'a> {
    number: u64,
    /// With its key.
    whole: &'a [u8],
    /// Of a text or a message.
    content: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(&mut self) -> Result<Field<'a>, prost::DecodeError> {
        let start = self.0;
        let mut rest = start;
        let (number, kind) = decode_key(&mut rest)?;
        let mut behind_len = rest;
        skip_field(kind, number, &mut rest, DecodeContext::default())?;
        let content = match kind {
            WireType::LengthDelimited => {
                decode_varint(&mut behind_len)?;
                behind_len.get(..behind_len.len() - rest.len())
            }
            _ => None,
        };
        self.0 = rest;
        let whole = &start[..start.len() - rest.len()];
        Ok(Field { number: u64::from(number), whole, content })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, prost::DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        (!self.0.is_empty()).then(|| self.read()).inspect(|field| {
            if field.is_err() {
                self.0 = &[];
            }
        })
    }
}
