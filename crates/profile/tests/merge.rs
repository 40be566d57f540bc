//! Several profiles as one: nothing is lost, and how they are put together does not matter.
#![allow(missing_docs, clippy::unwrap_used)]

use profile::{
    Binary, BinaryKind, BuildId, Event, FileOffset, Frame, FrameKind, Id, Label, LabelValue,
    Mapping, Profile, Recording, RuntimeAddr, SampleKey, SampleValue, Sampling, Stack, Unit,
};
use proptest::prelude::*;

/// A sample: its frames (binary, offset), its label, its event, its value.
type Sample = (Vec<(usize, u64)>, u8, u32, (u64, u64));

fn event(name: &str) -> Event {
    Event {
        name: name.to_owned(),
        recorded_name: name.to_owned(),
        unit: Unit::Count,
        sampling: Sampling::Period(1),
    }
}

fn profile(samples: &[Sample]) -> Profile {
    let mut profile = Profile::new();
    profile.events = vec![event("cycles"), event("instructions")];
    profile.recording = Recording {
        start_unix_nanos: Some(samples.len() as u64),
        duration_nanos: Some(10),
        ..Recording::default()
    };
    let key = profile.strings.intern_ref("comm");
    for (frames, label, event, (count, weight)) in samples {
        let mut stack = Stack::EMPTY;
        for &(binary, offset) in frames {
            let frame = frame(&mut profile, binary, offset);
            let frame = profile.frames.intern(frame);
            stack = profile.stacks.intern(Stack { parent: stack, frame });
        }
        let text = profile.strings.intern(format!("thread {label}"));
        let label = Label { key, value: LabelValue::Text(text) };
        let labels = profile.labels.intern(vec![label].into());
        let key = SampleKey { stack, event: *event, labels };
        profile.samples.add(key, SampleValue { count: *count, weight: *weight });
    }
    assert!(profile.check());
    profile
}

/// Binary 0 is a marker, the others differ in build ID and path.
fn frame(profile: &mut Profile, binary: usize, offset: u64) -> Frame {
    if binary == 0 {
        return Frame::marker(profile.strings.intern(format!("[marker {offset}]")));
    }
    let path = profile.strings.intern(format!("/bin/{}", binary / 2));
    let build_id = BuildId::new(&[u8::try_from(binary).unwrap(); 20]);
    let kind = BinaryKind::File;
    let binary = profile.binaries.intern(Binary { path, build_id, kind, relocation: None });
    profile.main_binary.get_or_insert(binary);
    profile.mappings.intern(Mapping {
        binary,
        start: RuntimeAddr(0x1000 * (offset + 1)),
        len: 0x1000,
        file_offset: FileOffset(0),
    });
    Frame { binary, kind: FrameKind::ReturnAddress, offset: FileOffset(offset) }
}

/// Every row as text, which does not depend on ids.
fn rows(profile: &Profile) -> Vec<(String, SampleValue)> {
    let frame = |id: Id<Frame>| {
        let frame = &profile.frames[id];
        let binary = &profile.binaries[frame.binary];
        let path = &profile.strings[binary.path];
        frame.marker_text().map_or_else(
            || format!("{path} {:?} {:x}", binary.build_id, frame.offset),
            |text| profile.strings[text].clone(),
        )
    };
    let label = |label: &Label| match label.value {
        LabelValue::Text(text) => profile.strings[text].clone(),
        LabelValue::Number(number, _) => number.to_string(),
    };
    let row = |(key, value): (&SampleKey, SampleValue)| {
        let frames: Vec<_> = profile.frames_of(key.stack).map(frame).collect();
        let labels: Vec<_> = profile.labels[key.labels].iter().map(label).collect();
        (format!("{} {} {}", key.event, labels.join(" "), frames.join(";")), value)
    };
    profile.samples.iter().map(row).collect()
}

fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let frames = prop::collection::vec((0..6_usize, 0..4_u64), 0..4);
    prop::collection::vec((frames, 0..3_u8, 0..2_u32, (1..5_u64, 0..100_u64)), 0..12)
}

fn merged(parts: &[&Profile]) -> Profile {
    let (first, others) = parts.split_first().unwrap();
    let mut all = (*first).clone();
    for other in others {
        let binaries = all.merge(other).unwrap();
        assert_eq!(binaries.len(), other.binaries.len());
    }
    assert!(all.check());
    all
}

proptest! {
    #[test]
    fn totals_are_kept_and_the_order_of_rows_is_that_of_the_parts(a in samples(), b in samples()) {
        let (a, b) = (profile(&a), profile(&b));
        let all = merged(&[&a, &b]);
        for event in 0..2 {
            let mut sum = a.samples.total(event);
            sum.add(b.samples.total(event));
            prop_assert_eq!(all.samples.total(event), sum);
        }
        let (rows_of_all, rows_of_a) = (rows(&all), rows(&a));
        prop_assert!(rows_of_all.iter().zip(&rows_of_a).all(|(all, a)| all.0 == a.0));
        prop_assert_eq!(all.recording.duration_nanos, Some(20));
    }

    #[test]
    fn merging_is_associative(a in samples(), b in samples(), c in samples()) {
        let (a, b, c) = (profile(&a), profile(&b), profile(&c));
        let left = merged(&[&merged(&[&a, &b]), &c]);
        let right = merged(&[&a, &merged(&[&b, &c])]);
        prop_assert_eq!(format!("{left:?}"), format!("{right:?}"));
    }

    #[test]
    fn with_itself_a_profile_has_the_same_rows(a in samples()) {
        let a = profile(&a);
        let twice = merged(&[&a, &a]);
        prop_assert_eq!(twice.samples.len(), a.samples.len());
        for ((_, one), (_, two)) in rows(&a).iter().zip(&rows(&twice)) {
            prop_assert_eq!((2 * one.count, 2 * one.weight), (two.count, two.weight));
        }
    }
}

#[test]
fn profiles_of_other_events_are_refused_and_nothing_is_changed() {
    let mut ours = profile(&[(vec![(1, 1)], 0, 0, (1, 1))]);
    let before = format!("{ours:?}");
    let mut theirs = ours.clone();
    theirs.events.swap(0, 1);
    let error = ours.merge(&theirs).unwrap_err();
    assert_eq!(
        error.to_string(),
        "events instructions (count), cycles (count) against cycles (count), instructions (count)"
    );
    assert_eq!(format!("{ours:?}"), before);
}
