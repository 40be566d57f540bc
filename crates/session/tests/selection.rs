//! What each option of the selection takes, and that the rest is counted.
#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroUsize;

use perf_data::PerfData;
use perf_data_builder::{Event, Order, PerfFile, flags};
use session::{Conversion, Options, Selection, SelectionError, convert};

const KERNEL: u64 = (-128_i64).cast_unsigned();
const USER: u64 = (-512_i64).cast_unsigned();
const KERNEL_TEXT: u64 = 0xffff_8000_0000_0000;

/// IP, TID, TIME, CALLCHAIN, ID, CPU, PERIOD
const FIELDS: u64 = 0b1_1110_0111;

/// Two events, of ids 1 and 2; pid 1 runs envoy with two threads, pid 2 a shell.
fn recording() -> PerfFile {
    let mut file = PerfFile::new(Order::Little);
    let event = || Event::cpu_clock().sample_type(FIELDS).flags(flags::SAMPLE_ID_ALL);
    file.event(event().ids(&[1]));
    file.event(Event { config: 2, ..event() }.ids(&[2]));
    file.record(1, 1, |body| {
        body.i32(-1).i32(0).u64(KERNEL_TEXT).u64(0x1000_0000).u64(KERNEL_TEXT);
        body.text("[kernel.kallsyms]_text").i32(0).i32(0).u64(0).u64(0).u32(0).u32(0)
    });
    for (pid, path) in [(1, "/usr/local/bin/envoy"), (2, "/bin/sh")] {
        map(&mut file, pid, 0x1000, path);
    }
    map(&mut file, 1, 0x8000, "/lib/libc.so.6");
    for (pid, tid, name) in [(1, 1, "envoy"), (1, 5, "wrk:worker_0"), (2, 2, "sh")] {
        file.record(3, 0, |body| {
            body.i32(pid).i32(tid).text(name).i32(pid).i32(tid).u64(2).u64(0).u32(0).u32(0)
        });
    }
    sample(&mut file, (1, 1), 100, (1, 0), &[USER, 0x1100]);
    sample(&mut file, (1, 5), 200, (1, 1), &[KERNEL, KERNEL_TEXT + 1, USER, 0x8100, 0x1200]);
    sample(&mut file, (2, 2), 300, (1, 1), &[USER, 0x1100]);
    sample(&mut file, (2, 2), 400, (2, 0), &[KERNEL, KERNEL_TEXT + 2]);
    sample(&mut file, (1, 5), 500, (2, 0), &[USER, 0x1100, 0xdead_0000]);
    file
}

fn map(file: &mut PerfFile, pid: i32, start: u64, path: &str) {
    file.record(1, 2, |body| {
        body.i32(pid).i32(pid).u64(start).u64(0x1000).u64(0).text(path);
        body.i32(pid).i32(pid).u64(1).u64(0).u32(0).u32(0)
    });
}

fn sample(
    file: &mut PerfFile,
    (pid, tid): (i32, i32),
    time: u64,
    (id, cpu): (u64, u32),
    chain: &[u64],
) {
    let misc = if chain[0] == KERNEL { 1 } else { 2 };
    file.record(9, misc, |body| {
        body.u64(chain[1]).i32(pid).i32(tid).u64(time).u64(id).u32(cpu).u32(0).u64(time * 10);
        chain.iter().fold(body.u64(chain.len() as u64), |body, entry| body.u64(*entry))
    });
}

fn select(selection: Selection) -> Conversion {
    let bytes = recording().build();
    let options = Options { labels: Vec::new(), selection, threads: NonZeroUsize::MIN };
    let perf = PerfData::parse(&bytes).unwrap();
    assert_eq!(options.selection.check(&perf), Ok(()));
    convert(&perf, &options, None, &|_| {})
}

/// Stacks, outermost frame first, a line per row.
fn stacks(conversion: &Conversion) -> Vec<String> {
    let profile = &conversion.profile;
    let stack = |(key, _): (&profile::SampleKey, _)| {
        let mut frames: Vec<_> = profile
            .frames_of(key.stack)
            .map(|frame| {
                let frame = &profile.frames[frame];
                let path = &profile.strings[profile.binaries[frame.binary].path];
                let name = path.rsplit('/').next().unwrap_or_default();
                frame.marker_text().map_or(name, |text| &profile.strings[text]).to_owned()
            })
            .collect();
        frames.reverse();
        frames.join(";")
    };
    profile.samples.iter().map(stack).collect()
}

/// Every sample is either in the profile or left out, with its weight.
#[track_caller]
fn assert_selects(selection: Selection, expected: &[&str]) {
    let conversion = select(selection);
    assert_eq!(stacks(&conversion), expected);
    let kept = conversion.profile.samples.iter().map(|(_, value)| value);
    let all = kept.chain(conversion.left_out.iter().map(|left_out| left_out.value));
    let (count, weight) =
        all.fold((0, 0), |(count, weight), v| (count + v.count, weight + v.weight));
    assert_eq!((count, weight), (5, 15_000));
}

const ALL: [&str; 5] = [
    "envoy",
    "envoy;libc.so.6;[kernel.kallsyms]",
    "sh",
    "[kernel.kallsyms]",
    "[broken stack];envoy",
];

