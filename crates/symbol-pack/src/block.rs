//! A block: deflated bytes with a checksum, which never unpack to more than they say, nor to more
//! than a block may have.

use std::cell::RefCell;

use flate2::{Compress, Compression, FlushCompress, Status};
use libdeflater::Decompressor;

use crate::PackError;

/// No block unpacks to more than this.
pub(crate) const MAX_BLOCK: usize = 1 << 20;

/// Where a block is, and what it has to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The first address in it; 0 where blocks are found by number.
    pub(crate) first: u64,
    /// Where its bytes begin, counted from the end of the head.
    pub(crate) start: u64,
    /// How many bytes of the file it takes.
    pub(crate) stored: u32,
    /// How many it unpacks to.
    pub(crate) unpacked: u32,
    /// The CRC-32 of the bytes in the file.
    pub(crate) crc: u32,
}

/// Packs blocks; one that does not shrink is stored deflated all the same.
pub(crate) struct Packer(Compress);

impl Packer {
    pub(crate) fn new() -> Self {
        Self(Compress::new(Compression::best(), false))
    }

    /// Appends a block to `out`, and says where it is.
    pub(crate) fn pack(&mut self, first: u64, block: &[u8], out: &mut Vec<u8>) -> Place {
        debug_assert!(block.len() <= MAX_BLOCK, "a block of {} bytes", block.len());
        self.0.reset();
        let start = out.len();
        // Deflate adds five bytes to each 16 KiB that it cannot shrink.
        out.reserve(block.len() + block.len() / 1000 + 64);
        while let Ok(Status::Ok | Status::BufError) = {
            let done = usize::try_from(self.0.total_in()).unwrap_or(usize::MAX);
            let rest = block.get(done..).unwrap_or_default();
            self.0.compress_vec(rest, out, FlushCompress::Finish)
        } {
            out.reserve(1024);
        }
        let stored = &out[start..];
        let len = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Place {
            first,
            start: start as u64,
            stored: len(stored.len()),
            unpacked: len(block.len()),
            crc: crc32fast::hash(stored),
        }
    }
}

thread_local! {
    /// Its tables serve all blocks.
    static INFLATER: RefCell<Decompressor> = RefCell::new(Decompressor::new());
}

/// Unpacks the block at `place` of `data`.
///
/// # Errors
/// If it is damaged. `what` says in whose message.
pub(crate) fn unpack(data: &[u8], place: Place, what: &'static str) -> Result<Vec<u8>, PackError> {
    let damaged = PackError::Damaged(what);
    let start = usize::try_from(place.start).map_err(|_| damaged)?;
    let end = start.checked_add(place.stored as usize).ok_or(damaged)?;
    let stored = data.get(start..end).ok_or(damaged)?;
    if crc32fast::hash(stored) != place.crc {
        return Err(PackError::Checksum(what));
    }
    let len = place.unpacked as usize;
    if len > MAX_BLOCK {
        return Err(damaged);
    }
    let mut block = vec![0; len];
    match INFLATER.with_borrow_mut(|inflater| inflater.deflate_decompress(stored, &mut block)) {
        Ok(written) if written == len => Ok(block),
        _ => Err(damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_back_and_damaged_ones_do_not() {
        let (mut packer, mut data) = (Packer::new(), Vec::new());
        let noise = (0_u32..70_000).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]);
        let noise: Vec<u8> = noise.collect();
        let blocks = [Vec::new(), vec![7; 300_000], noise, b"a".to_vec()];
        let places: Vec<_> = blocks.iter().map(|block| packer.pack(0, block, &mut data)).collect();
        for (block, place) in blocks.iter().zip(&places) {
            assert_eq!(unpack(&data, *place, "x").as_ref(), Ok(block));
        }
        let more = Place { unpacked: 300_001, ..places[1] };
        assert_eq!(unpack(&data, more, "x"), Err(PackError::Damaged("x")));
        let less = Place { unpacked: 299_999, ..places[1] };
        assert_eq!(unpack(&data, less, "x"), Err(PackError::Damaged("x")));
        let huge = Place { unpacked: u32::MAX, ..places[1] };
        assert_eq!(unpack(&data, huge, "x"), Err(PackError::Damaged("x")));
        let outside = Place { start: u64::MAX, ..places[1] };
        assert_eq!(unpack(&data, outside, "x"), Err(PackError::Damaged("x")));
        let at = usize::try_from(places[2].start).unwrap() + 100;
        data[at] ^= 1;
        assert_eq!(unpack(&data, places[2], "x"), Err(PackError::Checksum("x")));
    }
}
