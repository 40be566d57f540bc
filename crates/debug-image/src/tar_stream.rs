//! A tar archive, entry by entry, as it streams by.
//!
//! The headers are parsed by the `tar` crate; the loop around them is ours, because that crate's
//! own reads names of any claimed length into memory and expands sparse files while it skips them.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use tar::{EntryType, Header, PaxExtensions};

const BLOCK: usize = 512;

/// A name of a file system has at most 4096 bytes; extended headers may carry attributes as well.
const MAX_EXTENSION: u64 = 1 << 20;

/// How many entries an archive may have. A Debian root has some 30,000.
const MAX_ENTRIES: u64 = 2_000_000;

/// Bytes that can be passed over.
pub(crate) trait Input: Read {
    /// Passes over bytes, all of which must be there.
    fn skip(&mut self, bytes: u64) -> io::Result<()>;
}

/// Bytes that must be read to be passed over.
pub(crate) struct Streamed<R>(pub(crate) R);

/// A part of a file.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'file> {
    file: &'file File,
    at: u64,
    end: u64,
}

/// An archive that is being read. Reading it gives the content of the current entry.
pub(crate) struct Tar<I> {
    input: I,
    /// Where the input is.
    position: u64,
    /// What is left of the entry's content.
    left: u64,
    /// What is left of the entry's content and the padding behind it.
    left_padded: u64,
    entries: u64,
}

/// Something in an archive.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its path, without a leading `/` or `./`, and with no `..` in it.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    /// Where its content begins.
    pub(crate) offset: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
    /// A symbolic link to this.
    Link(String),
    /// Hard links, devices, files with holes.
    Other,
}

/// What extended headers say of the next entry.
#[derive(Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    is_sparse: bool,
}

impl<R: Read> Input for Streamed<R> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let skipped = io::copy(&mut self.0.by_ref().take(bytes), &mut io::sink())?;
        if skipped < bytes { Err(cut_short()) } else { Ok(()) }
    }
}

impl<R: Read> Read for Streamed<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.read(bytes)
    }
}

impl<'file> Segment<'file> {
    /// The bytes from `at` to `end`.
    pub(crate) fn new(file: &'file File, at: u64, end: u64) -> Self {
        Self { file, at, end }
    }
}

impl Read for Segment<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(left);
        let len = self.file.read_at(&mut bytes[..wanted], self.at)?;
        self.at += len as u64;
        Ok(len)
    }
}

impl Input for Segment<'_> {
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        if bytes > self.end - self.at {
            return Err(cut_short());
        }
        self.at += bytes;
        Ok(())
    }
}

