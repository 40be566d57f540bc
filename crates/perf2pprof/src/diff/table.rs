//! The comparison for the terminal.

use std::fmt::Write;

use crate::diff::numbers::relative;
use crate::diff::report::{ChangeReport, GroupReport, RenameReport, Report, SideReport};

/// How many functions are shown that did not change.
const UNCHANGED: usize = 5;

/// How many subsystems, and filters, are shown.
const GROUPS: usize = 15;

/// The verdict, the sides, and what changed.
pub(crate) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text never fails.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "{}", report.verdict)?;
    report.reasons.iter().try_for_each(|reason| writeln!(text, "  {reason}"))?;
    writeln!(text)?;
    write_side(text, "before", &report.base)?;
    write_side(text, "now", &report.head)?;
    let overall = report.numbers.overall(&report.overall.change, &report.event);
    overall.into_iter().try_for_each(|line| writeln!(text, "{line}"))?;
    writeln!(text, "{}", sensitivity(report))?;
    write_groups(text, report, "subsystem", &report.subsystems)?;
    write_groups(text, report, "filter", &report.filters)?;
    write_functions(text, report)?;
    write_renames(text, report)
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
    writeln!(text, "\n{:>10} {:>10} {:>13} {:>19}  {what}", "before", "now", "change", "")?;
    for row in groups.iter().take(GROUPS) {
        let change = &row.change.change;
        let value = |value: f64| report.numbers.value(value);
        let mark = if change.call.is_news() { '*' } else { ' ' };
        writeln!(
            text,
            "{:>10} {:>10} {mark}{:>12} {:>19}  {}",
            value(change.base.value),
            value(change.head.value),
            report.numbers.difference(change.difference),
            report.numbers.interval(change),
            row.name
        )?;
    }
    match groups.len().checked_sub(GROUPS) {
        Some(more) if more > 0 => writeln!(text, "{:>57}{more} more", ""),
        _ => Ok(()),
    }
}

fn write_renames(text: &mut String, report: &Report) -> std::fmt::Result {
    if report.proposed_renames.is_empty() {
        return Ok(());
    }
    writeln!(text, "\nmay be renamed, to be confirmed by a `[[rename]]` in the policy:")?;
    report.proposed_renames.iter().try_for_each(|rename| {
        writeln!(text, "  {} -> {}: {}", rename.from, rename.to, renaming(report, rename))
    })
}

/// Why two functions may be one.
pub(crate) fn renaming(report: &Report, rename: &RenameReport) -> String {
    let value = |value: f64| report.numbers.value(value);
    let explains = if rename.explains_calls { "; it would explain both changes" } else { "" };
    format!(
        "{} and {} with what it calls, callers and callees agree by {:.0}%{explains}",
        value(rename.base),
        value(rename.head),
        rename.likeness * 100.0
    )
}

fn write_side(text: &mut String, what: &str, side: &SideReport) -> std::fmt::Result {
    let files = match &side.files[..] {
        [file] => format!("`{file}`"),
        files => format!("{} runs", files.len()),
    };
    write!(text, "{:<8}{files}: {} samples", format!("{what}:"), side.samples)?;
    if let Some(seconds) = side.seconds {
        write!(text, " in {seconds:.1} s")?;
    }
    let worth = side.effective_samples / side.design_effect;
    let assumed = if side.is_design_effect_assumed { " (assumed)" } else { "" };
    writeln!(text, ", worth {worth:.0} independent ones{assumed}")
}

/// What this data could have shown, and how much more would show what is wanted.
pub(crate) fn sensitivity(report: &Report) -> String {
    let (share, seen) = (report.typical_share * 100.0, report.detectable_change * 100.0);
    let wanted = report.wanted_change * 100.0;
    let mut text = format!(
        "a function of {share:.0}% that rises by {seen:.1} pp or more would have been found four times in five"
    );
    if report.detectable_change > report.wanted_change {
        match report.times_longer {
            Some(times) => {
                let seconds = report.base.seconds.zip(report.head.seconds);
                let more = seconds.map(|(base, head)| {
                    format!(": {:.0} s more on each side", (times - 1.0) * base.min(head))
                });
                let more = more.unwrap_or_default();
                let _ =
                    write!(text, "; {wanted:.1} pp need recordings {times:.1} times as long{more}");
            }
            None => {
                let _ = write!(text, "; {wanted:.1} pp cannot be seen at this floor");
            }
        }
    }
    text
}

fn write_functions(text: &mut String, report: &Report) -> std::fmt::Result {
    let changed: Vec<_> = report.changed().collect();
    let rest = report.functions.iter().filter(|function| {
        !function.own.change.call.is_news() && !function.total.change.call.is_news()
    });
    if changed.is_empty() {
        writeln!(text, "\nno function changed; the largest differences, all of them noise:")?;
    } else {
        writeln!(text, "\nchanged:")?;
    }
    writeln!(text, "{:>22} {:>20}   {:>22}  function", "self", "", "with what it calls")?;
    let shown: Vec<_> = if changed.is_empty() { rest.take(UNCHANGED).collect() } else { changed };
    for function in shown {
        let cell = |change: &ChangeReport| {
            let difference = report.numbers.difference(change.change.difference);
            let mark = if change.change.call.is_news() { '*' } else { ' ' };
            format!("{mark}{difference:>12}")
        };
        let interval = report.numbers.interval(&function.own.change);
        let notes: Vec<_> = function.notes().map(|note| format!(" ({note})")).collect();
        writeln!(
            text,
            "{:>14} {:>8} {interval:>19}   {} {:>8}  {}{}",
            cell(&function.own),
            relative(&function.own.change),
            cell(&function.total),
            relative(&function.total.change),
            function.name,
            notes.concat()
        )?;
    }
    Ok(())
}
