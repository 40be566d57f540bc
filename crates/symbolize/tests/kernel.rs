//! Kernel code, with names from a list of symbols.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::fs;

use profile::{
    Binary, BinaryKind, FileOffset, Frame, FrameKind, Id, Profile, Reason, Relocation, RuntimeAddr,
};
use symbolize::{Options, Problem, symbolize};

use support::{lines, options};

/// A kernel whose `_text` lay this far above where the list has it.
const MOVED: u64 = 0x1400_0000;

const LIST: &str = "\
ffffffff81000000 T _text
ffffffff81000000 T startup_64
ffffffff81000100 T schedule
ffffffff81000200 T _etext
";

struct Recording {
    profile: Profile,
    kernel: Id<Binary>,
}

fn recording() -> Recording {
    let mut profile = Profile::new();
    let relocation = Relocation {
        symbol: profile.strings.intern("_text".to_owned()),
        address: RuntimeAddr(0xffff_ffff_8100_0000 + MOVED),
    };
    let path = profile.strings.intern("[kernel.kallsyms]".to_owned());
    let kernel = profile.binaries.intern(Binary {
        path,
        build_id: None,
        kind: BinaryKind::Kernel,
        relocation: Some(relocation),
    });
    Recording { profile, kernel }
}

impl Recording {
    fn sample(&mut self, binary: Id<Binary>, address: u64, kind: FrameKind) -> Id<Frame> {
        self.profile.frames.intern(Frame { binary, kind, offset: FileOffset(address) })
    }
}

fn with_list(text: &str) -> (tempfile::NamedTempFile, Options) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    let options = Options { kallsyms: Some(file.path().to_owned()), ..options(&[], 1) };
    (file, options)
}

#[test]
fn names_move_along_with_the_kernel() {
    let mut recording = recording();
    let kernel = recording.kernel;
    let schedule = 0xffff_ffff_8100_0100 + MOVED;
    let ip = recording.sample(kernel, schedule, FrameKind::InstructionPointer);
    // A return to the first byte of `schedule` comes from a call at the end of `startup_64`.
    let caller = recording.sample(kernel, schedule, FrameKind::ReturnAddress);
    let outside = recording.sample(kernel, schedule + 0x100, FrameKind::InstructionPointer);

    let (list, options) = with_list(LIST);
    let symbolized = symbolize(&recording.profile, &options, &|_| {});
    let name = |frame| lines(&symbolized.symbols, frame).first().map(|line| line.0.clone());
    assert_eq!(name(ip).as_deref(), Some("schedule"));
    assert_eq!(name(caller).as_deref(), Some("startup_64"));
    assert_eq!(symbolized.symbols.unnamed(outside).unwrap().reason, Reason::NoSymbol);
    let report = &symbolized.binaries[0];
    assert_eq!(report.used.as_ref().unwrap().image, list.path());
    assert_eq!((report.frames.with_names, report.frames.total()), (2, 3));
}

#[test]
fn a_list_of_zeros_names_nothing_and_says_so() {
    let mut recording = recording();
    let frame = recording.sample(recording.kernel, u64::MAX, FrameKind::InstructionPointer);
    let (_list, options) = with_list("0000000000000000 T _text\n0000000000000000 T schedule\n");
    let symbolized = symbolize(&recording.profile, &options, &|_| {});
    assert_eq!(symbolized.symbols.unnamed(frame).unwrap().reason, Reason::NoFile);
    let [Problem::Kallsyms { error, .. }] = &symbolized.binaries[0].problems[..] else {
        panic!("{:?}", symbolized.binaries)
    };
    assert_eq!(error.to_string(), "all addresses are zero");
}

#[test]
fn a_bpf_program_is_recorded_under_its_name() {
    let mut recording = recording();
    let path = recording.profile.strings.intern("bpf_prog_6deef7357e7b4530_egress".to_owned());
    let kind = BinaryKind::KernelGenerated;
    let program = Binary { path, build_id: None, kind, relocation: None };
    let program = recording.profile.binaries.intern(program);
    let frame = recording.sample(program, 0xffff_ffff_c000_1234, FrameKind::InstructionPointer);
    let symbolized = symbolize(&recording.profile, &options(&[], 1), &|_| {});
    let lines = lines(&symbolized.symbols, frame);
    assert_eq!(lines[0].0, "bpf_prog_6deef7357e7b4530_egress");
}

#[test]
fn what_no_file_can_name_has_its_own_reasons() {
    let mut recording = recording();
    let kinds = [
        ("//anon", BinaryKind::Anonymous { pid: 7 }, Reason::Anonymous),
        ("[unknown]", BinaryKind::Unmapped, Reason::Unmapped),
        ("[vdso]", BinaryKind::Vdso, Reason::NoFile),
        ("[guest]", BinaryKind::Guest, Reason::NoFile),
        ("/usr/local/bin/gone", BinaryKind::File, Reason::NoFile),
    ];
    let frames = kinds.map(|(path, kind, reason)| {
        let path = recording.profile.strings.intern(path.to_owned());
        let binary = Binary { path, build_id: None, kind, relocation: None };
        let binary = recording.profile.binaries.intern(binary);
        (recording.sample(binary, 0x1234, FrameKind::InstructionPointer), reason)
    });
    let text = recording.profile.strings.intern("[broken stack]".to_owned());
    let marker = recording.profile.frames.intern(Frame::marker(text));
    let symbols = symbolize(&recording.profile, &options(&[], 1), &|_| {}).symbols;
    for (frame, reason) in frames.into_iter().chain([(marker, Reason::Marker)]) {
        assert_eq!(symbols.unnamed(frame).unwrap().reason, reason);
    }
}
