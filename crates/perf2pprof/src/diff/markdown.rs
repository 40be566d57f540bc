//! The comparison for a comment or a job's summary: the verdict first, ten rows, the rest folded away.

use std::fmt::Write;

use crate::diff::report::{FunctionReport, GroupReport, Report};
use crate::diff::table::{renaming, sensitivity};

/// How many functions are shown at once.
const ROWS: usize = 10;

/// How many are in the part that is folded away. A comment has room for some 65,000 characters.
const MORE_ROWS: usize = 100;

/// The report as Markdown.
pub(crate) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text never fails.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    let sign = match report.verdict {
        "pass" => "✅",
        "regression" => "❌",
        _ => "❔",
    };
    writeln!(text, "### {sign} CPU profile: {}\n", report.verdict)?;
    report.reasons.iter().try_for_each(|reason| writeln!(text, "- {}", escape(reason)))?;
    let overall = report.numbers.overall(&report.overall.change, &report.event);
    overall.into_iter().try_for_each(|line| writeln!(text, "- {}", escape(&line)))?;
    writeln!(text)?;
    let changed: Vec<_> = report.changed().collect();
    if changed.is_empty() {
        writeln!(text, "No function changed beyond noise.\n")?;
    } else {
        write_rows(text, report, &changed[..changed.len().min(ROWS)])?;
        if let Some(more) = changed.get(ROWS..).filter(|more| !more.is_empty()) {
            writeln!(text, "\n<details><summary>{} more</summary>\n", more.len())?;
            write_rows(text, report, &more[..more.len().min(MORE_ROWS)])?;
            writeln!(text, "\n</details>")?;
        }
        writeln!(text)?;
    }
    write_groups(text, report, "subsystem", &report.subsystems)?;
    write_groups(text, report, "filter", &report.filters)?;
    if !report.proposed_renames.is_empty() {
        writeln!(text, "May be renamed, to be confirmed by a `[[rename]]` in the policy:\n")?;
        for rename in report.proposed_renames.iter().take(ROWS) {
            let (from, to) = (code(&rename.from), code(&rename.to));
            writeln!(text, "- {from} → {to}: {}", renaming(report, rename))?;
        }
        writeln!(text)?;
    }
    writeln!(
        text,
        "<sub>{}: {} samples before, {} now. {}.</sub>",
        escape(&report.event),
        report.base.samples,
        report.head.samples,
        sensitivity(report)
    )
}

fn write_groups(
    text: &mut String,
    report: &Report,
    what: &str,
    groups: &[GroupReport],
) -> std::fmt::Result {
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(text, "| {what} | before | now | change |\n|---|--:|--:|--:|")?;
    for row in groups.iter().take(ROWS) {
        let (numbers, change) = (report.numbers, &row.change.change);
        let news = if change.call.is_news() { "**" } else { "" };
        writeln!(
            text,
            "| {} | {} | {} | {news}{}{news} {} |",
            escape(&row.name),
            numbers.value(change.base.value),
            numbers.value(change.head.value),
            numbers.difference(change.difference),
            numbers.interval(change)
        )?;
    }
    writeln!(text)
}

fn write_rows(
    text: &mut String,
    report: &Report,
    functions: &[&FunctionReport],
) -> std::fmt::Result {
    writeln!(text, "| function | self | with what it calls |\n|---|--:|--:|")?;
    for function in functions {
        let cell = |change: &regress::Change| {
            let numbers = report.numbers;
            let text = format!(
                "{} → {}, {} {}",
                numbers.value(change.base.value),
                numbers.value(change.head.value),
                numbers.difference(change.difference),
                numbers.interval(change)
            );
            if change.call.is_news() { format!("**{text}**") } else { text }
        };
        let notes: Vec<_> = function.notes().map(|note| format!("<br>{}", escape(&note))).collect();
        writeln!(
            text,
            "| {}{} | {} | {} |",
            code(&function.name),
            notes.concat(),
            cell(&function.own.change),
            cell(&function.total.change)
        )?;
    }
    Ok(())
}

/// A name as code in a table.
fn code(name: &str) -> String {
    format!("`{}`", name.replace('|', "\\|").replace('`', "'"))
}

fn escape(text: &str) -> String {
    text.replace('<', "&lt;").replace('|', "\\|")
}
