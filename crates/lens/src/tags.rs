//! The answer for every stack of a profile.

use std::fmt;

use profile::{Binary, BinaryKind, Frame, Function, Id, Profile, Stack, Symbols, Table};
use rustc_hash::FxHashMap;

use crate::fold::{self, Action, Fold, State, Step};
use crate::patterns::{Code, Lens, Origin};
use crate::sections::Sections;

/// What a stack was doing, and for whom. Equal ones are one row of [`Tags`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// The innermost owner, or why there is none.
    pub subsystem: Result<Id<String>, Reason>,
    /// The innermost library or kernel area within the owner, or `own`.
    pub work: Id<String>,
    /// The innermost filter since the filter chain was entered.
    pub filter: Option<Id<String>>,
    /// `downstream`, `upstream`, `sidecall`.
    pub direction: Option<Id<String>>,
    /// The rule that says which subsystem it is.
    pub rule: Option<usize>,
    /// Whether the stack does not reach the start of its thread, so that a filter may be missing.
    pub is_cut: bool,
}

/// Why a stack has no subsystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The program's functions have no names.
    Unsymbolized,
    /// No frame of user code is on it.
    KernelOnly,
    /// It ends before the start of the thread, and whose work it is would stand further out.
    CallerLost,
    /// It is whole, and no rule knows any of it.
    NoOwner,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Unsymbolized, Self::KernelOnly, Self::CallerLost, Self::NoOwner];

    /// What stands in the place of the subsystem.
    pub fn text(self) -> &'static str {
        match self {
            Self::Unsymbolized => "unsymbolized",
            Self::KernelOnly => "kernel only",
            Self::CallerLost => "caller lost",
            Self::NoOwner => "no owner",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The answers for all stacks of a profile.
#[derive(Clone, Debug)]
pub struct Tags {
    texts: Table<String>,
    distinct: Table<Tag>,
    /// By stack.
    stacks: Vec<Id<Tag>>,
}

impl Tags {
    /// Asks a lens for every stack. `sections` may be empty: then no address without a name tells of its section.
    pub fn of(lens: &Lens, profile: &Profile, symbols: &Symbols, sections: &Sections) -> Self {
        let mut texts = Table::new();
        texts.intern(String::new());
        let fold = Fold::new(lens, &mut texts);
        let frames = Frames::of(lens, profile, symbols, sections, &mut texts);
        let states = States::of(&fold, &frames, profile);
        let mut distinct = Table::new();
        let of_states: Vec<_> =
            states.distinct.iter().map(|(_, state)| distinct.intern(tag(state))).collect();
        let stacks = states.stacks.into_iter().map(|state| of_states[state.index()]).collect();
        Self { texts, distinct, stacks }
    }

    /// The answer for a stack.
    pub fn of_stack(&self, stack: Id<Stack>) -> &Tag {
        &self.distinct[self.stacks[stack.index()]]
    }

    /// The number of the answer for a stack.
    pub fn id_of(&self, stack: Id<Stack>) -> Id<Tag> {
        self.stacks[stack.index()]
    }

    /// Every distinct answer.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Id<Tag>, &Tag)> {
        self.distinct.iter()
    }

    /// The text of a part of an answer.
    pub fn text(&self, id: Id<String>) -> &str {
        &self.texts[id]
    }

    /// The subsystem of an answer, or what stands in its place.
    pub fn subsystem(&self, tag: &Tag) -> &str {
        match tag.subsystem {
            Ok(subsystem) => self.text(subsystem),
            Err(reason) => reason.text(),
        }
    }
}

fn tag(state: &State) -> Tag {
    let is_cut = state.is_cut || !state.reaches_start;
    // A frame without a name may be the owner, and another one than a library implies.
    let implied = state.implied.filter(|_| state.owner.is_none() && !state.is_unsymbolized);
    let (subsystem, rule) = match (state.owner, implied) {
        (Some((subsystem, rule)), _) | (None, Some((subsystem, _, rule))) => {
            (Ok(subsystem), Some(rule))
        }
        (None, None) if state.is_unsymbolized => (Err(Reason::Unsymbolized), None),
        (None, None) if !state.has_user => (Err(Reason::KernelOnly), None),
        (None, None) if is_cut => (Err(Reason::CallerLost), None),
        (None, None) => (Err(Reason::NoOwner), None),
    };
    let filter = implied.and_then(|(_, filter, _)| filter).or(state.filter);
    Tag { subsystem, work: state.work, filter, direction: state.direction, rule, is_cut }
}

/// The answer so far for every stack.
struct States {
    distinct: Table<State>,
    /// By stack.
    stacks: Vec<Id<State>>,
}

impl States {
    fn of(fold: &Fold, frames: &Frames, profile: &Profile) -> Self {
        let mut distinct = Table::new();
        let start = distinct.intern(fold.start());
        let mut stacks = Vec::with_capacity(profile.stacks.len());
        let mut known: FxHashMap<(Id<State>, Id<Action>), Id<State>> = FxHashMap::default();
        // Stacks that were seen one after the other are alike.
        let mut last = None;
        let mut next = |state, action| match last {
            Some((asked, next)) if asked == (state, action) => next,
            _ => {
                let next = *known.entry((state, action)).or_insert_with(|| {
                    distinct.intern(fold.add(distinct[state], frames.distinct[action]))
                });
                last = Some(((state, action), next));
                next
            }
        };
        for (id, stack) in profile.stacks.iter() {
            if id == Stack::EMPTY {
                stacks.push(start);
                continue;
            }
            // A caller's row is before its callees'.
            let caller = stacks[stack.parent.index()];
            let actions = frames.of_frame(stack.frame).iter();
            stacks.push(actions.fold(caller, |state, action| next(state, *action)));
        }
        Self { distinct, stacks }
    }
}

