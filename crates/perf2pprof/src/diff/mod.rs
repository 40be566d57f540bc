//! `perf2pprof diff`: what changed between two sets of recordings, and whether that is noise.
//!
//! ```text
//!   recordings, profiles, ─> Loaded ─> Stacks (one tree, a Run each) ─> regress::compare ─┬─> Report ─> outputs
//!   folded stacks                                                                         └─> Gate ─> exit status
//! ```

mod arguments;
mod calibrate;
mod columns;
mod events;
mod gate;
mod groups;
mod halves;
mod junit;
pub(crate) mod load;
mod markdown;
mod numbers;
pub(crate) mod per;
mod policy;
mod pprof;
pub(crate) mod programs;
mod report;
mod split;
mod stacks;
mod svg;
mod table;
#[cfg(test)]
mod tests;
mod unnamed;
mod weights;

use std::fs;
use std::io::{self, Write};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{slice, thread};

use clap::ValueEnum;
use regress::{Comparison, Measure, Options, compare, propose_renames};

use crate::args::threads_or_all;
use crate::diff::gate::{Gate, Outcome};
use crate::diff::groups::Groups;
use crate::diff::load::{Loaded, Reading};
use crate::diff::per::PerArgs;
use crate::diff::policy::{Budget, Policy};
use crate::diff::report::Report;
use crate::diff::split::{Split, SplitAt};
use crate::diff::stacks::Stacks;
use crate::diff::svg::{Graphs, Width};
use crate::diff::weights::Weights;
use crate::lens_labels::RuleArgs;
use crate::message::{Failure, Warning};
use crate::output::{Output, Target};
use crate::symbol_args::SymbolArgs;

/// Compare two sets of recordings: what became dearer, by how much, and is it noise
///
/// `perf2pprof diff OPTIONS base.perf -- head.perf`; several files on a side are repeated runs. A side takes
/// recordings, pprof profiles and folded stacks. The exit status is 0, or with --fail-on regression 3 for a
/// regression and 4 if the data cannot tell.
#[derive(Debug, clap::Args)]
pub struct DiffArgs {
    /// What was before
    #[arg(value_name = "BASE")]
    pub before: Vec<PathBuf>,

    /// What is now
    #[arg(value_name = "HEAD", last = true)]
    pub now: Vec<PathBuf>,

    /// What was before (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Sides")]
    pub base: Vec<PathBuf>,

    /// What is now (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "Sides")]
    pub head: Vec<PathBuf>,

    /// Compare what was before this moment of one recording with what came then: seconds from the
    /// first sample (`31.5`) or per cent (`50%`)
    #[arg(long, value_name = "T", help_heading = "Sides")]
    #[arg(conflicts_with_all = ["now", "base", "head", "calibrate", "base_stats"])]
    pub split_at: Option<SplitAt>,

    /// Compare runs of one side with each other, in so many random splits [default: 200]: how often
    /// is noise called a change, and how often is a change of --want found
    #[arg(long, value_name = "SPLITS", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "200", help_heading = "Sides")]
    #[arg(conflicts_with_all = ["now", "head", "base_stats", "fail_on", "out_dir"])]
    pub calibrate: Option<NonZeroU32>,

    /// Compare this event [default: the first that both sides have]
    #[arg(long, value_name = "EVENT", help_heading = "Sides")]
    pub event: Option<String>,

    /// Write everything to this directory: diff.svg, base.svg, head.svg, diff.md, diff.json,
    /// diff.xml and diff.pb.gz
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out_dir: Option<PathBuf>,

    /// Write the differential flame graph here
    #[arg(long, value_name = "SVG", help_heading = "Output")]
    pub flamegraph: Option<PathBuf>,

    /// Which side the boxes of the differential flame graph are as wide as
    #[arg(long, value_name = "SIDE", default_value = "head", help_heading = "Output")]
    pub width: Width,

    /// Write the difference as a pprof profile here; `-` for standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write Markdown here, for a comment or a job summary; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub markdown: Option<PathBuf>,

    /// Write JSON here; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub json: Option<PathBuf>,

    /// Write a `JUnit` report here, a test for each function that changed or has a budget
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub junit: Option<PathBuf>,

    /// What a function's weight is set in relation to
    #[arg(long, value_name = "UNIT", default_value = "total", help_heading = "Comparison")]
    pub relative_to: RelativeTo,

    /// What Envoy did meanwhile.
    #[command(flatten)]
    pub per: PerArgs,

    /// The least change of a share that is news
    #[arg(long, value_name = "POINTS", default_value = "0.5pp", help_heading = "Comparison")]
    pub min_change: Points,

    /// The least change, in relation to what it was, that is news
    #[arg(long, value_name = "PERCENT", default_value = "5%", help_heading = "Comparison")]
    pub min_relative: Percent,

    /// The change of a function of 5 % that the data must be able to show for a pass
    #[arg(long, value_name = "POINTS", default_value = "2pp", help_heading = "Comparison")]
    pub want: Points,

