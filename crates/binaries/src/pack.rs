//! Symbol packs in the place of the files that they were made from.

use profile::{ElfAddr, FileOffset};
use symbol_pack::{Pack, PackError, is_pack};

use crate::calls::{follows_call, has_known_calls};
use crate::elf_image::Facts;
use crate::{Layout, Machine, Match, Quality, Segment};

/// What a pack says of the file that it stands for; `None` if the bytes are none.
///
/// It has no code and no sections: what they would be asked for is in the pack, as answers.
pub(crate) fn facts(bytes: &[u8]) -> Result<Option<Facts>, PackError> {
    if !is_pack(bytes) {
        return Ok(None);
    }
    let pack = Pack::open(bytes)?;
    let packed = pack.facts();
    let segments = packed.segments.iter().map(|segment| Segment {
        offset: FileOffset(segment.offset),
        file_size: segment.file_size,
        address: ElfAddr(segment.address),
        memory_size: segment.memory_size,
        executable: segment.executable,
    });
    let quality = Quality::ALL.get(usize::from(packed.quality));
    Ok(Some(Facts {
        build_id: packed.build_id,
        machine: Machine(packed.machine),
        layout: Layout::new(segments.collect()),
        has_code: false,
        is_package: false,
        quality: *quality.ok_or(PackError::Damaged("head"))?,
        debug_link: None,
        packed_name: Some(packed.name.clone()),
    }))
}

/// What a pack of these files has to say of them, so that a recording is checked against it as
/// against them; and all places in the file behind a call, sorted.
pub fn pack_facts(found: &Match) -> (symbol_pack::Facts, Vec<u64>) {
    let segments = found.layout.segments().iter().map(|segment| symbol_pack::Segment {
        offset: segment.offset.0,
        file_size: segment.file_size,
        address: segment.address.0,
        memory_size: segment.memory_size,
        executable: segment.executable,
    });
    let named = found.code().unwrap_or(&found.image);
    let quality = Quality::ALL.iter().position(|quality| *quality == found.quality());
    let mut facts = symbol_pack::Facts {
        build_id: found.image.build_id(),
        machine: found.image.machine().0,
        quality: quality.and_then(|quality| quality.try_into().ok()).unwrap_or(0),
        has_calls: found.code().is_some() && has_known_calls(found.image.machine()),
        signal_returns: Vec::new(),
        name: named.name().to_owned(),
        segments: segments.collect(),
    };
    let mut calls = Vec::new();
    if let Some(code) = found.code().filter(|_| facts.has_calls) {
        for segment in code.layout().executable() {
            let first = segment.offset.0.saturating_add(1);
            // What is not in the file is no code of it.
            let end = first.saturating_add(segment.file_size).min(code.bytes().len() as u64 + 1);
            for place in first..end {
                match follows_call(code, code.machine(), FileOffset(place)) {
                    Some(true) => calls.push(place),
                    Some(false) => {}
                    None => facts.signal_returns.push(place),
                }
            }
        }
        for places in [&mut calls, &mut facts.signal_returns] {
            places.sort_unstable();
            places.dedup();
        }
    }
    (facts, calls)
}
