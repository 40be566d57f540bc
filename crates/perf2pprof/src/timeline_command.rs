//! `perf2pprof timeline`: when the time went.
//!
//! ```text
//!   recording ─> Loaded, with each sample's time ─> Course ─┬─> timeline::Heatmap ─> SVG
//!                                                           ├─> table, CSV
//!                                                           └─> timeline::Outliers ─> a flame graph of each
//! ```

pub(crate) mod course;
pub(crate) mod part;
mod table;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use flamegraph::MinWidth;
use profile::{Profile, Symbols};
use timeline::{Heatmap, Marked, Outlier, Outliers, Style, range_text, size_text};

use crate::hints;
use crate::inspect::is_profile;
use crate::lens_command::loaded::Loaded;
use crate::message::{Failure, base_name};
use crate::output::{self, Output, Target};
use crate::timeline_command::course::Course;
use crate::view_args::{View, ViewArgs};

/// Say when the time went: a heat map of seconds and their parts, and what ran in each
///
/// The heat map has a column for each second and a cell for each 20 ms of it, or longer ones where those would have too
/// few samples to mean anything; all threads together, and each worker.
#[derive(Debug, clap::Args)]
pub struct TimelineArgs {
    /// A recording of perf
    #[arg(value_name = "RECORDING")]
    pub file: PathBuf,

    /// Write the heat map here; `-` for standard output
    #[arg(short, long, value_name = "SVG", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write what each slice of time had of every subsystem here, as CSV; `-` for standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub csv: Option<PathBuf>,

    /// Find up to K slices whose mix of subsystems is unlike what is around them, beyond noise, and
    /// write a flame graph of each beside the heat map
    #[arg(long, value_name = "K", help_heading = "Output")]
    pub outliers: Option<NonZeroUsize>,

    /// What of it is looked at, and how.
    #[command(flatten)]
    pub view: ViewArgs,
}

impl TimelineArgs {
    /// Does it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        if is_profile(&self.file) {
            return Err(hints::time::profile_has_no_time(&self.file, "timeline"));
        }
        let outputs = [&self.output, &self.csv];
        let targets = output::named(outputs.into_iter().flatten(), &[&self.file])?;
        let View { lens, loaded, tags, event } = self.view.look_at(&self.file, true)?;
        let Loaded { profile, symbols, recorded, .. } = &loaded;
        let timed = recorded.as_ref().map_or(&[][..], |recorded| &recorded.timed);
        if timed.is_empty() {
            return Err(hints::time::recording_has_no_time(&self.file));
        }
        let course = Course::new(&lens, &tags, profile, timed, event);
        let shown = self.file.display().to_string();
        let map = heatmap(base_name(&shown), &course);
        let outliers = self.outliers.map(|most| Outliers::of(map.slices(), most.get()));
        let found = outliers.as_ref().map_or(&[][..], |outliers| &outliers.found);
        let graphs = self.write_graphs(&course, symbols, found)?;

        let write = |path: &Option<PathBuf>, content: &dyn Fn(&mut Output) -> io::Result<()>| {
            path.as_deref().map_or(Ok(()), |path| Target::new(path).write(content))
        };
        let svg = map.svg(&marks(found), Style::File);
        write(&self.output, &|out| out.write_all(svg.as_bytes()))?;
        write(&self.csv, &|out| table::write_csv(&course, map.slices(), out))?;
        if targets.contains(&Target::Stdout) {
            return Ok(());
        }
        Target::Stdout.write(|out| self.print(&course, &map, outliers.as_ref(), &graphs, out))
    }

    fn print(
        &self,
        course: &Course<'_>,
        map: &Heatmap<'_>,
        outliers: Option<&Outliers>,
        graphs: &[PathBuf],
        out: &mut Output,
    ) -> io::Result<()> {
        table::write(course, map.cell_size().column, out)?;
        writeln!(out, "heat map: {}", map.described())?;
        if course.more_threads > 0 {
            writeln!(out, "  without {} less busy workers", course.more_threads)?;
        }
        let Some(Outliers { found, noise, tested }) = outliers else { return Ok(()) };
        if *tested == 0 {
            return writeln!(
                out,
                "\noutliers: none can be told, since no slice of up to 2 s has 20 samples and its like around it"
            );
        }
        writeln!(
            out,
            "\noutliers: {} of the {} asked for; {tested} slices of {} or more were held against the 5 s before and after each, and by chance none of them would be {noise:.1} standard deviations away",
            found.len(),
            self.outliers.map_or(0, NonZeroUsize::get),
            size_text(map.slices().length),
        )?;
        for (number, (outlier, graph)) in (1..).zip(found.iter().zip(graphs)) {
            writeln!(
                out,
                "  {number}  {}, written to `{}`",
                told(outlier, course),
                graph.display()
            )?;
        }
        Ok(())
    }

    /// Writes the flame graph of each outlier beside the heat map.
    fn write_graphs(
        &self,
        course: &Course<'_>,
        symbols: &Symbols,
        found: &[Outlier],
    ) -> Result<Vec<PathBuf>, Failure> {
        let beside = match self.output.as_deref() {
            Some(path) if path != Path::new("-") => path.with_extension(""),
            _ => PathBuf::from(self.file.file_stem().unwrap_or_default()),
        };
        let mut paths = Vec::new();
        for (number, outlier) in (1..).zip(found) {
            let path = beside.with_added_extension(format!("outlier-{number}.svg"));
            let part: Profile = course.between(outlier.from, outlier.to);
            let event = part.default_event().unwrap_or(0);
            let range = range_text(outlier.from, outlier.to);
            let title = format!("{}, {range}", base_name(&self.file.to_string_lossy()));
            Target::File(path.clone()).write(|out| {
                let width = MinWidth::default();
                flamegraph::svg(&part, symbols, event, &title, width, out).map(drop)
            })?;
            paths.push(path);
        }
        Ok(paths)
    }
}

/// The heat map of a course.
pub(crate) fn heatmap<'a>(title: &'a str, course: &'a Course<'_>) -> Heatmap<'a> {
    let Course { samples, threads, palette, is_time, times, .. } = course;
    Heatmap::new(title, samples, threads, palette, *is_time, *times)
}

/// How outliers are pointed out in it.
pub(crate) fn marks(found: &[Outlier]) -> Vec<Marked> {
    let mark = |(number, outlier): (usize, &Outlier)| Marked {
        from: outlier.from,
        to: outlier.to,
        label: number.to_string(),
    };
    (1..).zip(found).map(mark).collect()
}

/// An outlier in words: when, how far, and what of it.
pub(crate) fn told(outlier: &Outlier, course: &Course<'_>) -> String {
    let changed: Vec<String> = outlier
        .groups
        .iter()
        .take(3)
        .filter(|(_, here, usual)| (here - usual).abs() >= 0.01)
        .map(|(group, here, usual)| {
            let name = &course.palette.names[*group as usize];
            format!("{name} {:.0}% instead of {:.0}%", here * 100.0, usual * 100.0)
        })
        .collect();
    let range = range_text(outlier.from, outlier.to);
    let changed = changed.join("; ");
    format!(
        "{range}: {:.1} standard deviations, {} samples: {changed}",
        outlier.score, outlier.count
    )
}
