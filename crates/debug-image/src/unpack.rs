//! Compressed bytes, unpacked as they are read, within bounds.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::rc::Rc;

use bzip2::bufread::MultiBzDecoder;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::tar_stream::is_header;

/// Machine code and debug info shrink to a third; what shrinks further than this is an attack.
const MAX_RATIO: u64 = 200;

/// What any archive may unpack to, whatever its size: a file of zeros in it is no attack.
const ALWAYS_ALLOWED: u64 = 1 << 30;

/// No layer is larger.
const MAX_UNPACKED: u64 = 128 << 30;

/// Memory for the dictionary of an xz file, in KiB; `xz -9` asks for 64 MiB.
const MAX_XZ_DICTIONARY: u32 = 80 << 10;

/// How a file begins, which is what it is, whatever it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Tar,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    /// Compressed in a way that is not read, by the name of the tool that does.
    Foreign(&'static str),
    /// Something else: perhaps an ELF file.
    Other,
}

impl Form {
    pub(crate) fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Self::Bzip2,
            [b'P', b'K', 3, 4, ..] => Self::Foreign("zip"),
            _ if is_header(start) => Self::Tar,
            // An empty archive.
            _ if start.len() == 512 && start.iter().all(|&byte| byte == 0) => Self::Tar,
            _ => Self::Other,
        }
    }
}

/// The start of a file, and the whole of it.
type Whole<R> = BufReader<Chain<Cursor<Vec<u8>>, R>>;

/// Bytes that were compressed, or not.
pub(crate) struct Unpacked<R: Read> {
    decoder: Decoder<Counted<Whole<R>>>,
    /// Compressed bytes that were taken.
    consumed: Rc<Cell<u64>>,
    produced: u64,
}

enum Decoder<R: Read> {
    Plain(R),
    Gzip(Box<MultiGzDecoder<R>>),
    Zstd(Box<ZstdFrames<R>>),
    Xz(Box<XzReader<R>>),
    Bzip2(Box<MultiBzDecoder<R>>),
}

impl<R: Read> Unpacked<R> {
    /// Unpacks `input`, by how it begins.
    ///
    /// # Errors
    /// If it cannot be read, or is compressed in a way that is not known.
    pub(crate) fn new(mut input: R) -> io::Result<Self> {
        let start = start_of(&mut input)?;
        let form = Form::of(&start);
        let input = Cursor::new(start).chain(input);
        let consumed = Rc::new(Cell::new(0));
        let inner = BufReader::with_capacity(1 << 17, input);
        let input = Counted { inner, consumed: Rc::clone(&consumed) };
        let decoder = match form {
            Form::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(input))),
            Form::Zstd => Decoder::Zstd(Box::new(ZstdFrames::new(input))),
            Form::Xz => {
                Decoder::Xz(Box::new(XzReader::new_mem_limit(input, true, MAX_XZ_DICTIONARY)))
            }
            Form::Bzip2 => Decoder::Bzip2(Box::new(MultiBzDecoder::new(input))),
            Form::Tar => Decoder::Plain(input),
            Form::Foreign(tool) => return Err(invalid(&format!("it is compressed with {tool}"))),
            Form::Other => {
                return Err(invalid(
                    "it is no tar archive, nor compressed with gzip, zstd, xz or bzip2",
                ));
            }
        };
        Ok(Self { decoder, consumed, produced: 0 })
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = match &mut self.decoder {
            Decoder::Plain(input) => input.read(bytes)?,
            Decoder::Gzip(decoder) => decoder.read(bytes)?,
            Decoder::Zstd(frames) => frames.read(bytes)?,
            Decoder::Xz(reader) => reader.read(bytes)?,
            Decoder::Bzip2(decoder) => decoder.read(bytes)?,
        };
        self.produced += len as u64;
        let consumed = self.consumed.get();
        if self.produced > ALWAYS_ALLOWED && self.produced / MAX_RATIO > consumed {
            return Err(invalid(&format!(
                "{consumed} bytes of it unpack to more than {}, as nothing but an attack does",
                self.produced
            )));
        }
        if self.produced > MAX_UNPACKED {
            return Err(invalid(&format!("it unpacks to more than {MAX_UNPACKED} bytes")));
        }
        Ok(len)
    }
}

/// What a file is, by how it and what is compressed in it begin: the form of the latter.
///
/// # Errors
/// If the file cannot be read, or what is compressed in it cannot.
pub(crate) fn inner_form(input: &mut impl Read) -> io::Result<Form> {
    let start = start_of(input)?;
    match Form::of(&start) {
        Form::Gzip | Form::Zstd | Form::Xz | Form::Bzip2 => {
            let unpacked = start_of(&mut Unpacked::new(Cursor::new(start).chain(input))?)?;
            Ok(Form::of(&unpacked))
        }
        form => Ok(form),
    }
}

/// At most the first 512 bytes.
pub(crate) fn start_of(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    input.take(512).read_to_end(&mut start)?;
    Ok(start)
}

/// Counts what is taken.
struct Counted<R> {
    inner: R,
    consumed: Rc<Cell<u64>>,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(bytes)?;
        self.consumed.set(self.consumed.get() + len as u64);
        Ok(len)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.consumed.set(self.consumed.get() + bytes as u64);
        self.inner.consume(bytes);
    }
}

/// The frames of a zstd file, one behind the other; `zstd -T0` and `pzstd` write several.
///
/// A frame's window is the memory that unpacking it takes; 128 MiB, which is what `zstd --long`
/// asks for, is the most that is given.
struct ZstdFrames<R> {
    source: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
}

impl<R: BufRead> ZstdFrames<R> {
    fn new(source: R) -> Self {
        Self { source, decoder: FrameDecoder::new(), is_in_frame: false }
    }

    /// Goes to the next frame; `false` at the end.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.source.by_ref().take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(error) => return Err(invalid(&format!("it is damaged: {error}"))),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for ZstdFrames<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_in_frame {
                if !self.next_frame()? {
                    return Ok(0);
                }
                self.is_in_frame = true;
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                self.decoder
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| invalid(&format!("it is damaged: {error}")))?;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(bytes);
            }
            self.is_in_frame = false;
        }
    }
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
