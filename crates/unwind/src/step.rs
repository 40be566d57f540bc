//! From a frame to its caller.

use crate::machine::Machine;
use crate::registers::Registers;
use crate::rule::{Cfa, Recover, Rule};
use crate::stack::{Stack, Unreadable};
use crate::tables::{Origin, Tables};

/// A rule, and the tables to which its expressions belong.
#[derive(Clone, Copy)]
pub(crate) struct Applied<'a> {
    pub(crate) rule: &'a Rule,
    pub(crate) tables: Option<(&'a Tables, Origin)>,
    pub(crate) machine: Machine,
}

/// What a step led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The address in the caller at which it goes on.
    Caller(u64),
    /// There is no caller: a thread begins here.
    Root,
}

impl Applied<'_> {
    /// Turns the registers of a frame into those of its caller.
    pub(crate) fn step(
        self,
        registers: &mut Registers,
        stack: &Stack<'_>,
    ) -> Result<Step, Unreadable> {
        let Self { rule, machine, .. } = self;
        if rule.return_address == Recover::Undefined {
            return Ok(Step::Root);
        }
        let cfa = self.cfa(registers, stack)?;
        let before = registers.get(machine.stack_pointer()).unwrap_or(0);
        let address = match self.recover(rule.return_address, cfa, registers, stack) {
            // At the end of a function on arm64 the register has it again, while the table still
            // has the place on the stack that was freed.
            Err(_) if is_below(rule.return_address, cfa, before) => {
                machine.link_register().and_then(|link| registers.get(link))
            }
            recovered => recovered?,
        };
        let address = address.ok_or(Unreadable::Elsewhere)?;
        // A frame takes room on the stack, but for one that keeps its return address in a
        // register; that one is the innermost, since calling would overwrite it.
        let is_leaf = rule.return_address != Recover::At(-8) && cfa == before;
        if !rule.is_signal && cfa <= before && !is_leaf {
            return Err(Unreadable::Elsewhere);
        }
        // Hand-written code counts on registers that functions need not keep, where it knows that
        // the one it calls does. Only the return address is the callee's own.
        let mut caller = *registers;
        caller.forget(machine.return_address());
        caller.set(machine.stack_pointer(), cfa);
        for &(register, recover) in &rule.registers {
            match self.recover(recover, cfa, registers, stack) {
                Ok(Some(value)) => caller.set(register, value),
                // Popped already, in the middle of an epilogue that does not say so.
                Err(_) if is_below(recover, cfa, before) => {}
                Ok(None) | Err(_) => caller.forget(register),
            }
        }
        *registers = caller;
        match machine.strip(address) {
            // Only the tables can say that a thread begins here. A return address of zero is what
            // is found where code left its frame without saying so, as LuaJIT does on its way out
            // of a trace.
            0 => Err(Unreadable::Elsewhere),
            address => Ok(Step::Caller(address)),
        }
    }

    fn cfa(&self, registers: &Registers, stack: &Stack<'_>) -> Result<u64, Unreadable> {
        match self.rule.cfa {
            Cfa::At(register, offset) => registers
                .get(register)
                .map(|value| value.wrapping_add_signed(offset))
                .ok_or(Unreadable::Elsewhere),
            Cfa::Expression(expression) => {
                let (tables, origin) = self.tables.ok_or(Unreadable::Elsewhere)?;
                tables.evaluate((expression, origin), self.rule, None, registers, stack)
            }
        }
    }

    /// The value of a register in the caller; `None` if nobody knows.
    fn recover(
        &self,
        recover: Recover,
        cfa: u64,
        registers: &Registers,
        stack: &Stack<'_>,
    ) -> Result<Option<u64>, Unreadable> {
        let evaluate = |expression| {
            let (tables, origin) = self.tables.ok_or(Unreadable::Elsewhere)?;
            tables.evaluate((expression, origin), self.rule, Some(cfa), registers, stack)
        };
        Ok(match recover {
            Recover::Undefined => None,
            Recover::Register(register) => registers.get(register),
            Recover::At(offset) => Some(stack.word(cfa.wrapping_add_signed(offset))?),
            Recover::Is(offset) => Some(cfa.wrapping_add_signed(offset)),
            Recover::AtExpression(expression) => Some(stack.word(evaluate(expression)?)?),
            Recover::IsExpression(expression) => Some(evaluate(expression)?),
        })
    }
}

/// Whether a register was saved below the stack pointer, where nothing is dumped.
fn is_below(recover: Recover, cfa: u64, stack_pointer: u64) -> bool {
    matches!(recover, Recover::At(offset) if cfa.wrapping_add_signed(offset) < stack_pointer)
}
