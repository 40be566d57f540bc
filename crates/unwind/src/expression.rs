//! Rules that are programs: registers, sums and memory, as hand-written assembly has them.

use gimli::{Encoding, EvaluationResult, Expression, Location, Reader, Value};

use crate::registers::Registers;
use crate::stack::{Stack, Unreadable};

/// More steps than any compiler or person writes; a damaged file may ask for endless ones.
const MAX_STEPS: u32 = 256;

/// The value of an expression; `initial` is what it begins with on its own stack.
pub(crate) fn evaluate<R: Reader>(
    expression: Expression<R>,
    encoding: Encoding,
    initial: Option<u64>,
    registers: &Registers,
    stack: &Stack<'_>,
) -> Result<u64, Unreadable> {
    const MEANINGLESS: Unreadable = Unreadable::Elsewhere;
    let mut evaluation = expression.evaluation(encoding);
    evaluation.set_max_iterations(MAX_STEPS);
    if let Some(initial) = initial {
        evaluation.set_initial_value(initial);
    }
    let mut state = evaluation.evaluate();
    // Each request is an operation, so that there are no more of them than steps.
    loop {
        state = match state.map_err(|_| MEANINGLESS)? {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresRegister { register, .. } => {
                let value = registers.get(register).ok_or(MEANINGLESS)?;
                evaluation.resume_with_register(Value::Generic(value))
            }
            EvaluationResult::RequiresMemory { address, size: 8, .. } => {
                evaluation.resume_with_memory(Value::Generic(stack.word(address)?))
            }
            EvaluationResult::RequiresCallFrameCfa => {
                evaluation.resume_with_call_frame_cfa(initial.ok_or(MEANINGLESS)?)
            }
            _ => return Err(MEANINGLESS),
        };
    }
    match evaluation.as_result().last().map(|piece| &piece.location) {
        Some(Location::Address { address }) => Ok(*address),
        _ => Err(MEANINGLESS),
    }
}

#[cfg(test)]
mod tests {
    use gimli::{EndianSlice, Format, LittleEndian, X86_64};
    use perf_data::UserStack;

    use super::*;

    fn value(program: &[u8]) -> Result<u64, Unreadable> {
        let mut registers = Registers::NONE;
        registers.set(X86_64::RSP, 0x1000);
        let bytes: Vec<u8> =
            [1_u64, 2, 0x7000].iter().flat_map(|word| word.to_le_bytes()).collect();
        let stack = Stack::new(0x1000, UserStack { bytes: &bytes, is_full: true });
        let encoding = Encoding { address_size: 8, format: Format::Dwarf32, version: 4 };
        let expression = Expression(EndianSlice::new(program, LittleEndian));
        evaluate(expression, encoding, None, &registers, &stack)
    }

    const DEREF: u8 = 0x06;
    const PLUS_CONSTANT: u8 = 0x23;
    const STACK_POINTER: u8 = 0x77;
    const SKIP: u8 = 0x2f;

    #[test]
    fn the_stack_pointer_may_have_been_saved_on_the_stack() {
        assert_eq!(value(&[STACK_POINTER, 16, DEREF, PLUS_CONSTANT, 8]), Ok(0x7008));
    }

    #[test]
    fn memory_that_was_not_dumped_says_so() {
        assert_eq!(value(&[STACK_POINTER, 24, DEREF]), Err(Unreadable::BehindDump));
    }

    #[test]
    fn what_never_ends_or_makes_no_sense_has_no_value() {
        for program in [&[SKIP, 0xfd, 0xff][..], &[DEREF], &[0x70, 0], &[0xff], &[]] {
            assert_eq!(value(program), Err(Unreadable::Elsewhere), "{program:x?}");
        }
    }
}
