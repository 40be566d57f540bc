//! `--calibrate`: how far the comparison can be trusted on this machine, tried on recordings of one side.

use std::fmt::Write;
use std::num::NonZeroU32;

use regress::{Calibration, Options, Run, at_most, calibrate};

use crate::diff::stacks::Stacks;
use crate::message::Failure;

/// The draws are the same each time, so that what is printed can be looked into.
const SEED: u64 = 1;

/// Splits the runs at random, compares the halves, and says how often that went wrong.
pub(crate) fn of(stacks: &Stacks, options: &Options, draws: NonZeroU32) -> Result<String, Failure> {
    let runs = &stacks.base;
    let Some(done) = calibrate(&stacks.tree, runs, options, draws.get(), SEED) else {
        return Err(Failure::new(format!("`{}` has no time in it to be split by", runs[0].name))
            .hint("give the recording itself, or several profiles of one configuration"));
    };
    Ok(text(stacks, runs, &done))
}

fn text(stacks: &Stacks, runs: &[Run], done: &Calibration) -> String {
    let blocks: usize = runs.iter().map(|run| run.blocks.len()).sum();
    let draws = f64::from(done.draws);
    let rate = |found: u32| {
        let (found, most) = (f64::from(found), at_most(found, done.draws));
        format!("{:.1} %, and hardly above {:.1} %", found / draws * 100.0, most * 100.0)
    };
    let mut text = format!(
        "{} random splits of {} in {blocks} time blocks, seed {SEED}\n",
        done.draws,
        match runs {
            [run] => format!("`{}`", run.name),
            runs => format!("{} runs", runs.len()),
        }
    );
    let mut line = |what: &str, found: u32| {
        let _ = writeln!(text, "{what}: {found} of {} ({})", done.draws, rate(found));
    };
    line("false regressions", done.false_regressions);
    line("false changes, dearer or cheaper", done.false_changes);
    if let Some(made_up) = &done.made_up {
        let found = f64::from(made_up.found) / draws * 100.0;
        let _ = writeln!(
            text,
            "`{}`, {:.1} % itself, made dearer by {:.1} pp: found in {} of {} ({found:.1} %; {:.1} % were expected)",
            stacks.tree.functions[made_up.function].name,
            made_up.share * 100.0,
            made_up.change * 100.0,
            made_up.found,
            done.draws,
            made_up.expected_of_it * 100.0
        );
    }
    text.push_str(if runs.len() > 1 {
        "half of the splits deal whole runs, the others time blocks\n"
    } else {
        "one run does not tell how much it differs from the next: give several for that\n"
    });
    text
}
