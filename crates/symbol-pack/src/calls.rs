//! The places in the file behind a call instruction, by which return addresses of a recording prove that it
//! was this binary that ran.

use crate::PackError;
use crate::number::{Numbers, put};

/// Addresses in a block.
pub(crate) const PER_BLOCK: usize = 4096;

/// What a block of calls is called in messages.
const CALLS: &str = "calls";

/// Writes a block of sorted addresses: the steps from each to the next. The first is in the
/// directory.
pub(crate) fn write(addresses: &[u64]) -> Vec<u8> {
    let mut block = Vec::new();
    for pair in addresses.windows(2) {
        put(&mut block, pair[1].wrapping_sub(pair[0]));
    }
    block
}

/// Reads a block that begins with the address `first`.
pub(crate) fn read(first: u64, block: &[u8]) -> Result<Vec<u64>, PackError> {
    let mut addresses = vec![first];
    let (mut numbers, mut address) = (Numbers(block), first);
    while !numbers.0.is_empty() {
        let next = numbers.take().and_then(|step| address.checked_add(step));
        address = next.ok_or(PackError::Damaged(CALLS))?;
        addresses.push(address);
    }
    Ok(addresses)
}
