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
