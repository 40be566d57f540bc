//! An independent reading of the same tables, and a yardstick: framehop.
#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use binaries::{ElfImage, Locator, Recorded, Sources};
use common::{our_stacks, repeated, repository, unwound};
use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, FrameAddress, Module, Unwinder as _};
use object::{Object, ObjectSection};
use perf_data::PerfData;
use profile::{FrameKind, Mapping, Profile, RuntimeAddr};
use session::{
    Conversion, LabelKey, Options, Selection, StackEnd, Unwind, Unwinder, UserDump, UserFrame,
    convert,
};

/// Unwinds recordings of one process that maps each of its files once.
struct Framehop {
    root: PathBuf,
}

struct Worker {
    unwinder: UnwinderX86_64<Vec<u8>>,
    cache: CacheX86_64,
}

impl Unwind for Framehop {
    fn unwinder<'a>(&'a self, recorded: &'a Profile) -> Box<dyn Unwinder + 'a> {
        let sources = Sources { sysroot: self.root.clone(), ..Sources::none() };
        let locator = Locator::new(&sources);
        let mut unwinder = UnwinderX86_64::new();
        for (_, mapping) in recorded.mappings.iter() {
            let recorded = Recorded::of(recorded, mapping.binary);
            if let Some(found) = locator.locate(&recorded).found {
                unwinder.add_module(module(&found.image, mapping));
            }
        }
        Box::new(Worker { unwinder, cache: CacheX86_64::new() })
    }
}

fn module(image: &ElfImage, mapping: &Mapping) -> Module<Vec<u8>> {
    let object = image.object().unwrap();
    let range = |name| {
        let section = object.section_by_name(name)?;
        Some(section.address()..section.address() + section.size())
    };
    let data = |name| Some(object.section_by_name(name)?.data().unwrap().to_vec());
    let sections = ExplicitModuleSectionInfo {
        text_svma: range(".text"),
        eh_frame_svma: range(".eh_frame"),
        eh_frame: data(".eh_frame"),
        eh_frame_hdr_svma: range(".eh_frame_hdr"),
        eh_frame_hdr: data(".eh_frame_hdr"),
        got_svma: range(".got"),
        ..ExplicitModuleSectionInfo::default()
    };
    let code = image.layout().executable().next().unwrap();
    let shift = code.address.0 - code.offset.0;
    let start = mapping.start.0;
    let base = start - mapping.file_offset.0 - shift;
    Module::new(image.path().display().to_string(), start..start + mapping.len, base, sections)
}

impl Unwinder for Worker {
    fn unwind(
        &mut self,
        dump: &UserDump<'_>,
        _: &dyn Fn(RuntimeAddr) -> Option<Mapping>,
        frames: &mut Vec<UserFrame>,
    ) -> StackEnd {
        // By `asm/perf_regs.h`.
        let [bp, sp, ip] = [6, 7, 8].map(|register| dump.registers.get(register).unwrap());
        let mut read = |address: u64| {
            let offset = address.checked_sub(sp).and_then(|offset| usize::try_from(offset).ok());
            let word = dump.stack.bytes.get(offset.ok_or(())?..).ok_or(())?.first_chunk();
            word.map(|word| u64::from_le_bytes(*word)).ok_or(())
        };
        let registers = UnwindRegsX86_64::new(ip, sp, bp);
        let mut addresses = self.unwinder.iter_frames(ip, registers, &mut self.cache, &mut read);
        loop {
            let (address, kind) = match addresses.next() {
                Ok(Some(FrameAddress::InstructionPointer(ip))) => {
                    (ip, FrameKind::InstructionPointer)
                }
                Ok(Some(FrameAddress::ReturnAddress(it))) => (it.get(), FrameKind::ReturnAddress),
                Ok(None) => return StackEnd::Whole,
                Err(framehop::Error::CouldNotReadStack(_)) if dump.stack.is_full => {
                    return StackEnd::Truncated;
                }
                Err(_) => return StackEnd::Broken,
            };
            frames.push(UserFrame { address: RuntimeAddr(address), kind });
        }
    }
}

type Stacks = BTreeMap<Vec<String>, u64>;

