//! gzip, of which the largest part is made and compressed by several threads.
//!
//! What is written is one deflate stream. Its blocks are compressed each on its own, as far as that no block refers to
//! the one before, and put one behind the other: any reader takes that for one file. Where a block begins depends on
//! what is written, and not on the number of threads, so that the same profile gives the same file.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::sync::mpsc::sync_channel;
use std::thread;

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};

/// On real profiles level 3 gives the size of level 6 at five times its speed.
const LEVEL: u32 = 3;

/// The compressor is called for pieces of this size, not for each field.
const PIECE: usize = 64 << 10;

/// The magic number, deflate, no flags, no time stamp (the same profile is to give the same file), no level, no system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// So many blocks are made ahead by each thread: fewer make it wait on a busy machine.
const AHEAD: usize = 2;

/// A gzip file that is being written.
pub(crate) struct Gzip<W> {
    out: W,
    /// What is still to be compressed.
    pending: Vec<u8>,
    deflate: Deflate,
    sum: Hasher,
    /// The length of the content, of which gzip keeps 32 bits.
    len: u32,
}

impl<W: Write> Gzip<W> {
    /// Begins a file.
    pub(crate) fn new(mut out: W) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        let (sum, len) = (Hasher::new(), 0);
        Ok(Self { out, pending: Vec::with_capacity(PIECE), deflate: Deflate::new(), sum, len })
    }

    /// Writes so many blocks, each of which `make` gives for its number, by so many threads.
    pub(crate) fn write_blocks(
        &mut self,
        count: usize,
        threads: NonZeroUsize,
        make: &(impl Fn(usize) -> Vec<u8> + Sync),
    ) -> io::Result<()> {
        if count <= 1 {
            return (0..count).try_for_each(|number| self.write_all(&make(number)));
        }
        // Up to here, and on the border of a byte.
        self.compress(FlushCompress::Sync)?;
        self.deflate = Deflate::new();
        let threads = threads.get().min(count);
        if threads == 1 {
            return (0..count).try_for_each(|number| self.append(&Block::of(&make(number))?));
        }
        thread::scope(|scope| {
            let channels: Vec<_> = (0..threads)
                .map(|first| {
                    let (sender, receiver) = sync_channel(AHEAD);
                    scope.spawn(move || {
                        let mut blocks =
                            (first..count).step_by(threads).map(|number| Block::of(&make(number)));
                        // Nobody wants more after an error.
                        blocks.all(|block| sender.send(block).is_ok())
                    });
                    receiver
                })
                .collect();
            for channel in channels.iter().cycle().take(count) {
                let ended = |_| io::Error::other("a thread that compresses has ended");
                self.append(&channel.recv().map_err(ended)??)?;
            }
            Ok(())
        })
    }

    /// Ends the file.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.compress(FlushCompress::Finish)?;
        self.out.write_all(&self.sum.finalize().to_le_bytes())?;
        self.out.write_all(&self.len.to_le_bytes())?;
        self.out.flush()
    }

    fn append(&mut self, block: &Block) -> io::Result<()> {
        self.sum.combine(&block.sum);
        self.len = self.len.wrapping_add(low_bits(block.len));
        self.out.write_all(&block.deflated)
    }

    fn compress(&mut self, flush: FlushCompress) -> io::Result<()> {
        self.sum.update(&self.pending);
        self.len = self.len.wrapping_add(low_bits(self.pending.len()));
        self.deflate.add(&self.pending, flush)?;
        self.pending.clear();
        self.out.write_all(&self.deflate.bytes)?;
        self.deflate.bytes.clear();
        Ok(())
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.pending.len());
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() == PIECE {
            self.compress(FlushCompress::None)?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A part of the stream, on the border of a byte at both ends.
struct Block {
    deflated: Vec<u8>,
    sum: Hasher,
    len: usize,
}

impl Block {
    fn of(bytes: &[u8]) -> io::Result<Self> {
        let mut deflate = Deflate::new();
        deflate.add(bytes, FlushCompress::Sync)?;
        let mut sum = Hasher::new();
        sum.update(bytes);
        Ok(Self { deflated: deflate.bytes, sum, len: bytes.len() })
    }
}

/// A compressor, and what it gave.
struct Deflate {
    compress: Compress,
    bytes: Vec<u8>,
}

impl Deflate {
    fn new() -> Self {
        Self { compress: Compress::new(Compression::new(LEVEL), false), bytes: Vec::new() }
    }

    /// Compresses all of `content`, and with [`FlushCompress::Sync`] up to the border of a byte. (flate2's writers
    /// ask for that border once, and leave it out where the output is larger than their buffer.)
    fn add(&mut self, mut content: &[u8], flush: FlushCompress) -> io::Result<()> {
        loop {
            self.bytes.reserve(PIECE);
            let before = self.compress.total_in();
            let status = self.compress.compress_vec(content, &mut self.bytes, flush)?;
            let taken = usize::try_from(self.compress.total_in() - before).unwrap_or(usize::MAX);
            content = content.get(taken..).unwrap_or_default();
            let has_room = self.bytes.len() < self.bytes.capacity();
            match flush {
                FlushCompress::Finish if status == Status::StreamEnd => return Ok(()),
                FlushCompress::Finish => {}
                _ if content.is_empty() && has_room => return Ok(()),
                _ => {}
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "gzip keeps the length modulo 2^32")]
fn low_bits(len: usize) -> u32 {
    len as u32
}

#[cfg(test)]
mod tests {
    use flate2::GzBuilder;
    use flate2::read::GzDecoder;
    use std::io::Read;

    use super::*;

    fn text(number: usize) -> Vec<u8> {
        (0..10_000 * (number % 5))
            .flat_map(|line| format!("{number} {line}\n").into_bytes())
            .collect()
    }

    fn written(count: usize, threads: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut gzip = Gzip::new(&mut bytes).unwrap();
        gzip.write_all(&text(3)).unwrap();
        gzip.write_blocks(count, NonZeroUsize::new(threads).unwrap(), &text).unwrap();
        gzip.write_all(&text(4)).unwrap();
        gzip.finish().unwrap();
        bytes
    }

    #[test]
    fn any_number_of_blocks_and_threads_is_one_file() {
        for count in [0, 1, 2, 7] {
            let bytes = written(count, 1);
            for threads in [2, 3, 16] {
                assert!(written(count, threads) == bytes, "{count} blocks, {threads} threads");
            }
            let mut content = Vec::new();
            // A reader that takes a file of one member, and no more.
            let mut decoder = GzDecoder::new(bytes.as_slice());
            decoder.read_to_end(&mut content).unwrap();
            assert!(decoder.into_inner().is_empty());
            let blocks = (0..count).flat_map(text);
            let expected: Vec<u8> = text(3).into_iter().chain(blocks).chain(text(4)).collect();
            assert!(content == expected, "{count} blocks");
        }
    }

    #[test]
    fn without_blocks_it_is_what_flate2_writes() {
        let mut gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::new(LEVEL));
        gzip.write_all(&text(3)).unwrap();
        gzip.write_all(&text(4)).unwrap();
        assert!(written(0, 1) == gzip.finish().unwrap());
    }
}