/// What a look-up depends on: the function, and for an address without one what it is a part of.
type Asked<'a> = (Option<Id<Function>>, Origin, Option<&'a str>, bool);

/// What each frame does to the answer: one action per function, callers before inlined callees.
struct Frames {
    distinct: Table<Action>,
    ends: Vec<u32>,
    actions: Vec<Id<Action>>,
}

impl Frames {
    fn of(
        lens: &Lens,
        profile: &Profile,
        symbols: &Symbols,
        sections: &Sections,
        texts: &mut Table<String>,
    ) -> Self {
        let origins: Vec<Origin> =
            profile.binaries.iter().map(|(id, binary)| origin(profile, id, binary)).collect();
        let named = named_binaries(profile, symbols);
        let count = profile.frames.len();
        let (ends, actions) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut frames = Self { distinct: Table::new(), ends, actions };
        let mut known: FxHashMap<Asked<'_>, Id<Action>> = FxHashMap::default();
        // By binary: code without a name, in no section that a rule asks for.
        let mut of_binaries: Vec<Option<Id<Action>>> = vec![None; profile.binaries.len()];
        let cut = Action { step: Step::Cut, is_kernel: false, is_unsymbolized: false };
        let cut = frames.distinct.intern(cut);
        for (id, frame) in profile.frames.iter() {
            let binary = frame.binary.index();
            let (origin, is_program_named) = (origins[binary], named[binary]);
            let section = sections.of(frame.binary, frame.lookup_offset());
            let mut ask = |function: Option<Id<Function>>| {
                *known.entry((function, origin, section, is_program_named)).or_insert_with(|| {
                    let text = |id: Option<Id<String>>| id.map_or("", |id| symbols.text(id));
                    let row = function.map(|function| symbols.functions[function]);
                    let code = Code {
                        name: text(row.map(|row| row.name)),
                        system_name: text(row.map(|row| row.system_name)),
                        path: text(row.map(|row| row.filename)),
                        section,
                        origin,
                    };
                    let is_named = function.is_some();
                    let found = lens.find(&code);
                    frames.distinct.intern(Action {
                        step: fold::step(found, is_named, origin, is_program_named, texts),
                        is_kernel: origin == Origin::Kernel,
                        is_unsymbolized: origin == Origin::Program
                            && !is_named
                            && !is_program_named,
                    })
                })
            };
            let lines = symbols.lines(id);
            if frame.marker_text().is_some() {
                frames.actions.push(cut);
            } else if lines.is_empty() && section.is_none() {
                frames.actions.push(*of_binaries[binary].get_or_insert_with(|| ask(None)));
            } else if lines.is_empty() {
                frames.actions.push(ask(None));
            }
            for line in lines.iter().rev() {
                frames.actions.push(ask(Some(line.function)));
            }
            frames.ends.push(u32::try_from(frames.actions.len()).unwrap_or(u32::MAX));
        }
        frames
    }

    fn of_frame(&self, frame: Id<Frame>) -> &[Id<Action>] {
        let start = frame.index().checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.actions[start as usize..self.ends[frame.index()] as usize]
    }
}

/// What the code of a binary is a part of.
fn origin(profile: &Profile, id: Id<Binary>, binary: &Binary) -> Origin {
    let path = profile.strings[binary.path].trim_end_matches(" (deleted)");
    let name = path.rsplit('/').next().unwrap_or(path);
    match binary.kind {
        kind if kind.is_kernel() => Origin::Kernel,
        BinaryKind::Vdso => Origin::Vdso,
        BinaryKind::Anonymous { .. } => Origin::Anonymous,
        BinaryKind::File if profile.main_binary == Some(id) => Origin::Program,
        BinaryKind::File if is_libc(name) => Origin::Libc,
        BinaryKind::File if name.contains(".so") => Origin::Library,
        BinaryKind::File => Origin::Program,
        _ => Origin::Unknown,
    }
}

/// The C library, and what it was in pieces of once.
fn is_libc(name: &str) -> bool {
    let starts = ["libc.", "libc-2.", "ld-", "libpthread", "libm.", "libm-", "librt.", "librt-"];
    starts.iter().any(|start| name.starts_with(start))
}

/// By binary: whether at least half of its distinct frames have names. In one where they do, a frame without is a
/// stub of the linker; in a stripped one, the few names are those that it exports.
fn named_binaries(profile: &Profile, symbols: &Symbols) -> Vec<bool> {
    let mut counts = vec![(0_u64, 0_u64); profile.binaries.len()];
    for (id, frame) in profile.frames.iter() {
        let (all, named) = &mut counts[frame.binary.index()];
        *all += 1;
        *named += u64::from(!symbols.lines(id).is_empty());
    }
    counts.into_iter().map(|(all, named)| named * 2 >= all).collect()
}
