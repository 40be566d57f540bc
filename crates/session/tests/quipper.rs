//! Against `perf_to_profile`, on recordings of many versions of perf and many machines: the
//! corpus of `google/perf_data_converter`, where it is at hand (`../shared/corpus`).
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use perf_data::{Damage, PerfData};
use session::{Conversion, Options, Selection, convert};

/// Where ours is meant to differ: the file, our sample types, and why.
const DIFFERENCES: [(&str, &str, &str); 1] = [(
    "perf.data.piped.hw_and_sw-3.4",
    "cycles_sample/count,cycles_event/count,branch-misses_sample/count,branch-misses_event/count,\
     cpu-clock_sample/count,cpu-clock_event/count",
    "the pipe names no event, but its attributes are `PERF_COUNT_HW_CPU_CYCLES`, \
     `PERF_COUNT_HW_BRANCH_MISSES` and `PERF_COUNT_SW_CPU_CLOCK`; perf_to_profile says `event_0`",
)];

fn corpus(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(name);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: there is no corpus at {}", path.display());
    None
}

fn converted(bytes: &[u8]) -> Result<Conversion, perf_data::Error> {
    let perf = PerfData::parse(bytes)?;
    let options =
        Options { labels: Vec::new(), selection: Selection::default(), threads: NonZeroUsize::MIN };
    Ok(convert(&perf, &options, None, &|_| {}))
}

/// Sample types and totals, as `perf_to_profile` has them.
fn summary(conversion: &Conversion) -> (String, String) {
    let profile = &conversion.profile;
    let mut totals = vec![(0, 0); profile.events.len()];
    for (key, value) in profile.samples.iter() {
        let total: &mut (u64, u64) = &mut totals[key.event as usize];
        *total = (total.0 + value.count, total.1 + value.weight);
    }
    let names = profile.events.iter().map(|event| {
        let name = &event.recorded_name;
        format!("{name}_sample/count,{name}_event/count")
    });
    let totals = totals.iter().map(|(count, weight)| format!("{count},{weight}"));
    (names.collect::<Vec<_>>().join(","), totals.collect::<Vec<_>>().join(","))
}

#[test]
fn totals_are_those_of_perf_to_profile() {
    let Some(corpus) = corpus("quipper") else { return };
    let table = fs::read_to_string(corpus.join("expected.tsv")).unwrap();
    let mut compared = 0;
    for row in table.lines().skip(1) {
        let columns: Vec<_> = row.split('\t').collect();
        let (file, exit_code, types, totals) = (columns[0], columns[2], columns[5], columns[6]);
        let found = converted(&fs::read(corpus.join(file)).unwrap()).unwrap();
        if exit_code != "0" {
            // The first sample has a size of 0. The others are read, and that is told.
            assert!(matches!(found.damage, Some(Damage { size: 0, lost: 48, .. })), "{file}");
            let samples: u64 = found.profile.samples.iter().map(|(_, value)| value.count).sum();
            assert_eq!(samples, 227, "{file}");
            continue;
        }
        let difference = DIFFERENCES.iter().find(|difference| difference.0 == file);
        let ours = difference.map_or(types, |(_, ours, _)| ours);
        assert!(difference.is_none() || ours != types, "{file}: no difference any more");
        assert_eq!(summary(&found), (ours.to_owned(), totals.to_owned()), "{file}");
        compared += 1;
    }
    assert!(compared > 20);
}

/// Inputs that once broke quipper: nothing of them is worth having, and none takes long.
#[test]
fn what_broke_quipper_is_survived() {
    let Some(corpus) = corpus("fuzz") else { return };
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let start = Instant::now();
        let outcome = converted(&bytes).map(|conversion| conversion.losses);
        let taken = start.elapsed();
        println!("{}: {} bytes, {taken:?}, {outcome:?}", path.display(), bytes.len());
        assert!(taken < Duration::from_secs(1), "{}: {taken:?}", path.display());
    }
}