fn with(framehop: &Framehop, recording: &[u8]) -> Conversion {
    let perf = PerfData::parse(recording).unwrap();
    let options = Options {
        labels: vec![LabelKey::Pid, LabelKey::Tid],
        selection: Selection::default(),
        threads: NonZeroUsize::MIN,
    };
    convert(&perf, &options, Some(framehop), &|_| {})
}

/// Its stacks and ours.
fn both(recording: &[u8], root: &Path) -> (Stacks, Stacks) {
    let its = with(&Framehop { root: root.to_owned() }, recording);
    let ours = unwound(recording, &[root], 1);
    (our_stacks(&its.profile), our_stacks(&ours.profile))
}

#[test]
fn it_unwinds_the_small_program_alike() {
    let recording = std::fs::read(repository("fixtures/small/dwarf.perf")).unwrap();
    let root = repository("fixtures/small/sysroot");
    let (its, ours) = both(&recording, &root);
    // Without the file of libc, framehop takes the frame pointer there, which is none.
    let in_program = |stacks: Stacks| {
        let mut cut = Stacks::new();
        for (mut stack, count) in stacks {
            stack.retain(|frame| frame.starts_with("/usr/local/bin/recursive+"));
            *cut.entry(stack).or_default() += count;
        }
        cut
    };
    assert_eq!(in_program(its), in_program(ours));
}

/// A recording of an Envoy, and the files that were recorded.
fn recorded_envoy() -> PathBuf {
    let directory = std::env::var_os("PERF2PPROF_UNWIND").map(PathBuf::from);
    directory.expect("PERF2PPROF_UNWIND=DIR").join("plain")
}

#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn it_unwinds_a_real_envoy_alike_but_for_hand_written_code() {
    let directory = recorded_envoy();
    let recording = std::fs::read(directory.join("envoy.perf")).unwrap();
    let (its, ours) = both(&recording, &directory.join("root"));
    let sum = |stacks: &Stacks| stacks.values().sum::<u64>();
    let whole = |stacks: &Stacks| {
        let is_whole = |stack: &[String]| stack.last().is_some_and(|last| !last.starts_with('['));
        stacks.iter().filter(|(stack, _)| is_whole(stack)).map(|(_, count)| count).sum::<u64>()
    };
    let same: u64 =
        its.iter().map(|(stack, count)| *ours.get(stack).unwrap_or(&0).min(count)).sum();
    println!("{same} of {} stacks are the same", sum(&ours));
    println!("whole: {} of framehop's, {} of ours", whole(&its), whole(&ours));
    for (stack, _) in its.iter().filter(|(stack, count)| ours.get(*stack) != Some(count)) {
        let here = ours.keys().filter(|other| other.first() == stack.first());
        let closest = here.max_by_key(|other| {
            other.iter().zip(stack).take_while(|(one, other)| one == other).count()
        });
        println!("framehop has {stack:?}\n    ours {closest:?}");
    }
    assert!(whole(&ours) >= whole(&its));
}

/// Per sample, all that a conversion does; the tables were read before, in a shorter recording.
#[test]
#[ignore = "needs recordings made by scripts/check-unwinding"]
fn it_takes_about_as_long() {
    let directory = recorded_envoy();
    let root = directory.join("root");
    let short = repeated(&std::fs::read(directory.join("envoy.perf")).unwrap(), 0);
    let long = repeated(&short, 160 << 20);
    let framehop = Framehop { root: root.clone() };
    let time = |recording: &[u8], convert: &dyn Fn(&[u8]) -> Conversion| {
        let start = Instant::now();
        let samples = convert(recording).profile.samples.total(0).count;
        (start.elapsed().as_secs_f64(), samples)
    };
    let per_sample = |convert: &dyn Fn(&[u8]) -> Conversion| {
        let ((less, few), (more, many)) = (time(&short, convert), time(&long, convert));
        #[expect(clippy::cast_precision_loss, reason = "for people, who read two digits")]
        let samples = (many - few) as f64;
        (more - less) * 1e6 / samples
    };
    println!("framehop: {:.2} µs per sample", per_sample(&|recording| with(&framehop, recording)));
    println!("ours: {:.2} µs per sample", per_sample(&|recording| unwound(recording, &[&root], 1)));
}
