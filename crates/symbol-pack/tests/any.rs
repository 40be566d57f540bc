//! Any answers come back, and no bytes make the reader panic, hang or take memory.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::collections::BTreeMap;

use profile::BuildId;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use symbol_pack::{Answer, Facts, Line, Pack, PackError, PackWriter, Segment, is_pack};

/// An answer as a test owns it: name, path, line of the declaration, line; or where the unnamed
/// function begins.
#[derive(Clone, Debug, PartialEq)]
enum Told {
    Lines(Vec<(String, String, u32, u32)>),
    Unnamed(Option<u64>),
}

fn told() -> impl Strategy<Value = Told> {
    let text = prop_oneof![Just(String::new()), "_ZN[ab]{0,4}", any::<String>()];
    let number = prop_oneof![0..9_u32, any::<u32>()];
    let line = (text.clone(), text, number.clone(), number);
    prop_oneof![
        4 => vec(line, 1..5).prop_map(Told::Lines),
        1 => proptest::option::of(any::<u64>()).prop_map(Told::Unnamed),
    ]
}

fn facts() -> Facts {
    Facts {
        build_id: BuildId::new(&[7; 20]),
        machine: 62,
        quality: 5,
        has_calls: true,
        signal_returns: vec![0x77, 0x1234],
        name: "envoy".to_owned(),
        segments: vec![Segment {
            offset: 0x1000,
            file_size: 0x500,
            address: 0x2000,
            memory_size: 0x600,
            executable: true,
        }],
    }
}

fn pack(answers: &BTreeMap<u64, Told>, calls: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut writer = PackWriter::new(facts());
    for (&start, told) in answers {
        match told {
            Told::Lines(lines) => {
                let lines: Vec<_> = lines
                    .iter()
                    .map(|(system_name, path, start_line, line)| Line {
                        name: path,
                        system_name,
                        path,
                        start_line: *start_line,
                        line: *line,
                    })
                    .collect();
                writer.add(start, Answer::Lines(&lines));
            }
            Told::Unnamed(function_start) => {
                writer.add(start, Answer::Unnamed { function_start: *function_start });
            }
        }
    }
    calls.into_iter().for_each(|address| writer.add_call(address));
    let mut bytes = Vec::new();
    writer.finish(&mut bytes).unwrap();
    bytes
}

fn find(pack: &Pack<'_>, address: u64) -> Result<Told, PackError> {
    let mut lines = Vec::new();
    let function_start = pack.cursor().find(address, &mut lines)?;
    let owned = |(_, line): &(u32, Line<'_>)| {
        (line.system_name.to_owned(), line.path.to_owned(), line.start_line, line.line)
    };
    Ok(if lines.is_empty() {
        Told::Unnamed(function_start)
    } else {
        Told::Lines(lines.iter().map(owned).collect())
    })
}

/// A pack of several blocks of each kind.
fn large() -> (BTreeMap<u64, Told>, Vec<u64>, Vec<u8>) {
    let line = |n: u64, depth: u64| {
        let function = (n / 7 + depth * 31) % 900;
        (format!("_ZN5Envoy{function}fE"), format!("{}.cc", function / 9), 3, (n % 50) as u32)
    };
    let answers = (0..3000)
        .map(|n| (n * 5, Told::Lines((0..=n % 6).map(|depth| line(n, depth)).collect())))
        .collect();
    let calls: Vec<u64> = (0..10_000).map(|n| n * 3 + n % 2).collect();
    let bytes = pack(&answers, calls.iter().copied());
    (answers, calls, bytes)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn answers_come_back(
        answers in btree_map(any::<u64>(), told(), 0..80),
        near in btree_map(0..2000_u64, told(), 0..700),
        asked in vec(any::<u64>(), 0..50),
    ) {
        for answers in [answers, near] {
            let bytes = pack(&answers, []);
            let pack = Pack::open(&bytes).unwrap();
            pack.check().unwrap();
            prop_assert_eq!(pack.facts(), &facts());
            let starts = answers.keys().flat_map(|&at| [at.wrapping_sub(1), at, at.wrapping_add(1)]);
            for address in starts.chain(asked.iter().copied()) {
                let expected = answers.range(..=address).next_back().map(|(_, told)| told.clone());
                prop_assert_eq!(find(&pack, address), Ok(expected.unwrap_or(Told::Unnamed(None))));
            }
        }
    }

    #[test]
    fn no_bytes_are_too_much(mut bytes in vec(any::<u8>(), 0..200), head in any::<bool>()) {
        if head {
            bytes.splice(0..0, *b"\x89p2psym\n\x01\0\0\0");
        }
        if let Ok(pack) = Pack::open(&bytes) {
            let _ = pack.check();
        }
    }
}

#[test]
fn several_blocks_come_back() {
    let (answers, calls, bytes) = large();
    let pack = Pack::open(&bytes).unwrap();
    for (&address, told) in &answers {
        assert_eq!(find(&pack, address + 4).as_ref(), Ok(told), "{address:#x}");
    }
    for address in 0..31_000 {
        let is_signal_return = [0x77, 0x1234].contains(&address);
        let expected = (!is_signal_return).then(|| calls.binary_search(&address).is_ok());
        assert_eq!(pack.is_after_call(address), Ok(expected), "{address:#x}");
    }
}

#[test]
fn damage_is_noticed() {
    let (answers, _, bytes) = large();
    let unharmed = Pack::open(&bytes).unwrap();
    unharmed.check().unwrap();
    for at in (0..100).chain((100..bytes.len()).step_by(41)) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let outcome = Pack::open(&bytes).and_then(|pack| {
            // And what is answered all the same is right.
            for (&address, told) in answers.iter().step_by(499) {
                if let Ok(found) = find(&pack, address) {
                    assert_eq!(found, *told, "{address:#x} with byte {at} changed");
                }
            }
            pack.check()
        });
        assert!(outcome.is_err(), "byte {at}");
    }
}

#[test]
fn a_pack_that_is_cut_short_says_so() {
    let bytes = large().2;
    for len in (0..bytes.len()).step_by(37).chain([bytes.len() - 1]) {
        let error = Pack::open(&bytes[..len]).unwrap_err();
        let expected = if len < 8 { "not a symbol pack" } else { "a symbol pack of" };
        assert!(error.to_string().starts_with(expected), "{len}: {error}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(Pack::open(&longer), Err(PackError::Length { .. })));
}

#[test]
fn another_version_is_refused_by_its_number() {
    let mut bytes = large().2;
    bytes[8] = 2;
    assert!(is_pack(&bytes));
    let error = Pack::open(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "a symbol pack of version 2, where version 1 is read");
}

/// Bytes of a pack whose checksums are right again: what an attacker, not a bad disk, makes.
#[test]
fn sound_checksums_do_not_make_sense() {
    let bytes = large().2;
    let head_len = u32::from_le_bytes(bytes[12..16].try_into().unwrap()) as usize;
    for at in (20..20 + head_len).step_by(3) {
        for change in [1, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= change;
            let crc = crc32fast::hash(&bytes[20..20 + head_len]);
            bytes[16..20].copy_from_slice(&crc.to_le_bytes());
            if let Ok(pack) = Pack::open(&bytes) {
                let _ = (pack.check(), find(&pack, 1234), pack.is_after_call(99));
            }
        }
    }
}
