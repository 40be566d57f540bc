//! Time and peak memory of each stage on one recording, against the bare walk of its bytes.
//!
//! ```text
//! scripts/record-busy busy.perf
//! cargo run --release -p benches -- busy.perf
//! ```
//!
//! Each figure is the median of five runs, each in a process of its own, so that the peak is
//! that of the stage; the stages take turns, so that a noisy moment does not fall on one alone.

use std::env;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use binaries::MappedFile;
use flamegraph::MinWidth;
use perf_data::PerfData;
use profile::{Reason, Symbols};
use session::{Conversion, LabelKey, Options, Selection, Visited};

const RUNS: usize = 5;

const STAGES: [(&str, &str); 9] = [
    ("hop", "hop over the headers of all records"),
    ("walk", "the same, and add up every callchain: the bare walk"),
    ("linux-perf-data", "linux-perf-data: every record, samples parsed"),
    ("index", "pass 1: address spaces, names"),
    ("convert1", "passes 1 and 2, one thread"),
    ("convert2", "passes 1 and 2, two threads"),
    ("pprof", "one thread, and pprof written"),
    ("folded", "one thread, and folded stacks written"),
    ("svg", "one thread, and the flame graph written"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [recording] => compare(recording),
        [recording, stage] => {
            let time = run(Path::new(recording), stage)?;
            println!("{} {}", time.as_nanos(), peak_bytes()?);
            Ok(())
        }
        _ => Err("usage: stages RECORDING".into()),
    }
}

/// Runs every stage in turn, and prints the table.
fn compare(recording: &str) -> Result<(), Box<dyn Error>> {
    let bytes = fs::metadata(recording)?.len();
    let mut runs: Vec<Vec<(u64, u64)>> = vec![Vec::new(); STAGES.len()];
    for _ in 0..RUNS {
        for ((stage, _), runs) in STAGES.iter().zip(&mut runs) {
            let output = Command::new(env::current_exe()?).args([recording, stage]).output()?;
            let text = String::from_utf8(output.stdout)?;
            let figures = text.trim().split_once(' ').ok_or(format!("{stage} failed"))?;
            runs.push((figures.0.parse()?, figures.1.parse()?));
        }
    }
    println!("{recording}: {} MB", bytes / 1_000_000);
    println!("| stage | ms | MB/s | times the walk | peak MB |");
    println!("|---|---|---|---|---|");
    let median = |figures: &[(u64, u64)], of: fn(&(u64, u64)) -> u64| {
        let mut figures: Vec<_> = figures.iter().map(of).collect();
        figures.sort_unstable();
        figures[figures.len() / 2]
    };
    let walk = median(&runs[1], |run| run.0);
    for ((_, what), runs) in STAGES.iter().zip(&runs) {
        let (nanos, peak) = (median(runs, |run| run.0), median(runs, |run| run.1));
        #[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
        let ratio = nanos as f64 / walk as f64;
        println!(
            "| {what} | {} | {} | {ratio:.1} | {} |",
            nanos / 1_000_000,
            bytes * 1000 / nanos.max(1),
            peak / 1_000_000
        );
    }
    Ok(())
}

fn run(path: &Path, stage: &str) -> Result<Duration, Box<dyn Error>> {
    let begun = Instant::now();
    let file = MappedFile::open(path)?;
    file.advise_sequential();
    if stage == "linux-perf-data" {
        read_with_linux_perf_data(path)?;
        return Ok(begun.elapsed());
    }
    let perf = PerfData::parse(&file)?;
    let one = NonZeroUsize::MIN;
    match stage {
        "hop" => {
            black_box(perf.records().count());
        }
        "walk" => {
            black_box(walk(&perf));
        }
        // The time is that at which the first sample of the second pass was due.
        "index" => return index(&perf, &file, begun),
        "convert1" => {
            black_box(convert(&perf, &file, one));
        }
        "convert2" => {
            black_box(convert(&perf, &file, NonZeroUsize::new(2).unwrap_or(one)));
        }
        output => {
            let profile = convert(&perf, &file, one).profile;
            let symbols = Symbols::none(&profile, Reason::NotAsked);
            match output {
                "pprof" => {
                    pprof_format::write(&profile, &symbols, io::sink(), NonZeroUsize::MIN)?;
                }
                "folded" => drop(flamegraph::folded(&profile, &symbols, 0, io::sink())?),
                "svg" => drop(flamegraph::svg(
                    &profile,
                    &symbols,
                    0,
                    "bench",
                    MinWidth::default(),
                    io::sink(),
                )?),
                _ => return Err(format!("there is no stage {stage}").into()),
            }
        }
    }
    Ok(begun.elapsed())
}

fn walk(perf: &PerfData<'_>) -> u64 {
    let mut sum = 0_u64;
    for record in perf.records() {
        if let Some((_, sample)) = perf.sample(&record) {
            for word in sample.callchain.into_iter().flat_map(|chain| chain.words().iter()) {
                sum = sum.wrapping_add(word);
            }
        }
    }
    sum
}

fn convert(perf: &PerfData<'_>, file: &MappedFile, threads: NonZeroUsize) -> Conversion {
    let labels = vec![LabelKey::Comm, LabelKey::ThreadComm];
    let options = Options { labels, selection: Selection::default(), threads };
    session::convert(perf, &options, None, &|visited| {
        let (Visited::Indexed(range) | Visited::Read(range)) = visited;
        if let (Ok(start), Ok(end)) = (range.start.try_into(), range.end.try_into()) {
            file.release(start..end);
        }
    })
}

fn index(
    perf: &PerfData<'_>,
    file: &MappedFile,
    begun: Instant,
) -> Result<Duration, Box<dyn Error>> {
    let indexed = Mutex::new(begun);
    let options =
        Options { labels: Vec::new(), selection: Selection::default(), threads: NonZeroUsize::MIN };
    session::convert(perf, &options, None, &|visited| {
        if let (Visited::Indexed(range), Ok(mut indexed)) = (visited, indexed.lock()) {
            *indexed = Instant::now();
            if let (Ok(start), Ok(end)) = (range.start.try_into(), range.end.try_into()) {
                file.release(start..end);
            }
        }
    });
    Ok(indexed.into_inner().map_err(|error| error.to_string())?.duration_since(begun))
}

fn read_with_linux_perf_data(path: &Path) -> Result<(), Box<dyn Error>> {
    use linux_perf_data::{PerfFileReader, PerfFileRecord, linux_perf_event_reader::EventRecord};

    let file = io::BufReader::new(fs::File::open(path)?);
    let PerfFileReader { mut perf_file, mut record_iter } = PerfFileReader::parse_file(file)?;
    let mut sum = 0_u64;
    while let Some(record) = record_iter.next_record(&mut perf_file)? {
        if let PerfFileRecord::EventRecord { record, .. } = record
            && let EventRecord::Sample(sample) = record.parse()?
            && let Some(callchain) = sample.callchain
        {
            sum = (0..callchain.len())
                .filter_map(|index| callchain.get(index))
                .fold(sum, u64::wrapping_add);
        }
    }
    black_box(sum);
    Ok(())
}

/// The most memory that this process ever had, pages of mapped files included.
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: u64 = line.ok_or("no VmHWM")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}
