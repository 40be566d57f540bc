//! A recording as a profile in memory, for programs that read many of them.
//!
//! ```text
//!   file ─> Mapper: the conversion of `perf2pprof` ─> Mapped: a `profile.proto` message, and what it cannot say
//! ```
//!
//! The message is the one that `perf2pprof merge` adds up. Nothing is printed.

mod packs;

use std::num::NonZeroUsize;
use std::path::Path;

use crate::args::Labels;
use crate::diff::load::is_recording;
use crate::hints;
use crate::images::Images;
use crate::job::Job;
use crate::lens_labels::LensLabels;
use crate::message::Failure;
use crate::run::read_named_with;
use crate::symbol_args::SymbolArgs;

pub use crate::run::GUESSED_START;
pub use packs::Packs;

/// What makes profiles of recordings. One for each thread.
pub struct Mapper<'a> {
    symbols: SymbolArgs,
    labels: &'a Labels,
    lens: &'a LensLabels,
    packs: &'a Packs,
    images: Images,
}

/// A recording as a profile.
#[derive(Debug)]
pub struct Mapped {
    /// A `profile.proto` message that is not compressed.
    pub message: Vec<u8>,
    /// The name of the host, if the recording has one.
    pub hostname: Option<String>,
    /// How many records the kernel had no room for.
    pub lost: u64,
    /// Whether its samples have labels that say where in Envoy they are; the recording had none.
    pub has_lens_labels: bool,
    /// What is to be said of it, as the user should read it.
    pub warnings: Vec<String>,
}

impl<'a> Mapper<'a> {
    /// Looks for names in the given places.
    pub fn new(
        symbols: &SymbolArgs,
        labels: &'a Labels,
        lens: &'a LensLabels,
        packs: &'a Packs,
    ) -> Result<Self, Failure> {
        let mut symbols = symbols.clone();
        // Of files that say the same the first is used.
        symbols.debug_image.insert(0, packs.path().to_owned());
        let images = Images::new(&symbols.debug_image, true)?;
        Ok(Self { symbols, labels, lens, packs, images })
    }

    /// Whether a file is a recording, by its first bytes.
    pub fn is_recording(path: &Path) -> bool {
        is_recording(path)
    }

    /// Converts a recording.
    pub fn map(&self, path: &Path) -> Result<Mapped, Failure> {
        let Labels(labels) = self.labels;
        let mut job = Job::to_read(path, labels.clone(), &self.symbols, NonZeroUsize::MIN);
        job.summary = None;
        let (mut named, mut warnings) = read_named_with(&job, &self.images)?;
        warnings.append(&mut named.warnings);
        self.packs.note(&named.conversion.profile, &named.symbolized);
        let (profile, symbolized) = (&mut named.conversion.profile, &named.symbolized);
        let before = profile.labels.len();
        self.lens.add(profile, symbolized, true)?;
        let losses = &named.conversion.losses;
        let mut bytes = Vec::new();
        pprof_format::write(profile, &symbolized.symbols, &mut bytes, NonZeroUsize::MIN)
            .map_err(|error| hints::cannot_spool(&std::env::temp_dir(), &error))?;
        let message = pprof_format::inflate(&bytes)
            .map_err(|error| hints::not_a_profile(&path.display().to_string(), &error))?
            .into_owned();
        Ok(Mapped {
            message,
            hostname: profile.recording.hostname.clone(),
            lost: losses.lost_records.saturating_add(losses.lost_samples),
            has_lens_labels: profile.labels.len() > before,
            warnings: warnings.iter().map(ToString::to_string).collect(),
        })
    }
}
