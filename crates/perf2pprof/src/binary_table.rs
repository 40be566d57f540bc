//! The binaries of a profile: what they weigh, and where their names come from.

use std::fmt;
use std::path::Path;

use profile::{Binary, BinaryKind, Id, Profile, Reason};
use serde::Serialize;
use symbolize::{BinaryReport, Symbolized};

use crate::proof::Proof;
use crate::shares::{self, Weights, share};
use crate::summary::percent;

/// A binary.
#[derive(Debug, Serialize)]
pub(crate) struct BinarySummary {
    /// Which one it is.
    #[serde(skip)]
    pub(crate) id: Id<Binary>,
    /// Its recorded path.
    pub(crate) path: String,
    /// Its recorded build ID.
    pub(crate) build_id: Option<String>,
    /// Share of the weight of samples that were in it.
    pub(crate) share: f64,
    /// Share of its frames' weight that has a name.
    pub(crate) named: f64,
    /// Share of its frames' weight that has a line number.
    pub(crate) with_lines: f64,
    /// Where its names come from, or why there are none.
    pub(crate) symbols: String,
    /// What speaks for the file used, beside its build ID and segments.
    pub(crate) proof: Option<Proof>,
    /// The files that were found, and are not the recorded one.
    pub(crate) refused: Vec<String>,
    /// Reservations about the file used.
    pub(crate) notes: Vec<String>,
}

impl BinarySummary {
    fn new(
        profile: &Profile,
        id: Id<Binary>,
        weights: &Weights,
        total: u64,
        report: Option<&BinaryReport>,
    ) -> Self {
        let binary = &profile.binaries[id];
        let paths = |refused: &binaries::Refused| {
            format!("`{}`: {}", refused.path.display(), refused.refusal)
        };
        Self {
            id,
            path: profile.strings[binary.path].clone(),
            build_id: binary.build_id.map(|build_id| build_id.to_string()),
            share: share(weights.own.into(), total.into()),
            named: weights.named_share(),
            with_lines: weights.lines_share(),
            symbols: symbols(binary.kind, report),
            proof: report.and_then(|report| Proof::of(profile, report)),
            refused: report
                .map(|report| report.refused.iter().map(paths).collect())
                .unwrap_or_default(),
            notes: report
                .map(|report| report.notes.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
        }
    }
}

impl BinarySummary {
    /// What is to be said of it below its row.
    pub(crate) fn details(&self) -> Vec<String> {
        let build_id = self.build_id.as_ref().map(|build_id| format!("build ID {build_id}"));
        let proof = self.proof.map(|proof| proof.to_string());
        let facts = build_id.into_iter().chain([self.symbols.clone()]).chain(proof);
        facts.chain(self.notes.iter().cloned()).chain(self.refused.iter().cloned()).collect()
    }
}

/// Where names come from, or why there are none.
fn symbols(kind: BinaryKind, report: Option<&BinaryReport>) -> String {
    let Some(report) = report else { return reason(Reason::NotAsked).to_owned() };
    if let Some(used) = &report.used {
        let package = used.package.as_ref().map(|path| {
            let is_beside = path.parent() == used.image.parent();
            let name = path.file_name().filter(|_| is_beside).map_or(path.as_path(), Path::new);
            format!(" and `{}`", name.display())
        });
        return format!(
            "from `{}`{} ({})",
            used.image.display(),
            package.unwrap_or_default(),
            used.quality
        );
    }
    let most = report.frames.unnamed.iter().max_by_key(|(_, frames)| **frames);
    match most {
        _ if report.frames.unnamed.is_empty() => "named by the recording".to_owned(),
        Some((Reason::NoFile, _)) if kind.is_kernel() => {
            "no names: no symbols of this kernel at hand".to_owned()
        }
        Some((most, _)) => reason(*most).to_owned(),
        None => String::new(),
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NotAsked => "not looked up",
        Reason::Marker => "",
        Reason::Unmapped => "no names: nothing was mapped there",
        Reason::Anonymous => "no names: code made at run time",
        Reason::NoFile => "no names: no such file at hand",
        Reason::WrongFile => "no names: the file at hand is another",
        Reason::Stripped => "no names: the file is stripped",
        Reason::NoSymbol => "no names: no symbol covers them",
    }
}

/// As wide as the figures before a binary's path.
const INDENT: &str = "                         ";

/// Binaries below this share are counted, not listed.
const LISTED_SHARE: f64 = 0.005;

/// Every binary that has frames, heaviest first.
pub(crate) fn all(
    profile: &Profile,
    weights: &[Weights],
    symbolized: &Symbolized,
    event: u32,
) -> Vec<BinarySummary> {
    let total = profile.samples.total(event).weight;
    let summary = |id: Id<Binary>| {
        let report = symbolized.binaries.iter().find(|report| report.binary == id);
        BinarySummary::new(profile, id, &weights[id.index()], total, report)
    };
    shares::heaviest(weights).into_iter().map(summary).collect()
}

/// Writes the table, with lines of detail below each row: the binaries that weigh something or need
/// a word, and how many are left.
pub(crate) fn write<'a>(
    rows: impl Iterator<Item = (&'a BinarySummary, Vec<String>)>,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    writeln!(f, "\n   self   named   lines  binary")?;
    let (listed, small): (Vec<_>, Vec<_>) =
        rows.partition(|(binary, _)| binary.share >= LISTED_SHARE || !binary.refused.is_empty());
    for (binary, details) in listed {
        writeln!(
            f,
            "{:>7} {:>7} {:>7}  {}",
            percent(binary.share),
            percent(binary.named),
            percent(binary.with_lines),
            binary.path
        )?;
        details.iter().try_for_each(|line| writeln!(f, "{INDENT} {line}"))?;
    }
    if !small.is_empty() {
        let share: f64 = small.iter().map(|(binary, _)| binary.share).sum();
        writeln!(f, "{:>7}                  {} more", percent(share), small.len())?;
    }
    writeln!(f)
}
