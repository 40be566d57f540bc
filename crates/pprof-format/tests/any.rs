//! Whatever the tables hold, pprof gets the same: what is read back is compared with the model,
//! and its bytes with those that prost writes.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod build;

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::num::NonZeroUsize;

use build::{Build, Value};
use pprof_format::{proto, read, write};
use profile::{BinaryKind, Frame, Id, LabelValue, Profile, Sampling, Symbols, Unit};
use proptest::prelude::*;
use prost::Message;

const KINDS: [BinaryKind; 4] =
    [BinaryKind::File, BinaryKind::Kernel, BinaryKind::Anonymous { pid: 7 }, BinaryKind::Unmapped];

prop_compose! {
    fn any_build()(
        binaries in prop::collection::vec(("[a-c/]{0,4}( \\(deleted\\))?", 0..KINDS.len(), any::<u8>()), 1..4),
        mappings in prop::collection::vec((any::<prop::sample::Index>(), 0_u64..40, 0_u64..6, 0_u64..8), 0..8),
        frames in prop::collection::vec(
            (any::<prop::sample::Index>(), 0_u64..0x9000, any::<bool>(),
             prop::collection::vec(("\\PC{0,3}", "[xy]?", 0_u32..3), 0..3)),
            1..20,
        ),
        marker in "\\PC{0,5}",
        units in prop::collection::vec(any::<bool>(), 1..4),
        samples in prop::collection::vec(
            (prop::collection::vec(any::<prop::sample::Index>(), 0..6), any::<prop::sample::Index>(),
             any::<Option<bool>>(), 0_u64..3, any::<u64>()),
            0..30,
        ),
    ) -> Build {
        let mut b = Build::default();
        for (n, nanos) in units.iter().enumerate() {
            let unit = if *nanos { Unit::Nanoseconds } else { Unit::Count };
            b.event(["cycles", "dummy", "faults"][n], unit, Sampling::Frequency(n as u64));
        }
        let binaries: Vec<_> = binaries
            .iter()
            .map(|(path, kind, id)| b.binary(path, KINDS[*kind], &[*id]))
            .collect();
        for (binary, start, len, offset) in mappings {
            b.map(*binary.get(&binaries), start << 12, len << 12, offset << 12);
        }
        let mut ids = vec![b.marker(&marker)];
        for (binary, offset, is_caller, names) in &frames {
            let binary = *binary.get(&binaries);
            let id = if *is_caller { b.caller(binary, *offset) } else { b.ip(binary, *offset) };
            // Frames that look at one place have one answer, as symbolizing gives it.
            if !ids.iter().any(|&other| place(&b.profile, other) == place(&b.profile, id)) {
                let lines: Vec<_> =
                    names.iter().map(|(name, file, line)| (&name[..], &file[..], *line)).collect();
                b.name(id, &lines);
                ids.push(id);
            }
        }
        for (stack, event, label, count, weight) in samples {
            let stack: Vec<_> = stack.iter().map(|frame| *frame.get(&ids)).collect();
            let labels: &[_] = match label {
                None => &[],
                Some(true) => &[("comm", Value::Text("a".to_owned()))],
                Some(false) => &[("size", Value::Bytes(-7)), ("comm", Value::Text(String::new()))],
            };
            let event = u32::try_from(event.index(units.len())).unwrap();
            b.sample(event, &stack, labels, (count, weight));
        }
        b
    }
}

fn place(profile: &Profile, frame: Id<Frame>) -> (u32, u64, bool) {
    let frame = profile.frames[frame];
    let binary = u32::try_from(frame.binary.index()).unwrap();
    (binary, frame.lookup_offset().0, frame.marker_text().is_some())
}

/// A sample in words: stack (leaf first), labels, and the sums of its values.
type Samples = BTreeMap<(Vec<Vec<String>>, Vec<String>), Vec<i64>>;

