//! Out and back: the profile of tables is the sum of the recordings that were exported.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{
    files, fixture, fleet, merged, merged_profiles, random, said, selected, text, write_all,
};
use perf2pprof::mapper::{Mapper, Packs};
use perf2pprof::{LensLabels, SymbolArgs};
use proptest::prelude::*;

const ALL: &str = "event IS NOT NULL";

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn tables_say_what_the_sum_says(parts in prop::collection::vec(random(), 1..5)) {
        let directory = tempfile::tempdir().unwrap();
        let mut profiles: Vec<_> = parts.iter().map(common::Random::profile).collect();
        profiles.dedup();
        prop_assume!(profiles.iter().any(|profile| !profile.sample.is_empty()));
        let names = write_all(directory.path(), &profiles);
        let tables = directory.path().join("tables");
        let tables_text = text(&tables);
        let mut args = vec!["export", "--quiet", "-o", &tables_text];
        args.extend(names.iter().map(String::as_str));
        fleet(&args).unwrap();
        let back = selected(&tables, ALL);
        let (ours, theirs) = (said(&back), said(&merged_profiles(&profiles)));
        for sample in &back.sample {
            let cells = sample.block_cell.chunks(4).map(|cell| cell[2].cast_signed());
            prop_assert_eq!(cells.sum::<i64>(), sample.value[0] + sample.value[2]);
        }
        prop_assert_eq!(&ours.samples, &said(&merged_profiles(&[back])).samples);
        prop_assert_eq!(&ours.samples, &theirs.samples);
        prop_assert_eq!(&ours.types, &theirs.types);
        // What no sample of the sum needs is in no table.
        prop_assert_eq!(&ours.once, &theirs.once);
    }

    #[test]
    fn a_recording_in_several_files_counts_once(parts in prop::collection::vec(random(), 3..5)) {
        let directory = tempfile::tempdir().unwrap();
        let mut profiles: Vec<_> = parts.iter().map(common::Random::profile).collect();
        profiles.dedup();
        prop_assume!(profiles.iter().any(|profile| !profile.sample.is_empty()));
        let names = write_all(directory.path(), &profiles);
        let both = directory.path().join("both");
        let last = names.len() - 1;
        for (number, some) in [&names[..last], &names[last.min(1)..]].into_iter().enumerate() {
            let tables = directory.path().join(number.to_string());
            let tables_text = text(&tables);
            let mut args = vec!["export", "--quiet", "-o", &tables_text];
            args.extend(some.iter().map(String::as_str));
            if some.is_empty() {
                continue;
            }
            fleet(&args).unwrap();
            for (name, bytes) in files(&tables) {
                let to = both.join(name);
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::write(to, bytes).unwrap();
            }
        }
        let (ours, theirs) = (said(&selected(&both, ALL)), said(&merged_profiles(&profiles)));
        prop_assert_eq!(&ours.samples, &theirs.samples);
    }

    #[test]
    fn order_and_threads_change_no_byte(parts in prop::collection::vec(random(), 2..5)) {
        let directory = tempfile::tempdir().unwrap();
        let profiles: Vec<_> = parts.iter().map(common::Random::profile).collect();
        let mut names = write_all(directory.path(), &profiles);
        let export = |names: &[String], threads: &str, to: &str| {
            let tables = directory.path().join(to);
            let tables_text = text(&tables);
            let mut args = vec!["export", "--quiet", "--threads", threads, "-o", &tables_text];
            args.extend(names.iter().map(String::as_str));
            fleet(&args).unwrap();
            files(&tables)
        };
        let one = export(&names, "1", "one");
        names.reverse();
        prop_assert_eq!(one, export(&names, "3", "other"));
    }
}

