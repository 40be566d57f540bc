//! `perf2pprof timeline`, `report` and `diff --split-at` on the recordings of the fixtures.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failure is a failed test")]
#![allow(clippy::float_cmp, reason = "whole numbers of less than 53 bits")]

mod running;

use serde_json::Value;

use running::{fixture, run, run_ok, text};

fn error_of(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// The fixture's proxy, with a command before it and arguments behind.
fn edge_proxy(command: &[&str], arguments: &[&str]) -> String {
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let (debug, rules) = (fixture("edge-proxy/debug"), fixture("edge-proxy/lens-rules.toml"));
    let options = [text(&recording), "--debug-image", text(&debug), "--lens-rules", text(&rules)];
    run_ok(&[command, &options, arguments].concat())
}

fn lens(arguments: &[&str]) -> Value {
    let json = edge_proxy(&["lens", "--json", "-"], arguments);
    serde_json::from_str(&json).unwrap()
}

/// The lines of a CSV without quotes, with the names of its columns.
fn csv(text: &str) -> (Vec<&str>, Vec<Vec<f64>>) {
    let mut lines = text.lines();
    // Names with a comma are quoted; their order is enough here.
    let header = lines.next().unwrap().split(',').take(4).collect();
    let row = |line: &str| line.split(',').map(|field| field.parse().unwrap()).collect();
    (header, lines.map(row).collect())
}

#[test]
fn slices_add_up_to_what_the_lens_says() {
    let table = edge_proxy(&["timeline", "--csv", "-"], &[]);
    let (header, rows) = csv(&table);
    assert_eq!(header, ["from_seconds", "to_seconds", "samples", "weight"]);
    let sum = |column: usize| rows.iter().map(|row| row[column]).sum::<f64>();
    let lens = lens(&[]);
    assert_eq!(sum(2), lens["samples"].as_f64().unwrap());
    assert_eq!(sum(3), lens["weight"].as_f64().unwrap());
    // The heaviest group is the first, and this one's name is that of its subsystem.
    assert!(table.lines().next().unwrap().contains(",weight,http.filter,"));
    let filters = lens["subsystems"].as_array().unwrap().iter();
    let filters = filters.into_iter().find(|row| row["name"] == "http.filter").unwrap();
    assert_eq!(sum(4), filters["weight"].as_f64().unwrap());
    for row in &rows {
        assert_eq!(row[3], row[4..].iter().sum::<f64>(), "{row:?}");
    }
}

#[test]
fn a_part_of_the_time_is_the_same_part_for_all() {
    let table = edge_proxy(&["timeline", "--csv", "-"], &["--time", "10,20"]);
    let (_, rows) = csv(&table);
    assert!(rows.iter().all(|row| row[2] == 0.0 || (row[0] >= 10.0 && row[1] <= 20.0)));
    let samples = rows.iter().map(|row| row[2]).sum::<f64>();
    assert_eq!(samples, lens(&["--time", "10,20"])["samples"].as_f64().unwrap());
    let halves = [",50%", "50%,"].map(|half| lens(&["--time", half])["samples"].as_u64().unwrap());
    assert_eq!(halves.iter().sum::<u64>(), lens(&[])["samples"].as_u64().unwrap());
}

#[test]
fn a_split_has_the_sides_that_time_selects() {
    let json = edge_proxy(&["diff", "--json", "-", "--split-at", "50%"], &[]);
    let split: Value = serde_json::from_str(&json).unwrap();
    for (side, half) in [("base", ",50%"), ("head", "50%,")] {
        let lens = lens(&["--time", half]);
        assert_eq!(split[side]["samples"], lens["samples"]);
        let row = |rows: &Value, name: &str| {
            rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
        };
        let share = row(&lens["subsystems"], "http.filter")["share"].as_f64().unwrap();
        let own = row(&split["subsystems"], "http.filter")[side].as_f64().unwrap();
        assert!((own - share).abs() < 1e-9, "{side}: {own}, {share}");
    }
    let shares = |side: &str| -> f64 {
        split["subsystems"].as_array().unwrap().iter().map(|row| row[side].as_f64().unwrap()).sum()
    };
    assert!((shares("base") - 1.0).abs() < 1e-9 && (shares("head") - 1.0).abs() < 1e-9);
    let table = edge_proxy(&["diff", "--split-at", "30"], &[]);
    assert!(table.contains("edge-proxy.perf before 30 s`") && table.contains("subsystem"));
}

#[test]
fn sides_are_compared_by_subsystem_and_filter() {
    let dir = tempfile::tempdir().unwrap();
    let halves = [("base", "base.pb.gz", ",50%"), ("head", "head.pb.gz", "50%,")];
    let files = halves.map(|(_, file, half)| {
        let file = dir.path().join(file);
        edge_proxy(&["-q", "--time", half, "-o", text(&file)], &[]);
        file
    });
    let rules = fixture("edge-proxy/lens-rules.toml");
    let options = ["diff", "--json", "-", "--lens-rules", text(&rules)];
    let sides = ["--base", text(&files[0]), "--head", text(&files[1])];
    let diff: Value = serde_json::from_str(&run_ok(&[&options[..], &sides].concat())).unwrap();
    for (side, _, half) in halves {
        let lens = lens(&["--time", half]);
        for (kind, least) in [("subsystems", 5), ("filters", 2)] {
            // Code whose owner is not known is told apart by its work.
            let rows = lens[kind].as_array().unwrap().iter();
            let rows: Vec<_> = rows.filter(|row| row["is_known"] != false).collect();
            assert!(rows.len() >= least, "{kind}");
            for row in rows {
                let same = |other: &&Value| other["name"] == row["name"];
                let own = diff[kind].as_array().unwrap().iter().find(same).unwrap();
                let (own, share) = (own[side].as_f64().unwrap(), row["share"].as_f64().unwrap());
                assert!((own - share).abs() < 1e-9, "{side}, {}: {own}, {share}", row["name"]);
            }
        }
    }
    // It is not called an Envoy, and nobody asked.
    let plain = run_ok(&[&options[..3], &sides].concat());
    assert!(!plain.contains("subsystem"), "{plain}");
}

#[test]
fn a_split_needs_samples_on_both_sides() {
    let recording = fixture("edge-proxy/edge-proxy.perf");
    let error = error_of(&["diff", "--split-at", "9999", text(&recording)]);
    assert!(error.contains("has no samples from the moment of `--split-at`"), "{error}");
    assert!(error.contains("its samples are from 0 to 60.0 s"), "{error}");
    let error = error_of(&["diff", "--split-at", "5", text(&recording), text(&recording)]);
    assert!(error.contains("parts one recording, and 2 are given"), "{error}");
    let error = error_of(&["diff", "--split-at", "soon", text(&recording)]);
    assert!(error.contains("neither seconds nor per cent"), "{error}");
}

#[test]
fn a_profile_has_no_time_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let profile = dir.path().join("all.pb.gz");
    edge_proxy(&[], &["--quiet", "-o", text(&profile)]);
    for arguments in [
        &["timeline", text(&profile)][..],
        &["lens", text(&profile), "--time", "1,2"],
        &["diff", "--split-at", "5", text(&profile)],
    ] {
        let error = error_of(arguments);
        assert!(error.contains("does not say when its samples were taken"), "{error}");
        assert!(error.contains("hint: start from the recording"), "{error}");
    }
    let page = run_ok(&["report", text(&profile), "-o", "-"]);
    assert!(page.contains("<h2>Where in Envoy</h2>") && !page.contains("<h2>When</h2>"));
}

