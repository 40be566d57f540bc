//! Checksums.

use std::fmt;

use ring::digest::{Context, SHA256};

/// A SHA-256 that is being computed.
#[derive(Clone)]
pub struct Sha256(Context);

impl Sha256 {
    /// That of nothing yet.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum, as 64 hexadecimal digits.
    pub fn hex(self) -> String {
        hex(self.0.finish().as_ref())
    }

    /// The checksum of `bytes`.
    pub fn of(bytes: &[u8]) -> String {
        let mut sha256 = Self::new();
        sha256.update(bytes);
        sha256.hex()
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256")
    }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-2, appendix B.1.
    #[test]
    fn the_standards_example() {
        assert_eq!(
            Sha256::of(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
