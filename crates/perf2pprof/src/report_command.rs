//! `perf2pprof report`: one page for a ticket.
//!
//! ```text
//!   recording or profile ─> Loaded ─┬─> lens report: where, on which worker
//!                                   ├─> Heatmap: when (of a recording)
//!                                   ├─> top functions, with lines            ─> Page ─> one HTML file
//!                                   ├─> flame graph
//!                                   └─> what is missing
//! ```

mod graph;
mod page;
mod style;
mod tables;
mod top;

use std::io::Write;
use std::path::PathBuf;

use profile::Profile;
use session::Losses;
use timeline::{Outliers, Style};

use crate::hints;
use crate::lens_command::loaded::{Loaded, Recorded};
use crate::lens_command::report::Report as LensReport;
use crate::message::{Failure, base_name};
use crate::output::{self, Target};
use crate::report_command::graph::Graph;
use crate::report_command::page::{Missing, Page};
use crate::report_command::top::Top;
use crate::shares::{self, Weights, share};
use crate::stack_health::StackHealth;
use crate::timeline_command;
use crate::timeline_command::course::Course;
use crate::view_args::{View, ViewArgs};

/// No report is larger, so that it can be attached to a ticket.
const LARGEST: usize = 5_000_000;

/// How many slices that stand out are pointed out.
const OUTLIERS: usize = 3;

/// Write one HTML page to attach to a ticket: where, when and on which worker the time went
///
/// The page holds everything: it asks nothing of a network, can be read without JavaScript but for the flame graph's zoom and
/// search, prints, and has less than 5 MB.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// A recording of perf, or a pprof profile, which has no heat map
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Write the page here [default: FILE with the ending html, in the current directory]; `-` for
    /// standard output
    #[arg(short, long, value_name = "HTML", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// What of it is looked at, and how.
    #[command(flatten)]
    pub view: ViewArgs,
}

impl ReportArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let stem = PathBuf::from(self.file.file_stem().unwrap_or_default());
        let output = self.output.clone().unwrap_or_else(|| stem.with_added_extension("html"));
        output::named([&output], &[&self.file])?;
        let target = Target::new(&output);
        let View { lens, loaded, tags, event: column } = self.view.look_at(&self.file, true)?;
        let Loaded { profile, symbols, symbolized, warnings, recorded } = &loaded;
        let event = column as usize;
        let weights = shares::by_binary(profile, symbols, column);
        let all: Weights = weights.iter().copied().sum();
        let health = StackHealth::of(profile, symbols, column);
        let hints = hints::for_everything(&self.file, profile, symbolized, &weights, &health);
        let shown = self.file.display().to_string();
        let lens_report = LensReport::new(&shown, &lens, &tags, profile, column, None, Vec::new());

        let timed = recorded.as_ref().map_or(&[][..], |recorded| &recorded.timed);
        let course = (!timed.is_empty()).then(|| Course::new(&lens, &tags, profile, timed, column));
        let map =
            course.as_ref().map(|course| timeline_command::heatmap(base_name(&shown), course));
        let outliers = map.as_ref().map(|map| Outliers::of(map.slices(), OUTLIERS).found);
        let outliers = outliers.unwrap_or_default();
        let heat =
            map.as_ref().map(|map| map.svg(&timeline_command::marks(&outliers), Style::Inline));
        let told = course.iter().flat_map(|course| {
            outliers.iter().map(|outlier| timeline_command::told(outlier, course))
        });

        let mut page = Page {
            file: &shown,
            profile,
            lens: &lens_report,
            missing: missing(recorded.as_ref(), profile, column, all),
            warnings,
            hints: &hints,
            heat: heat.as_deref(),
            outliers: told.collect(),
            top: Top::of(profile, symbols, column),
            graph: None,
            command: command_line(),
        };
        let without = page.html().len();
        page.graph = Graph::that_fits(
            profile,
            symbols,
            event,
            base_name(&shown),
            LARGEST - without.min(LARGEST),
        );
        let html = page.html();
        target.write(|out| out.write_all(html.as_bytes()))?;
        if target != Target::Stdout {
            eprintln!("wrote `{}`", output.display());
        }
        Ok(())
    }
}

/// What is not in the page's numbers, or not known of them.
fn missing(recorded: Option<&Recorded>, profile: &Profile, event: u32, all: Weights) -> Missing {
    let losses = recorded.map(|recorded| &recorded.losses);
    let total = profile.samples.total(event).weight;
    let of_total = |of: &dyn Fn(&Losses) -> u64| {
        losses.map_or(0.0, |losses| share(of(losses).into(), total.into()))
    };
    Missing {
        unnamed: 1.0 - all.named_share(),
        without_lines: 1.0 - all.lines_share(),
        lost: losses.map_or(0, |losses| losses.lost_records.saturating_add(losses.lost_samples)),
        unreadable: losses.map_or(0, |losses| losses.unreadable_samples),
        broken: of_total(&|losses| losses.broken_stacks.weight),
        truncated: of_total(&|losses| losses.truncated_stacks.weight),
    }
}

/// What was typed, to be typed again.
fn command_line() -> String {
    let word = |word: String| {
        let is_plain =
            |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,+@%".contains(letter);
        if !word.is_empty() && word.chars().all(is_plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    let mut words = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let program = words.next().unwrap_or_default();
    let program = base_name(&program).to_owned();
    std::iter::once(program).chain(words).map(word).collect::<Vec<_>>().join(" ")
}
