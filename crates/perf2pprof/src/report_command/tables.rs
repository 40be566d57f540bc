//! The tables of the page.

use maud::{Markup, html};

use crate::lens_command::report::Report;
use crate::lens_command::share_text::percent_of;
use crate::lens_command::text::{Matrix, matrix};
use crate::report_command::top::Top;
use crate::summary::percent;

/// How many works have a column of their own.
const COLUMNS: usize = 9;

/// How many rows other tables have.
const ROWS: usize = 20;

/// Subsystems and works.
pub(crate) fn subsystems(report: &Report) -> Markup {
    let Matrix { columns, rows, margin } = matrix(report, COLUMNS);
    html! {
        div.wide tabindex="0" role="region" aria-label="table of subsystems" { table {
            caption { "Share of the weight in per cent. Each sample counts in one row and one column." }
            thead { tr {
                th.text scope="col" { "subsystem" }
                th scope="col" { "all" }
                @for name in &columns { th scope="col" { (name) } }
            } }
            tbody { @for (name, is_known, margin, cells) in &rows {
                tr.reason[!is_known] {
                    th scope="row" { (name) }
                    td.bar style=(format!("--part:{}%", f64::from(*margin) / 10.0)) { (percent_of(*margin)) }
                    @for cell in cells {
                        @if *cell == 0.0 { td.none { "\u{b7}" } } @else { td { (format!("{:.1}", cell * 100.0)) } }
                    }
                }
            } }
            tfoot { tr {
                th scope="row" { "all" }
                td { (percent_of(margin.iter().sum())) }
                @for column in &margin { td { (percent_of(*column)) } }
            } }
        } }
        @if !report.filters.is_empty() {
            table {
                caption { "By HTTP or network filter" }
                thead { tr { th.text scope="col" { "filter" } th scope="col" { "share" } th scope="col" { "samples" } } }
                tbody { @for part in report.filters.iter().take(ROWS) {
                    tr { th scope="row" { (part.name) } td { (percent(part.share)) } td { (part.samples) } }
                } }
            }
        }
    }
}

/// Threads, and what they are for.
pub(crate) fn threads(report: &Report) -> Markup {
    let is_time = report.threads.iter().any(|row| row.cpu_seconds.is_some());
    html! {
        table {
            caption { "Threads by weight" }
            thead { tr {
                th.text scope="col" { "thread" }
                th.text scope="col" { "role" }
                th scope="col" { "tid" }
                th scope="col" { "share" }
                @if is_time { th scope="col" { "CPU seconds" } }
                th scope="col" { "samples" }
            } }
            tbody { @for row in report.threads.iter().take(ROWS) {
                tr {
                    th scope="row" { (row.name) }
                    td.text { (row.role) }
                    td { @if let Some(tid) = row.tid { (tid) } }
                    td.bar style=(format!("--part:{:.1}%", row.share * 100.0)) { (percent(row.share)) }
                    @if is_time { td { @if let Some(seconds) = row.cpu_seconds { (format!("{seconds:.2}")) } } }
                    td { (row.samples) }
                }
            } }
        }
        @if report.threads.len() > ROWS { p { (report.threads.len() - ROWS) " more threads" } }
    }
}

/// The functions that weigh most.
pub(crate) fn functions(top: &Top) -> Markup {
    html! {
        table {
            caption { "Functions by the weight of what they did themselves, and their lines that weigh most" }
            thead { tr {
                th.text scope="col" { "function" }
                th scope="col" { "self" }
                th scope="col" { "with what it calls" }
            } }
            tbody { @for function in &top.functions {
                tr {
                    th.text.name scope="row" {
                        (function.name)
                        @for (place, share) in &function.lines {
                            span.place { (place) " " (percent(*share)) }
                        }
                    }
                    td.bar style=(format!("--part:{:.1}%", function.own * 100.0)) { (percent(function.own)) }
                    td { (percent(function.total)) }
                }
            } }
        }
        @if top.more > 0 { p { (top.more) " more functions" } }
    }
}
