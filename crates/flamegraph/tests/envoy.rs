//! The flame graph of a small Envoy, and that all outputs agree on its total.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../../pprof-format/tests/build/mod.rs"]
mod build;

use build::{Build, envoy};
use flamegraph::MinWidth;
use profile::{Sampling, Unit};
use std::num::NonZeroUsize;

const EVENT: usize = 0;

fn folded(build: &Build, event: usize) -> String {
    let mut out = Vec::new();
    flamegraph::folded(&build.profile, &build.symbols(), event, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn svg(build: &Build, title: &str) -> String {
    let mut out = Vec::new();
    flamegraph::svg(&build.profile, &build.symbols(), EVENT, title, MinWidth::default(), &mut out)
        .unwrap();
    String::from_utf8(out).unwrap()
}

/// The value of an attribute of the first box whose title begins with `title`.
fn attribute<'s>(svg: &'s str, title: &str, name: &str) -> &'s str {
    let (_, after) = svg.split_once(&format!("<title>{title}")).unwrap();
    let (_, value) = after.split_once(&format!("{name}=\"")).unwrap();
    value.split_once('"').unwrap().0
}

#[test]
fn folded_stacks_begin_with_the_thread_and_expand_inlined_functions() {
    let expected = "\
wrk:worker_0;main;Envoy::Server::run;Envoy::Event::run;[envoy+0x4321];[libc.so.6+0x30000];tcp_sendmsg 61224489
wrk:worker_0;main;Envoy::Server::run;Envoy::Event::run;std::vector<int>::push_back(int&&) 102040816
wrk:worker_1;[broken stack];[anon+0x40000100];std::vector<int>::push_back(int&&) 20408163
wrk:worker_1;main;Envoy::Server::run;Envoy::Event::run;[envoy+0x4321];[libc.so.6+0x30000];tcp_sendmsg 40816326
";
    assert_eq!(folded(&envoy(), EVENT), expected);
}

#[test]
fn pprof_folded_and_svg_have_the_same_total() {
    let build = envoy();
    let total = build.profile.samples.total(0).weight;

    let mut pprof = Vec::new();
    pprof_format::write(&build.profile, &build.symbols(), &mut pprof, NonZeroUsize::MIN).unwrap();
    let values = pprof_format::read(&pprof).unwrap().sample;
    assert_eq!(values.iter().map(|sample| sample.value[1]).sum::<i64>(), total.cast_signed());

    let folded = folded(&build, EVENT);
    let weights = folded.lines().map(|line| line.rsplit_once(' ').unwrap().1);
    assert_eq!(weights.map(|weight| weight.parse::<u64>().unwrap()).sum::<u64>(), total);

    let svg = svg(&build, "Envoy");
    assert!(svg.contains(&format!("total_samples=\"{total}\"")));
    assert_eq!(attribute(&svg, "all (224,490 µs, 100%)", "fg:w"), total.to_string());
}

#[test]
fn the_svg_says_what_it_shows() {
    let svg = svg(&envoy(), "envoy <1.40> & more");
    assert!(svg.contains("envoy &lt;1.40&gt; &amp; more"));
    assert!(svg.contains("cpu-clock: 11 samples, 0.224 s of CPU time in 10.000 s"));
}

#[test]
fn the_answer_to_a_search_is_at_the_top() {
    let svg = svg(&envoy(), "Envoy");
    let y = |id: &str| {
        let (_, element) = svg.split_once(&format!("<text id=\"{id}\"")).unwrap();
        element.split_once(" y=\"").unwrap().1.split_once('"').unwrap().0
    };
    assert_eq!(y("matched"), y("details"));
}

