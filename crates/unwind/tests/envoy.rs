//! Real programs, from recordings and binaries that are too large for the repository: an Envoy, and
//! the hand-written assembly of a cryptographic library.
//!
//! `scripts/check-unwinding` makes them and says where they are. Without them these tests are
//! skipped, and say so.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use common::{our_stacks, perfs_stacks, repository, unwound};
use session::{BROKEN_STACK, NO_UNWIND_INFO, TRUNCATED_STACK};

/// Where `envoy.perf`, `envoy.samples.tsv.gz` and `root` are.
fn directory() -> Option<PathBuf> {
    let directory = std::env::var_os("PERF2PPROF_ENVOY_DWARF").map(PathBuf::from);
    if directory.is_none() {
        println!("skipped: needs a recording made by scripts/check-unwinding");
    }
    directory
}

const MARKERS: [&str; 3] = [BROKEN_STACK, NO_UNWIND_INFO, TRUNCATED_STACK];

/// Prints how the stacks of a recording end, and returns the share of those that are whole: only
/// the function that begins a thread says in its unwind table that it has no caller.
/// How many of the others are lost in code made at run time (Envoy's Lua) is printed.
fn share_of_whole_stacks(recording: &Path, root: &Path) -> f64 {
    let bytes = std::fs::read(recording).unwrap();
    let start = Instant::now();
    let conversion = unwound(&bytes, &[root], 1);
    let seconds = start.elapsed().as_secs_f64();
    let mut ends = BTreeMap::<&str, u64>::new();
    let (mut samples, mut frames, mut lost_in_made_code) = (0, 0, 0);
    let stacks = our_stacks(&conversion.profile);
    for (stack, count) in &stacks {
        let last = stack.last().map_or("[kernel thread]", String::as_str);
        *ends.entry(last).or_default() += count;
        if let [.., before, marker] = &stack[..]
            && before.starts_with("//anon")
            && marker == BROKEN_STACK
        {
            lost_in_made_code += count;
        }
        samples += count;
        frames += stack.len() as u64 * count;
    }
    println!("{}: {samples} samples, {frames} user frames, {seconds:.3} s", recording.display());
    let percent = |count: u64| share(count, samples) * 100.0;
    for (end, count) in &ends {
        println!("{:6.2} % {count:6} end in {end}", percent(*count));
    }
    println!(
        "{:6.2} % {lost_in_made_code:6} of them in code made at run time",
        percent(lost_in_made_code)
    );
    let whole = ends.iter().filter(|(end, _)| !MARKERS.contains(*end)).map(|(_, count)| count);
    share(whole.sum(), samples)
}

#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn of_dumps_of_16_kilobytes_98_percent_reach_the_thread_start() {
    let Some(directory) = directory() else { return };
    let share = share_of_whole_stacks(&directory.join("envoy.perf"), &directory.join("root"));
    assert!(share >= 0.98, "{share}");
}

#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn of_dumps_of_8_kilobytes_80_percent_reach_the_thread_start() {
    let Some(directory) = directory() else { return };
    let recording = repository("../shared/corpus/envoy/ctr-inside-dwarf.perf");
    if !recording.exists() {
        println!("skipped: no {}", recording.display());
        return;
    }
    let share = share_of_whole_stacks(&recording, &directory.join("root"));
    assert!(share >= 0.80, "{share}");
}

#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn frame_by_frame_the_stacks_of_envoy_are_perfs() {
    let Some(directory) = directory() else { return };
    compare_with_perf(&directory, "envoy", &directory.join("root"));
}

/// Its functions keep no frame pointers, and have rules that read memory and any register.
#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn stacks_through_hand_written_assembly_are_whole_and_perfs() {
    let Some(directory) = directory() else { return };
    let share = share_of_whole_stacks(&directory.join("openssl.perf"), Path::new("/"));
    assert!(share >= 0.99, "{share}");
    compare_with_perf(&directory, "openssl", Path::new("/"));
}

/// Where perf's stack ends earlier, ours goes on; where both have a frame, it is the same one.
fn compare_with_perf(directory: &Path, name: &str, root: &Path) {
    let bytes = std::fs::read(directory.join(format!("{name}.perf"))).unwrap();
    let conversion = unwound(&bytes, &[root], 1);
    let mut ours = BTreeMap::<Vec<String>, u64>::new();
    for (mut stack, count) in our_stacks(&conversion.profile) {
        stack.retain(|frame| !MARKERS.contains(&frame.as_str()));
        *ours.entry(stack).or_default() += count;
    }
    let mut perfs = perfs_stacks(&directory.join(format!("{name}.samples.tsv.gz")));
    let samples = perfs.len();
    perfs.retain(|stack| match ours.get_mut(stack) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    println!("{} of {samples} stacks are the same", samples - perfs.len());
    let mut ends = BTreeMap::<_, u64>::new();
    for perf in perfs {
        // Any of ours that begins as perf's does.
        let longer = ours.iter_mut().find(|(ours, count)| **count > 0 && ours.starts_with(&perf));
        let Some((longer, count)) = longer else { panic!("only perf has {perf:#?}") };
        *count -= 1;
        *ends.entry((perf.last().cloned(), longer.get(perf.len()).cloned())).or_default() += 1;
    }
    for ((perfs, ours), count) in ends {
        println!("{count} of perf's end in {perfs:?}, where ours go on to {ours:?}");
    }
}
