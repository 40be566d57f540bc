//! What `perf2pprof inspect` says, for people and for machines.

use std::fmt::{self, Display};
use std::path::PathBuf;

use binaries::Sources;
use profile::{BinaryKind, Profile};
use serde::Serialize;
use symbolize::Symbolized;

use crate::binary_table::{self, BinarySummary};
use crate::envoy;
use crate::message::base_name;
use crate::stack_health::StackHealth;
use crate::summary::{EventSummary, LossSummary, percent};
use crate::threads::ThreadSummary;

/// What a file holds. Shares are from 0 to 1.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    /// The file, as the user named it.
    pub(crate) file: String,
    /// `recording` or `profile`.
    pub(crate) kind: &'static str,
    /// The host, architecture and kernel that were recorded.
    pub(crate) host: Vec<String>,
    /// The perf that recorded.
    pub(crate) perf_version: Option<String>,
    /// From the first to the last sample.
    pub(crate) duration_seconds: Option<f64>,
    /// What a profile says of itself: how it was recorded, what was lost, what named it.
    pub(crate) comments: Vec<String>,
    /// What was counted.
    pub(crate) events: Vec<EventSummary>,
    /// What was lost or cut; only a recording tells.
    pub(crate) losses: Option<LossSummary>,
    /// The threads, heaviest first.
    pub(crate) threads: Vec<ThreadSummary>,
    /// How far stacks reach.
    pub(crate) stacks: StackHealth,
    /// Share of the frames' weight that has a name.
    pub(crate) named: f64,
    /// Share of the frames' weight that has a line number.
    pub(crate) with_lines: f64,
    /// The binaries that have frames, heaviest first.
    pub(crate) binaries: Vec<InspectedBinary>,
    /// What to try, cheapest first.
    pub(crate) advice: Vec<String>,
}

/// A binary, and where it could be had from.
#[derive(Debug, Serialize)]
pub(crate) struct InspectedBinary {
    /// What a conversion would say of it.
    #[serde(flatten)]
    pub(crate) summary: BinarySummary,
    /// Where it was looked for; empty if it was found.
    pub(crate) looked_in: Vec<PathBuf>,
    /// What is known of it if it is an Envoy.
    pub(crate) envoy: Option<EnvoyRelease>,
}

/// Which Envoy it is.
#[derive(Debug, Serialize)]
pub(crate) struct EnvoyRelease {
    /// The commit it was built from, which is its build ID.
    pub(crate) commit: Option<String>,
    /// The release that was built from it; `None` for a commit that is not known here.
    pub(crate) version: Option<String>,
    /// The image with its symbols; `None` if there is none, or the version is not known.
    pub(crate) debug_image: Option<String>,
    /// The same for a contrib build, which has the same commit.
    pub(crate) contrib_debug_image: Option<String>,
}

impl InspectedBinary {
    pub(crate) fn new(
        summary: BinarySummary,
        profile: &Profile,
        symbolized: &Symbolized,
        sources: &Sources,
    ) -> Self {
        let binary = &profile.binaries[summary.id];
        let report = symbolized.binaries.iter().find(|report| report.binary == summary.id);
        let used = report.and_then(|report| report.used.as_ref());
        let is_file = binary.kind == BinaryKind::File;
        let path = profile.strings[binary.path].trim_end_matches(" (deleted)");
        let looked_in = if is_file && used.is_none() { sources.places(path) } else { Vec::new() };
        let envoy = (is_file && envoy::is_envoy(base_name(path))).then(|| {
            let written = || envoy::version_of(&used?.image);
            let version = binary.build_id.and_then(envoy::release_of).or_else(written);
            let with_symbols = version.filter(|version| !version.is_stripped_by_mistake());
            EnvoyRelease {
                commit: binary.build_id.map(|id| id.to_string()),
                version: version.map(|version| version.to_string()),
                debug_image: with_symbols.map(envoy::Version::debug_image),
                contrib_debug_image: with_symbols.and_then(envoy::Version::contrib_debug_image),
            }
        });
        Self { summary, looked_in, envoy }
    }

