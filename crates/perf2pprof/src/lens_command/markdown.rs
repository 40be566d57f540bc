//! The report as Markdown, for a ticket.

use std::fmt::Write;

use crate::lens_command::report::Report;
use crate::lens_command::share_text::percent_of;
use crate::lens_command::text::{Matrix, matrix, notes, title};
use crate::summary::percent;

/// How many works have a column of their own.
const COLUMNS: usize = 12;

/// How many rows other tables have.
const ROWS: usize = 20;

/// The report as Markdown.
pub(crate) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text never fails.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "### Where in Envoy\n\n{}\n", title(report))?;
    let Matrix { columns, rows, margin } = matrix(report, COLUMNS);
    let columns: Vec<String> = columns.iter().map(|name| escape(name)).collect();
    writeln!(text, "| subsystem | all | {} |", columns.join(" | "))?;
    writeln!(text, "|---|--:|{}", "--:|".repeat(columns.len()))?;
    for (name, is_known, margin, cells) in rows {
        let name = if is_known { escape(&name) } else { format!("*{}*", escape(&name)) };
        write!(text, "| {name} | {} |", percent_of(margin))?;
        for cell in cells {
            let shown = if cell == 0.0 { String::new() } else { format!("{:.1}", cell * 100.0) };
            write!(text, " {shown} |")?;
        }
        writeln!(text)?;
    }
    let margins: Vec<String> = margin.iter().map(|tenths| percent_of(*tenths)).collect();
    let all = percent_of(margin.iter().sum());
    writeln!(text, "| **all** | {all} | {} |\n", margins.join(" | "))?;
    if !report.filters.is_empty() {
        writeln!(text, "| filter | share | samples |\n|---|--:|--:|")?;
        for part in report.filters.iter().take(ROWS) {
            let share = percent(part.share);
            writeln!(text, "| {} | {share} | {} |", escape(&part.name), part.samples)?;
        }
        writeln!(text)?;
    }
    if !report.threads.is_empty() {
        writeln!(text, "| thread | role | share | CPU s | samples |\n|---|---|--:|--:|--:|")?;
        for row in report.threads.iter().take(ROWS) {
            let (name, share) = (escape(&row.name), percent(row.share));
            let seconds = row.cpu_seconds.map_or(String::new(), |seconds| format!("{seconds:.2}"));
            writeln!(text, "| {name} | {} | {share} | {seconds} | {} |", row.role, row.samples)?;
        }
        writeln!(text)?;
    }
    notes(report).iter().try_for_each(|note| writeln!(text, "- {}", escape(note.trim_start())))
}

/// Text of which nothing is taken for a mark.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '|' | '*' | '_' | '<' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(if letter.is_control() { ' ' } else { letter });
    }
    escaped
}
