//! A small program whose functions keep no frame pointers, against perf's own unwinding.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::Path;

use common::{our_stacks, perfs_stacks, repository, unwound};
use session::NO_UNWIND_INFO;

const LIBC: &str = "/usr/lib/x86_64-linux-gnu/libc.so.6+";

#[test]
fn every_frame_is_perfs_until_a_binary_is_missing_and_then_the_stack_says_so() {
    let recording = std::fs::read(repository("fixtures/small/dwarf.perf")).unwrap();
    let oracle = perfs_stacks(&repository("fixtures/small/dwarf.samples.tsv.gz"));
    let conversion = unwound(&recording, &[&repository("fixtures/small/sysroot")], 1);

    let mut ours = our_stacks(&conversion.profile);
    for mut stack in oracle.clone() {
        // The frame in libc is still known, by its return address; its caller is not.
        let libc = stack.iter().position(|frame| frame.starts_with(LIBC)).unwrap();
        stack.truncate(libc + 1);
        stack.push(NO_UNWIND_INFO.to_owned());
        let count = ours.get_mut(&stack).unwrap_or_else(|| panic!("only perf has {stack:?}"));
        *count -= 1;
    }
    assert!(ours.values().all(|count| *count == 0), "only we have some of {ours:?}");
    let losses = &conversion.losses;
    assert_eq!(losses.all_without_unwind_info().count, oracle.len() as u64);
    assert_eq!(losses.without_unwind_info.len(), 1, "all end in the same library");
}

#[test]
fn with_the_recorded_libc_every_frame_is_perfs() {
    let recording = std::fs::read(repository("fixtures/small/dwarf.perf")).unwrap();
    let root = repository("fixtures/small/sysroot");
    let conversion = unwound(&recording, &[&root, Path::new("/")], 1);
    if conversion.losses.all_without_unwind_info().count > 0 {
        println!("skipped: the libc of this machine is not the recorded one");
        return;
    }
    let mut ours = our_stacks(&conversion.profile);
    for stack in perfs_stacks(&repository("fixtures/small/dwarf.samples.tsv.gz")) {
        let count = ours.get_mut(&stack).unwrap_or_else(|| panic!("only perf has {stack:?}"));
        *count -= 1;
    }
    assert!(ours.values().all(|count| *count == 0), "only we have some of {ours:?}");
}
