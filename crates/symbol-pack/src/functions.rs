//! Functions: names, file, line of the declaration, each known by the order in which the code
//! first meets it.

use crate::PackError;
use crate::number::{Numbers, put_step};

/// Functions in a block.
pub(crate) const PER_BLOCK: usize = 512;

/// What a block of functions is called in messages.
const FUNCTIONS: &str = "functions";

/// A function, its names and file by their numbers among the strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Function {
    pub(crate) name: u32,
    pub(crate) system_name: u32,
    pub(crate) path: u32,
    pub(crate) start_line: u32,
}

/// Writes a block of functions, column by column.
pub(crate) fn write(functions: &[Function]) -> Vec<u8> {
    let mut block = Vec::new();
    for column in COLUMNS {
        let mut before = 0;
        for function in functions {
            put_step(&mut block, before, column(function).into());
            before = column(function).into();
        }
    }
    block
}

/// Reads a block, which ends where its columns end.
pub(crate) fn read(block: &[u8]) -> Result<Vec<Function>, PackError> {
    // A number ends with its only byte below 0x80.
    let count = block.iter().filter(|&&byte| byte < 0x80).count() / COLUMNS.len();
    let mut functions = vec![Function::default(); count];
    let mut numbers = Numbers(block);
    for column in COLUMNS_MUT {
        let mut before = 0;
        for function in &mut functions {
            let next =
                numbers.take_step(before).and_then(|next| Some((next, next.try_into().ok()?)));
            (before, *column(function)) = next.ok_or(PackError::Damaged(FUNCTIONS))?;
        }
    }
    Ok(functions)
}

const COLUMNS: [fn(&Function) -> u32; 4] =
    [|f| f.name, |f| f.system_name, |f| f.path, |f| f.start_line];

const COLUMNS_MUT: [fn(&mut Function) -> &mut u32; 4] =
    [|f| &mut f.name, |f| &mut f.system_name, |f| &mut f.path, |f| &mut f.start_line];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_come_back() {
        let function =
            |name, system_name, path, start_line| Function { name, system_name, path, start_line };
        let functions = [
            function(0, 0, 1, 2),
            function(u32::MAX, 1, 0, 7),
            function(5, 6, u32::MAX, u32::MAX),
            function(6, u32::MAX, 6, 6),
        ];
        assert_eq!(read(&write(&functions)).unwrap(), functions);
        assert_eq!(read(&[]).unwrap(), []);
    }
}
