//! A recorded file made longer.

use std::ops::Range;

/// The file with its records `times` times over. `None` if it has no header of a file.
pub fn repeated(file: &[u8], times: usize) -> Option<Vec<u8>> {
    let number = |at: usize| Some(u64::from_le_bytes(file.get(at..at + 8)?.try_into().ok()?));
    let data = number(40)?..number(40)?.checked_add(number(48)?)?;
    let data: Range<usize> = data.start.try_into().ok()?..data.end.try_into().ok()?;
    let records = file.get(data.clone())?;
    let added = u64::try_from(records.len().checked_mul(times.checked_sub(1)?)?).ok()?;
    let features: u32 =
        (0..4).map(|word| Some(number(72 + 8 * word)?.count_ones())).sum::<Option<_>>()?;

    let mut longer = file.get(..data.start)?.to_vec();
    longer.get_mut(48..56)?.copy_from_slice(&(number(48)? + added).to_le_bytes());
    longer.extend(records.repeat(times));
    // Behind the records: where each feature's section is, then the sections.
    for feature in 0..features as usize {
        let at = data.end + 16 * feature;
        longer.extend((number(at)? + added).to_le_bytes());
        longer.extend(number(at + 8)?.to_le_bytes());
    }
    longer.extend(file.get(data.end + 16 * features as usize..)?);
    Some(longer)
}
