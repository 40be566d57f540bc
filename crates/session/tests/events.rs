//! Events by name, and the samples that they lost.
#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroUsize;

use perf_data::PerfData;
use perf_data_builder::{Event, Order, PerfFile, flags};
use profile::{Profile, Stack};
use session::{Conversion, LOST, Options, Selection, convert};

/// IP, TID, TIME, ID, PERIOD
const FIELDS: u64 = 0b1_0100_0111;

fn recording(events: &[(Event, &str)]) -> PerfFile {
    let mut file = PerfFile::new(Order::Little);
    let event = |(index, (event, _)): (u64, &(Event, &str))| {
        event.clone().sample_type(FIELDS).ids(&[index])
    };
    let described: Vec<_> = (1..).zip(events).map(event).collect();
    for event in &described {
        file.event(event.clone());
    }
    // EVENT_DESC
    file.feature(12, |body| {
        body.u32(u32::try_from(events.len()).unwrap()).u32(128);
        for (event, (_, name)) in described.iter().zip(events) {
            body.raw(&event.attr(Order::Little, 128)).u32(1).sized_text(name).u64(event.ids[0]);
        }
        body
    });
    file
}

fn sample(file: &mut PerfFile, id: u64, period: u64) {
    file.record(9, 2, |body| body.u64(0x1000).i32(1).i32(1).u64(1).u64(id).u64(period));
}

fn conversion(file: &PerfFile, selection: Selection) -> Conversion {
    let bytes = file.build();
    let options = Options { labels: Vec::new(), selection, threads: NonZeroUsize::MIN };
    convert(&PerfData::parse(&bytes).unwrap(), &options, None, &|_| {})
}

fn names(profile: &Profile) -> Vec<&str> {
    profile.events.iter().map(|event| event.name.as_str()).collect()
}

#[test]
fn a_tracepoint_keeps_its_name_and_counts() {
    let tracepoint = Event { event_type: 2, config: 316, period: 1, ..Event::default() };
    let mut file = recording(&[(tracepoint, "sched:sched_switch")]);
    sample(&mut file, 1, 1);
    for file in [file.build(), file.build_pipe()] {
        let perf = PerfData::parse(&file).unwrap();
        assert_eq!(perf.events().len(), 1);
    }
    let profile = conversion(&file, Selection::default()).profile;
    assert_eq!(names(&profile), ["sched:sched_switch"]);
    assert_eq!(profile.events[0].unit, profile::Unit::Count);
    assert_eq!(profile.samples.total(0).weight, 1);
}

#[test]
fn a_dummy_event_is_never_shown_first_by_whatever_name() {
    let dummy = Event { event_type: 1, config: 9, period: 1, ..Event::default() };
    let mut file = recording(&[(dummy, "dummy:HG"), (Event::cpu_clock(), "cpu-clock:ppp")]);
    sample(&mut file, 2, 10);
    let mut profile = conversion(&file, Selection::default()).profile;
    assert_eq!(names(&profile), ["dummy", "cpu-clock"]);
    assert_eq!(profile.default_event(), Some(1));
    // As `--raw-event-names` has it.
    for event in &mut profile.events {
        event.name.clone_from(&event.recorded_name);
    }
    assert_eq!(names(&profile), ["dummy:HG", "cpu-clock:ppp"]);
    // Even where it has a sample, as no dummy should.
    sample(&mut file, 1, 1);
    assert_eq!(conversion(&file, Selection::default()).profile.default_event(), Some(1));
}

/// Rows of the profile that are lost samples: event, count, weight.
fn lost(profile: &Profile) -> Vec<(u32, u64, u64)> {
    let is_lost = |stack| {
        let Stack { parent, frame } = profile.stacks[stack];
        let text = profile.frames[frame].marker_text();
        parent == Stack::EMPTY && text.is_some_and(|text| profile.strings[text] == LOST)
    };
    let rows = profile.samples.iter().filter(|(key, _)| is_lost(key.stack));
    rows.map(|(key, value)| (key.event, value.count, value.weight)).collect()
}

#[test]
fn lost_samples_are_a_row_of_their_event() {
    let fixed = Event { period: 1000, ..Event::cpu_clock() };
    let frequency = Event { config: 1, period: 49, ..Event::cpu_clock().flags(flags::FREQ) };
    let mut file = recording(&[(fixed, "cpu-clock"), (frequency, "task-clock")]);
    sample(&mut file, 1, 1000);
    sample(&mut file, 2, 10);
    sample(&mut file, 2, 30);
    file.record(2, 0, |body| body.u64(1).u64(3));
    file.record(2, 0, |body| body.u64(2).u64(5));
    // What the processor could not take, by a perf before 6.1.
    file.record(13, 0, |body| body.u64(8));
    let all = conversion(&file, Selection::default());
    assert_eq!(lost(&all.profile), [(0, 3, 3000), (1, 5, 100)]);
    assert_eq!((all.losses.lost_records, all.losses.lost_samples), (8, 8));
    let comments = &all.profile.comments;
    assert!(comments.contains(&"lost:cpu-clock:3:3000 (at the period of 1000)".to_owned()));
    assert!(comments.contains(&"lost:task-clock:5:100 (at the mean period of 20)".to_owned()));
    let events = vec!["task-clock".to_owned()];
    let one = conversion(&file, Selection { events, ..Selection::default() });
    assert_eq!(lost(&one.profile), [(0, 5, 100)]);
    // Where they were, nobody knows.
    let pids = vec![1];
    assert_eq!(lost(&conversion(&file, Selection { pids, ..Selection::default() }).profile), []);
}

#[test]
fn perf_6_1_and_later_says_exactly_how_many_samples_were_lost() {
    let fixed = Event { period: 1000, ..Event::cpu_clock().flags(flags::SAMPLE_ID_ALL) };
    let mut file = PerfFile::new(Order::Little);
    file.event(fixed.sample_type(FIELDS).ids(&[1]));
    sample(&mut file, 1, 1000);
    let lost_samples = |file: &mut PerfFile, misc: u16, count: u64| {
        file.record(13, misc, |body| body.u64(count).i32(1).i32(1).u64(1).u64(1));
    };
    file.record(2, 0, |body| body.u64(1).u64(9).i32(1).i32(1).u64(1).u64(1));
    lost_samples(&mut file, 0, 7);
    // By a filter (`perf record --filter`).
    lost_samples(&mut file, 1 << 15, 100);
    assert_eq!(lost(&conversion(&file, Selection::default()).profile), [(0, 9, 9000)]);
    // VERSION
    file.feature(5, |body| body.sized_text("6.1.187"));
    assert_eq!(lost(&conversion(&file, Selection::default()).profile), [(0, 7, 7000)]);
}
