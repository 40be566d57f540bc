//! Functions: name, file, line of the declaration, each known by the order in which the code
//! first meets it.

use crate::PackError;
use crate::number::{Numbers, put_step};

/// Functions in a block.
pub(crate) const PER_BLOCK: usize = 512;

/// What a block of functions is called in messages.
const FUNCTIONS: &str = "functions";

/// A function, its name and file by their numbers among the strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Function {
    pub(crate) name: u32,
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
    let mut numbers = Numbers(block);
    let mut column = || {
        let mut before = 0;
        let next = |_| {
            before = numbers.take_step(before)?;
            u32::try_from(before).ok()
        };
        (0..count).map(next).collect::<Option<Vec<u32>>>().ok_or(PackError::Damaged(FUNCTIONS))
    };
    let (names, paths, start_lines) = (column()?, column()?, column()?);
    let rows = names.into_iter().zip(paths).zip(start_lines);
    Ok(rows.map(|((name, path), start_line)| Function { name, path, start_line }).collect())
}

const COLUMNS: [fn(&Function) -> u32; 3] = [|f| f.name, |f| f.path, |f| f.start_line];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_come_back() {
        let functions = [(0, 1, 2), (u32::MAX, 0, 7), (5, u32::MAX, u32::MAX), (6, 6, 6)];
        let functions =
            functions.map(|(name, path, start_line)| Function { name, path, start_line });
        assert_eq!(read(&write(&functions)).unwrap(), functions);
        assert_eq!(read(&[]).unwrap(), []);
    }
}
