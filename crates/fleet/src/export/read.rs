//! One input as rows, or the reason why not.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use perf2pprof::mapper::{GUESSED_START, Mapper};
use pprof_format::proto;

use crate::hash::{Content, Id};
use crate::input::Inputs;
use crate::labels::Labels;
use crate::map::{self, Rows};
use crate::tables::{RecordingRow, Text};

/// What became of an input.
pub(super) enum Outcome {
    /// It is read. What is to be said of it.
    Rows(Box<Rows>, Vec<String>),
    /// Its digest is in the tables.
    Known,
    /// It is no recording.
    Bad(Box<RecordingRow>),
}

/// What reads inputs.
pub(super) struct Reader<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) labels: &'a Labels,
    /// What need not be read again.
    pub(super) known: HashSet<Id>,
}

impl Reader<'_> {
    /// Reads an input.
    pub(super) fn read(&self, uri: &str, mapper: &Mapper<'_>) -> Outcome {
        let mut row = RecordingRow::default();
        row.set(Text::Uri, uri);
        // Until its bytes are known.
        row.recording = Content::of("inputs").text(uri).finish();
        match self.try_read(&mut row, mapper) {
            Ok(outcome) => outcome,
            Err(error) => {
                row.set(Text::Error, error);
                row.start_ns = None;
                Outcome::Bad(Box::new(row))
            }
        }
    }

    fn try_read(&self, row: &mut RecordingRow, mapper: &Mapper<'_>) -> Result<Outcome, String> {
        let uri = row.text(Text::Uri).unwrap_or_default().to_owned();
        let of_path = self.labels.of_path(&uri);
        let of_path = of_path.ok_or("its path is not as `--path-template` says")?;
        self.labels.apply(&of_path, row);
        let input = self.inputs.open(&uri).map_err(|failure| failure.message().to_owned())?;
        row.recording = input.digest().map_err(|error| format!("cannot be read: {error}"))?;
        row.set(Text::Digest, row.recording.to_string());
        if self.known.contains(&row.recording) {
            return Ok(Outcome::Known);
        }
        let (message, warnings) = if Mapper::is_recording(&input.path) {
            // A copy has another name, and that another one each time.
            let path = input.path.display().to_string();
            let shown = |text: &str| text.replace(&path, &uri);
            let made = mapper.map(&input.path).map_err(|failure| shown(failure.message()))?;
            row.lost = i64::try_from(made.lost).ok();
            row.has_lens_labels = made.has_lens_labels;
            if let Some(host) = made.hostname.filter(|_| row.text(Text::Host).is_none()) {
                row.set(Text::Host, host);
            }
            (made.message, made.warnings.iter().map(|warning| shown(warning)).collect())
        } else {
            (message(&input.path)?, Vec::new())
        };
        let profile = profile(&message)?;
        let own = Some(profile.time_nanos).filter(|nanos| *nanos > 0);
        let is_guess = |comment: &i64| profile.text(*comment) == Some(GUESSED_START);
        row.start_ns = if profile.comment.iter().any(is_guess) {
            of_path.start_ns.or(own)
        } else {
            own.or(of_path.start_ns)
        };
        let rows = map::rows(&profile, row.clone())?;
        Ok(Outcome::Rows(Box::new(rows), warnings))
    }
}

/// The message of a pprof file.
fn message(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = pprof_format::MAX_LEN as u64 + 1;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(pprof_format::inflate(&bytes).map_err(|error| not_read(&error))?.into_owned())
}

fn profile(message: &[u8]) -> Result<proto::Profile, String> {
    if message.starts_with(&[0x1f, 0x8b]) {
        return Err("it is compressed twice".to_owned());
    }
    pprof_format::read(message).map_err(|error| not_read(&error))
}

fn not_read(error: &pprof_format::Error) -> String {
    use std::error::Error;
    let source = error.source().map(|source| format!(": {source}"));
    format!("it is neither a recording nor a pprof profile: {error}{}", source.unwrap_or_default())
}
