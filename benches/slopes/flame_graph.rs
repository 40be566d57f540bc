//! Where a bench spends its time, with `--profile-time`: sampled by the `pprof` crate, drawn by our own.
//!
//! That crate could draw as well, with an inferno of its own, older than ours.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

use criterion::profiler::Profiler;
use flamegraph::{FlameBox, Heading, Picture};
use pprof::{ProfilerGuard, ProfilerGuardBuilder, Report};

/// Samples a second; prime, so that it keeps no step with what is sampled.
const FREQUENCY: i32 = 997;

#[derive(Default)]
pub(crate) struct Sampled {
    guard: Option<ProfilerGuard<'static>>,
}

impl Profiler for Sampled {
    fn start_profiling(&mut self, _: &str, _: &Path) {
        // Unwinding inside of these can deadlock: the `pprof` crate's own advice.
        let skipped = ["libc", "libgcc", "pthread", "vdso"];
        let builder = ProfilerGuardBuilder::default().frequency(FREQUENCY).blocklist(&skipped);
        self.guard = Some(builder.build().unwrap());
    }

    fn stop_profiling(&mut self, bench: &str, directory: &Path) {
        let report = self.guard.take().unwrap().report().build().unwrap();
        fs::create_dir_all(directory).unwrap();
        let path = directory.join("flamegraph.svg");
        draw(bench, &report, File::create(&path).unwrap());
        println!("{bench}: {}", path.display());
    }
}

/// A function within its callers.
#[derive(Default)]
struct Called {
    weight: u64,
    callees: BTreeMap<String, Called>,
}

fn draw(title: &str, report: &Report, out: File) {
    let mut root = Called::default();
    for (stack, &count) in &report.data {
        let count = count.unsigned_abs() as u64;
        root.weight += count;
        let mut called = &mut root;
        for name in stack.frames.iter().rev().flat_map(|inlined| inlined.iter().rev()) {
            called = called.callees.entry(name.name()).or_default();
            called.weight += count;
        }
    }
    let mut boxes = Vec::new();
    add(&mut boxes, 0, "all", &root);
    let heading = format!("{} samples, {FREQUENCY} a second", root.weight);
    let picture = Picture { title, heading: Heading::Text(&heading), boxes: &boxes };
    flamegraph::draw(&picture, |index| format!("{} samples", boxes[index].weight), out).unwrap();
}

fn add<'a>(boxes: &mut Vec<FlameBox<'a>>, caller: usize, name: &'a str, function: &'a Called) {
    let index = boxes.len();
    boxes.push(FlameBox { caller, name, weight: function.weight, shift: None });
    for (name, callee) in &function.callees {
        add(boxes, index, name, callee);
    }
}