#[test]
fn kernel_user_inlined_and_unnamed_frames_differ_in_colour() {
    let svg = svg(&envoy(), "Envoy");
    assert!(!svg.contains("_[k]") && !svg.contains("_[i]"));
    let fill = |title: &str| -> Vec<u8> {
        let color = attribute(&svg, title, "fill");
        let parts = color.strip_prefix("rgb(").unwrap().strip_suffix(')').unwrap();
        parts.split(',').map(|part| part.parse().unwrap()).collect()
    };
    let user = fill("main (");
    let inlined = fill("Envoy::Event::run (");
    let kernel = fill("tcp_sendmsg (");
    let unnamed = fill("[envoy+0x4321] (");
    assert!(user[2] > user[0] && inlined[2] > inlined[0], "blue");
    assert!(inlined[0] > user[0], "lighter");
    assert!(kernel[0] > kernel[2], "orange");
    assert!(unnamed[0] == unnamed[1] && unnamed[1] == unnamed[2], "grey");
}

#[test]
fn nothing_is_fetched_when_the_svg_is_opened() {
    let svg = svg(&envoy(), "Envoy");
    for reference in ["href=", "src=", "@import", "url(http", "fetch(", "XMLHttpRequest"] {
        assert!(!svg.contains(reference), "{reference}");
    }
}

#[test]
fn a_box_is_not_cut_by_a_name_that_sorts_into_it() {
    let mut build = Build::default();
    let event = build.event("cycles", Unit::Count, Sampling::Period(1));
    let [a, ab, c] = ["a", "a b", "c"].map(|text| build.marker(text));
    build.sample(event, &[a], &[], (1, 3));
    build.sample(event, &[ab], &[], (1, 5));
    build.sample(event, &[c, a], &[], (1, 2));
    assert_eq!(folded(&build, EVENT), "a 3\na;c 2\na b 5\n");
    assert_eq!(attribute(&svg(&build, ""), "a (5 cycles, 50.00%)", "fg:w"), "5");
}

#[test]
fn the_weight_of_boxes_too_light_to_draw_stays_with_their_caller() {
    let mut build = Build::default();
    let event = build.event("cycles", Unit::Count, Sampling::Period(1));
    let [main, light] = ["main", "light"].map(|text| build.marker(text));
    build.sample(event, &[main], &[], (1, 999_999));
    build.sample(event, &[light, main], &[], (1, 1));
    assert_eq!(folded(&build, EVENT), "main 999999\nmain;light 1\n");
    let svg = svg(&build, "");
    assert!(!svg.contains("light ("));
    assert_eq!(attribute(&svg, "main (1,000,000 cycles, 100.00%)", "fg:w"), "1000000");
}

#[test]
fn a_thread_too_light_to_draw_is_drawn_all_the_same() {
    let mut build = Build::default();
    let event = build.event("cycles", Unit::Count, Sampling::Period(1));
    let [main, light] = ["main", "light"].map(|text| build.marker(text));
    build.sample(event, &[main], &[], (1, 999_999));
    build.sample(event, &[main, light], &[], (1, 1));
    let svg = svg(&build, "");
    assert!(svg.contains("total_samples=\"1000000\""));
    assert_eq!(attribute(&svg, "light (1 cycles, 0.00%)", "fg:w"), "1");
}

#[test]
fn a_stack_without_a_frame_is_still_a_line() {
    let mut build = Build::default();
    let event = build.event("cycles", Unit::Count, Sampling::Period(1));
    build.sample(event, &[], &[], (1, 3));
    assert_eq!(folded(&build, EVENT), "[no stack] 3\n");
}

#[test]
fn without_samples_the_svg_says_so() {
    let build = Build::default();
    assert_eq!(folded(&build, EVENT), "");
    let svg = svg(&build, "a & b");
    assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("a &amp; b") && svg.contains("no samples"));
}

#[test]
fn weights_beyond_64_bits_are_refused() {
    let mut build = Build::default();
    let event = build.event("cycles", Unit::Count, Sampling::Period(1));
    let [a, b] = ["a", "b"].map(|text| build.marker(text));
    build.sample(event, &[a], &[], (1, u64::MAX));
    build.sample(event, &[b], &[], (1, 1));
    let error = flamegraph::svg(
        &build.profile,
        &build.symbols(),
        EVENT,
        "",
        MinWidth::default(),
        Vec::new(),
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "the weights of `cycles` add up to more than 64 bits"
    );
}