#[test]
fn a_recording_comes_back_as_merge_adds_it_up() {
    let directory = tempfile::tempdir().unwrap();
    let tables = directory.path().join("tables");
    let recordings = [fixture("envoy.perf"), fixture("edge-proxy/edge-proxy.perf")];
    let (symbols, labels) = (SymbolArgs::default(), "comm,thread_comm".parse().unwrap());
    for recording in &recordings {
        let (plain, packs) =
            (LensLabels { no_lens: true, ..LensLabels::default() }, Packs::new().unwrap());
        let merging = Mapper::new(&symbols, &labels, &plain, &packs).unwrap();
        let message = merging.map(recording).unwrap().message;
        fleet(&["export", "--quiet", &text(recording), "-o", &text(&tables)]).unwrap();
        let digest = format!("uri LIKE '%{}'", recording.file_name().unwrap().to_str().unwrap());
        let (ours, theirs) = (selected(&tables, &digest), merged(&[message]));
        let (ours, theirs) = (said(&ours), said(&theirs));
        assert_eq!(ours.samples, theirs.samples);
        assert_eq!((ours.types, ours.once, ours.main), (theirs.types, theirs.once, theirs.main));
    }
}

#[test]
fn what_is_exported_already_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let tables = text(&directory.path().join("tables"));
    let recording = text(&fixture("envoy.perf"));
    fleet(&["export", "--quiet", &recording, "-o", &tables]).unwrap();
    let before = files(&directory.path().join("tables"));
    // Another name for the same bytes.
    let copy = directory.path().join("copy.perf");
    std::fs::copy(&recording, &copy).unwrap();
    fleet(&["export", "--quiet", &recording, &text(&copy), "-o", &tables]).unwrap();
    assert_eq!(files(&directory.path().join("tables")), before);
}

#[test]
fn a_bad_file_is_a_row_and_no_failure() {
    let directory = tempfile::tempdir().unwrap();
    let bad = directory.path().join("bad.perf");
    std::fs::write(&bad, b"PERFILE2 and no more").unwrap();
    let worse = directory.path().join("worse.pb.gz");
    std::fs::write(&worse, b"hello").unwrap();
    let tables = directory.path().join("tables");
    let missing = text(&directory.path().join("missing.perf"));
    let recording = text(&fixture("envoy.perf"));
    let args = [
        "export",
        "--quiet",
        &text(&bad),
        &text(&worse),
        &missing,
        &recording,
        "-o",
        &text(&tables),
    ];
    fleet(&args).unwrap();
    let before = files(&tables);
    assert_eq!(before.keys().filter(|name| name.contains("/error-")).count(), 3);
    // Tried again, they are the same rows.
    fleet(&args).unwrap();
    assert_eq!(files(&tables), before);
    assert!(!selected(&tables, ALL).sample.is_empty());
    // Nothing but bad files is no failure either.
    let none = text(&directory.path().join("none"));
    fleet(&["export", "--quiet", &missing, "-o", &none]).unwrap();
}

#[test]
fn a_profile_of_another_tool_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let tables = directory.path().join("tables");
    let mut texts = vec![String::new()];
    texts
        .extend(["samples", "count", "cpu", "nanoseconds", "main", "goroutine"].map(str::to_owned));
    let profile = pprof_format::proto::Profile {
        sample_type: vec![
            pprof_format::proto::ValueType { r#type: 1, unit: 2 },
            pprof_format::proto::ValueType { r#type: 3, unit: 4 },
        ],
        sample: vec![pprof_format::proto::Sample {
            location_id: vec![1],
            value: vec![3, -30],
            label: Vec::new(),
            block_cell: Vec::new(),
        }],
        location: vec![pprof_format::proto::Location {
            id: 1,
            line: vec![pprof_format::proto::Line { function_id: 4, line: 7, column: 2 }],
            ..Default::default()
        }],
        function: vec![pprof_format::proto::Function { id: 4, name: 5, ..Default::default() }],
        string_table: texts,
        ..Default::default()
    };
    let names = write_all(directory.path(), std::slice::from_ref(&profile));
    fleet(&["export", "--quiet", &names[0], "-o", &text(&tables)]).unwrap();
    let back = selected(&tables, "event = 'cpu' AND unit = 'nanoseconds' AND weight < 0");
    assert_eq!(said(&back), said(&merged_profiles(std::slice::from_ref(&profile))));
}
