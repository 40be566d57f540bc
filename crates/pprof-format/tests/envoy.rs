//! What the profile of a small Envoy says to pprof, rule by rule.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod build;

use build::{Build, Value, envoy};
use pprof_format::proto::{Location, Mapping, Profile};
use pprof_format::{read, write};
use profile::{BinaryKind, Relocation, RuntimeAddr, Sampling, Unit};
use std::num::NonZeroUsize;

fn written(build: &Build) -> Profile {
    let mut bytes = Vec::new();
    write(&build.profile, &build.symbols(), &mut bytes, NonZeroUsize::MIN).unwrap();
    read(&bytes).unwrap()
}

fn mapping<'p>(profile: &'p Profile, filename: &str) -> &'p Mapping {
    profile.mapping.iter().find(|m| profile.text(m.filename) == Some(filename)).unwrap()
}

fn locations<'p>(profile: &'p Profile, mapping: &Mapping) -> Vec<&'p Location> {
    profile.location.iter().filter(|location| location.mapping_id == mapping.id).collect()
}

/// The names of the functions of a location, innermost first.
fn names<'p>(profile: &'p Profile, location: &Location) -> Vec<&'p str> {
    let function = |id| profile.function.iter().find(|function| function.id == id).unwrap();
    let lines = location.line.iter();
    lines.map(|line| profile.text(function(line.function_id).name).unwrap()).collect()
}

fn text(profile: &Profile, index: i64) -> &str {
    profile.text(index).unwrap()
}

#[test]
fn the_same_profile_gives_the_same_bytes() {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let written =
        write(&envoy().profile, &envoy().symbols(), &mut first, NonZeroUsize::MIN).unwrap();
    write(&envoy().profile, &envoy().symbols(), &mut second, NonZeroUsize::MIN).unwrap();
    assert_eq!(first, second);
    assert_eq!(first[4..8], [0; 4], "the time stamp of gzip");
    assert_eq!((written.samples, written.mappings, written.locations), (4, 4, 8));
}

