//! The report as it is printed.

use std::fmt::Write;

use lens::Reason;

use crate::lens_command::report::{Part, Report};
use crate::lens_command::share_text::{percent_of, tenths};
use crate::summary::percent;

/// How many works have a column of their own; the others share one.
const COLUMNS: usize = 8;

/// How wide a column is.
const WIDTH: usize = 9;

/// How many filters and threads are listed.
const LISTED: usize = 12;

/// The report, for people.
pub(crate) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text never fails.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "{}\n", title(report))?;
    table(text, report)?;
    parts(text, "filter", &report.filters, report)?;
    if report.filter_lost.weight > 0 && !report.filters.is_empty() {
        let lost = percent(report.filter_lost.share);
        writeln!(text, "{lost:>7} {:>8}  none, but callers are lost", report.filter_lost.samples)?;
    }
    threads(text, report)?;
    for note in notes(report) {
        writeln!(text, "{note}")?;
    }
    report.hints.iter().try_for_each(|hint| writeln!(text, "hint: {hint}"))
}

/// What was looked at.
pub(crate) fn title(report: &Report) -> String {
    let Report { file, event, samples, .. } = report;
    let weight = match report.unit {
        #[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
        "nanoseconds" => format!("{:.2} s of CPU time", report.weight as f64 / 1e9),
        _ => format!("{} in all", report.weight),
    };
    let duration = report.duration_seconds.map(|seconds| format!(" in {seconds:.1} s"));
    format!("`{file}`: {event}: {samples} samples, {weight}{}", duration.unwrap_or_default())
}

/// The names of the columns, and by row their cells, in tenths of a per cent; the margins add up to 1000.
pub(crate) struct Matrix {
    pub(crate) columns: Vec<String>,
    /// Name, whether it is a subsystem, its margin, its cells.
    pub(crate) rows: Vec<(String, bool, u32, Vec<f64>)>,
    pub(crate) margin: Vec<u32>,
}

/// The table, with so many columns.
pub(crate) fn matrix(report: &Report, columns: usize) -> Matrix {
    let kept = if report.works.len() > columns { columns - 1 } else { columns };
    let (own, rest) = report.works.split_at(report.works.len().min(kept));
    let mut names: Vec<String> = own.iter().map(|part| part.name.clone()).collect();
    let mut sums: Vec<u64> = own.iter().map(|part| part.weight).collect();
    if !rest.is_empty() {
        names.push(format!("{} more", rest.len()));
        sums.push(rest.iter().fold(0, |sum, part| sum.saturating_add(part.weight)));
    }
    let weights: Vec<u64> = report.subsystems.iter().map(|row| row.part.weight).collect();
    let rows = report.subsystems.iter().zip(tenths(&weights)).map(|(row, margin)| {
        let mut cells = vec![0.0; names.len()];
        for cell in report.cells.iter().filter(|cell| cell.subsystem == row.part.name) {
            let column = own.iter().position(|part| part.name == cell.work);
            cells[column.unwrap_or(names.len() - 1)] += cell.share;
        }
        (row.part.name.clone(), row.is_known, margin, cells)
    });
    Matrix { rows: rows.collect(), columns: names, margin: tenths(&sums) }
}

fn table(text: &mut String, report: &Report) -> std::fmt::Result {
    let Matrix { columns, rows, margin } = matrix(report, COLUMNS);
    let headers: Vec<Vec<String>> = columns.iter().map(|name| stacked(name)).collect();
    let name_width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0).max("subsystem".len());
    let height = headers.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..height {
        let is_last = line + 1 == height;
        let (first, all) = if is_last { ("subsystem", "all") } else { ("", "") };
        let mut row = format!("{first:name_width$} {all:>7}");
        for header in &headers {
            let skipped = height - header.len();
            let word = line.checked_sub(skipped).and_then(|at| header.get(at));
            write!(row, "{:>WIDTH$}", word.map_or("", String::as_str))?;
        }
        writeln!(text, "{}", row.trim_end())?;
    }
    let mut was_known = true;
    for (name, is_known, margin, cells) in &rows {
        if was_known && !is_known {
            writeln!(text, "{}", "-".repeat(name_width + 8 + WIDTH * columns.len()))?;
        }
        was_known = *is_known;
        write!(text, "{name:name_width$} {:>7}", percent_of(*margin))?;
        for cell in cells {
            let shown =
                if *cell == 0.0 { "\u{b7}".to_owned() } else { format!("{:.1}", cell * 100.0) };
            write!(text, "{shown:>WIDTH$}")?;
        }
        writeln!(text)?;
    }
    write!(text, "{:name_width$} {:>7}", "all", percent_of(margin.iter().sum()))?;
    for column in margin {
        write!(text, "{:>WIDTH$}", percent_of(column))?;
    }
    writeln!(text)
}

