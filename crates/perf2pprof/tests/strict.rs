//! `PERF2PPROF_COMPAT=strict` against what `perf_to_profile` wrote for recordings of many perf
//! versions and machines, as the table `expected.tsv` of the corpus states it.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pprof_format::proto::Profile;

/// Recordings are not part of the project.
fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/quipper");
    if !path.is_dir() {
        println!("skipped: no corpus at {}", path.display());
        return None;
    }
    Some(path)
}

/// A row of the table, by the names of its columns.
type Row = BTreeMap<String, String>;

fn table(path: &Path) -> Vec<Row> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let names: Vec<_> = lines.next().unwrap().collect();
    lines.map(|values| names.iter().cloned().zip(values).collect()).collect()
}

fn strict(recording: &Path) -> Option<Profile> {
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("p.pb");
    let status = Command::new(env!("CARGO_BIN_EXE_perf_to_profile"))
        .env("PERF2PPROF_COMPAT", "strict")
        .arg("-i")
        .arg(recording)
        .arg("-o")
        .arg(&output)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let bytes = fs::read(output).ok().filter(|_| status.success())?;
    assert!(!bytes.starts_with(&[0x1f, 0x8b]), "compressed");
    Some(pprof_format::read(&bytes).unwrap())
}

/// What the table states of a profile.
fn facts(profile: &Profile) -> Row {
    let text = |index: i64| profile.text(index).unwrap();
    let types = profile.sample_type.iter();
    let types = types.map(|kind| format!("{}/{}", text(kind.r#type), text(kind.unit)));
    let column = |column| profile.sample.iter().map(|sample| sample.value[column]).sum::<i64>();
    let totals = (0..profile.sample_type.len()).map(|index| column(index).to_string());
    let at_zero = profile.location.iter().filter(|location| location.address == 0);
    let comments = profile.comment.iter().map(|&comment| text(comment));
    [
        ("sample_types", types.collect::<Vec<_>>().join(",")),
        ("totals", totals.collect::<Vec<_>>().join(",")),
        ("samples", profile.sample.len().to_string()),
        ("mappings", profile.mapping.len().to_string()),
        ("locations", profile.location.len().to_string()),
        ("addr0_locations", at_zero.count().to_string()),
        ("comments", comments.collect::<Vec<_>>().join(";")),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

#[test]
fn everything_the_table_states_is_the_same() {
    let Some(corpus) = corpus() else { return };
    let mut differences = Vec::new();
    for expected in table(&corpus.join("expected.tsv")) {
        let name = &expected["file"];
        let found = strict(&corpus.join(name));
        if expected["exit_code"] != "0" {
            // Its first sample has a size of 0; perf_to_profile gives up, we read the others.
            let found = facts(&found.unwrap_or_else(|| panic!("{name} is not converted")));
            assert!(found["totals"].starts_with("227,"), "{name}: {}", found["totals"]);
            continue;
        }
        let found = facts(&found.unwrap_or_else(|| panic!("{name} is not converted")));
        for (column, value) in &found {
            let wanted = &expected[column];
            if value != wanted {
                differences.push(format!("{name}: {column}: {value}, not {wanted}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
