//! The comparison as the XML of `JUnit`, which CI systems show beside other tests.

use std::fmt::Write;

use crate::diff::numbers::relative;
use crate::diff::report::Report;

/// One test for the verdict, and one for each function that changed.
pub(crate) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text never fails.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    let changed: Vec<_> = report.changed().collect();
    let regressed = |call: &str| call == "regressed";
    let is_failure = |index: &usize| {
        let function = changed[*index];
        function.allowed_because.is_none()
            && (regressed(function.own.call) || regressed(function.total.call))
    };
    let failures = (0..changed.len()).filter(is_failure).count();
    let is_failed = report.verdict == "regression";
    let is_skipped = report.verdict == "inconclusive";
    writeln!(text, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        text,
        r#"<testsuite name="perf2pprof diff" tests="{}" failures="{}" skipped="{}">"#,
        changed.len() + 1,
        failures + usize::from(is_failed),
        usize::from(is_skipped)
    )?;
    let reasons = escape(&report.reasons.join("; "));
    write!(text, r#"  <testcase classname="perf2pprof" name="verdict">"#)?;
    match report.verdict {
        "regression" => write!(text, r#"<failure message="{reasons}"/>"#)?,
        "inconclusive" => write!(text, r#"<skipped message="{reasons}"/>"#)?,
        _ => {}
    }
    writeln!(text, "</testcase>")?;
    for (index, function) in changed.iter().enumerate() {
        let name = escape(&function.name);
        write!(text, r#"  <testcase classname="function" name="{name}">"#)?;
        if is_failure(&index) {
            let change = if regressed(function.own.call) { &function.own } else { &function.total };
            let change = &change.change;
            let message = format!(
                "{} {} {}",
                report.numbers.difference(change.difference),
                relative(change),
                report.numbers.interval(change)
            );
            write!(text, r#"<failure message="{}"/>"#, escape(&message))?;
        }
        writeln!(text, "</testcase>")?;
    }
    writeln!(text, "</testsuite>")
}

/// A text within an attribute. Control characters are not to be in XML at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            control if control.is_control() => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}
