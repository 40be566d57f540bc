//! Against linux-perf-data, a reader that shares nothing with ours: the same records with the
//! same fields, of every fixture and, where it is at hand, of every recording of the corpus.
//!
//! It sorts records by time, so both sides are compared as sorted lists. Where it is wrong, the
//! list [`WRONG`] says how, and the test holds that it still is.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use linux_perf_data::linux_perf_event_reader::EventRecord;
use linux_perf_data::{PerfFileReader, PerfFileRecord};
use perf_data::{Comm, Mmap, PerfData, RawRecord, RecordKind, Sample, Task, write_records};

/// Recordings that linux-perf-data 0.13 does not read right, and why.
const WRONG: [(&str, &str); 4] = [
    ("group.perf", "it takes the values of a group for those of a lone counter"),
    ("cut.perf", "it wants the sections behind the data, and fails"),
    ("killed.perf", "as above: the header promises sections that never came"),
    (
        "perf.data.piped.corrupted.zero_size_sample-3.2",
        "it fails at the damaged record, and what it sorts by time until then is lost",
    ),
];

#[test]
fn fixtures_are_read_alike() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
    let folders = [fixtures.clone(), fixtures.join("edge-proxy"), fixtures.join("small")];
    assert!(compare_all(&folders) >= 13);
}

#[test]
fn the_corpus_is_read_alike() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        println!("skipped: there is no corpus at {}", corpus.display());
        return;
    }
    assert!(compare_all(&[corpus.join("envoy"), corpus.join("quipper")]) >= 30);
}

/// Compares all recordings in some folders, and says how many there were.
fn compare_all(folders: &[PathBuf]) -> usize {
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.retain(|path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.contains("perf.data") || path.extension().is_some_and(|extension| extension == "perf")
    });
    for path in &paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(path).unwrap();
        let ours = ours(&bytes);
        let theirs = catch_unwind(AssertUnwindSafe(|| theirs(&bytes)))
            .unwrap_or_else(|_| Err("panic".to_owned()));
        let difference = match theirs {
            Ok(theirs) => difference(&ours, &theirs),
            Err(error) => Some(format!("linux-perf-data fails: {error}")),
        };
        let reason = WRONG.iter().find(|(wrong, _)| *wrong == name).map(|(_, reason)| reason);
        match (difference, reason) {
            (None, None) => println!("{name}: {} records alike", ours.len()),
            (Some(difference), Some(reason)) => println!("{name}: {difference} ({reason})"),
            (Some(difference), None) => panic!("{}: {difference}", path.display()),
            (None, Some(_)) => panic!("{name}: linux-perf-data reads it right now"),
        }
    }
    paths.len()
}

fn difference(ours: &[String], theirs: &[String]) -> Option<String> {
    let (our, their) = match ours.iter().zip(theirs).find(|(our, their)| our != their) {
        Some((our, their)) => (our.as_str(), their.as_str()),
        None if ours.len() == theirs.len() => return None,
        None => ("", ""),
    };
    Some(format!("{} and {} records; first: ours {our}, theirs {their}", ours.len(), theirs.len()))
}

fn ours(bytes: &[u8]) -> Vec<String> {
    let mut perf = PerfData::parse(bytes).unwrap();
    let mut inflated = Vec::new();
    if perf.is_compressed() {
        let (records, offset) = perf.record_bytes();
        write_records(records, offset, perf.endian(), &mut inflated).unwrap();
        perf = perf.with_records(&inflated);
    }
    let of_kernel = perf.records().filter(|record| record.kind.is_from_kernel());
    let mut rows: Vec<_> = of_kernel.map(|record| our_row(&perf, &record)).collect();
    rows.sort();
    rows
}

