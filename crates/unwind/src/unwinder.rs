//! Stacks, frame by frame.

use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use binaries::Match;
use profile::{Binary, BinaryKind, FileOffset, FrameKind, Id, Mapping, Profile, RuntimeAddr};
use rustc_hash::FxHashMap;
use session::{StackEnd, Unwind, Unwinder, UserDump, UserFrame};

use crate::machine::Machine;
use crate::registers::Registers;
use crate::rule::Rule;
use crate::stack::{Stack, Unreadable};
use crate::step::{Applied, Step};
use crate::tables::{Context, Origin, Tables};

/// The most frames of a stack. What is deeper counts as truncated.
pub const MAX_FRAMES: usize = 1024;

/// `PERF_SAMPLE_REGS_ABI_64`
const ABI_64: u64 = 2;

/// Finds the files of a recorded binary, and has verified them. Asked once per binary, and only
/// for those through which a stack leads.
pub type FindImages<'a> = dyn Fn(&Profile, Id<Binary>) -> Option<Match> + Sync + 'a;

/// Unwinds by the tables in the files of the recorded binaries.
pub struct Unwinding<'a> {
    find: &'a FindImages<'a>,
    /// By binary; each is read by the first thread that needs it.
    tables: Mutex<FxHashMap<Id<Binary>, SharedTables>>,
}

type SharedTables = Arc<OnceLock<Option<Arc<Tables>>>>;

impl<'a> Unwinding<'a> {
    /// Unwinds with the files that `find` finds.
    pub fn new(find: &'a FindImages<'a>) -> Self {
        Self { find, tables: Mutex::default() }
    }

    fn tables(
        &self,
        recorded: &Profile,
        binary: Id<Binary>,
        machine: Machine,
    ) -> Option<Arc<Tables>> {
        let shared = {
            let mut all = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(binary).or_default())
        };
        let read = || Tables::new(&(self.find)(recorded, binary)?, machine).map(Arc::new);
        shared.get_or_init(read).clone()
    }
}

impl fmt::Debug for Unwinding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unwinding").field("tables", &self.tables).finish_non_exhaustive()
    }
}

impl Unwind for Unwinding<'_> {
    fn unwinder<'a>(&'a self, recorded: &'a Profile) -> Box<dyn Unwinder + 'a> {
        Box::new(Worker {
            unwinding: self,
            recorded,
            tables: FxHashMap::default(),
            rules: FxHashMap::default(),
            context: Box::default(),
        })
    }
}

/// What one thread keeps: rules that were read, by the binary and the place in it.
struct Worker<'a> {
    unwinding: &'a Unwinding<'a>,
    recorded: &'a Profile,
    tables: FxHashMap<Id<Binary>, Option<Arc<Tables>>>,
    rules: FxHashMap<(Id<Binary>, FileOffset), Known>,
    context: Box<Context>,
}

/// How to go on from a place in the code.
enum Known {
    /// By a rule of the binary's tables.
    Rule(Rule, Arc<Tables>, Origin),
    /// By the frame pointer, since there are no tables where there is no file.
    FramePointer,
    /// Not at all.
    Nothing,
}

impl Unwinder for Worker<'_> {
    fn unwind(
        &mut self,
        dump: &UserDump<'_>,
        mapping_at: &dyn Fn(RuntimeAddr) -> Option<Mapping>,
        frames: &mut Vec<UserFrame>,
    ) -> StackEnd {
        let machine = Machine::of(self.recorded.recording.arch.as_deref(), &dump.registers);
        let ip = |machine: Machine| dump.registers.get(machine.perf_program_counter());
        let Some((machine, ip)) = machine.and_then(|it| Some((it, ip(it)?))) else {
            return StackEnd::Unsupported;
        };
        let first = frames.len();
        frames.push(frame(ip, FrameKind::InstructionPointer));
        if dump.registers.abi != ABI_64 {
            return StackEnd::Unsupported;
        }
        let mut registers = Registers::of(machine, &dump.registers);
        let Some(stack_pointer) = registers.get(machine.stack_pointer()) else {
            return StackEnd::Broken;
        };
        let stack = Stack::new(stack_pointer, dump.stack);
        let (mut address, mut kind) = (ip, FrameKind::InstructionPointer);
        loop {
            let inside = match kind {
                FrameKind::ReturnAddress => address.saturating_sub(1),
                FrameKind::InstructionPointer | FrameKind::Marker => address,
            };
            let Some(mapping) = mapping_at(RuntimeAddr(inside)) else { return StackEnd::Broken };
            let offset = mapping.file_offset_of(RuntimeAddr(inside));
            let by_frame_pointer;
            let (rule, tables) = match self.known(machine, mapping.binary, offset) {
                Known::Rule(rule, tables, origin) => (rule, Some((&**tables, *origin))),
                Known::FramePointer => {
                    by_frame_pointer = Rule::framed(machine);
                    (&by_frame_pointer, None)
                }
                Known::Nothing => return StackEnd::NoUnwindInfo(mapping.binary),
            };
            let is_signal = rule.is_signal;
            let applied = Applied { rule, tables, machine };
            address = match applied.step(&mut registers, &stack) {
                Ok(Step::Caller(address)) => address,
                Ok(Step::Root) => return StackEnd::Whole,
                Err(Unreadable::BehindDump) => return StackEnd::Truncated,
                Err(Unreadable::Elsewhere) => return StackEnd::Broken,
            };
            if is_signal {
                kind = FrameKind::InstructionPointer;
            } else {
                kind = FrameKind::ReturnAddress;
            }
            if frames.len() - first >= MAX_FRAMES {
                return StackEnd::Truncated;
            }
            frames.push(frame(address, kind));
        }
    }
}

impl Worker<'_> {
    /// How to go on from a place; read from the tables when it is first met.
    fn known(&mut self, machine: Machine, binary: Id<Binary>, offset: FileOffset) -> &Known {
        let slot = match self.rules.entry((binary, offset)) {
            Entry::Occupied(known) => return known.into_mut(),
            Entry::Vacant(slot) => slot,
        };
        let kind = self.recorded.binaries.get(binary).map(|binary| binary.kind);
        let tables = self.tables.entry(binary).or_insert_with(|| match kind {
            Some(BinaryKind::File | BinaryKind::Vdso) => {
                self.unwinding.tables(self.recorded, binary, machine)
            }
            _ => None,
        });
        let rule = tables.as_ref().and_then(|tables| {
            let (rule, origin) = tables.rule(offset, &mut self.context)?;
            Some(Known::Rule(rule, Arc::clone(tables), origin))
        });
        slot.insert(rule.unwrap_or(match kind {
            // Code made at run time, and the kernel's page of code, which keeps frame pointers.
            Some(BinaryKind::Anonymous { .. } | BinaryKind::Vdso) => Known::FramePointer,
            _ => Known::Nothing,
        }))
    }
}

fn frame(address: u64, kind: FrameKind) -> UserFrame {
    UserFrame { address: RuntimeAddr(address), kind }
}
