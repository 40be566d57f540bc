//! The table of slices and groups, for people and as CSV.

use std::fmt::Write as _;
use std::io::{self, Write};

use timeline::{MEANINGFUL, Slice, Slices, range_text, size_text};

use crate::lens_command::text::stacked;
use crate::timeline_command::course::Course;

/// A terminal shows so many slices.
const ROWS: u64 = 30;

/// And so many groups.
const COLUMNS: usize = 7;

/// How wide a column is.
const WIDTH: usize = 9;

/// The table of a course, in slices of whole columns of the picture.
pub(crate) fn write(course: &Course<'_>, column: u64, out: &mut dyn Write) -> io::Result<()> {
    let start = course.times.0 - course.times.0 % column;
    let columns = course.times.1.saturating_sub(start).div_ceil(column).max(1);
    let length = column.saturating_mul(nice(columns.div_ceil(ROWS)));
    let slices = Slices::of(&course.samples, (start, course.times.1), length);
    let groups = heaviest(course);
    let (own, rest) = groups.split_at(groups.len().min(COLUMNS));
    let mut headers: Vec<Vec<String>> =
        own.iter().map(|group| stacked(&course.palette.names[*group as usize])).collect();
    if !rest.is_empty() {
        headers.push(stacked(&format!("{} more", rest.len())));
    }
    let height = headers.iter().map(Vec::len).max().unwrap_or(1).max(1);
    for line in 0..height {
        let is_last = line + 1 == height;
        let (time, samples) = if is_last { ("seconds", "samples") } else { ("", "") };
        let rate = match (is_last, course.is_time) {
            (true, true) => "CPUs",
            (true, false) => "weight",
            _ => "",
        };
        let mut row = format!("{time:>13} {samples:>8} {rate:>7}");
        for header in &headers {
            let skipped = height - header.len();
            let word = line.checked_sub(skipped).and_then(|at| header.get(at));
            let _ = write!(row, "{:>WIDTH$}", word.map_or("", String::as_str));
        }
        writeln!(out, "{}", row.trim_end())?;
    }
    for slice in &slices.slices {
        writeln!(out, "{}", row(course, &slices, slice, (own, rest)).trim_end())?;
    }
    writeln!(
        out,
        "slices of {}; shares in per cent, none of slices with less than {MEANINGFUL} samples",
        size_text(slices.length)
    )
}

#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
fn row(
    course: &Course<'_>,
    slices: &Slices,
    slice: &Slice,
    (own, rest): (&[u32], &[u32]),
) -> String {
    let range = range_text(slice.start, slices.end_of(slice));
    let range = range.trim_end_matches(" s");
    // The last one may be short.
    let until = slices.end_of(slice).min(course.times.1);
    let nanos = until.saturating_sub(slice.start.max(course.times.0)).max(1);
    let rate = if course.is_time {
        format!("{:.2}", slice.weight as f64 / nanos as f64)
    } else {
        let total = course.total().weight.max(1);
        format!("{:.1}%", slice.weight as f64 / total as f64 * 100.0)
    };
    let mut row = format!("{range:>13} {:>8} {rate:>7}", slice.count);
    if slice.count < MEANINGFUL {
        return row;
    }
    let of = |groups: &[u32]| -> u64 {
        let own = slice.groups.iter().filter(|(group, ..)| groups.contains(group));
        own.fold(0, |sum, (_, _, weight)| sum.saturating_add(*weight))
    };
    let mut add = |weight: u64| {
        let share = weight as f64 / slice.weight.max(1) as f64 * 100.0;
        let shown = if weight == 0 { "\u{b7}".to_owned() } else { format!("{share:.1}") };
        let _ = write!(row, "{shown:>WIDTH$}");
    };
    for group in own {
        add(of(&[*group]));
    }
    if !rest.is_empty() {
        add(of(rest));
    }
    row
}

/// The next of 1, 2, 5, 10, 20 and so on.
fn nice(least: u64) -> u64 {
    let steps = (0..10).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_u64.pow(power)));
    steps.into_iter().find(|step| *step >= least).unwrap_or(least)
}

/// The groups that have any weight, heaviest first.
fn heaviest(course: &Course<'_>) -> Vec<u32> {
    let mut weights = vec![0_u64; course.palette.names.len()];
    for sample in &course.samples {
        let sum = &mut weights[sample.group as usize];
        *sum = sum.saturating_add(sample.weight);
    }
    let mut groups: Vec<u32> =
        (0..).take(weights.len()).filter(|g| weights[*g as usize] > 0).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(weights[*group as usize]));
    groups
}

/// All slices and groups, a line for each slice. Weights are in the unit of the event.
pub(crate) fn write_csv(
    course: &Course<'_>,
    slices: &Slices,
    out: &mut dyn Write,
) -> io::Result<()> {
    let groups = heaviest(course);
    write!(out, "from_seconds,to_seconds,samples,weight")?;
    for group in &groups {
        write!(out, ",{}", quoted(&course.palette.names[*group as usize]))?;
    }
    writeln!(out)?;
    for slice in &slices.slices {
        let (from, to) = (decimal(slice.start), decimal(slices.end_of(slice)));
        write!(out, "{from},{to},{},{}", slice.count, slice.weight)?;
        for group in &groups {
            let own = slice.groups.iter().find(|(known, ..)| known == group);
            write!(out, ",{}", own.map_or(0, |(_, _, weight)| *weight))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Seconds with all their digits that are not 0.
fn decimal(nanos: u64) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A field, in quotes if it has what would end it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_seconds_are_exact() {
        assert_eq!(quoted("router"), "router");
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(
            [0, 20_000_000, 1_500_000_000, 3_000_000_000].map(decimal),
            ["0", "0.02", "1.5", "3"]
        );
        assert_eq!([1, 2, 3, 6, 11, 40].map(nice), [1, 2, 5, 10, 20, 50]);
    }
}
