//! A symbol pack: what does not begin as one is the body of a head with a sound checksum, so that
//! what lies behind the checksum is reached, and then the blocks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use symbol_pack::{Pack, is_pack};

fuzz_target!(|input: &[u8]| {
    if is_pack(input) {
        read(input);
        return;
    }
    let Some((&len, input)) = input.split_first() else { return };
    let (head, blocks) = input.split_at(usize::from(len).min(input.len()));
    let mut pack = b"\x89p2psym\n\x01\0\0\0".to_vec();
    pack.extend((head.len() as u32).to_le_bytes());
    pack.extend(crc32fast::hash(head).to_le_bytes());
    pack.extend(head);
    pack.extend(blocks);
    read(&pack);
});

fn read(bytes: &[u8]) {
    let Ok(pack) = Pack::open(bytes) else { return };
    let _ = pack.check();
    let (mut cursor, mut lines) = (pack.cursor(), Vec::new());
    for address in [0, 1, 0x1234, u64::MAX] {
        lines.clear();
        let _ = cursor.find(address, &mut lines);
        let _ = pack.is_after_call(address);
    }
}
