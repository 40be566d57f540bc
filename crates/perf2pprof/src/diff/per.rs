//! `--base-stats` and `--head-stats`: what Envoy did while each side was recorded.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use envoy_stats::{Quantity, ServerInfo, Snapshot, count};
use profile::BuildId;
use regress::{Measure, Run};

use crate::diff::load::{Content, Loaded};
use crate::hints;
use crate::message::{Failure, Warning};

/// How much longer than the recording the time between the snapshots may be before it is scaled.
const SLACK: f64 = 1.05;

/// What the cost is set in relation to.
#[derive(Debug, clap::Args)]
pub struct PerArgs {
    /// Envoy's `/stats` before and after the recording of BASE, as text, JSON or for Prometheus: cost
    /// per request is compared. If `/server_info` is beside it (BEFORE with the ending
    /// `.server_info.json`), it is checked too. Repeatable, in the order of the recordings
    #[arg(long, value_name = "BEFORE,AFTER", conflicts_with = "relative_to")]
    #[arg(requires = "head_stats", help_heading = "Comparison")]
    pub base_stats: Vec<Pair>,

    /// The same of HEAD
    #[arg(long, value_name = "BEFORE,AFTER", requires = "base_stats", help_heading = "Comparison")]
    pub head_stats: Vec<Pair>,

    /// What to count in them: `requests`, `connections`, `handshakes`, `bytes`, or a counter's name
    #[arg(long, value_name = "COUNTER", default_value = "requests", help_heading = "Comparison")]
    #[arg(requires = "base_stats")]
    pub per: Quantity,
}

/// Two snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Before the recording.
    pub(crate) before: PathBuf,
    /// After it.
    pub(crate) after: PathBuf,
}

impl std::str::FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(',') {
            Some((before, after)) if !before.is_empty() && !after.is_empty() => {
                Ok(Self { before: before.into(), after: after.into() })
            }
            _ => Err("two files are needed: BEFORE,AFTER".to_owned()),
        }
    }
}

/// What a side's snapshots belong to.
struct Recorded<'a> {
    name: &'a str,
    seconds: f64,
    build_id: Option<BuildId>,
}

impl PerArgs {
    /// Whether there are snapshots.
    pub(crate) fn is_given(&self) -> bool {
        !self.base_stats.is_empty()
    }

    /// What to divide by, if that was given.
    pub(crate) fn measure(
        &self,
        base: (&[Loaded], &[Run]),
        head: (&[Loaded], &[Run]),
    ) -> Result<Option<Measure>, Failure> {
        if !self.is_given() {
            return Ok(None);
        }
        let base = self.of_side("--base-stats", &self.base_stats, base)?;
        let head = self.of_side("--head-stats", &self.head_stats, head)?;
        Ok(Some(Measure::Per(base, head)))
    }

    fn of_side(
        &self,
        flag: &str,
        pairs: &[Pair],
        (files, runs): (&[Loaded], &[Run]),
    ) -> Result<f64, Failure> {
        if pairs.len() != runs.len() {
            let message = format!(
                "as many pairs of snapshots as recordings are needed, not {} and {}",
                pairs.len(),
                runs.len()
            );
            return Err(Failure::new(message)
                .hint(format!("`{flag} BEFORE,AFTER` for each, in the order of the recordings")));
        }
        let mut sum = 0.0;
        for (pair, (file, run)) in pairs.iter().zip(files.iter().zip(runs)) {
            let name = run.name.as_str();
            let recorded = Recorded { name, seconds: run.seconds(), build_id: build_id(file) };
            sum += self.of_run(pair, &recorded)?;
        }
        Ok(sum)
    }

