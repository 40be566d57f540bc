//! Every field of a sample, alone and all together, in both byte orders.
#![allow(missing_docs, clippy::unwrap_used)]

use perf_data::{CallchainEntry, Context, DeferredCallchain, PerfData, RecordKind, Sample};
use perf_data_builder::{Bytes, Event, Order, PerfFile};

const ORDERS: [Order; 2] = [Order::Little, Order::Big];

/// Decodes the one sample of a file with the one event, and hands it to `check`.
fn with_sample(
    event: &Event,
    body: impl Fn(&mut Bytes) -> &mut Bytes,
    check: impl Fn(&Sample<'_>),
) {
    for order in ORDERS {
        let mut file = PerfFile::new(order);
        file.event(event.clone());
        file.record(RecordKind::SAMPLE.0, 2, &body);
        let bytes = file.build();
        let perf = PerfData::parse(&bytes).unwrap();
        let record = perf.records().next().unwrap();
        let (index, sample) = perf.sample(&record).expect("the sample is whole");
        assert_eq!(index, 0);
        check(&sample);
    }
}

fn event(sample_type: u64) -> Event {
    Event::cpu_clock().sample_type(sample_type)
}

#[test]
fn all_fields_come_in_the_order_of_the_kernel() {
    let all = Event {
        branch_sample_type: 1 << 17 | 1 << 19, // HW_INDEX, COUNTERS
        regs_user: 0b1010,
        regs_intr: 0b1,
        read_format: 0b1_1100, // ID, GROUP, LOST
        ..event((1 << 24) - 1)
    };
    with_sample(
        &all,
        |body| {
            body.u64(77); // IDENTIFIER
            body.u64(0x1000).i32(-5).i32(6).u64(123).u64(0xadd7); // IP, TID, TIME, ADDR
            body.u64(77).u64(78).u32(3).u32(0).u64(4_000); // ID, STREAM_ID, CPU, PERIOD
            body.u64(2).u64(10).u64(100).u64(0).u64(20).u64(200).u64(1); // READ: two of a group
            body.u64(2).u64((-512_i64).cast_unsigned()).u64(0x1000); // CALLCHAIN
            body.u32(4).raw(&[1, 2, 3, 4]); // RAW
            body.u64(1).u64(9).u64(0xf).u64(0x7).u64(1).u64(0xc0); // BRANCH_STACK
            body.u64(2).u64(0x11).u64(0x33); // REGS_USER: registers 1 and 3
            body.u64(8).raw(&[8; 8]).u64(5); // STACK_USER: 5 of 8 bytes
            body.u64(0x3e1).u64(0xda7a).u64(0x77); // WEIGHT, DATA_SRC, TRANSACTION
            body.u64(2).u64(0x99); // REGS_INTR
            body.u64(0x4000).u64(0xc6).u64(4096).u64(8192); // PHYS_ADDR, CGROUP, page sizes
            body.u64(2).raw(&[7, 7]) // AUX
        },
        |sample| {
            assert_eq!((sample.id, sample.stream_id), (Some(77), Some(78)));
            assert_eq!((sample.ip, sample.addr), (Some(0x1000), Some(0xadd7)));
            assert_eq!((sample.pid_tid, sample.cpu), (Some((-5, 6)), Some(3)));
            assert_eq!((sample.time, sample.period), (Some(123), Some(4_000)));
            let values: Vec<_> = sample.read.unwrap().iter().collect();
            assert_eq!(values.len(), 2);
            assert_eq!(values[1].value, 20);
            assert_eq!((values[1].id, values[1].lost), (Some(200), Some(1)));
            let chain: Vec<_> = sample.callchain.unwrap().entries().collect();
            let user = CallchainEntry::Context(Context::User);
            assert_eq!(chain, [user, CallchainEntry::Address(0x1000)]);
            assert_eq!(sample.raw, Some(&[1, 2, 3, 4][..]));
            let branches = sample.branch_stack.unwrap();
            assert_eq!(branches.hw_index, Some(9));
            assert_eq!(branches.entries().next().unwrap().to, 0x7);
            let registers = sample.user_registers.unwrap();
            assert_eq!(
                [0, 1, 2, 3, 64].map(|n| registers.get(n)),
                [None, Some(0x11), None, Some(0x33), None]
            );
            let stack = sample.user_stack.unwrap();
            assert_eq!((stack.bytes, stack.is_full), (&[8; 5][..], false));
            assert_eq!((sample.weight, sample.data_src), (Some(0x3e1), Some(0xda7a)));
            assert_eq!(sample.transaction, Some(0x77));
            assert_eq!(sample.interrupt_registers.unwrap().get(0), Some(0x99));
            assert_eq!((sample.phys_addr, sample.cgroup), (Some(0x4000), Some(0xc6)));
            assert_eq!((sample.data_page_size, sample.code_page_size), (Some(4096), Some(8192)));
            assert_eq!(sample.aux, Some(&[7, 7][..]));
        },
    );
}

#[test]
fn a_lone_counter_has_its_times_between_value_and_id() {
    let lone = Event { read_format: 0b1_0111, ..event(1 << 4 | 1 << 8) };
    with_sample(
        &lone,
        |body| body.u64(4_000).u64(55).u64(60).u64(50).u64(77).u64(2),
        |sample| {
            let read = sample.read.unwrap();
            assert_eq!((read.time_enabled, read.time_running), (Some(60), Some(50)));
            assert_eq!(read.iter().map(|value| value.value).collect::<Vec<_>>(), [55]);
            assert_eq!(sample.period, Some(4_000));
        },
    );
}

#[test]
fn a_kernel_thread_has_no_user_registers_and_no_stack() {
    with_sample(
        &Event { regs_user: 0xff, ..event(1 << 12 | 1 << 13 | 1 << 14) },
        |body| body.u64(0).u64(0).u64(5),
        |sample| {
            assert!(sample.user_registers.is_none());
            assert_eq!(sample.user_stack.unwrap().bytes, []);
            assert_eq!(sample.weight, Some(5));
        },
    );
}

#[test]
fn a_field_of_a_newer_kernel_is_left_alone() {
    with_sample(
        &event(1 | 1 << 25),
        |body| body.u64(0x1000).u64(0xbeef),
        |sample| assert_eq!(sample.ip, Some(0x1000)),
    );
}

/// Counts are claims: none of them is allocated for, and none is believed without the bytes.
#[test]
fn a_sample_that_is_shorter_than_it_says_is_refused() {
    let huge = u64::MAX;
    let bodies: [(u64, Vec<u64>); 5] = [
        (1 << 5, vec![huge]),                 // CALLCHAIN
        (1 << 5, vec![huge / 8 + 1, 1]),      // CALLCHAIN, the product wraps
        (1 << 11, vec![huge / 24 + 1, 1, 1]), // BRANCH_STACK
        (1 << 13, vec![huge, 1]),             // STACK_USER
        (1 << 20, vec![huge]),                // AUX
    ];
    for (sample_type, words) in bodies {
        let mut file = PerfFile::new(Order::Little);
        file.event(event(sample_type));
        file.record(RecordKind::SAMPLE.0, 2, |body| {
            words.iter().fold(body, |body, word| body.u64(*word))
        });
        let bytes = file.build();
        let perf = PerfData::parse(&bytes).unwrap();
        let record = perf.records().next().unwrap();
        assert!(perf.sample(&record).is_none(), "{sample_type:#x}");
    }
}

#[test]
fn several_events_are_told_apart_by_the_id() {
    for identifier in [false, true] {
        let sample_type = 0b111 | if identifier { 1 << 16 } else { 1 << 6 };
        let mut file = PerfFile::new(Order::Big);
        file.event(event(sample_type).ids(&[100, 101])).event(event(sample_type).ids(&[200]));
        for id in [200, 101, 0, 999] {
            file.record(RecordKind::SAMPLE.0, 2, |body| {
                if identifier {
                    body.u64(id).u64(1).i32(1).i32(1).u64(1)
                } else {
                    body.u64(1).i32(1).i32(1).u64(1).u64(id)
                }
            });
        }
        let bytes = file.build();
        let perf = PerfData::parse(&bytes).unwrap();
        let events: Vec<_> =
            perf.records().map(|record| perf.sample(&record).map(|(event, _)| event)).collect();
        // What perf makes up has the id 0; an id of no event is no guess.
        assert_eq!(events, [Some(1), Some(0), Some(0), None]);
    }
}

#[test]
fn a_deferred_callchain_is_found_by_the_cookie_that_ends_the_samples() {
    const USER: u64 = (-512_i64).cast_unsigned();
    const USER_DEFERRED: u64 = (-640_i64).cast_unsigned();
    for order in ORDERS {
        let mut file = PerfFile::new(order);
        file.event(event(1 << 5)); // CALLCHAIN
        file.record(RecordKind::SAMPLE.0, 1, |body| {
            body.u64(3).u64(0xffff_8000_0000_1000).u64(USER_DEFERRED).u64(77)
        });
        file.record(RecordKind::CALLCHAIN_DEFERRED.0, 2, |body| {
            body.u64(77).u64(3).u64(USER).u64(0x1100).u64(0x1200)
        });
        file.record(RecordKind::CALLCHAIN_DEFERRED.0, 2, |body| body.u64(77).u64(3).u64(USER));
        let bytes = file.build();
        let perf = PerfData::parse(&bytes).unwrap();
        let records: Vec<_> = perf.records().collect();
        let (_, sample) = perf.sample(&records[0]).unwrap();
        assert_eq!(sample.callchain.unwrap().deferred_cookie(), Some(77));
        let deferred = DeferredCallchain::parse(&records[1], perf.endian()).unwrap();
        assert_eq!(deferred.cookie, 77);
        assert_eq!(deferred.callchain.deferred_cookie(), None);
        assert_eq!(
            deferred.callchain.entries().collect::<Vec<_>>(),
            [
                CallchainEntry::Context(Context::User),
                CallchainEntry::Address(0x1100),
                CallchainEntry::Address(0x1200)
            ]
        );
        assert!(DeferredCallchain::parse(&records[2], perf.endian()).is_none());
    }
}
