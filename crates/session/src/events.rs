//! Names, units and rates of events.

use perf_data::{Attr, EventAttr, EventType};
use profile::{Event, Sampling, Unit};

/// The events of a recording. Names that would be equal without their modifiers keep them:
/// `cpu_core/cycles/` and `cpu_atom/cycles/` of one recording are two events.
pub(crate) fn events(recorded: &[EventAttr]) -> Vec<Event> {
    let mut events: Vec<_> =
        recorded.iter().enumerate().map(|(index, event)| describe(index, event)).collect();
    let names: Vec<_> = events.iter().map(|event| event.name.clone()).collect();
    for event in &mut events {
        if names.iter().filter(|name| **name == event.name).count() > 1 {
            event.name.clone_from(&event.recorded_name);
        }
    }
    events
}

/// The value of `PERF_COUNT_SW_CPU_CLOCK` and `PERF_COUNT_SW_TASK_CLOCK`.
const CLOCKS: [u64; 2] = [0, 1];

fn describe(index: usize, event: &EventAttr) -> Event {
    let attr = &event.attr;
    let recorded_name = match &event.name {
        Some(name) if !name.is_empty() => name.clone(),
        _ => generic_name(attr).map_or_else(|| format!("event_{index}"), str::to_owned),
    };
    let is_clock = attr.event_type == EventType::SOFTWARE && CLOCKS.contains(&attr.config);
    Event {
        name: match attr.event_type {
            EventType::TRACEPOINT => recorded_name.clone(),
            _ => normalise(&recorded_name),
        },
        recorded_name,
        unit: if is_clock { Unit::Nanoseconds } else { Unit::Count },
        sampling: match attr.sample_frequency() {
            Some(frequency) => Sampling::Frequency(frequency),
            None => Sampling::Period(attr.sample_period_or_freq),
        },
    }
}

/// The name by which an event compares between hosts. What a host adds by itself goes: the
/// precision it can offer (`:ppp`, `:P`), whether it runs guests (`:H`, `:G`), how counters are
/// scheduled (`:D`, `:S`, `:W`, `:e`, `:b`, `:R`), and the name of the processor's PMU. What
/// changes the meaning of the count stays: user or kernel only (`:u`, `:k`, `:h`).
pub fn normalise(name: &str) -> String {
    if let Some((pmu, event, modifiers)) = split_pmu(name) {
        let kept = meaningful(modifiers);
        return if is_cpu_pmu(pmu) && !event.contains(['=', ',']) {
            with_modifiers(event, &kept)
        } else {
            format!("{pmu}/{event}/{kept}")
        };
    }
    match name.rsplit_once(':') {
        Some((event, modifiers)) if are_modifiers(modifiers) => {
            with_modifiers(event, &meaningful(modifiers))
        }
        _ => name.to_owned(),
    }
}

/// `cpu_core/cycles/u` is a PMU, its event and modifiers.
fn split_pmu(name: &str) -> Option<(&str, &str, &str)> {
    let (pmu, rest) = name.split_once('/')?;
    let (event, modifiers) = rest.rsplit_once('/')?;
    (!event.is_empty() && are_modifiers(modifiers)).then_some((pmu, event, modifiers))
}

fn are_modifiers(text: &str) -> bool {
    text.chars().all(|modifier| "ukhIGHpPSDWebR".contains(modifier))
}

fn meaningful(modifiers: &str) -> String {
    modifiers.chars().filter(|modifier| "ukh".contains(*modifier)).collect()
}

fn with_modifiers(event: &str, modifiers: &str) -> String {
    if modifiers.is_empty() { event.to_owned() } else { format!("{event}:{modifiers}") }
}

fn is_cpu_pmu(pmu: &str) -> bool {
    matches!(pmu, "cpu" | "cpu_core" | "cpu_atom") || pmu.starts_with("armv")
}

/// The name of an event that the kernel defines, as `perf list` has it.
fn generic_name(attr: &Attr) -> Option<&'static str> {
    const HARDWARE: [&str; 10] = [
        "cycles",
        "instructions",
        "cache-references",
        "cache-misses",
        "branches",
        "branch-misses",
        "bus-cycles",
        "stalled-cycles-frontend",
        "stalled-cycles-backend",
        "ref-cycles",
    ];
    const SOFTWARE: [&str; 12] = [
        "cpu-clock",
        "task-clock",
        "page-faults",
        "context-switches",
        "cpu-migrations",
        "minor-faults",
        "major-faults",
        "alignment-faults",
        "emulation-faults",
        "dummy",
        "bpf-output",
        "cgroup-switches",
    ];
    let names = match attr.event_type {
        EventType::HARDWARE => &HARDWARE[..],
        EventType::SOFTWARE => &SOFTWARE[..],
        _ => return None,
    };
    names.get(usize::try_from(attr.config).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_event_has_one_name_on_all_hosts() {
        for name in
            ["cycles", "cycles:P", "cycles:ppp", "cpu_core/cycles/", "cycles:H", "cpu/cycles/P"]
        {
            assert_eq!(normalise(name), "cycles", "{name}");
        }
        assert_eq!(normalise("dummy:HG"), "dummy");
        assert_eq!(normalise("cpu-clock:ppp"), "cpu-clock");
    }

    #[test]
    fn what_changes_the_count_stays_in_the_name() {
        assert_eq!(normalise("cycles:u"), "cycles:u");
        assert_eq!(normalise("instructions:uH"), "instructions:u");
        assert_eq!(normalise("cpu_core/cycles/u"), "cycles:u");
        assert_eq!(normalise("cpu/event=0x3c,umask=0x0/"), "cpu/event=0x3c,umask=0x0/");
        assert_eq!(normalise("MEM:LOAD_LATENCY:ldlat=64"), "MEM:LOAD_LATENCY:ldlat=64");
    }
}