    /// How much was counted while a run was recorded.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of what a recording's time has room for"
    )]
    fn of_run(&self, pair: &Pair, recorded: &Recorded<'_>) -> Result<f64, Failure> {
        let Pair { before, after } = pair;
        let snapshots = (snapshot(before)?, snapshot(after)?);
        let infos = (server_info(before)?, server_info(after)?);
        for (path, info) in [(before, &infos.0), (after, &infos.1)] {
            check_build(path, info.as_ref(), recorded)?;
        }
        let sides = ((&snapshots.0, infos.0.as_ref()), (&snapshots.1, infos.1.as_ref()));
        let counted = count(&self.per, sides.0, sides.1)
            .map_err(|refusal| hints::no_count(before, after, &refusal))?;
        let Some((info_before, info_after)) = infos.0.zip(infos.1) else {
            return Ok(counted as f64);
        };
        let window = info_after.since(&info_before);
        let (least, most) = (window.at_least() as f64, window.at_most() as f64);
        if most * SLACK < recorded.seconds {
            return Err(hints::snapshots_within(
                before,
                after,
                recorded.name,
                most,
                recorded.seconds,
            ));
        }
        if least <= recorded.seconds * SLACK {
            return Ok(counted as f64);
        }
        let seconds = window.seconds as f64;
        let message = format!(
            "the snapshots of `{}` are {seconds} s apart, and it was recorded for {:.1} s",
            recorded.name, recorded.seconds
        );
        let detail = format!(
            "of {counted} counted, {:.0} are taken to be of that time",
            counted as f64 * recorded.seconds / seconds
        );
        let warning = Warning::new(message).detail(detail);
        eprintln!("{}", warning.hint("take them right before and after `perf record`"));
        Ok(counted as f64 * recorded.seconds / seconds)
    }
}

fn build_id(file: &Loaded) -> Option<BuildId> {
    let Content::Profile(profile, _) = &file.content else { return None };
    profile.binaries[profile.main_binary?].build_id
}

pub(crate) fn snapshot(path: &Path) -> Result<Snapshot, Failure> {
    let bytes = read(path)?;
    Snapshot::parse(&bytes).map_err(|error| hints::not_a_snapshot(path, &error))
}

/// No snapshot is larger; the corpus' have 160 kB, and a mesh of a thousand clusters some megabytes.
const MAX_LEN: u64 = 256 << 20;

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    use std::io::Read;
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_LEN + 1).read_to_end(&mut bytes))
        .and_then(|len| match len as u64 {
            0..=MAX_LEN => Ok(bytes),
            _ => Err(io::ErrorKind::FileTooLarge.into()),
        })
        .map_err(|error| hints::cannot_open_snapshot(path, &error))
}

/// What `/server_info` answered, if it was kept beside: `a.server_info.json` beside `a.txt` or
/// `a.usedonly.txt`.
fn server_info(snapshot: &Path) -> Result<Option<ServerInfo>, Failure> {
    let name = snapshot.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stems =
        name.rmatch_indices('.').map(|(end, _)| &name[..end]).filter(|stem| !stem.is_empty());
    let beside = stems.map(|stem| snapshot.with_file_name(format!("{stem}.server_info.json")));
    let Some(path) = beside.into_iter().find(|path| path.is_file()) else { return Ok(None) };
    let bytes = read(&path)?;
    ServerInfo::parse(&bytes).map(Some).map_err(|error| hints::not_server_info(&path, error))
}

/// Envoy's build ID is the commit it was built from, which it also tells at run time.
fn check_build(
    snapshot: &Path,
    info: Option<&ServerInfo>,
    recorded: &Recorded<'_>,
) -> Result<(), Failure> {
    let commit = info.and_then(|info| info.commit.as_ref());
    let Some((commit, build_id)) = commit.zip(recorded.build_id) else { return Ok(()) };
    let build_id = build_id.to_string();
    // A build ID of another length is no commit, and says nothing.
    if commit.len() != build_id.len() || *commit == build_id {
        return Ok(());
    }
    Err(hints::snapshot_of_other_build(snapshot, commit, recorded.name, &build_id))
}