#[test]
fn the_page_holds_everything_and_nothing_that_the_recording_wrote() {
    let page = edge_proxy(&["report", "-o", "-"], &[]);
    assert!(page.len() < 5_000_000, "{}", page.len());
    for words in
        ["Summary", "Where in Envoy", "When", "Functions", "Flame graph", "How it was made"]
    {
        assert!(page.contains(&format!("<h2>{words}</h2>")), "{words}");
    }
    // The fixture's names have the brackets of namespaces and templates; only our own tags are tags.
    assert!(page.contains("compressor.cc:64"));
    assert!(page.contains("perf2pprof report -o -"));
    for tag in ["<script", "<link", "<img"] {
        assert!(!page.contains(tag), "{tag}");
    }
    assert!(!page.contains("src=\"http") && !page.contains("@import"));
}

#[test]
fn what_is_read_is_not_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy.perf");
    std::fs::copy(fixture("edge-proxy/edge-proxy.perf"), &copy).unwrap();
    let before = std::fs::read(&copy).unwrap();
    for arguments in [
        ["report", text(&copy), "-o", text(&copy)],
        ["timeline", text(&copy), "-o", text(&copy)],
        ["timeline", text(&copy), "--csv", text(&copy)],
        ["lens", text(&copy), "--json", text(&copy)],
        ["lens", text(&copy), "--markdown", text(&copy)],
    ] {
        let output = run(&arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains("is read, and would be overwritten"), "{error}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(std::fs::read(&copy).unwrap(), before);
}

#[test]
fn a_picture_is_written_beside_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let heat = dir.path().join("heat.svg");
    let table = edge_proxy(&["timeline", "-o", text(&heat), "--outliers", "3"], &[]);
    assert!(table.contains("heat map: a column is 1 s, a cell"), "{table}");
    assert!(table.contains("outliers: "), "{table}");
    let svg = std::fs::read_to_string(heat).unwrap();
    let svg = roxmltree::Document::parse(&svg).unwrap();
    let names: Vec<_> = svg
        .descendants()
        .filter(|node| node.attribute("class") == Some("hm-name"))
        .filter_map(|node| node.text())
        .collect();
    assert!(names.iter().any(|name| name.starts_with("all threads")), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("wrk:worker_")).count(), 2);
}