fn our_row(perf: &PerfData<'_>, record: &RawRecord<'_>) -> String {
    let (kind, mode, endian) = (record.kind.0, record.misc & 7, perf.endian());
    let text = String::from_utf8_lossy;
    match record.kind {
        RecordKind::SAMPLE => {
            let (event, sample) = perf.sample(record).unwrap();
            let Sample { ip, pid_tid, time, addr, cpu, period, .. } = sample;
            let (pid, tid) = (pid_tid.map(|ids| ids.0), pid_tid.map(|ids| ids.1));
            let chain: Option<Vec<u64>> =
                sample.callchain.map(|chain| chain.words().iter().collect());
            let stack = sample.user_stack.map(|stack| stack.bytes.len() as u64);
            let raw = sample.raw.map(<[u8]>::len);
            format!(
                "{kind} {event} {mode} {ip:x?} {pid:?} {tid:?} {time:?} {addr:x?} {cpu:?} {period:?} \
                 {stack:?} {raw:?} {chain:x?}"
            )
        }
        RecordKind::MMAP | RecordKind::MMAP2 => {
            let Mmap { pid, tid, start, len, file_offset, path, .. } =
                Mmap::parse(record, endian).unwrap();
            format!("{kind} {mode} {pid} {tid} {start:x} {len:x} {file_offset:x} {}", text(path))
        }
        RecordKind::COMM => {
            let Comm { pid, tid, name, is_exec } = Comm::parse(record, endian).unwrap();
            format!("{kind} {pid} {tid} {} {is_exec}", text(name))
        }
        RecordKind::FORK | RecordKind::EXIT => {
            let Task { pid, parent_pid, tid, parent_tid, time, .. } =
                Task::parse(record, endian).unwrap();
            format!("{kind} {pid} {parent_pid} {tid} {parent_tid} {time}")
        }
        _ => format!("{kind} {}", record.body.len()),
    }
}

fn theirs(bytes: &[u8]) -> Result<Vec<String>, String> {
    let text = |error: linux_perf_data::Error| error.to_string();
    if bytes.get(8..16) == Some(&16_u64.to_le_bytes()) {
        let reader = PerfFileReader::parse_pipe(Cursor::new(bytes)).map_err(text)?;
        return their_rows(reader);
    }
    their_rows(PerfFileReader::parse_file(Cursor::new(bytes)).map_err(text)?)
}

fn their_rows<R: std::io::Read>(reader: PerfFileReader<R>) -> Result<Vec<String>, String> {
    let PerfFileReader { mut perf_file, mut record_iter } = reader;
    let mut rows = Vec::new();
    while let Some(record) =
        record_iter.next_record(&mut perf_file).map_err(|error| error.to_string())?
    {
        let PerfFileRecord::EventRecord { attr_index, record } = record else { continue };
        let (kind, mode) = (record.record_type.0, record.misc & 7);
        rows.push(match record.parse().map_err(|error| error.to_string())? {
            EventRecord::Sample(sample) => {
                let chain: Option<Vec<u64>> = sample
                    .callchain
                    .map(|chain| (0..chain.len()).map(|index| chain.get(index).unwrap()).collect());
                let stack = sample.user_stack.map(|(bytes, copied)| copied.min(bytes.len() as u64));
                let raw = sample.raw.map(|bytes| bytes.len());
                format!(
                    "{kind} {attr_index} {mode} {:x?} {:?} {:?} {:?} {:x?} {:?} {:?} \
                     {stack:?} {raw:?} {chain:x?}",
                    sample.ip,
                    sample.pid,
                    sample.tid,
                    sample.timestamp,
                    sample.addr,
                    sample.cpu,
                    sample.period,
                )
            }
            EventRecord::Mmap(mmap) => format!(
                "{kind} {mode} {} {} {:x} {:x} {:x} {}",
                mmap.pid,
                mmap.tid,
                mmap.address,
                mmap.length,
                mmap.page_offset,
                String::from_utf8_lossy(&mmap.path.as_slice())
            ),
            EventRecord::Mmap2(mmap) => format!(
                "{kind} {mode} {} {} {:x} {:x} {:x} {}",
                mmap.pid,
                mmap.tid,
                mmap.address,
                mmap.length,
                mmap.page_offset,
                String::from_utf8_lossy(&mmap.path.as_slice())
            ),
            EventRecord::Comm(comm) => format!(
                "{kind} {} {} {} {}",
                comm.pid,
                comm.tid,
                String::from_utf8_lossy(&comm.name.as_slice()),
                comm.is_execve
            ),
            EventRecord::Fork(task) | EventRecord::Exit(task) => format!(
                "{kind} {} {} {} {} {}",
                task.pid, task.ppid, task.tid, task.ptid, task.timestamp
            ),
            _ => format!("{kind} {}", record.data.len()),
        });
    }
    rows.sort();
    Ok(rows)
}
