//! Files that are packed as a whole: kernel modules (`.ko.xz`, `.ko.zst`, `.ko.gz`), and the symbol
//! table that Fedora's binaries carry in a section (`.gnu_debugdata`).

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::StreamingDecoder;

/// What is taken of an unpacked file. The largest kernel modules, with debug info, have some 100 MB.
const MAX_UNPACKED: u64 = 512 << 20;

/// As for compressed sections: a file that grows more than this is an attack or damage.
const MAX_RATIO: u64 = 100;

/// Memory for the dictionary of an xz file, in KiB; `xz -9` asks for 64 MiB.
const MAX_XZ_DICTIONARY: u32 = 80 << 10;

/// The unpacked bytes of a file in one of the three formats; `None` if it is in none.
///
/// # Errors
/// If the file is damaged, or grows beyond what an honest one does.
pub(crate) fn unpack(bytes: &[u8]) -> Option<io::Result<Vec<u8>>> {
    Some(match bytes {
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            read(bytes, XzReader::new_mem_limit(bytes, true, MAX_XZ_DICTIONARY))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => match StreamingDecoder::new(bytes) {
            Ok(decoder) => read(bytes, decoder),
            Err(error) => Err(io::Error::other(error)),
        },
        [0x1f, 0x8b, ..] => read(bytes, MultiGzDecoder::new(bytes)),
        _ => return None,
    })
}

fn read(packed: &[u8], unpacked: impl Read) -> io::Result<Vec<u8>> {
    let most = MAX_UNPACKED.min((packed.len() as u64).saturating_mul(MAX_RATIO));
    let mut bytes = Vec::new();
    unpacked.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let grown = format!("grows beyond {most} bytes from {} packed ones", packed.len());
        return Err(io::Error::new(io::ErrorKind::InvalidData, grown));
    }
    Ok(bytes)
}
