//! The bytes of the recording, or what the file is instead.

use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use binaries::MappedFile;
use perf_data::{PerfData, StreamLoss, write_records};

use crate::hints;
use crate::message::Failure;

/// A recording as files in memory: their pages come from the disk as they are read, and go when
/// they are given back.
///
/// What cannot be read twice, or not record by record (standard input, compressed records, the
/// files of a directory), is first written to a temporary file without a name.
pub(crate) struct Recording {
    /// The header, the events and, if nothing was unpacked, the records.
    file: MappedFile,
    unpacked: Option<Unpacked>,
}

/// The records of a recording that is compressed, or spread over a directory.
struct Unpacked {
    records: MappedFile,
    losses: Vec<(PathBuf, StreamLoss)>,
}

impl Recording {
    /// Opens the file or directory that the user named, or standard input for `-`.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            let file = stdin()?;
            return Self::unpack(path, file, &[]);
        }
        let metadata = fs::metadata(path).map_err(|error| hints::cannot_open(path, &error))?;
        if metadata.is_dir() {
            let (first, others) = files_of_directory(path)?;
            return Self::unpack(&first, map(&first)?, &others);
        }
        let file = if metadata.is_file() { map(path)? } else { spool_file(path)? };
        Self::unpack(path, file, &[])
    }

    /// The header, and all records.
    pub(crate) fn parse(&self) -> Result<PerfData<'_>, perf_data::Error> {
        let perf = parse(&self.file)?;
        Ok(match &self.unpacked {
            Some(unpacked) => perf.with_records(&unpacked.records),
            None => perf,
        })
    }

    /// How the file begins, for whoever wonders what it is.
    pub(crate) fn first_bytes(&self) -> &[u8] {
        &self.file[..self.file.len().min(512)]
    }

    /// How many bytes are to be read.
    pub(crate) fn len(&self) -> u64 {
        self.records().len() as u64
    }

    /// What was not unpacked, by file.
    pub(crate) fn losses(&self) -> &[(PathBuf, StreamLoss)] {
        self.unpacked.as_ref().map_or(&[], |unpacked| &unpacked.losses)
    }

    /// Gives back memory that holds bytes which were read; they come again if asked for.
    pub(crate) fn release(&self, range: Range<u64>) {
        release(self.records(), range);
    }

    /// The file in which the records are.
    fn records(&self) -> &MappedFile {
        self.unpacked.as_ref().map_or(&self.file, |unpacked| &unpacked.records)
    }

    /// Writes the records to one file if they do not stand in one, as they are, already.
    fn unpack(path: &Path, file: MappedFile, others: &[PathBuf]) -> Result<Self, Failure> {
        // Who parses the file again will tell what is wrong with it.
        let perf = parse(&file).ok();
        let Some(perf) = perf.filter(|perf| perf.is_compressed() || !others.is_empty()) else {
            return Ok(Self { file, unpacked: None });
        };
        let mut losses = Vec::new();
        let endian = perf.endian();
        let records = spool(|out| {
            let (bytes, offset) = perf.record_bytes();
            let mut add = |path: &Path, lost: Vec<StreamLoss>| {
                losses.extend(lost.into_iter().map(|loss| (path.to_owned(), loss)));
            };
            add(path, write_records(bytes, offset, endian, out).map_err(cannot_spool)?);
            for other in others {
                let stream = map(other)?;
                add(other, write_records(&stream, 0, endian, out).map_err(cannot_spool)?);
            }
            Ok(())
        })?;
        file.release(0..file.len());
        Ok(Self { file, unpacked: Some(Unpacked { records, losses }) })
    }
}

fn parse(file: &MappedFile) -> Result<PerfData<'_>, perf_data::Error> {
    PerfData::parse_visiting(file, &|range| release(file, range))
}

fn release(file: &MappedFile, range: Range<u64>) {
    if let (Ok(start), Ok(end)) = (range.start.try_into(), range.end.try_into()) {
        file.release(start..end);
    }
}

fn map(path: &Path) -> Result<MappedFile, Failure> {
    let file = MappedFile::open(path).map_err(|error| hints::cannot_open(path, &error))?;
    file.advise_sequential();
    Ok(file)
}

/// Standard input, mapped if it is a file from its beginning.
fn stdin() -> Result<MappedFile, Failure> {
    if io::stdin().is_terminal() {
        return Err(hints::stdin_is_terminal());
    }
    let path = Path::new("/dev/stdin");
    match MappedFile::open(path) {
        Ok(file) => Ok(file),
        Err(_) => spool_from(Path::new("-"), &mut io::stdin().lock()),
    }
}

/// A pipe with a name.
fn spool_file(path: &Path) -> Result<MappedFile, Failure> {
    let mut file = File::open(path).map_err(|error| hints::cannot_open(path, &error))?;
    spool_from(path, &mut file)
}

fn spool_from(path: &Path, source: &mut dyn io::Read) -> Result<MappedFile, Failure> {
    let mut chunk = vec![0; 1 << 20];
    spool(|out| {
        loop {
            let len = match source.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(hints::cannot_open(path, &error)),
            };
            out.write_all(&chunk[..len]).map_err(cannot_spool)?;
        }
    })
}

/// A temporary file without a name: it is gone with this process, whichever way that ends.
fn spool(fill: impl FnOnce(&mut dyn Write) -> Result<(), Failure>) -> Result<MappedFile, Failure> {
    let mut out = BufWriter::with_capacity(1 << 16, tempfile::tempfile().map_err(cannot_spool)?);
    fill(&mut out)?;
    let written = out.into_inner().map_err(|error| cannot_spool(error.into_error()))?;
    MappedFile::from_file(&written).map_err(cannot_spool)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn cannot_spool(error: io::Error) -> Failure {
    hints::cannot_spool(&std::env::temp_dir(), &error)
}

/// The files of a recording of several threads (`perf record --threads`): the one with the
/// header, and `data.0`, `data.1` and so on in the order of their numbers.
fn files_of_directory(path: &Path) -> Result<(PathBuf, Vec<PathBuf>), Failure> {
    let first = path.join("data");
    if !first.is_file() {
        return Err(hints::is_directory(path));
    }
    let cannot_open = |error: io::Error| hints::cannot_open(path, &error);
    let mut others = Vec::new();
    for entry in fs::read_dir(path).map_err(cannot_open)? {
        let name = entry.map_err(cannot_open)?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("data.")?.parse::<u32>().ok());
        others.extend(number.map(|number| (number, path.join(&name))));
    }
    others.sort();
    Ok((first, others.into_iter().map(|(_, path)| path).collect()))
}