#[test]
fn each_event_counts_samples_and_weight() {
    let profile = written(&envoy());
    let types = profile.sample_type.iter();
    let types: Vec<_> = types.map(|t| (text(&profile, t.r#type), text(&profile, t.unit))).collect();
    assert_eq!(types, [("cpu-clock_sample", "count"), ("cpu-clock_event", "nanoseconds")]);
    assert_eq!(text(&profile, profile.default_sample_type), "cpu-clock_event");
    assert_eq!(profile.sample[0].value, [5, 102_040_816]);
}

#[test]
fn time_and_period_are_filled_in() {
    let profile = written(&envoy());
    assert_eq!(profile.time_nanos, 1_600_000_000_000_000_000);
    assert_eq!(profile.duration_nanos, 10_000_000_000);
    assert_eq!(profile.period, 20_408_163, "a 49th of a second");
    let period_type = profile.period_type.unwrap();
    assert_eq!(text(&profile, period_type.r#type), "cpu-clock");
    assert_eq!(text(&profile, period_type.unit), "nanoseconds");
    assert_eq!(text(&profile, profile.comment[0]), "perf record -F 49 -g");
}

#[test]
fn a_period_that_varied_is_not_stated() {
    let mut build = Build::default();
    let cycles = build.event("cycles", Unit::Count, Sampling::Frequency(99));
    let marker = build.marker("[lost]");
    build.sample(cycles, &[marker], &[], (1, 12_345));
    assert_eq!(written(&build).period, 0);
    build.profile.events[0].sampling = Sampling::Period(12_345);
    assert_eq!(written(&build).period, 12_345);
}

#[test]
fn events_that_saw_the_same_stack_share_its_row() {
    let mut build = Build::default();
    let cycles = build.event("cycles", Unit::Count, Sampling::Period(1000));
    let clock = build.event("cpu-clock", Unit::Nanoseconds, Sampling::Period(500));
    let here = build.marker("here");
    build.sample(cycles, &[here], &[], (2, 2000));
    build.sample(clock, &[here], &[], (1, 500));
    build.sample(clock, &[here], &[("cpu", Value::Text("0".to_owned()))], (1, 500));
    let profile = written(&build);
    let values: Vec<_> = profile.sample.iter().map(|sample| sample.value.clone()).collect();
    assert_eq!(values, [[2, 2000, 1, 500], [0, 0, 1, 500]]);
    assert_eq!(text(&profile, profile.default_sample_type), "cycles_event");
}

#[test]
fn the_main_binary_is_the_first_mapping() {
    let profile = written(&envoy());
    let main = &profile.mapping[0];
    assert_eq!(text(&profile, main.filename), "/usr/local/bin/envoy");
    assert_eq!(text(&profile, main.build_id), "aa".repeat(20));
    // Two processes had pieces of it: the first one gives the addresses of both.
    let bounds = (main.memory_start, main.memory_limit, main.file_offset);
    assert_eq!(bounds, (0x5555_0000_1000, 0x5555_0000_5000, 0x1000));
}

#[test]
fn callers_are_looked_up_in_their_call_at_rebased_addresses() {
    let profile = written(&envoy());
    let of_main = locations(&profile, &profile.mapping[0]);
    let addresses: Vec<u64> = of_main.iter().map(|location| location.address).collect();
    let start = 0x5555_0000_0000;
    assert_eq!(addresses, [start + 0x4010, start + 0x1234, start + 0x1100, start + 0x4321]);
}

#[test]
fn inlined_functions_come_before_the_physical_one() {
    let profile = written(&envoy());
    let run = locations(&profile, &profile.mapping[0])[1];
    assert_eq!(names(&profile, run), ["Envoy::Event::run", "Envoy::Server::run"]);
    assert_eq!(run.line[0].line, 7);
    assert!(profile.mapping[0].has_inline_frames);
}

#[test]
fn where_anything_has_a_name_everything_has_one() {
    let profile = written(&envoy());
    let main = &profile.mapping[0];
    assert!(main.has_functions && main.has_filenames && main.has_line_numbers);
    assert_eq!(names(&profile, locations(&profile, main)[3]), ["[envoy+0x4321]"]);
}

#[test]
fn where_nothing_has_a_name_pprof_may_still_find_one() {
    let profile = written(&envoy());
    let libc = mapping(&profile, "/usr/lib/libc.so.6");
    assert!(!libc.has_functions && !libc.has_filenames && !libc.has_line_numbers);
    assert!(locations(&profile, libc).iter().all(|location| location.line.is_empty()));
}

#[test]
fn what_pprof_never_symbolizes_has_names() {
    let profile = written(&envoy());
    let anon = mapping(&profile, "//anon");
    assert!(anon.has_functions && !anon.has_filenames);
    assert_eq!(names(&profile, locations(&profile, anon)[0]), ["[anon+0x40000100]"]);
}

#[test]
fn a_marker_is_a_function_without_a_mapping() {
    let profile = written(&envoy());
    let marker = profile.location.iter().find(|location| location.mapping_id == 0).unwrap();
    assert_eq!(names(&profile, marker), ["[broken stack]"]);
    assert_eq!(marker.address, 0);
}

#[test]
fn a_name_that_pprof_would_cut_has_no_linker_name() {
    let mut build = Build::default();
    let event = build.event("cycles", Unit::Count, Sampling::Period(1));
    let binary = build.binary("/bin/a", BinaryKind::File, &[]);
    build.map(binary, 0x5000, 0x1000, 0x1000);
    let (f, g, h) = (build.ip(binary, 0x1010), build.ip(binary, 0x1020), build.ip(binary, 0x1030));
    build.name(f, &[("(anonymous namespace)::f", "", 0)]);
    build.name(g, &[("_ZN1gE", "", 0)]);
    build.sample(event, &[f, g, h], &[], (1, 1));
    let profile = written(&build);
    let names = profile.function.iter();
    let names: Vec<_> =
        names.map(|f| (text(&profile, f.name), text(&profile, f.system_name))).collect();
    assert_eq!(names, [("(anonymous namespace)::f", ""), ("_ZN1gE", "_ZN1gE"), ("[a+0x1030]", "")]);
}

#[test]
fn the_kernel_names_its_relocation_symbol() {
    let mut build = Build::default();
    let event = build.event("cycles", Unit::Count, Sampling::Period(1));
    let kernel = build.binary("[kernel.kallsyms]", BinaryKind::Kernel, &[1; 20]);
    let mut row = build.profile.binaries[kernel];
    let symbol = build.profile.strings.intern_ref("_text");
    let text = 0xffff_ffff_8100_0000;
    row.relocation = Some(Relocation { symbol, address: RuntimeAddr(text) });
    let kernel = build.profile.binaries.intern(row);
    build.map(kernel, text, 0xe0_1d04, text);
    let ip = build.ip(kernel, text + 0x100);
    build.sample(event, &[ip], &[], (1, 1));
    let profile = written(&build);
    let mapping = mapping(&profile, "[kernel.kallsyms]_text");
    assert_eq!((mapping.memory_start, mapping.file_offset), (text, text));
    assert_eq!(mapping.memory_limit, text + 0xe0_2000);
    assert_eq!(profile.location[0].address, text + 0x100);
}

#[test]
fn two_frames_that_look_at_one_instruction_are_one_location() {
    let mut build = Build::default();
    let event = build.event("cycles", Unit::Count, Sampling::Period(1));
    let binary = build.binary("/bin/a", BinaryKind::File, &[]);
    build.map(binary, 0x5000, 0x1000, 0x1000);
    let (ip, caller) = (build.ip(binary, 0x1010), build.caller(binary, 0x1010));
    build.sample(event, &[ip, caller], &[], (1, 1));
    let profile = written(&build);
    assert_eq!(profile.location.len(), 1);
    assert_eq!(profile.sample[0].location_id, [1, 1]);
    assert_eq!(profile.location[0].address, 0x5010);
}

#[test]
fn a_profile_without_samples_is_a_profile() {
    let profile = written(&Build::default());
    assert_eq!(profile.string_table, [""]);
    assert_eq!(profile.period_type, None);
}
