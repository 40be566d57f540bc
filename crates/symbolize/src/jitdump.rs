//! Names in a jitdump, which a just-in-time compiler writes with the code itself
//! (`tools/perf/Documentation/jitdump-specification.txt`).
//!
//! The compiler maps the file as code, so that the recording tells where it is: `jit-PID.dump`. No
//! `perf inject --jit` is needed to have the names.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use binaries::MappedFile;
use profile::Profile;

use crate::made_code::{MAX_BYTES, MadeCode, MadeFunction};

/// `JiTD`, in the byte order of the machine.
const MAGIC: u32 = 0x4a69_5444;
/// `JIT_CODE_LOAD`
const CODE_LOAD: u32 = 0;
/// `JIT_CODE_MOVE`
const CODE_MOVE: u32 = 1;

/// The recorded path of the jitdump of a process.
pub(crate) fn path_of(pid: i32, profile: &Profile) -> Option<PathBuf> {
    let name = format!("jit-{pid}.dump");
    let paths = profile.binaries.iter().map(|(_, binary)| Path::new(&profile.strings[binary.path]));
    paths
        .into_iter()
        .find(|path| path.file_name().is_some_and(|file| *file == *name))
        .map(PathBuf::from)
}

/// Reads a jitdump; `None` if it is none.
pub(crate) fn read(path: &Path) -> Option<MadeCode> {
    let file = MappedFile::open(path).ok()?;
    if file.len() as u64 > MAX_BYTES {
        return None;
    }
    parse(&file)
}

fn parse(file: &[u8]) -> Option<MadeCode> {
    let is_big = match u32::from_le_bytes(*file.first_chunk()?) {
        MAGIC => false,
        magic if magic.swap_bytes() == MAGIC => true,
        _ => return None,
    };
    let mut header = Fields { bytes: file, is_big };
    let (_magic, _version) = (header.u32()?, header.u32()?);
    let header_len = header.u32()?;
    let mut rest = file.get(usize::try_from(header_len).ok()?..)?;
    let mut text = String::new();
    let mut functions: Vec<MadeFunction> = Vec::new();
    let mut names: HashMap<u64, Range<usize>> = HashMap::new();
    // A record that is cut ends the file: the process was killed as it wrote it.
    while let Some((kind, body, behind)) = record(rest, is_big) {
        rest = behind;
        let mut fields = Fields { bytes: body, is_big };
        let function = match kind {
            CODE_LOAD => loaded(&mut fields, &mut text),
            CODE_MOVE => moved(&mut fields, &names),
            _ => None,
        };
        if let Some(function) = function {
            names.insert(function.addresses.start, function.name.clone());
            functions.push(function);
        }
    }
    Some(MadeCode::new(text, functions))
}

/// The kind of a record, what follows its header, and what follows it.
fn record(bytes: &[u8], is_big: bool) -> Option<(u32, &[u8], &[u8])> {
    const HEADER: usize = 16;
    let mut fields = Fields { bytes, is_big };
    let (kind, len) = (fields.u32()?, fields.u32()?);
    let (record, behind) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    Some((kind, record.get(HEADER..)?, behind))
}

/// `struct jr_code_load`
fn loaded(fields: &mut Fields<'_>, text: &mut String) -> Option<MadeFunction> {
    let (_pid, _tid, _vma) = (fields.u32()?, fields.u32()?, fields.u64()?);
    let (start, len, _index) = (fields.u64()?, fields.u64()?, fields.u64()?);
    let name = fields.bytes.split(|&byte| byte == 0).next()?;
    let name_start = text.len();
    text.push_str(&String::from_utf8_lossy(name));
    let addresses = start..start.checked_add(len)?;
    Some(MadeFunction { addresses, name: name_start..text.len() })
}

/// `struct jr_code_move`: the function is at another place from now on.
fn moved(fields: &mut Fields<'_>, names: &HashMap<u64, Range<usize>>) -> Option<MadeFunction> {
    let (_pid, _tid, _vma) = (fields.u32()?, fields.u32()?, fields.u64()?);
    let (from, to, len) = (fields.u64()?, fields.u64()?, fields.u64()?);
    Some(MadeFunction { addresses: to..to.checked_add(len)?, name: names.get(&from)?.clone() })
}

struct Fields<'a> {
    bytes: &'a [u8],
    is_big: bool,
}

impl Fields<'_> {
    fn u32(&mut self) -> Option<u32> {
        let (word, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(if self.is_big { u32::from_be_bytes(*word) } else { u32::from_le_bytes(*word) })
    }

    fn u64(&mut self) -> Option<u64> {
        let (word, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(if self.is_big { u64::from_be_bytes(*word) } else { u64::from_le_bytes(*word) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record_of(kind: u32, words: &[u64], tail: &[u8]) -> Vec<u8> {
        let mut body: Vec<u8> = 0_u64.to_le_bytes().to_vec(); // time
        body.extend([7_u32, 7].iter().flat_map(|id| id.to_le_bytes()));
        body.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        body.extend(tail);
        let len = u32::try_from(body.len() + 8).unwrap();
        [&kind.to_le_bytes()[..], &len.to_le_bytes(), &body].concat()
    }

    fn dump() -> Vec<u8> {
        let mut file: Vec<u8> = [MAGIC, 1, 40].iter().flat_map(|word| word.to_le_bytes()).collect();
        file.resize(40, 0);
        file.extend(record_of(CODE_LOAD, &[0x1000, 0x1000, 0x40, 0], b"JS:~serve\0\xc3"));
        file.extend(record_of(9, &[], b"something newer"));
        file.extend(record_of(CODE_LOAD, &[0x2000, 0x2000, 0x10, 1], b"other\0"));
        file.extend(record_of(CODE_MOVE, &[0, 0x2000, 0x3000, 0x10, 1], b""));
        file
    }

    #[test]
    fn functions_are_where_they_were_loaded_and_where_they_moved() {
        let code = parse(&dump()).unwrap();
        assert_eq!(code.find(0x103f), Some("JS:~serve"));
        assert_eq!(code.find(0x1040), None);
        assert_eq!(code.find(0x3000), Some("other"));
    }

    #[test]
    fn every_cut_and_every_flipped_byte_is_survived() {
        let whole = dump();
        for len in 0..whole.len() {
            parse(&whole[..len]);
            let mut flipped = whole.clone();
            flipped[len] ^= 0xff;
            parse(&flipped);
        }
    }
}
