//! Records of any bytes, as samples of an event that was opened in any way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perf_data::{Comm, Ksymbol, Lost, Mmap, PerfData, Task};
use perf_data_builder::{Event, Order, PerfFile};

fuzz_target!(|input: &[u8]| {
    // The first bytes say how the event was opened, the others are the records.
    let Some((head, records)) = input.split_first_chunk::<40>() else { return };
    let word = |index: usize| u64::from_le_bytes(*head[8 * index..].first_chunk().unwrap());
    let order = if word(0) >> 63 == 0 { Order::Little } else { Order::Big };
    let mut file = PerfFile::new(order);
    file.event(Event {
        sample_type: word(0),
        read_format: word(1),
        branch_sample_type: word(2),
        regs_user: word(3),
        regs_intr: word(3),
        flags: word(4),
        ..Event::default()
    });
    let header = file.build();
    let perf = PerfData::parse(&header).unwrap().with_records(records);
    for record in perf.records() {
        if let Some((_, sample)) = perf.sample(&record) {
            sample.callchain.into_iter().flat_map(|chain| chain.entries()).for_each(drop);
            sample.read.into_iter().flat_map(|read| read.iter()).for_each(drop);
            sample.branch_stack.into_iter().flat_map(|stack| stack.entries()).for_each(drop);
            for register in 0..=64 {
                let _ = sample.user_registers.map(|registers| registers.get(register));
                let _ = sample.interrupt_registers.map(|registers| registers.get(register));
            }
        }
        let _ = perf.trailer(&record);
        let _ = Mmap::parse(&record, perf.endian());
        let _ = Comm::parse(&record, perf.endian());
        let _ = Task::parse(&record, perf.endian());
        let _ = Lost::parse(&record, perf.endian());
        let _ = Ksymbol::parse(&record, perf.endian());
    }
});