/// The samples as the tables have them.
fn samples_of_model(profile: &Profile, symbols: &Symbols) -> Samples {
    let sampled: HashSet<u32> = profile
        .samples
        .iter()
        .filter(|(_, value)| value.count > 0)
        .map(|(key, _)| key.event)
        .collect();
    let events: Vec<u32> = (0..u32::try_from(profile.events.len()).unwrap())
        .filter(|event| profile.events[*event as usize].name != "dummy" || sampled.contains(event))
        .collect();
    let named: HashSet<_> = used_frames(profile, &events)
        .filter(|frame| !symbols.lines(*frame).is_empty())
        .map(|frame| profile.frames[frame].binary)
        .collect();
    let mut all = Samples::new();
    for (key, value) in profile.samples.iter() {
        let Some(column) = events.iter().position(|event| *event == key.event) else { continue };
        let stack = profile.frames_of(key.stack).map(|frame| {
            let row = &profile.frames[frame];
            let lines: Vec<String> = symbols
                .lines(frame)
                .iter()
                .map(|line| {
                    let function = symbols.functions[line.function];
                    let (name, file) =
                        (symbols.text(function.name), symbols.text(function.filename));
                    format!("{name} {file}:{} {}", line.line, function.start_line)
                })
                .collect();
            let is_mapped = profile.mappings.iter().any(|(_, mapping)| {
                mapping.binary == row.binary && mapping.contains(row.lookup_offset())
            });
            let is_file = profile.binaries[row.binary].kind == BinaryKind::File;
            let is_code = row.marker_text().is_none();
            if lines.is_empty()
                && (!is_code || !is_mapped || !is_file || named.contains(&row.binary))
            {
                vec![format!("{} :0 0", symbols.placeholder(profile, frame))]
            } else {
                lines
            }
        });
        let labels = profile.labels[key.labels].iter().filter_map(|label| {
            let text = |id| profile.strings[id].as_str();
            match label.value {
                LabelValue::Text(value) if text(value).is_empty() => None,
                LabelValue::Text(value) => Some(format!("{}={}", text(label.key), text(value))),
                LabelValue::Number(n, unit) => {
                    Some(format!("{}={n} {}", text(label.key), text(unit)))
                }
            }
        });
        let row = all.entry((stack.collect(), labels.collect())).or_default();
        row.resize(events.len() * 2, 0);
        let max = i64::MAX.cast_unsigned();
        for (sum, add) in row[column * 2..].iter_mut().zip([value.count, value.weight]) {
            *sum = sum.saturating_add(add.min(max).cast_signed());
        }
    }
    all
}

fn used_frames(profile: &Profile, events: &[u32]) -> impl Iterator<Item = Id<Frame>> {
    let written = profile.samples.iter().filter(|(key, _)| events.contains(&key.event));
    written.flat_map(|(key, _)| profile.frames_of(key.stack))
}

/// The samples as the file has them.
fn samples_of_file(file: &proto::Profile) -> Samples {
    let text = |index| file.text(index).unwrap();
    let mut all = Samples::new();
    for sample in &file.sample {
        let stack = sample.location_id.iter().map(|id| {
            let location = &file.location[usize::try_from(*id).unwrap() - 1];
            assert_eq!(location.id, *id);
            let lines = location.line.iter().map(|line| {
                let function = &file.function[usize::try_from(line.function_id).unwrap() - 1];
                assert_eq!(function.id, line.function_id);
                let (name, filename) = (text(function.name), text(function.filename));
                format!("{name} {filename}:{} {}", line.line, function.start_line)
            });
            lines.collect()
        });
        let labels = sample.label.iter().map(|label| match text(label.num_unit) {
            "" => format!("{}={}", text(label.key), text(label.str)),
            unit => format!("{}={} {unit}", text(label.key), label.num),
        });
        let row = all.entry((stack.collect(), labels.collect())).or_default();
        row.resize(sample.value.len(), 0);
        row.iter_mut().zip(&sample.value).for_each(|(sum, v)| *sum = sum.saturating_add(*v));
    }
    all
}

/// The promises that do not depend on the model.
fn check_tables(file: &proto::Profile) {
    assert_eq!(file.string_table[0], "");
    assert_eq!(file.string_table.iter().collect::<HashSet<_>>().len(), file.string_table.len());
    let used: HashSet<u64> = file.sample.iter().flat_map(|s| s.location_id.clone()).collect();
    assert_eq!(used.len(), file.location.len(), "a location that no sample uses");
    let called: HashSet<u64> =
        file.location.iter().flat_map(|l| &l.line).map(|line| line.function_id).collect();
    assert_eq!(called.len(), file.function.len(), "a function that no location uses");
    let mapped: HashSet<u64> =
        file.location.iter().map(|l| l.mapping_id).filter(|id| *id != 0).collect();
    assert_eq!(mapped.len(), file.mapping.len(), "a mapping that no location uses");
    for (id, mapping) in (1..).zip(&file.mapping) {
        assert_eq!(mapping.id, id);
        assert_eq!((mapping.memory_limit - mapping.memory_start) % 0x1000, 0);
    }
    let mut places = HashSet::new();
    for location in &file.location {
        if location.mapping_id != 0 {
            let mapping = &file.mapping[usize::try_from(location.mapping_id).unwrap() - 1];
            let bounds = mapping.memory_start..mapping.memory_limit;
            assert!(bounds.contains(&location.address));
            assert!(places.insert((location.mapping_id, location.address)), "twice the same");
            assert_eq!(location.line.is_empty(), !mapping.has_functions);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_what_is_read(build in any_build()) {
        let symbols = build.symbols();
        let mut gzip = Vec::new();
        write(&build.profile, &symbols, &mut gzip, NonZeroUsize::MIN).unwrap();
        let file = read(&gzip).unwrap();

        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&gzip[..]).read_to_end(&mut plain).unwrap();
        prop_assert_eq!(&plain, &file.encode_to_vec(), "prost writes the same bytes");
        prop_assert_eq!(&read(&plain).unwrap(), &file, "compressed or not");

        check_tables(&file);
        prop_assert_eq!(samples_of_file(&file), samples_of_model(&build.profile, &symbols));
    }
}
