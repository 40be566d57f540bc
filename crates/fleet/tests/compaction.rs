//! However recordings are cut into exports, the tables are the same once they are put together.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;

use common::{files, fixture, fleet, merged_profiles, random, said, selected, text, write_all};
use proptest::prelude::*;

/// Exports inputs, in one go or in parts, into directories that are then put into one, and compacts it.
fn compacted(directory: &Path, names: &[String], shards: u64, way: &str) -> std::path::PathBuf {
    let tables = directory.join(way);
    for shard in 0..shards {
        let own = directory.join(format!("{way}-{shard}"));
        let (own_text, shard) = (text(&own), format!("{shard}/{shards}"));
        let mut args = vec!["export", "--quiet", "--shard", &shard, "-o", &own_text];
        args.extend(["--label", "service=edge"]);
        args.extend(names.iter().map(String::as_str));
        fleet(&args).unwrap();
        for (name, bytes) in files(&own) {
            let to = tables.join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::write(to, bytes).unwrap();
        }
    }
    fleet(&["compact", "--quiet", &text(&tables)]).unwrap();
    tables
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_files(
        parts in prop::collection::vec(random(), 1..6),
        shards in 2..5_u64,
    ) {
        let directory = tempfile::tempdir().unwrap();
        let profiles: Vec<_> = parts.iter().map(common::Random::profile).collect();
        let mut names = write_all(directory.path(), &profiles);
        let whole = compacted(directory.path(), &names, 1, "whole");
        names.reverse();
        let cut = compacted(directory.path(), &names, shards, "cut");
        let files_of_whole = files(&whole);
        prop_assert_eq!(&files_of_whole, &files(&cut));
        // Once more changes nothing.
        fleet(&["compact", "--quiet", &text(&cut)]).unwrap();
        prop_assert_eq!(&files_of_whole, &files(&cut));
        if profiles.iter().any(|profile| !profile.sample.is_empty()) {
            let ours = said(&selected(&cut, "service = 'edge'"));
            let mut distinct = Vec::new();
            for profile in profiles {
                if !distinct.contains(&profile) {
                    distinct.push(profile);
                }
            }
            prop_assert_eq!(ours.samples, said(&merged_profiles(&distinct)).samples);
        }
    }
}

#[test]
fn what_an_export_left_behind_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let recording = text(&fixture("envoy.perf"));
    let whole = compacted(directory.path(), &[recording], 1, "whole");
    let before = files(&whole);
    // Samples without their recordings, of an export that was ended before its end.
    let samples = before.keys().find(|name| name.starts_with("samples/")).unwrap();
    let orphan = Path::new(samples).with_file_name("00000000000000000000000000000000.parquet");
    std::fs::copy(whole.join(samples), whole.join(&orphan)).unwrap();
    let all = "event IS NOT NULL";
    let with_orphan = said(&selected(&whole, all));
    fleet(&["compact", "--quiet", &text(&whole)]).unwrap();
    assert_eq!(files(&whole), before);
    assert_eq!(said(&selected(&whole, all)), with_orphan);
}

#[test]
fn a_recording_that_is_there_twice_counts_once() {
    let directory = tempfile::tempdir().unwrap();
    let (envoy, other) = (text(&fixture("envoy.perf")), text(&fixture("small/group.perf")));
    let one = compacted(directory.path(), std::slice::from_ref(&envoy), 1, "one");
    // Another export of another set, which has it too.
    let both = directory.path().join("both");
    fleet(&["export", "--quiet", &envoy, &other, "--label", "service=edge", "-o", &text(&both)])
        .unwrap();
    for (name, bytes) in files(&both) {
        let to = one.join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, bytes).unwrap();
    }
    let condition = "uri LIKE '%envoy.perf'";
    let before = said(&selected(&both, condition));
    assert_eq!(said(&selected(&one, condition)), before);
    fleet(&["compact", "--quiet", &text(&one)]).unwrap();
    assert_eq!(said(&selected(&one, condition)), before);
    fleet(&["compact", "--quiet", &text(&both)]).unwrap();
    assert_eq!(files(&one), files(&both));
}