impl<I: Input> Tar<I> {
    pub(crate) fn new(input: I) -> Self {
        Self { input, position: 0, left: 0, left_padded: 0, entries: 0 }
    }

    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// If the archive is damaged or ends before its end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut extensions = Extensions::default();
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let claimed = header.entry_size().map_err(|_| damaged("a size is no number"))?;
            self.begin(claimed)?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.path = Some(self.extension()?),
                EntryType::GNULongLink => extensions.link = Some(self.extension()?),
                EntryType::XHeader => {
                    let bytes = self.extension()?;
                    extensions.add(&bytes);
                }
                EntryType::XGlobalHeader => {}
                kind => {
                    if kind == EntryType::GNUSparse {
                        self.skip_holes(&header)?;
                    }
                    if let Some(size) = extensions.size {
                        self.begin(size)?;
                    }
                    return self.entry(&header, kind, extensions).map(Some);
                }
            }
        }
    }

    fn entry(&self, header: &Header, kind: EntryType, extensions: Extensions) -> io::Result<Entry> {
        let path = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let link = || {
            let link = extensions.link.or_else(|| Some(header.link_name_bytes()?.into_owned()));
            text(&link.unwrap_or_default())
        };
        let kind = match kind {
            _ if extensions.is_sparse => Kind::Other,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Link(link()),
            _ => Kind::Other,
        };
        let path = inner_path(&text(&path)).ok_or_else(|| {
            damaged(&format!("`{}` leads out of it", text(&path).escape_default()))
        })?;
        Ok(Entry { path, kind, size: self.left, offset: self.position })
    }

    /// The next header; `None` at the end. Archives end in two blocks of zeros; some end without,
    /// and those of umoci without even the padding of the last file.
    fn header(&mut self) -> io::Result<Option<Header>> {
        let skipped = self.left_padded;
        let padding = self.left_padded - self.left;
        self.input.skip(self.left)?;
        match self.input.skip(padding) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            skipped => skipped?,
        }
        self.position += skipped;
        let mut header = Header::new_old();
        let block = header.as_mut_bytes();
        let mut filled = 0;
        while filled < block.len() {
            match self.input.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(cut_short()),
                Ok(len) => filled += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.position += BLOCK as u64;
        if block.iter().all(|&byte| byte == 0) {
            self.begin(0)?;
            return Ok(None);
        }
        if !has_checksum(&header) {
            return Err(damaged(&format!(
                "the tar header at byte {} has a wrong checksum",
                self.position - BLOCK as u64
            )));
        }
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(damaged(&format!("it has more than {MAX_ENTRIES} entries")));
        }
        Ok(Some(header))
    }

    /// Passes over the blocks behind the header of a file with holes, which say where those are.
    fn skip_holes(&mut self, header: &Header) -> io::Result<()> {
        let mut has_more = header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
        let mut block = [0; BLOCK];
        while has_more {
            self.input.read_exact(&mut block)?;
            self.position += BLOCK as u64;
            has_more = block[504] == 1;
        }
        Ok(())
    }

    fn begin(&mut self, size: u64) -> io::Result<()> {
        self.left = size;
        let padded = size.checked_next_multiple_of(BLOCK as u64);
        let end = padded.and_then(|padded| self.position.checked_add(padded));
        if end.is_none_or(|end| end > i64::MAX as u64) {
            return Err(damaged(&format!("an entry claims {size} bytes")));
        }
        self.left_padded = padded.unwrap_or(0);
        Ok(())
    }

    fn extension(&mut self) -> io::Result<Vec<u8>> {
        if self.left > MAX_EXTENSION {
            return Err(damaged(&format!("a name in it claims {} bytes", self.left)));
        }
        let mut bytes = Vec::new();
        self.by_ref().read_to_end(&mut bytes)?;
        if self.left > 0 {
            return Err(cut_short());
        }
        if let Some(end) = bytes.iter().position(|&byte| byte == 0) {
            bytes.truncate(end);
        }
        Ok(bytes)
    }
}

impl<I: Input> Read for Tar<I> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let wanted = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let len = self.input.read(&mut bytes[..wanted])?;
        if len == 0 {
            return Err(cut_short());
        }
        self.left -= len as u64;
        self.left_padded -= len as u64;
        self.position += len as u64;
        Ok(len)
    }
}

impl Extensions {
    fn add(&mut self, bytes: &[u8]) {
        for extension in PaxExtensions::new(bytes).map_while(Result::ok) {
            let value = extension.value_bytes();
            match extension.key_bytes() {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    self.size = str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                }
                key if key.starts_with(b"GNU.sparse") => self.is_sparse = true,
                _ => {}
            }
        }
    }
}

/// Whether a block is a tar header, by the sum of its bytes.
pub(crate) fn is_header(block: &[u8]) -> bool {
    let Some(block) = block.get(..512) else { return false };
    let mut header = Header::new_old();
    header.as_mut_bytes().copy_from_slice(block);
    has_checksum(&header)
}

fn has_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    // The checksum itself counts as eight spaces.
    let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
    let own: u32 = bytes[148..156].iter().map(|&byte| u32::from(byte)).sum();
    header.cksum().is_ok_and(|checksum| checksum == sum - own + 8 * u32::from(b' '))
}

/// A path inside an archive, tidied; `None` if it leads out.
pub(crate) fn inner_path(path: &str) -> Option<String> {
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let parts: Vec<_> = parts.collect();
    (!parts.contains(&"..")).then(|| parts.join("/"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn damaged(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends before its end")
}
