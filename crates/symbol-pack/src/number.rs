//! Numbers as LEB128, and the way back, which believes nothing.

/// Appends a number, seven bits a byte.
pub(crate) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// Appends the step from one number to the next, small in either direction.
pub(crate) fn put_step(out: &mut Vec<u8>, from: u64, to: u64) {
    let step = to.wrapping_sub(from).cast_signed();
    put(out, (step << 1 ^ step >> 63).cast_unsigned());
}

/// Appends bytes and, in front, how many.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Takes numbers from the front of bytes. `None` where they end or a number does not fit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a>(pub(crate) &'a [u8]);

impl<'a> Numbers<'a> {
    pub(crate) fn take(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(crate) fn take_u32(&mut self) -> Option<u32> {
        self.take()?.try_into().ok()
    }

    pub(crate) fn take_len(&mut self) -> Option<usize> {
        self.take()?.try_into().ok()
    }

    /// A number of things each of which takes a byte or more: no more than there are bytes.
    pub(crate) fn take_count(&mut self) -> Option<usize> {
        let count = usize::try_from(self.take()?).ok()?;
        (count <= self.0.len()).then_some(count)
    }

    pub(crate) fn take_step(&mut self, from: u64) -> Option<u64> {
        let folded = self.take()?;
        let step = (folded >> 1) ^ (folded & 1).wrapping_neg();
        Some(from.wrapping_add(step))
    }

    pub(crate) fn take_bytes(&mut self) -> Option<&'a [u8]> {
        let len = self.take_count()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_steps_come_back() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        for from in numbers {
            for to in numbers {
                let mut bytes = Vec::new();
                put(&mut bytes, to);
                put_step(&mut bytes, from, to);
                let mut back = Numbers(&bytes);
                assert_eq!((back.take(), back.take_step(from)), (Some(to), Some(to)));
                assert!(back.0.is_empty());
            }
        }
    }

    #[test]
    fn what_ends_early_or_never_is_no_number() {
        assert_eq!(Numbers(&[0x80]).take(), None);
        assert_eq!(Numbers(&[0x80; 16]).take(), None);
        assert_eq!(Numbers(&[9, 1, 2]).take_bytes(), None);
        assert_eq!(Numbers(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]).take_u32(), None);
    }
}
