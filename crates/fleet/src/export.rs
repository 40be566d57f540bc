//! `perf2pprof-fleet export`: recordings to tables.
//!
//! ```text
//!   input 0, 2, 4 ... ─> thread 0: digest, conversion, rows ─┐
//!   input 1, 3, 5 ... ─> thread 1: the same ─────────────────┴─> in the order of their names ─> parts ─> files
//! ```
//!
//! The files depend on the set of the inputs alone. Memory follows the size of a part.

mod read;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use perf2pprof::mapper::{Mapper, Packs};
use perf2pprof::{Failure, Progress};

use self::read::{Outcome, Reader};
use crate::args::ExportArgs;
use crate::hash::Id;
use crate::input::{Inputs, names_in};
use crate::labels::Labels;
use crate::parquet_file;
use crate::part::{Part, write_error};
use crate::store::{MAX_FILE, Store, cannot};
use crate::tables::{RecordingRow, Row, Text};

/// So many recordings are held by each thread beside the one it reads.
const AHEAD: usize = 2;

/// Of so many recordings the warnings are shown.
const SHOWN: usize = 3;

impl ExportArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let mut given = self.inputs.clone();
        if let Some(list) = &self.inputs_from {
            given.extend(names_in(list)?);
        }
        let endpoint = self.endpoint.as_deref();
        let inputs = Inputs::find(&given, self.shard, endpoint)?;
        let store = Store::open(&self.output, endpoint)?;
        let variables = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
        let labels = Labels::new(self.label.clone(), self.path_template.clone(), variables);
        let mut known = known(&store)?;
        let reader = Reader { inputs: &inputs, labels: &labels, known: known.clone() };
        let packs = Packs::new().map_err(|error| cannot("write", &"a temporary file", &error))?;
        let exporter = Exporter { args: self, inputs: &inputs, reader, packs };
        let mut done = Done::default();
        exporter.each(|uri, outcome| {
            match outcome {
                Outcome::Known => done.known += 1,
                Outcome::Bad(row) => {
                    if done.bad < SHOWN {
                        let error = row.text(Text::Error).unwrap_or_default();
                        eprintln!("warning: `{uri}` is left out: {error}");
                    }
                    done.bad += 1;
                    write_error(&store, *row)?;
                }
                Outcome::Rows(rows, warnings) => {
                    let recording = rows.recordings.first().map(|row| row.recording);
                    // The same bytes under another name.
                    if recording.is_some_and(|id| !known.insert(id)) {
                        done.same += 1;
                        return Ok(());
                    }
                    done.warn(&warnings);
                    done.recordings += 1;
                    done.samples += rows.samples.len();
                    done.part.add(*rows);
                    if done.part.is_full() {
                        done.part.flush(&store)?;
                    }
                }
            }
            Ok(())
        })?;
        done.part.flush(&store)?;
        done.say(self, inputs.names.len());
        Ok(())
    }
}

/// What was done.
#[derive(Default)]
struct Done {
    part: Part,
    recordings: usize,
    samples: usize,
    known: usize,
    same: usize,
    bad: usize,
    warned: usize,
}

impl Done {
    fn warn(&mut self, warnings: &[String]) {
        if !warnings.is_empty() {
            if self.warned < SHOWN {
                for warning in warnings {
                    eprintln!("{warning}");
                }
            }
            self.warned += 1;
        }
    }

    fn say(&self, args: &ExportArgs, inputs: usize) {
        if self.warned > SHOWN {
            let more = self.warned - SHOWN;
            eprintln!("warning: {more} more recordings have warnings of their own");
            eprintln!("hint: `perf2pprof RECORDING` shows those of one");
        }
        if self.bad > 0 {
            eprintln!(
                "warning: {} of {inputs} inputs are no recordings that can be read; the column `error` of \
                 `recordings` says why",
                self.bad
            );
        }
        if !args.quiet {
            eprintln!(
                "{} recordings, {} rows of samples, to `{}`",
                self.recordings, self.samples, args.output
            );
            if self.known > 0 {
                eprintln!("skipped: {} that are there already", self.known);
            }
            if self.same > 0 {
                eprintln!("skipped: {} that have the same bytes as another", self.same);
            }
        }
    }
}

/// The recordings that are in the tables.
fn known(store: &Store) -> Result<HashSet<Id>, Failure> {
    let mut known = HashSet::new();
    for entry in store.list(RecordingRow::TABLE)? {
        if !entry.name.ends_with(".parquet") {
            continue;
        }
        let bytes = store.read(&entry.name, MAX_FILE)?;
        parquet_file::each(bytes, |row: RecordingRow| {
            if row.text(Text::Error).is_none() {
                known.insert(row.recording);
            }
            Ok(())
        })
        .map_err(|error| cannot("read", &store.shown(&entry.name), &error))?;
    }
    Ok(known)
}

/// What the threads of a run share.
struct Exporter<'a> {
    args: &'a ExportArgs,
    inputs: &'a Inputs,
    reader: Reader<'a>,
    packs: Packs,
}

impl Exporter<'_> {
    /// Gives every input to `take`, in the order of their names.
    fn each(
        &self,
        mut take: impl FnMut(&str, Outcome) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let names = &self.inputs.names;
        let threads = self.args.threads.or_else(|| thread::available_parallelism().ok());
        let threads = threads.map_or(1, NonZeroUsize::get).min(names.len());
        let progress = Progress::new("exporting recordings", names.len() as u64, self.args.quiet);
        thread::scope(|scope| {
            let channels: Vec<_> = (0..threads)
                .map(|number| {
                    let (sender, receiver) = sync_channel(AHEAD);
                    scope.spawn(move || self.read_each(number, threads, &sender));
                    receiver
                })
                .collect();
            for (name, channel) in names.iter().zip(channels.iter().cycle()) {
                let gone = |_| Failure::new(format!("reading `{name}` came to no end"));
                take(name, channel.recv().map_err(gone)??)?;
                progress.advance(1);
            }
            Ok(())
        })
    }

    /// Reads every input whose turn it is, until nobody wants more.
    fn read_each(&self, first: usize, step: usize, sender: &SyncSender<Result<Outcome, Failure>>) {
        let ExportArgs { symbols, labels, lens, .. } = self.args;
        let mapper = Mapper::new(symbols, labels, lens, &self.packs);
        let mapper = match mapper {
            Ok(mapper) => mapper,
            Err(failure) => {
                // Who asked is gone if this cannot be said.
                drop(sender.send(Err(failure)));
                return;
            }
        };
        for uri in self.inputs.names.iter().skip(first).step_by(step) {
            if sender.send(Ok(self.reader.read(uri, &mapper))).is_err() {
                return;
            }
        }
    }
}
