//! A compressed section, unpacked as it is read: distributions' debug info unpacks to hundreds of
//! megabytes, of which one unit after the other is wanted.

use std::fmt;
use std::io::{self, Read, Take};

use flate2::bufread::ZlibDecoder;

use crate::ElfImage;

/// The packed bytes are given back when so many have served.
const RELEASED_AT_ONCE: usize = 4 << 20;

/// Reads the unpacked bytes of a section: no more than it claims to have.
pub struct SectionReader<'image> {
    image: &'image ElfImage,
    packed: &'image [u8],
    released: usize,
    unpacked: Take<ZlibDecoder<&'image [u8]>>,
}

impl<'image> SectionReader<'image> {
    pub(crate) fn new(image: &'image ElfImage, packed: &'image [u8], size: u64) -> Self {
        Self { image, packed, released: 0, unpacked: ZlibDecoder::new(packed).take(size) }
    }

    /// How many bytes are not read yet, if the section has what it claims.
    pub fn left(&self) -> u64 {
        self.unpacked.limit()
    }
}

impl Read for SectionReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.unpacked.read(buffer)?;
        let used = self.packed.len() - self.unpacked.get_ref().get_ref().len();
        if used - self.released >= RELEASED_AT_ONCE {
            self.image.release(&self.packed[self.released..used]);
            self.released = used;
        }
        Ok(count)
    }
}

impl fmt::Debug for SectionReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SectionReader({} of {:?})", self.left(), self.image.path())
    }
}
