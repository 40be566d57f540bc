//! Where the registers of a caller are, for one place in the code.

use gimli::{
    CfaRule, Encoding, Format, FrameDescriptionEntry, Reader, Register, RegisterRule,
    UnwindExpression, UnwindTableRow,
};

use crate::machine::Machine;

/// A row of an unwind table, in a form that can be kept.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// The canonical frame address: the stack pointer before the call.
    pub(crate) cfa: Cfa,
    pub(crate) return_address: Recover,
    /// The registers that a function changed; the others are as they were.
    pub(crate) registers: Box<[(Register, Recover)]>,
    /// The frame was not called but entered by a signal: its caller was about to execute the
    /// address, and has all its registers.
    pub(crate) is_signal: bool,
    /// How to read the expressions, if there are any.
    pub(crate) encoding: Encoding,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cfa {
    At(Register, i64),
    Expression(UnwindExpression<usize>),
}

/// Where a register of the caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recover {
    /// Nowhere. If it is the return address there is no caller.
    Undefined,
    Register(Register),
    /// On the stack, so far from the frame address.
    At(i64),
    /// It is so far from the frame address.
    Is(i64),
    AtExpression(UnwindExpression<usize>),
    IsExpression(UnwindExpression<usize>),
}

impl Rule {
    pub(crate) fn new<R: Reader<Offset = usize>>(
        row: &UnwindTableRow<usize>,
        fde: &FrameDescriptionEntry<R>,
    ) -> Self {
        let cfa = match *row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => Cfa::At(register, offset),
            CfaRule::Expression(expression) => Cfa::Expression(expression),
        };
        let link = fde.cie().return_address_register();
        let recover = |(register, rule): &(Register, RegisterRule<usize>)| {
            Some((*register, Recover::new(*register, rule)?))
        };
        Self {
            cfa,
            return_address: row
                .register(link)
                .and_then(|rule| Recover::new(link, &rule))
                .unwrap_or(Recover::Register(link)),
            registers: row.registers().filter_map(recover).filter(|(it, _)| *it != link).collect(),
            is_signal: fde.is_signal_trampoline(),
            encoding: fde.cie().encoding(),
        }
    }

    /// What holds when a function has only just been entered.
    pub(crate) fn entered(machine: Machine) -> Self {
        let (offset, return_address) = match machine.link_register() {
            Some(link) => (0, Recover::Register(link)),
            None => (8, Recover::At(-8)),
        };
        Self {
            cfa: Cfa::At(machine.stack_pointer(), offset),
            return_address,
            registers: Box::default(),
            is_signal: false,
            encoding: Encoding { address_size: 8, format: Format::Dwarf32, version: 4 },
        }
    }

    /// What holds in a function that keeps a frame pointer, behind its first instructions.
    pub(crate) fn framed(machine: Machine) -> Self {
        Self {
            cfa: Cfa::At(machine.frame_pointer(), 16),
            return_address: Recover::At(-8),
            registers: [(machine.frame_pointer(), Recover::At(-16))].into(),
            ..Self::entered(machine)
        }
    }
}

impl Recover {
    /// `None` for a register that is as it was.
    fn new(register: Register, rule: &RegisterRule<usize>) -> Option<Self> {
        Some(match *rule {
            RegisterRule::SameValue => return None,
            RegisterRule::Register(same) if same == register => return None,
            RegisterRule::Register(other) => Self::Register(other),
            RegisterRule::Offset(offset) => Self::At(offset),
            RegisterRule::ValOffset(offset) => Self::Is(offset),
            RegisterRule::Expression(expression) => Self::AtExpression(expression),
            RegisterRule::ValExpression(expression) => Self::IsExpression(expression),
            // What nobody at hand can tell is as good as undefined.
            _ => Self::Undefined,
        })
    }
}
