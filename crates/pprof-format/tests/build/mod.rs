//! Profiles for tests, in as few words as possible.

#![allow(dead_code, reason = "each test uses its part")]

use profile::{
    Binary, BinaryKind, BuildId, Event, FileOffset, Frame, FrameKind, Function, Id, Label,
    LabelValue, Line, Mapping, Profile, Reason, RuntimeAddr, SampleKey, SampleValue, Sampling,
    Stack, Symbols, Unit,
};

/// A profile in the making, and the names of its frames.
#[derive(Debug, Default)]
pub(crate) struct Build {
    pub(crate) profile: Profile,
    names: Vec<(Id<Frame>, Vec<Named>)>,
}

/// Function, file and line.
type Named = (String, String, u32);

/// A label of a sample: a text, or a number of bytes.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Bytes(i64),
}

impl Build {
    pub(crate) fn event(&mut self, name: &str, unit: Unit, sampling: Sampling) -> u32 {
        let recorded_name = format!("{name}:ppp");
        self.profile.events.push(Event { name: name.to_owned(), recorded_name, unit, sampling });
        u32::try_from(self.profile.events.len() - 1).unwrap()
    }

    pub(crate) fn binary(&mut self, path: &str, kind: BinaryKind, build_id: &[u8]) -> Id<Binary> {
        let path = self.profile.strings.intern_ref(path);
        let build_id = BuildId::new(build_id);
        self.profile.binaries.intern(Binary { path, build_id, kind, relocation: None })
    }

    pub(crate) fn map(&mut self, binary: Id<Binary>, start: u64, len: u64, file_offset: u64) {
        self.profile.mappings.intern(Mapping {
            binary,
            start: RuntimeAddr(start),
            len,
            file_offset: FileOffset(file_offset),
        });
    }

    pub(crate) fn ip(&mut self, binary: Id<Binary>, offset: u64) -> Id<Frame> {
        let kind = FrameKind::InstructionPointer;
        self.profile.frames.intern(Frame { binary, kind, offset: FileOffset(offset) })
    }

    /// The frame that returns to the byte after `call`.
    pub(crate) fn caller(&mut self, binary: Id<Binary>, call: u64) -> Id<Frame> {
        let kind = FrameKind::ReturnAddress;
        self.profile.frames.intern(Frame { binary, kind, offset: FileOffset(call + 1) })
    }

    pub(crate) fn marker(&mut self, text: &str) -> Id<Frame> {
        let text = self.profile.strings.intern_ref(text);
        self.profile.frames.intern(Frame::marker(text))
    }

    /// Names a frame: function, file and line, innermost first.
    pub(crate) fn name(&mut self, frame: Id<Frame>, lines: &[(&str, &str, u32)]) {
        let lines = lines.iter().map(|&(f, file, line)| (f.to_owned(), file.to_owned(), line));
        self.names.push((frame, lines.collect()));
    }

    /// Adds samples of a stack, leaf first.
    pub(crate) fn sample(
        &mut self,
        event: u32,
        stack: &[Id<Frame>],
        labels: &[(&str, Value)],
        (count, weight): (u64, u64),
    ) {
        let profile = &mut self.profile;
        let mut top = Stack::EMPTY;
        for &frame in stack.iter().rev() {
            top = profile.stacks.intern(Stack { parent: top, frame });
        }
        let labels = labels.iter().map(|(key, value)| Label {
            key: profile.strings.intern_ref(*key),
            value: match value {
                Value::Text(text) => LabelValue::Text(profile.strings.intern_ref(text.as_str())),
                Value::Bytes(n) => LabelValue::Number(*n, profile.strings.intern_ref("bytes")),
            },
        });
        let labels = labels.collect();
        let labels = profile.labels.intern(labels);
        profile.samples.add(SampleKey { stack: top, event, labels }, SampleValue { count, weight });
    }

    pub(crate) fn symbols(&self) -> Symbols {
        let mut symbols = Symbols::none(&self.profile, Reason::NoFile);
        for (frame, lines) in &self.names {
            let lines: Vec<Line> = lines
                .iter()
                .map(|(function, file, line)| {
                    let name = symbols.strings.intern_ref(function.as_str());
                    let filename = symbols.strings.intern_ref(file.as_str());
                    let start_line = line.saturating_sub(3);
                    let function = Function { name, system_name: name, filename, start_line };
                    Line { function: symbols.functions.intern(function), line: *line }
                })
                .collect();
            symbols.name(*frame, &lines);
        }
        symbols
    }
}

/// A small Envoy: two processes of it, its libc without any name, a kernel with names, code made
/// at run time, a cut stack, two events, one of them not sampled.
pub(crate) fn envoy() -> Build {
    let mut b = Build::default();
    let clock = b.event("cpu-clock", Unit::Nanoseconds, Sampling::Frequency(49));
    b.event("dummy", Unit::Count, Sampling::Period(1));
    let kernel = b.binary("[kernel.kallsyms]", BinaryKind::Kernel, &[0xcc; 20]);
    let libc = b.binary("/usr/lib/libc.so.6", BinaryKind::File, &[0xbb; 20]);
    let envoy = b.binary("/usr/local/bin/envoy (deleted)", BinaryKind::File, &[0xaa; 20]);
    let anon = b.binary("//anon", BinaryKind::Anonymous { pid: 7 }, &[]);
    let text = 0xffff_ffff_8100_0000;
    b.map(kernel, text, 0x100_0000, text);
    b.map(libc, 0x7fff_0000, 0x10_0000, 0x2_8000);
    b.map(envoy, 0x5555_0000_1000, 0x2000, 0x1000);
    b.map(envoy, 0x6666_0000_2000, 0x3000, 0x2000);
    b.map(anon, 0x4000_0000, 0x1_0000, 0x4000_0000);
    b.profile.main_binary = Some(envoy);
    b.profile.recording.start_unix_nanos = Some(1_600_000_000_000_000_000);
    b.profile.recording.duration_nanos = Some(10_000_000_000);
    b.profile.comments = vec!["perf record -F 49 -g".to_owned()];

    let main = b.caller(envoy, 0x1100);
    b.name(main, &[("main", "/src/main.cc", 20)]);
    let run = b.caller(envoy, 0x1234);
    b.name(
        run,
        &[("Envoy::Event::run", "/src/event.cc", 7), ("Envoy::Server::run", "/src/server.cc", 99)],
    );
    let parse = b.ip(envoy, 0x4010);
    b.name(parse, &[("std::vector<int>::push_back(int&&)", "/src/http.cc", 42)]);
    let stripped = b.caller(envoy, 0x4321);
    let send = b.caller(libc, 0x3_0000);
    let tcp = b.ip(kernel, text + 0x1234);
    b.name(tcp, &[("tcp_sendmsg", "", 0)]);
    let jit = b.caller(anon, 0x4000_0100);
    let broken = b.marker("[broken stack]");

    let worker = |n: i32| [("comm", Value::Text(format!("wrk:worker_{n}")))];
    b.sample(clock, &[parse, run, main], &worker(0), (5, 102_040_816));
    b.sample(clock, &[tcp, send, stripped, run, main], &worker(0), (3, 61_224_489));
    b.sample(clock, &[parse, jit, broken], &worker(1), (1, 20_408_163));
    b.sample(clock, &[tcp, send, stripped, run, main], &worker(1), (2, 40_816_326));
    b
}
