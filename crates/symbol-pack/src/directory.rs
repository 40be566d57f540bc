//! Where the blocks of one kind are.

use crate::block::Place;
use crate::number::{Numbers, put};

/// The blocks of one kind, in their order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directory {
    places: Vec<Place>,
}

impl Directory {
    pub(crate) fn push(&mut self, place: Place) {
        self.places.push(place);
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<Place> {
        self.places.get(index).copied()
    }

    /// The block that holds an address: the last one that does not begin behind it.
    pub(crate) fn holding(&self, address: u64) -> Option<usize> {
        self.places.partition_point(|place| place.first <= address).checked_sub(1)
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put(out, self.places.len() as u64);
        let mut first = 0;
        for place in &self.places {
            put(out, place.first.wrapping_sub(first));
            put(out, place.stored.into());
            put(out, place.unpacked.into());
            put(out, place.crc.into());
            first = place.first;
        }
    }

    /// Reads a directory whose blocks begin at `start`, and leaves the end of the last one there.
    pub(crate) fn read(numbers: &mut Numbers<'_>, start: &mut u64) -> Option<Self> {
        let count = numbers.take_count()?;
        // Each takes four bytes or more, whatever is claimed.
        let mut places = Vec::with_capacity(count / 4);
        let mut first: u64 = 0;
        for _ in 0..count {
            first = first.checked_add(numbers.take()?)?;
            let (stored, unpacked) = (numbers.take_u32()?, numbers.take_u32()?);
            places.push(Place { first, start: *start, stored, unpacked, crc: numbers.take_u32()? });
            *start = start.checked_add(stored.into())?;
        }
        Some(Self { places })
    }
}
