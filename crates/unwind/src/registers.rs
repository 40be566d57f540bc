//! The registers of a frame, as far as they are known.

use gimli::Register;
use perf_data::Registers as Dumped;

use crate::machine::Machine;

/// Registers by their DWARF numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Registers {
    values: [u64; Machine::REGISTERS],
    known: u64,
}

impl Registers {
    pub(crate) const NONE: Self = Self { values: [0; Machine::REGISTERS], known: 0 };

    /// The registers that were dumped.
    pub(crate) fn of(machine: Machine, dumped: &Dumped<'_>) -> Self {
        let mut registers = Self::NONE;
        for dwarf in (0..).map_while(|dwarf| machine.perf_register(dwarf).map(|perf| (dwarf, perf)))
        {
            if let Some(value) = dumped.get(dwarf.1) {
                registers.set(Register(dwarf.0), value);
            }
        }
        registers
    }

    pub(crate) fn get(&self, register: Register) -> Option<u64> {
        let value = self.values.get(usize::from(register.0))?;
        (self.known & 1 << register.0 != 0).then_some(*value)
    }

    pub(crate) fn set(&mut self, register: Register, value: u64) {
        if let Some(slot) = self.values.get_mut(usize::from(register.0)) {
            *slot = value;
            self.known |= 1 << register.0;
        }
    }

    pub(crate) fn forget(&mut self, register: Register) {
        if usize::from(register.0) < self.values.len() {
            self.known &= !(1 << register.0);
        }
    }
}
