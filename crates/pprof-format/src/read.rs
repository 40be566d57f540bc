//! Reading a profile back: plain or gzip-compressed, of bounded size.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use libdeflater::Decompressor;
use prost::Message;

use crate::proto::Profile;

/// The most bytes of a message, compressed or not, that [`read`] takes: forty times what an hour
/// of a busy Envoy gives. gzip blows a file up a thousandfold, and the decoded structs are larger
/// than their bytes again, so that without a bound a small file could take all memory.
pub const MAX_LEN: usize = 256 << 20;

/// Why a profile could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It begins as gzip does, and is broken further on.
    #[error("the gzip data is broken")]
    Gzip(#[source] io::Error),
    /// It is longer than [`MAX_LEN`].
    #[error("the profile is longer than {MAX_LEN} bytes")]
    TooLong,
    /// It is no `profile.proto` message.
    #[error("not a profile.proto message")]
    Message(#[from] prost::DecodeError),
    /// It is read, and what was to be written cannot be.
    #[error("cannot be written")]
    Write(#[from] io::Error),
}

/// Reads a profile from the bytes of its file. Whether its ids and indices point at anything is
/// for the caller to find out ([`Profile::text`] helps).
pub fn read(bytes: &[u8]) -> Result<Profile, Error> {
    decode(&inflate(bytes)?)
}

/// The message in the bytes of a file, longer than [`MAX_LEN`] by one byte at most.
pub fn inflate(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(Cow::Borrowed(bytes));
    }
    if let Some(message) = inflate_at_once(bytes) {
        return Ok(Cow::Owned(message));
    }
    let mut message = Vec::new();
    let limit = MAX_LEN as u64 + 1;
    MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut message).map_err(Error::Gzip)?;
    Ok(Cow::Owned(message))
}

/// The message of a file that is one gzip member, as nearly all are, in half the time: its end
/// tells how long it is. `None` if that does not prove true, or if there may be another member.
fn inflate_at_once(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.windows(MEMBER.len()).skip(1).any(|begin| begin == MEMBER) {
        return None;
    }
    let len = usize::try_from(u32::from_le_bytes(*bytes.last_chunk()?)).ok()?;
    if len > MAX_LEN || len / MAX_RATIO > bytes.len() {
        return None;
    }
    let mut message = vec![0; len];
    let written = Decompressor::new().gzip_decompress(bytes, &mut message).ok()?;
    (written == len).then_some(message)
}

/// How a member of a gzip file begins, if it is deflated.
const MEMBER: [u8; 3] = [0x1f, 0x8b, 8];

/// Deflate makes no more than so many bytes of one.
const MAX_RATIO: usize = 1032;

pub(crate) fn decode(message: &[u8]) -> Result<Profile, Error> {
    if message.len() > MAX_LEN {
        return Err(Error::TooLong);
    }
    Ok(Profile::decode(message)?)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(message: &[u8]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(message).unwrap();
        out.finish().unwrap()
    }

    #[test]
    fn every_member_counts() {
        let (one, other) = (gzip(b"a message"), gzip(b"as long a"));
        assert_eq!(inflate_at_once(&one).unwrap(), b"a message");
        for members in [[&one[..], &other], [&one, &one]] {
            let file = members.concat();
            assert!(inflate_at_once(&file).is_none());
            assert_eq!(inflate(&file).unwrap().len(), 18);
        }
        // What follows a member and is none is broken, as before.
        assert!(inflate(&[&one[..], b"garbage"].concat()).is_err());
    }

    #[test]
    fn a_length_is_a_claim() {
        let mut file = gzip(&vec![7; 100_000]);
        let end = file.len();
        for claim in [0, 99_999, 100_001, u32::MAX] {
            file[end - 4..].copy_from_slice(&claim.to_le_bytes());
            assert!(inflate_at_once(&file).is_none());
            assert!(inflate(&file).is_err());
        }
    }
}