    /// Make the exit status tell of a regression (3), or that the data cannot tell (4)
    #[arg(long, value_name = "WHAT", help_heading = "Gate")]
    pub fail_on: Option<FailOn>,

    /// How much dearer everything together may become; needs --relative-to second or --base-stats
    #[arg(long, value_name = "PERCENT", help_heading = "Gate")]
    pub max_regression: Option<Percent>,

    /// How much functions may grow, such as `Envoy::Router::*=+1pp` (repeatable)
    #[arg(long, value_name = "PATTERN=POINTS", help_heading = "Gate")]
    pub budget: Vec<Budget>,

    /// A TOML file of budgets, of regressions that are allowed, and of functions that were renamed
    #[arg(long, value_name = "FILE", help_heading = "Gate")]
    pub policy: Option<PathBuf>,

    /// By which rules code is part of a subsystem or a filter.
    #[command(flatten)]
    pub rules: RuleArgs,

    /// Where names come from.
    #[command(flatten)]
    pub symbols: SymbolArgs,

    /// How many threads to use [default: one per processor]
    #[arg(long, value_name = "N", help_heading = "Running")]
    pub threads: Option<NonZeroUsize>,
}

/// What a function's weight is set in relation to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RelativeTo {
    /// All weight of its side: changes are changes of its share.
    Total,
    /// The time recorded: changes are changes of its cost per second.
    Second,
}

/// What the exit status tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// A regression, or that none could have been seen.
    Regression,
}

/// Per cent points, as a part of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Points(pub f64);

/// Per cent, as a part of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

impl std::str::FromStr for Points {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        number(text, "pp").map(Self).ok_or_else(|| format!("`{text}` is no change like `0.5pp`"))
    }
}

impl std::str::FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        number(text, "%").map(Self).ok_or_else(|| format!("`{text}` is no change like `5%`"))
    }
}

fn number(text: &str, unit: &str) -> Option<f64> {
    let number = text.trim().strip_suffix(unit)?.trim().trim_start_matches('+');
    number.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number)).map(|n| n / 100.0)
}

