//! `perf2pprof symbols pack`.

use std::fs;
use std::io::BufWriter;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use binaries::{Match, Quality};
use symbolize::Packed;

use super::{Given, binaries_of, build_id_of, files_of};
use crate::hints;
use crate::message::Failure;
use crate::output::Target;

/// Packs the one binary that the sources hold.
pub(super) fn run(given: &Given, output: &Path, threads: NonZeroUsize) -> Result<(), Failure> {
    let found = binaries_of(given)?;
    let found = only_one(&found)?;
    check(found)?;
    let target = Target::new(output);
    target.check()?;
    let Packed { writer, addresses, dwarf_error } = symbolize::pack(found, threads.get());
    if let Some(error) = dwarf_error {
        return Err(hints::cannot_pack_dwarf(found.image.path(), &error.to_string()));
    }
    let mut out = BufWriter::new(target.create()?);
    let written = writer.finish(&mut out).and_then(|()| out.flush());
    let finish = || out.into_inner().map_err(std::io::IntoInnerError::into_error)?.finish();
    written.and_then(|()| finish()).or_else(|error| target.failed(&error))?;
    report(given, found, addresses, output);
    Ok(())
}

/// A pack is of one binary: of several the Envoy is meant.
fn only_one(found: &[Match]) -> Result<&Match, Failure> {
    let is_envoy = |found: &&Match| found.image.name().starts_with("envoy");
    let mut envoys = found.iter().filter(is_envoy);
    match (found, envoys.next(), envoys.next()) {
        ([only], ..) | (_, Some(only), None) => Ok(only),
        _ => Err(hints::several_binaries(found)),
    }
}

fn check(found: &Match) -> Result<(), Failure> {
    let path = found.image.path();
    if found.image.pack().is_some() {
        return Err(Failure::new(format!("`{}` is a symbol pack already", path.display())));
    }
    if found.quality() == Quality::Nothing {
        return Err(hints::nothing_to_pack(path));
    }
    if found.code().is_none() {
        return Err(hints::no_code_to_pack(path));
    }
    Ok(())
}

fn report(given: &Given, found: &Match, addresses: usize, output: &Path) {
    let files = files_of(found);
    let shown: Vec<_> = files.iter().map(|path| format!("`{}`", path.display())).collect();
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let (before, after) = (files.iter().map(|path| size(path)).sum::<u64>(), size(output));
    let shown = given.names.shown(shown.join(" and "));
    eprintln!("packed {shown} ({})", found.quality());
    eprintln!("{}, {addresses} addresses", build_id_of(found));
    eprintln!(
        "wrote `{}`: {after} bytes, {} of the {before} before",
        output.display(),
        share(after, before)
    );
}

/// In per cent.
#[expect(clippy::cast_precision_loss, reason = "for one decimal place")]
fn share(part: u64, whole: u64) -> String {
    format!("{:.1}%", part as f64 * 100.0 / whole.max(1) as f64)
}
