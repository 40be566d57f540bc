#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use super::*;
use pprof_format::{Amendment, amend, encode};
use profile::Reason;

/// A profile as `perf_to_profile` writes it: samples of a program and the kernel, by the addresses
/// of their locations.
fn theirs(samples: &[&[u64]]) -> proto::Profile {
    let texts = [
        "",
        "cycles_sample",
        "cycles_event",
        "count",
        "/bin/envoy",
        "9e55",
        "[kernel.kallsyms]_text",
    ];
    let kind = |r#type| proto::ValueType { r#type, unit: 3 };
    let mut old = proto::Profile {
        string_table: texts.map(str::to_owned).to_vec(),
        sample_type: vec![kind(1), kind(2)],
        mapping: vec![
            proto::Mapping {
                id: 1,
                memory_start: 0x5000,
                memory_limit: 0x9000,
                file_offset: 0x1000,
                filename: 4,
                build_id: 5,
                ..Default::default()
            },
            proto::Mapping {
                id: 2,
                memory_start: KERNEL,
                memory_limit: u64::MAX,
                filename: 6,
                ..Default::default()
            },
        ],
        ..Default::default()
    };
    for stack in samples {
        let ids = stack.iter().map(|&address| {
            if let Some(known) = old.location.iter().find(|row| row.address == address) {
                return known.id;
            }
            let id = old.location.len() as u64 + 1;
            let mapping_id = if address >= KERNEL { 2 } else { 1 };
            old.location.push(proto::Location { id, mapping_id, address, ..Default::default() });
            id
        });
        let location_id = ids.collect();
        old.sample.push(proto::Sample { location_id, value: vec![1, 7], ..Default::default() });
    }
    old
}

/// The frames of a profile: how each is to be read, and where it is looked up.
fn frames(old: &proto::Profile) -> Vec<(FrameKind, u64)> {
    let imported = Imported::new(old);
    let rows = imported.frames.iter().map(|frame| imported.profile.frames[frame.unwrap()]);
    rows.map(|frame| (frame.kind, frame.lookup_offset().0)).collect()
}

#[test]
fn leaves_are_exact_callers_return_and_what_the_kernel_interrupted_gets_its_byte_back() {
    let mut old = theirs(&[&[0x5010, 0x5020], &[KERNEL + 9, 0x502f, 0x5020]]);
    let (ip, ret) = (FrameKind::InstructionPointer, FrameKind::ReturnAddress);
    assert_eq!(frames(&old), [(ip, 0x1010), (ret, 0x1020), (ip, KERNEL + 9), (ip, 0x1030)]);
    // Who states a time is somebody else, and does not take a byte too many.
    old.time_nanos = 1;
    assert_eq!(frames(&old)[3], (ip, 0x102f));
    // What is a caller elsewhere is one.
    old.time_nanos = 0;
    old.sample.extend(theirs(&[&[0x5010, 0x5020, KERNEL + 9, 0x502f]]).sample);
    old.sample[2].location_id = vec![1, 4];
    assert_eq!(frames(&old)[3], (ret, 0x102f));
}

#[test]
fn samples_weigh_what_is_shown_first_and_build_ids_are_hexadecimal() {
    let imported = Imported::new(&theirs(&[&[0x5010], &[0x5010]]));
    let total = imported.profile.samples.total(0);
    assert_eq!((total.count, total.weight), (2, 14));
    assert_eq!(imported.profile.events[0].name, "cycles");
    let binary = &imported.profile.binaries[imported.profile.main_binary.unwrap()];
    assert_eq!(binary.build_id.map(|id| id.to_string()).as_deref(), Some("9e55"));
    assert_eq!(parse_build_id("9E5"), None);
    assert_eq!(parse_build_id("kfMkNGNwqL-1aZ7hCV2x/1bQ"), None);
    assert_eq!(parse_build_id("+1+2"), None);
    assert_eq!(parse_build_id(""), None);
}

/// Damaged profiles are read, imported and added to, or refused: nothing panics.
#[test]
fn damaged_profiles_do_no_harm() {
    let whole = encode(&theirs(&[&[0x5010, 0x5020], &[KERNEL + 9, 0x502f, 0x5020]]));
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut imported = 0;
    for _ in 0..40_000 {
        let mut bytes = whole.clone();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            bytes[at] = u8::try_from(random(256)).unwrap();
        }
        let Ok(old) = pprof_format::read(&bytes) else { continue };
        let Imported { profile, frames, .. } = Imported::new(&old);
        assert!(profile.check() && frames.len() == old.location.len());
        let symbols = &Symbols::none(&profile, Reason::NoFile);
        let amendment = Amendment { profile: &profile, symbols, frames: &frames, comments: &[] };
        amend(&bytes, &amendment, Vec::new()).unwrap();
        imported += 1;
    }
    assert!(imported > 5_000, "{imported}");
}