    /// What is to be said of it below its row.
    fn details(&self) -> Vec<String> {
        let mut lines = self.summary.details();
        if !self.looked_in.is_empty() {
            let places: Vec<_> =
                self.looked_in.iter().map(|path| format!("`{}`", path.display())).collect();
            lines.push(format!("looked in: {}", places.join(", ")));
        }
        lines.extend(self.envoy.as_ref().map(ToString::to_string));
        lines
    }
}

impl Display for EnvoyRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.version, &self.commit) {
            (Some(version), _) => write!(f, "Envoy {version}")?,
            (None, Some(commit)) => {
                return write!(f, "Envoy of commit {commit}, which is no release known here");
            }
            (None, None) => {
                return f.write_str("Envoy of unknown version: no build ID is recorded");
            }
        }
        match (&self.debug_image, &self.contrib_debug_image) {
            (None, _) => f.write_str(", whose debug images were published without symbols"),
            (Some(image), None) => write!(f, ", debug image `{image}`"),
            (Some(image), Some(contrib)) => {
                write!(f, ", debug image `{image}`, or `{contrib}` if it is a contrib build")
            }
        }
    }
}

impl Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is a {}", self.file, self.kind)?;
        if let Some(seconds) = self.duration_seconds {
            write!(f, " of {seconds:.1} s")?;
        }
        if !self.host.is_empty() {
            write!(f, " on {}", self.host.join(", "))?;
        }
        if let Some(version) = &self.perf_version {
            write!(f, ", by perf {version}")?;
        }
        writeln!(f)?;
        self.comments.iter().try_for_each(|comment| writeln!(f, "comment: {comment}"))?;
        self.events.iter().try_for_each(|event| writeln!(f, "{event}"))?;
        if let Some(losses) = &self.losses {
            writeln!(f, "lost: {losses}")?;
        }
        self.fmt_threads(f)?;
        self.fmt_stacks(f)?;
        writeln!(
            f,
            "\nnames: {} of the weight of all frames, line numbers {}",
            percent(self.named),
            percent(self.with_lines)
        )?;
        let rows = self.binaries.iter().map(|binary| (&binary.summary, binary.details()));
        binary_table::write(rows, f)?;
        if self.advice.is_empty() {
            return writeln!(f, "nothing is missing that could be had");
        }
        writeln!(f, "what would help, cheapest first:")?;
        (1..).zip(&self.advice).try_for_each(|(number, advice)| writeln!(f, "{number}. {advice}"))
    }
}

/// How many threads are listed for people.
const LISTED_THREADS: usize = 12;

impl Inspection {
    fn fmt_threads(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.threads.is_empty() {
            return writeln!(f, "\nthreads: no label tells of them");
        }
        writeln!(f, "\n   self  samples  thread")?;
        for row in self.threads.iter().take(LISTED_THREADS) {
            let ThreadSummary { pid, tid, process, thread, samples, share, .. } = row;
            let name = if thread.is_empty() { process } else { thread };
            write!(f, "{:>7} {samples:>8}  {name}", percent(*share))?;
            let pid = pid.map(|pid| format!("pid {pid}"));
            let tid = tid.map(|tid| format!("tid {tid}"));
            let numbers: Vec<_> = pid.into_iter().chain(tid).collect();
            let of = if thread.is_empty() || thread == process { "" } else { process };
            let facts: Vec<_> = [of.to_owned(), numbers.join(", ")].into_iter().collect();
            let facts: Vec<_> = facts.iter().filter(|fact| !fact.is_empty()).cloned().collect();
            writeln!(f, " ({})", facts.join(", "))?;
        }
        match self.threads.len().checked_sub(LISTED_THREADS) {
            Some(more) if more > 0 => writeln!(f, "                  {more} more"),
            _ => Ok(()),
        }
    }

    fn fmt_stacks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StackHealth { reach_start, end_early, not_judged, ends, .. } = &self.stacks;
        write!(
            f,
            "\nstacks: {} reach the start of their thread, {} end before",
            percent(*reach_start),
            percent(*end_early)
        )?;
        if *not_judged > 0.0 {
            write!(f, ", {} end in a function without a name", percent(*not_judged))?;
        }
        writeln!(f)?;
        for end in ends {
            let function = if end.function.is_empty() { "nothing" } else { &end.function };
            let marker = if end.marker.is_empty() { "no caller" } else { &end.marker };
            writeln!(f, "{:>7}  {function} <- {marker}", percent(end.share))?;
        }
        Ok(())
    }
}