fn texts(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

#[test]
fn nothing_asked_is_everything() {
    assert_selects(Selection::default(), &ALL);
    assert_eq!(select(Selection::default()).left_out, []);
}

#[test]
fn who_and_where() {
    let selection = Selection::default;
    assert_selects(Selection { pids: vec![2], ..selection() }, &ALL[2..4]);
    assert_selects(Selection { tids: vec![1, 2], ..selection() }, &[ALL[0], ALL[2], ALL[3]]);
    assert_selects(Selection { cpus: vec![1], ..selection() }, &ALL[1..3]);
    assert_selects(
        Selection { comms: texts(&["envoy"]), ..selection() },
        &[ALL[0], ALL[1], ALL[4]],
    );
    assert_selects(Selection { threads: texts(&["wrk:worker_0", "sh"]), ..selection() }, &ALL[1..]);
    assert_selects(
        Selection { comms: texts(&["envoy"]), cpus: vec![0], ..selection() },
        &[ALL[0], ALL[4]],
    );
    assert_selects(Selection { comms: texts(&["env"]), ..selection() }, &[]);
}

#[test]
fn an_event_that_is_not_selected_is_no_event_of_the_profile() {
    for name in ["page-faults", "cpu-clock"] {
        let conversion = select(Selection { events: texts(&[name]), ..Selection::default() });
        let names: Vec<_> = conversion.profile.events.iter().map(|event| &event.name).collect();
        assert_eq!(names, [name]);
        assert_eq!(conversion.left_out.len(), 1);
    }
    let page_faults = Selection { events: texts(&["page-faults"]), ..Selection::default() };
    assert_selects(page_faults, &ALL[3..]);
}

#[test]
fn without_kernel_frames_the_time_goes_to_who_called_it() {
    let selection = Selection { no_kernel: true, ..Selection::default() };
    let expected = ["envoy", "envoy;libc.so.6", "sh", "[broken stack];envoy"];
    assert_selects(selection.clone(), &expected);
    // And so it does for whoever asks where the innermost frame is.
    let in_libc = Selection { binaries: texts(&["libc.so.6"]), ..selection };
    assert_selects(in_libc, &["envoy;libc.so.6"]);
}

#[test]
fn without_user_frames_only_the_kernel_is_left() {
    let selection = Selection { no_user: true, ..Selection::default() };
    assert_selects(selection, &["[kernel.kallsyms]", "[kernel.kallsyms]"]);
}

#[test]
fn a_binary_is_that_of_the_innermost_frame() {
    let within = |name: &str| Selection { binaries: texts(&[name]), ..Selection::default() };
    assert_selects(within("envoy"), &[ALL[0], ALL[4]]);
    assert_selects(within("/bin/sh"), &ALL[2..3]);
    assert_selects(within("[kernel.kallsyms]"), &[ALL[1], ALL[3]]);
}

#[test]
fn a_part_of_the_time_has_its_own_duration() {
    let selection = |range: &str| Selection { time: range.parse().ok(), ..Selection::default() };
    assert_selects(selection("50%,"), &ALL[2..]);
    assert_selects(selection(",0.0000002"), &ALL[..2]);
    assert_selects(selection("25%,100%"), &ALL[1..]);
    let conversion = select(selection("25%,75%"));
    assert_eq!(conversion.profile.recording.duration_nanos, Some(100));
    assert_eq!(conversion.nanos_after, 200);
}

#[test]
fn what_the_recording_cannot_tell_is_an_error() {
    let mut file = PerfFile::new(Order::Little);
    file.event(Event::cpu_clock().sample_type(0b11)); // IP, TID
    let bytes = file.build();
    let perf = PerfData::parse(&bytes).unwrap();
    let event = Selection { events: texts(&["cycles"]), ..Selection::default() };
    let known = texts(&["cpu-clock"]);
    let asked = "cycles".to_owned();
    assert_eq!(event.check(&perf), Err(SelectionError::UnknownEvent { asked, known }));
    let time = Selection { time: "1,2".parse().ok(), ..Selection::default() };
    assert!(matches!(time.check(&perf), Err(SelectionError::NotRecorded { option: "--time", .. })));
    let cpu = Selection { cpus: vec![0], ..Selection::default() };
    assert!(matches!(cpu.check(&perf), Err(SelectionError::NotRecorded { option: "--cpu", .. })));
}

#[test]
fn samples_with_their_times_add_up_to_the_rows() {
    let bytes = recording().build();
    let perf = PerfData::parse(&bytes).unwrap();
    for (from, kept) in
        [(None, vec![0, 100, 200, 300, 400]), (Some("0.0000002,"), vec![200, 300, 400])]
    {
        let time = from.map(|range| range.parse().unwrap());
        let selection = Selection { time, ..Selection::default() };
        let options = Options { labels: Vec::new(), selection, threads: NonZeroUsize::MIN };
        let timed = session::convert_timed(&perf, &options, None, &|_| {});
        let plain = convert(&perf, &options, None, &|_| {});
        // Since the first sample of the recording, whatever is selected.
        let mut moments: Vec<u64> = timed.timed.iter().map(|sample| sample.time).collect();
        moments.sort_unstable();
        assert_eq!(moments, kept);
        let rows = |conversion: &Conversion| {
            conversion.profile.samples.iter().map(|(_, value)| value).collect::<Vec<_>>()
        };
        assert_eq!((rows(&timed), &timed.losses), (rows(&plain), &plain.losses));
        assert_eq!(timed.profile.blocks, plain.profile.blocks);
        let mut sums = vec![profile::SampleValue::default(); rows(&timed).len()];
        for sample in &timed.timed {
            sums[sample.row as usize].add(sample.value);
        }
        assert_eq!(sums, rows(&timed));
        assert!(plain.timed.is_empty());
    }
}
