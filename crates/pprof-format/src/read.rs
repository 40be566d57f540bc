//! Reading a profile back: plain or gzip-compressed, of bounded size.

use std::borrow::Cow;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
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
    let mut message = Vec::new();
    let limit = MAX_LEN as u64 + 1;
    MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut message).map_err(Error::Gzip)?;
    Ok(Cow::Owned(message))
}

pub(crate) fn decode(message: &[u8]) -> Result<Profile, Error> {
    if message.len() > MAX_LEN {
        return Err(Error::TooLong);
    }
    Ok(Profile::decode(message)?)
}
