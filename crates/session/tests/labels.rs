//! Where the value of each label comes from.
#![allow(missing_docs, clippy::unwrap_used)]

use std::num::NonZeroUsize;

use perf_data::PerfData;
use perf_data_builder::{Event, Order, PerfFile, flags};
use profile::LabelValue;
use session::{LabelKey, Options, Selection, convert};

/// IP, TID and TIME, then the source of the data, the group, both page sizes and the weights
const FIELDS: u64 = 0b111 | 1 << 15 | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 24;

/// `mem_lvl` HIT and L3, `mem_snoop` HITM
const L3_HITM: u64 = (0x02 | 0x40) << 5 | 0x10 << 19;

struct Facts {
    misc: u16,
    time: u64,
    cgroup: u64,
    weights: (u16, u16, u32),
    data_src: u64,
    page_sizes: (u64, u64),
}

const FACTS: Facts = Facts {
    misc: 2,
    time: 7,
    cgroup: 42,
    weights: (3, 2, 100),
    data_src: L3_HITM,
    page_sizes: (4096, 2 << 20),
};

fn sample(file: &mut PerfFile, facts: &Facts) {
    let Facts { misc, time, cgroup, weights: (retire, instruction, latency), .. } = *facts;
    file.record(9, misc, |body| {
        let weight = u64::from(retire) << 48 | u64::from(instruction) << 32 | u64::from(latency);
        body.u64(0x1000).i32(1).i32(1).u64(time).u64(weight).u64(facts.data_src).u64(cgroup);
        body.u64(facts.page_sizes.0).u64(facts.page_sizes.1)
    });
}

fn recording(order: Order) -> PerfFile {
    let mut file = PerfFile::new(order);
    file.event(Event::cpu_clock().sample_type(FIELDS).flags(flags::SAMPLE_ID_ALL));
    file.record(19, 0, |body| body.u64(42).text("/kubepods/pod1").i32(0).i32(0).u64(1));
    file
}

/// The labels of each row, as `key=value unit`.
fn labels(file: &PerfFile, list: &str) -> Vec<Vec<String>> {
    let bytes = file.build();
    let labels = list.split(',').flat_map(|name| LabelKey::named(name).unwrap()).copied().collect();
    let options = Options { labels, selection: Selection::default(), threads: NonZeroUsize::MIN };
    let profile = convert(&PerfData::parse(&bytes).unwrap(), &options, None, &|_| {}).profile;
    let rows = profile.samples.iter().map(|(key, _)| {
        let text = |label: &profile::Label| {
            let key = &profile.strings[label.key];
            match label.value {
                LabelValue::Text(text) => format!("{key}={}", profile.strings[text]),
                LabelValue::Number(number, unit) => {
                    format!("{key}={number} {}", profile.strings[unit]).trim_end().to_owned()
                }
            }
        };
        profile.labels[key.labels].iter().map(text).collect()
    });
    rows.collect()
}

#[test]
fn every_label_has_its_name_value_and_unit_in_either_byte_order() {
    for order in [Order::Little, Order::Big] {
        let mut file = recording(order);
        sample(&mut file, &FACTS);
        let list = "timestamp_ns,execution_mode,cgroup,code_page_size,data_page_size,data_src";
        assert_eq!(
            labels(&file, list),
            [[
                "timestamp_ns=7 nanoseconds",
                "execution_mode=Host User",
                "cgroup=/kubepods/pod1",
                "code_page_size=2097152 bytes",
                "data_page_size=4096 bytes",
                "data_src=L3",
                "snoop_status=HitM",
            ]]
        );
        let weights = ["cache_latency=100 cycles", "ins_lat=2 cycles", "retire_lat=3 cycles"];
        assert_eq!(labels(&file, "weights"), [weights]);
        assert_eq!(labels(&file, "cache_latency"), [[weights[0]]]);
    }
}

#[test]
fn samples_differ_only_by_the_labels_that_were_asked_for() {
    let mut file = recording(Order::Little);
    sample(&mut file, &FACTS);
    sample(&mut file, &Facts { misc: 1, time: 8, ..FACTS });
    sample(&mut file, &Facts { time: 9, cgroup: 43, ..FACTS });
    assert_eq!(labels(&file, "pid"), [["pid=1"], ["pid=1"]], "kernel and user are two stacks");
    assert_eq!(labels(&file, "timestamp_ns").len(), 3);
    // The recording does not name this group.
    assert_eq!(labels(&file, "cgroup")[2], ["cgroup=43"]);
}

#[test]
fn what_a_sample_does_not_say_is_no_label() {
    let mut file = recording(Order::Little);
    let missed = 0x04 << 5;
    sample(&mut file, &Facts { misc: 0, page_sizes: (0, 0), data_src: missed, ..FACTS });
    let list = "execution_mode,code_page_size,data_page_size,cpu,data_src";
    assert_eq!(labels(&file, list), [["snoop_status=Unknown Status"]]);
}
