//! The file that is looked at: a recording, or a profile made earlier.

use std::num::NonZeroUsize;
use std::path::Path;

use profile::{Profile, Symbols};
use session::LabelKey;
use symbolize::Symbolized;

use crate::args::threads_or_all;
use crate::inspect::is_profile;
use crate::job::Job;
use crate::message::Failure;
use crate::run::{self, NamedRecording};
use crate::symbol_args::SymbolArgs;
use crate::symbolize_command::{self, Named};

/// A file, read, with the names that were found for it.
pub(crate) struct Loaded {
    pub(crate) profile: Profile,
    /// All names.
    pub(crate) symbols: Symbols,
    /// What was looked up now.
    pub(crate) symbolized: Symbolized,
}

impl Loaded {
    pub(crate) fn read(
        path: &Path,
        symbols: &SymbolArgs,
        threads: Option<NonZeroUsize>,
    ) -> Result<Self, Failure> {
        let threads = threads_or_all(threads);
        if is_profile(path) {
            let bytes = symbolize_command::read(path)?;
            let shown = path.display().to_string();
            let named = Named::new(&shown, &bytes, &symbols.options(threads), false)?;
            let Named { imported, symbolized, symbols, warnings, .. } = named;
            for warning in warnings {
                eprintln!("{warning}");
            }
            return Ok(Self { profile: imported.profile, symbols, symbolized });
        }
        let labels = vec![LabelKey::Comm, LabelKey::ThreadComm, LabelKey::Pid, LabelKey::Tid];
        let job = Job::to_read(path, labels, symbols, threads);
        let NamedRecording { conversion, symbolized, warnings, .. } = run::read_named(&job)?;
        for warning in warnings {
            eprintln!("{warning}");
        }
        let symbols = symbolized.symbols.clone();
        Ok(Self { profile: conversion.profile, symbols, symbolized })
    }
}