impl DiffArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let base: Vec<&Path> = self.before.iter().chain(&self.base).map(PathBuf::as_path).collect();
        let head: Vec<&Path> = self.now.iter().chain(&self.head).map(PathBuf::as_path).collect();
        if let Some(splits) = self.calibrate.filter(|_| !base.is_empty()) {
            return self.calibrate(&base, splits);
        }
        if let Some(at) = self.split_at {
            return self.split(&base, at);
        }
        self.check_arguments(&base, &head)?;
        let policy = self.policy.as_deref().map(Policy::read).transpose()?.unwrap_or_default();
        Warning::print(&programs::repeated(&base, &head));
        let command = arguments::command_of(&base, &head);
        let (base, head) = self.load_sides(&base, &head, &command)?;
        self.compare(&base, &head, &policy)
    }

    /// Compares the parts of one recording.
    fn split(&self, files: &[&Path], at: SplitAt) -> Result<ExitCode, Failure> {
        let &[path] = files else {
            return Err(Failure::new(format!(
                "`--split-at` parts one recording, and {} are given",
                files.len()
            ))
            .hint("`perf2pprof diff --split-at 31.5 RECORDING`"));
        };
        let policy = self.policy.as_deref().map(Policy::read).transpose()?.unwrap_or_default();
        let split = Split::read(path, at, &self.symbols, &self.rules, self.threads)?;
        let (base, head) = (slice::from_ref(&split.base), slice::from_ref(&split.head));
        self.compare(base, head, &policy)
    }

    fn compare(
        &self,
        base: &[Loaded],
        head: &[Loaded],
        policy: &Policy,
    ) -> Result<ExitCode, Failure> {
        unnamed::warn(base, head);
        let stacks = Stacks::of(base, head, self.event.as_deref(), &policy.rename)?;
        Warning::print(&stacks.warnings);
        let options = self.options(&stacks, (base, head))?;
        let comparison = compare(&stacks.tree, &stacks.base, &stacks.head, &options);
        let renames = propose_renames(&stacks.tree, &stacks.base, &stacks.head, &comparison);
        let (budgets, most) = (&self.budget, self.max_regression);
        let gate = Gate::of(&stacks.tree, &comparison, most, budgets, policy, &renames);
        let groups = Groups::of(base, head, &stacks.event, &options);
        let counted = self.per.per.singular();
        let report = Report::new(&stacks, &comparison, &gate, &renames, groups, counted);
        let profile = |out: &mut Output| pprof::write(&stacks, base, head, out);
        self.write(&stacks, &comparison, &report, &profile)?;
        Ok(match (self.fail_on, gate.outcome) {
            (None, _) | (_, Outcome::Pass) => ExitCode::SUCCESS,
            (Some(FailOn::Regression), Outcome::Regression) => ExitCode::from(3),
            (Some(FailOn::Regression), Outcome::Inconclusive) => ExitCode::from(4),
        })
    }

    /// Reads both sides, at the same time if that is allowed and they are no recordings, which use all threads
    /// themselves.
    fn load_sides(
        &self,
        base: &[&Path],
        head: &[&Path],
        command: &str,
    ) -> Result<(Vec<Loaded>, Vec<Loaded>), Failure> {
        let lens = self.rules.lens()?;
        let reading = Reading { lens: Some(&lens), ..self.reading(command) };
        let is_one = reading.threads == NonZeroUsize::MIN;
        if is_one || base.iter().chain(head).any(|path| load::is_recording(path)) {
            return Ok((load(base, &reading)?, load(head, &reading)?));
        }
        thread::scope(|scope| {
            let other = scope.spawn(|| load(head, &reading));
            let base = load(base, &reading)?;
            let head = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok((base, head))
        })
    }

    fn reading<'a>(&'a self, command: &'a str) -> Reading<'a> {
        Reading {
            symbols: &self.symbols,
            threads: threads_or_all(self.threads),
            command,
            lens: None,
            looks_at_all: self.rules.lens_rules.is_some(),
        }
    }

    fn calibrate(&self, runs: &[&Path], splits: NonZeroU32) -> Result<ExitCode, Failure> {
        let runs = load(runs, &self.reading("perf2pprof diff --calibrate"))?;
        unnamed::warn(&runs, &[]);
        let stacks = Stacks::of(&runs, &[], self.event.as_deref(), &[])?;
        let options = self.options(&stacks, (&runs, &[]))?;
        let text = calibrate::of(&stacks, &options, splits)?;
        Target::Stdout.write(|out| out.write_all(text.as_bytes()))?;
        Ok(ExitCode::SUCCESS)
    }

    fn options(
        &self,
        stacks: &Stacks,
        (base, head): (&[Loaded], &[Loaded]),
    ) -> Result<Options, Failure> {
        let per = self.per.measure((base, &stacks.base), (head, &stacks.head))?;
        let measure = per.unwrap_or(match self.relative_to {
            RelativeTo::Total => Measure::Share,
            RelativeTo::Second => Measure::PerSecond,
        });
        let runs = || stacks.base.iter().chain(&stacks.head);
        if let Some(run) = runs().find(|run| run.seconds() <= 0.0)
            && measure != Measure::Share
        {
            let message = format!("`{}` does not say how long it was recorded", run.name);
            return Err(Failure::new(message)
                .hint("without `--relative-to second` and `--base-stats`, shares of the total are compared"));
        }
        let (Points(min_change), Percent(min_relative)) = (self.min_change, self.min_relative);
        Ok(Options { measure, min_change, min_relative, want: self.want.0, ..Options::default() })
    }

    fn write(
        &self,
        stacks: &Stacks,
        comparison: &Comparison,
        report: &Report,
        profile: &dyn Fn(&mut Output) -> io::Result<()>,
    ) -> Result<(), Failure> {
        if let Some(directory) = &self.out_dir {
            fs::create_dir_all(directory).map_err(|error| {
                crate::hints::comparison::cannot_make_directory(directory, &error)
            })?;
        }
        let base = Weights::of(&stacks.tree, &stacks.base);
        let head = Weights::of(&stacks.tree, &stacks.head);
        let graphs = Graphs::new(stacks, comparison, report.numbers, &base, &head);
        let mut to = Outputs { directory: self.out_dir.as_deref(), is_stdout_free: true };
        let text = |text: String| move |out: &mut Output| out.write_all(text.as_bytes());
        to.write(self.markdown.as_ref(), "diff.md", text(markdown::of(report)))?;
        to.write(self.json.as_ref(), "diff.json", text(report.to_json()))?;
        to.write(self.junit.as_ref(), "diff.xml", text(junit::of(report)))?;
        to.write(self.flamegraph.as_ref(), "diff.svg", |out| graphs.difference(self.width, out))?;
        to.write(None, "base.svg", |out| graphs.side(Width::Base, out))?;
        to.write(None, "head.svg", |out| graphs.side(Width::Head, out))?;
        to.write(self.output.as_ref(), "diff.pb.gz", profile)?;
        if to.is_stdout_free {
            return Target::Stdout.write(text(table::of(report)));
        }
        Ok(())
    }
}

fn load(paths: &[&Path], reading: &Reading<'_>) -> Result<Vec<Loaded>, Failure> {
    paths.iter().map(|path| Loaded::read(path, reading)).collect()
}

/// Where the files go.
struct Outputs<'a> {
    directory: Option<&'a Path>,
    is_stdout_free: bool,
}

impl Outputs<'_> {
    /// Writes a file where it was asked for by its flag, and to the directory for all of them.
    fn write(
        &mut self,
        named: Option<&PathBuf>,
        name: &str,
        content: impl Fn(&mut Output) -> io::Result<()>,
    ) -> Result<(), Failure> {
        let in_directory = self.directory.map(|directory| directory.join(name));
        for path in named.into_iter().chain(&in_directory) {
            let target = Target::new(path);
            self.is_stdout_free &= target != Target::Stdout;
            target.write(&content)?;
        }
        Ok(())
    }
}
