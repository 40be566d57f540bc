//! Real programs, from recordings and binaries that are too large for the repository: an Envoy, and
//! the hand-written assembly of a cryptographic library.
//!
//! `scripts/check-unwinding` makes them and says where they are.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use common::{our_stacks, perfs_stacks, repository, unwound};
use session::{BROKEN_STACK, NO_UNWIND_INFO, TRUNCATED_STACK};

/// Where the recordings are.
fn directory() -> PathBuf {
    std::env::var_os("PERF2PPROF_UNWIND").map(PathBuf::from).expect("PERF2PPROF_UNWIND=DIR")
}

const MARKERS: [&str; 3] = [BROKEN_STACK, NO_UNWIND_INFO, TRUNCATED_STACK];

/// How the stacks of a recording end.
struct Ends {
    samples: u64,
    /// By the last frame or marker. Only the function that begins a thread says in its unwind
    /// table that it has no caller.
    by_last: BTreeMap<String, u64>,
    /// Stacks that break off in code made at run time, which has no unwind table.
    lost_in_made_code: u64,
}

/// Unwinds a recording and prints how its stacks end.
fn ends(recording: &Path, root: &Path) -> Ends {
    let bytes = std::fs::read(recording).unwrap();
    let start = Instant::now();
    let conversion = unwound(&bytes, &[root], 1);
    let seconds = start.elapsed().as_secs_f64();
    let mut ends = Ends { samples: 0, by_last: BTreeMap::new(), lost_in_made_code: 0 };
    let mut frames = 0;
    for (stack, count) in &our_stacks(&conversion.profile) {
        let last = stack.last().map_or("[kernel thread]", String::as_str);
        *ends.by_last.entry(last.to_owned()).or_default() += count;
        if let [.., before, marker] = &stack[..]
            && before.starts_with("//anon")
            && marker == BROKEN_STACK
        {
            ends.lost_in_made_code += count;
        }
        ends.samples += count;
        frames += stack.len() as u64 * count;
    }
    let Ends { samples, by_last, lost_in_made_code } = &ends;
    println!("{}: {samples} samples, {frames} user frames, {seconds:.3} s", recording.display());
    let percent = |count: u64| share(count, *samples) * 100.0;
    for (end, count) in by_last {
        println!("{:6.2} % {count:6} end in {end}", percent(*count));
    }
    println!(
        "{:6.2} % {lost_in_made_code:6} of them in code made at run time",
        percent(*lost_in_made_code)
    );
    ends
}

impl Ends {
    /// The share of the stacks that reach the thread's start, of all.
    fn whole(&self) -> f64 {
        let whole = self.by_last.iter().filter(|(end, _)| !MARKERS.contains(&end.as_str()));
        share(whole.map(|(_, count)| count).sum(), self.samples)
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people, who read three digits")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn of_dumps_of_16_kilobytes_98_percent_reach_the_thread_start() {
    let directory = directory().join("plain");
    let whole = ends(&directory.join("envoy.perf"), &directory.join("root")).whole();
    assert!(whole >= 0.98, "{whole}");
}

/// What share that is depends on what share of the time is spent in Lua.
#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn with_lua_stacks_break_off_in_its_code_and_nowhere_else() {
    let directory = directory().join("lua");
    let ends = ends(&directory.join("envoy.perf"), &directory.join("root"));
    let broken = ends.by_last.get(BROKEN_STACK).copied().unwrap_or(0);
    assert_eq!(broken, ends.lost_in_made_code);
    assert!(ends.lost_in_made_code > 0, "no Lua ran");
}

#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn of_dumps_of_8_kilobytes_80_percent_reach_the_thread_start() {
    let recording = repository("../shared/corpus/envoy/ctr-inside-dwarf.perf");
    if !recording.exists() {
        println!("skipped: no {}", recording.display());
        return;
    }
    let whole = ends(&recording, &directory().join("plain/root")).whole();
    assert!(whole >= 0.80, "{whole}");
}

#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn frame_by_frame_the_stacks_of_envoy_are_perfs() {
    for kind in ["plain", "lua"] {
        let directory = directory().join(kind);
        compare_with_perf(&directory, "envoy", &directory.join("root"));
    }
}

/// Its functions keep no frame pointers, and have rules that read memory and any register.
#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn stacks_through_hand_written_assembly_are_whole_and_perfs() {
    let directory = directory();
    let whole = ends(&directory.join("openssl.perf"), Path::new("/")).whole();
    assert!(whole >= 0.99, "{whole}");
    compare_with_perf(&directory, "openssl", Path::new("/"));
}

/// Our stacks are perf's, but for one kind, in which perf gives up after the second frame. The leaf
/// had just taken the frame pointer back off the stack, to return or to jump on, while its table still
/// says that it is saved there: below the stack pointer, where nothing is dumped. perf then has no
/// frame pointer to go on from. The register holds it.
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
    for perf in &perfs {
        // Any of ours that begins as perf's does.
        let longer = ours.iter_mut().find(|(ours, count)| **count > 0 && ours.starts_with(perf));
        let Some((_, count)) = longer else { panic!("only perf has {perf:#?}") };
        *count -= 1;
        let [leaf, _] = &perf[..] else { panic!("perf ends with {perf:#?}") };
        assert!(has_popped_frame_pointer(leaf, root), "perf ends after {perf:#?}");
    }
    println!(
        "{} of {samples} stacks are the same, {} go on after `pop %rbp`",
        samples - perfs.len(),
        perfs.len()
    );
}

/// Whether the instruction before `path+offset` is `pop %rbp`.
fn has_popped_frame_pointer(frame: &str, root: &Path) -> bool {
    let (path, offset) = frame.split_once("+0x").unwrap();
    let file = std::fs::read(root.join(path.trim_start_matches('/'))).unwrap();
    file[usize::from_str_radix(offset, 16).unwrap() - 1] == 0x5d
}
