//! The answer for a stack, folded frame by frame from its root to its leaf.

use profile::{Id, Table};

use crate::patterns::{Lens, Match, Origin};
use crate::rules::Class;

/// A text among those of the answers.
pub(crate) type Text = Id<String>;

/// What a piece of code does to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Action {
    pub(crate) step: Step,
    pub(crate) is_kernel: bool,
    /// Whether it is code of a program whose functions have no names.
    pub(crate) is_unsymbolized: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// As its rule says; the filter that the pattern named.
    Rule(usize, Option<Text>),
    /// Code of the program that has no name, in a program of which most has none: what it belongs to, and
    /// what it calls, is anybody's guess.
    Unsymbolized,
    /// Work that has no rule because it has no name.
    Unnamed(Text),
    /// The mark of a stack that was cut.
    Cut,
    /// Nothing.
    None,
}

/// The rules, with texts as numbers.
#[derive(Debug)]
pub(crate) struct Fold {
    rules: Vec<Compiled>,
    own: Text,
    kernel: Text,
    side_call: Text,
    downstream: Text,
}

#[derive(Debug)]
struct Compiled {
    class: Class,
    is_root: bool,
    subsystem: Option<Text>,
    work: Option<Text>,
    filter: Option<Text>,
    direction: Option<Text>,
    implies: Option<(Text, Option<Text>)>,
    over: Vec<Text>,
}

/// The answer so far. Few of them are distinct, however many stacks there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "facts of a stack, of which any may hold")]
pub(crate) struct State {
    /// The innermost owner, and the rule that says so.
    pub(crate) owner: Option<(Text, usize)>,
    /// Who the owner must be if nobody on the stack is one: what the outermost library says.
    pub(crate) implied: Option<(Text, Option<Text>, usize)>,
    pub(crate) work: Text,
    /// The rule that said which work it is.
    work_rule: Option<usize>,
    pub(crate) filter: Option<Text>,
    pub(crate) direction: Option<Text>,
    in_side_call: bool,
    in_kernel: bool,
    in_interrupt: bool,
    pub(crate) has_user: bool,
    pub(crate) reaches_start: bool,
    pub(crate) is_cut: bool,
    pub(crate) is_unsymbolized: bool,
}

impl Fold {
    pub(crate) fn new(lens: &Lens, texts: &mut Table<String>) -> Self {
        let mut text = |text: &'_ str| texts.intern_ref(text);
        let mut optional = |value: Option<&str>| value.map(&mut text);
        let compiled = lens.rules.iter().map(|rule| Compiled {
            class: rule.class,
            is_root: rule.root,
            subsystem: optional(rule.subsystem.as_deref()),
            work: optional(rule.work.as_deref()),
            filter: optional(rule.filter.as_deref()),
            direction: optional(rule.direction.as_deref()),
            implies: rule.implies.as_ref().and_then(|implied| {
                let subsystem = optional(Some(&implied.subsystem))?;
                Some((subsystem, optional(implied.filter.as_deref())))
            }),
            over: rule.over.iter().filter_map(|work| optional(Some(work))).collect(),
        });
        let rules = compiled.collect();
        Self {
            rules,
            own: texts.intern_ref("own"),
            kernel: texts.intern_ref("kernel.other"),
            side_call: texts.intern_ref("sidecall"),
            downstream: texts.intern_ref("downstream"),
        }
    }

    /// The answer for no frame.
    pub(crate) fn start(&self) -> State {
        State {
            owner: None,
            implied: None,
            work: self.own,
            work_rule: None,
            filter: None,
            direction: None,
            in_side_call: false,
            in_kernel: false,
            in_interrupt: false,
            has_user: false,
            reaches_start: false,
            is_cut: false,
            is_unsymbolized: false,
        }
    }

    /// The answer with one more frame, called by those before.
    pub(crate) fn add(&self, mut state: State, action: Action) -> State {
        if matches!(action.step, Step::Cut) {
            state.is_cut = true;
            return state;
        }
        if action.is_kernel && !state.in_kernel {
            state.in_kernel = true;
            self.set_work(&mut state, self.kernel, None);
        }
        state.has_user |= !action.is_kernel;
        state.is_unsymbolized |= action.is_unsymbolized;
        match action.step {
            Step::Cut | Step::None => {}
            Step::Unsymbolized => {
                state = State {
                    has_user: true,
                    reaches_start: state.reaches_start,
                    is_cut: state.is_cut,
                    is_unsymbolized: true,
                    ..self.start()
                };
            }
            Step::Unnamed(work) => self.set_work(&mut state, work, None),
            Step::Rule(rule, filter) => self.apply(&mut state, rule, filter),
        }
        state
    }

    fn apply(&self, state: &mut State, number: usize, captured: Option<Text>) {
        let rule = &self.rules[number];
        state.reaches_start |= rule.is_root;
        let filter = captured.or(rule.filter);
        match rule.class {
            Class::Glue => {}
            Class::Library => {
                if state.owner.is_none() && state.implied.is_none() {
                    state.implied = rule.implies.map(|(of, filter)| (of, filter, number));
                }
                if let Some(work) = rule.work {
                    self.set_work(state, work, Some(number));
                }
            }
            Class::Irq => {
                if !state.in_interrupt {
                    state.in_interrupt = true;
                    state.owner = rule.subsystem.map(|subsystem| (subsystem, number));
                    if let Some(work) = rule.work {
                        self.set_work(state, work, Some(number));
                    }
                }
            }
            Class::Owner | Class::Boundary | Class::Resume | Class::Sidecall => {
                state.owner = rule.subsystem.map(|subsystem| (subsystem, number));
                self.set_work(state, self.own, None);
                if rule.class == Class::Resume {
                    state.in_side_call = false;
                    // What it was the answer of is over; a request on its way in goes on as one.
                    state.direction = state.direction.filter(|way| *way == self.downstream);
                }
                if state.in_side_call {
                    return;
                }
                if matches!(rule.class, Class::Boundary | Class::Resume) {
                    state.filter = None;
                }
                state.filter = filter.or(state.filter);
                state.direction = rule.direction.or(state.direction);
                if rule.class == Class::Sidecall {
                    state.in_side_call = true;
                    state.direction = Some(self.side_call);
                }
            }
        }
    }

    /// Replaces the work, unless the rule of the last one stands for the new one, too.
    fn set_work(&self, state: &mut State, work: Text, rule: Option<usize>) {
        let stays = state.work_rule.is_some_and(|last| self.rules[last].over.contains(&work));
        if !stays {
            (state.work, state.work_rule) = (work, rule);
        }
    }
}

/// What to do for a piece of code by what was found of it.
pub(crate) fn step(
    found: Option<Match<'_>>,
    is_named: bool,
    origin: Origin,
    is_program_named: bool,
    texts: &mut Table<String>,
) -> Step {
    if let Some(Match { rule, filter }) = found {
        return Step::Rule(rule, filter.map(|filter| texts.intern_ref(&*filter)));
    }
    match (is_named, origin) {
        (true, _) | (false, Origin::Unknown) => Step::None,
        (false, Origin::Program) if is_program_named => Step::None,
        (false, Origin::Program) => Step::Unsymbolized,
        (false, Origin::Kernel) => Step::Unnamed(texts.intern_ref("kernel.unnamed")),
        (false, _) => Step::Unnamed(texts.intern_ref("library.unnamed")),
    }
}