/// A name in lines that a column has room for.
pub(crate) fn stacked(name: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_inclusive(['.', '_', ' ']) {
        match lines.last_mut() {
            Some(line) if line.len() + word.trim_end().len() < WIDTH => line.push_str(word),
            _ => lines.push(word.to_owned()),
        }
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

fn parts(text: &mut String, of: &str, parts: &[Part], report: &Report) -> std::fmt::Result {
    if parts.is_empty() || report.weight == 0 {
        return Ok(());
    }
    writeln!(text, "\n  share  samples  {of}")?;
    for part in parts.iter().take(LISTED) {
        writeln!(text, "{:>7} {:>8}  {}", percent(part.share), part.samples, part.name)?;
    }
    match parts.len().checked_sub(LISTED) {
        Some(more) if more > 0 => writeln!(text, "                  {more} more"),
        _ => Ok(()),
    }
}

fn threads(text: &mut String, report: &Report) -> std::fmt::Result {
    if report.threads.is_empty() {
        return writeln!(text, "\nthreads: no label tells of them");
    }
    let is_time = report.threads.iter().any(|row| row.cpu_seconds.is_some());
    let seconds = if is_time { "    CPU s" } else { "" };
    writeln!(text, "\n  share  samples{seconds}  role              thread")?;
    for row in report.threads.iter().take(LISTED) {
        write!(text, "{:>7} {:>8}", percent(row.share), row.samples)?;
        if let Some(seconds) = row.cpu_seconds {
            write!(text, "{seconds:>9.2}")?;
        }
        write!(text, "  {:16}  {}", row.role, row.name)?;
        match row.tid {
            Some(tid) => writeln!(text, " (tid {tid})")?,
            None => writeln!(text)?,
        }
    }
    if let Some(more) = report.threads.len().checked_sub(LISTED).filter(|more| *more > 0) {
        writeln!(text, "                  {more} more")?;
    }
    if let Some(workers) = &report.workers
        && workers.rows.iter().any(|row| row.connections.is_some())
    {
        writeln!(text, "\n  share  samples  connections  worker")?;
        for row in &workers.rows {
            let connections = row.connections.unwrap_or(0);
            let share = percent(row.share);
            writeln!(text, "{share:>7} {:>8} {connections:>12}  {}", row.samples, row.name)?;
        }
    }
    Ok(())
}

/// What is to be said of the tables.
pub(crate) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(workers) = &report.workers {
        let (imbalance, floor) = (percent(workers.imbalance), percent(workers.noise_floor));
        notes.push(if workers.is_imbalanced {
            format!(
                "workers: imbalanced, `{}` has {imbalance} more than the mean of {}; by chance it would be up to {floor}",
                workers.busiest, workers.count
            )
        } else {
            format!(
                "workers: no imbalance beyond noise; the busiest of {} has {imbalance} more than the mean, where chance makes up to {floor}",
                workers.count
            )
        });
        notes.push(
            "  CPU samples do not show time spent waiting, for a CPU or for anything else"
                .to_owned(),
        );
    }
    if report.share_of(Reason::Unsymbolized) > 0.0 {
        notes.push(format!(
            "unsymbolized: the functions of {} of the weight have no names, so that only kernel areas, the allocator's section and code made at run time are told apart",
            percent(report.share_of(Reason::Unsymbolized))
        ));
    }
    if report.share_of(Reason::CallerLost) > 0.0 {
        notes.push(format!(
            "caller lost: the stacks of {} of the weight end before anything that says whose work it is",
            percent(report.share_of(Reason::CallerLost))
        ));
    }
    if report.subsystems.iter().any(|row| row.part.name.starts_with("tls.")) {
        notes.push(
            "Envoy encrypts and sends what filters wrote in a later turn of its event loop: that cannot be charged to a filter or route".to_owned(),
        );
    }
    notes
}
