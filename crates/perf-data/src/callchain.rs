//! Callchains: addresses, with marks where the processor changed its mode.

use crate::reader::{Endian, Reader};

/// Numbers of 64 bits, still in the file's byte order.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    bytes: &'a [u8],
    endian: Endian,
}

impl<'a> Words<'a> {
    /// Takes `count` words, if the record has that many.
    pub(crate) fn take(reader: &mut Reader<'a>, count: u64, endian: Endian) -> Option<Self> {
        let bytes = reader.claimed_bytes(count.checked_mul(8)?)?;
        Some(Self { bytes, endian })
    }

    /// The words as they stand in the file: equal bytes are equal words.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many words.
    pub fn len(&self) -> usize {
        self.bytes.len() / 8
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The words in the order of the file.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u64> + ExactSizeIterator + use<'a> {
        let endian = self.endian;
        let (words, _) = self.bytes.as_chunks::<8>();
        words.iter().map(move |word| match endian {
            Endian::Little => u64::from_le_bytes(*word),
            Endian::Big => u64::from_be_bytes(*word),
        })
    }
}

/// A callchain as the kernel recorded it, innermost entry first.
#[derive(Clone, Copy, Debug)]
pub struct Callchain<'a>(pub(crate) Words<'a>);

/// An entry of a callchain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallchainEntry {
    /// The entries from here on are addresses in this mode.
    Context(Context),
    /// An address: the instruction pointer if it is the first of the chain, else the address
    /// that a call returns to.
    Address(u64),
}

/// The mode of the processor, `enum perf_callchain_context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// `PERF_CONTEXT_HV`
    Hypervisor,
    /// `PERF_CONTEXT_KERNEL`
    Kernel,
    /// `PERF_CONTEXT_USER`
    User,
    /// `PERF_CONTEXT_USER_DEFERRED` (Linux 6.18): the next word is the cookie of the record that
    /// brings the user's part later.
    UserDeferred,
    /// `PERF_CONTEXT_GUEST`
    Guest,
    /// `PERF_CONTEXT_GUEST_KERNEL`
    GuestKernel,
    /// `PERF_CONTEXT_GUEST_USER`
    GuestUser,
    /// A mark of a newer kernel; its addresses cannot be placed.
    Unknown,
}

impl<'a> Callchain<'a> {
    /// `PERF_CONTEXT_MAX`: numbers from here on are marks, not addresses.
    const FIRST_MARK: u64 = (-4095_i64).cast_unsigned();

    /// The words of the chain.
    pub fn words(&self) -> Words<'a> {
        self.0
    }

    /// The cookie by which the user's part of the chain comes in a record of its own
    /// ([`DeferredCallchain`](crate::DeferredCallchain)): the kernel puts it last.
    pub fn deferred_cookie(&self) -> Option<u64> {
        let mut words = self.0.iter().rev();
        let cookie = words.next()?;
        (words.next()?.cast_signed() == -640).then_some(cookie)
    }

    /// The entries, innermost first.
    pub fn entries(&self) -> impl Iterator<Item = CallchainEntry> + use<'a> {
        self.0.iter().map(|word| {
            if word < Self::FIRST_MARK {
                return CallchainEntry::Address(word);
            }
            CallchainEntry::Context(match word.cast_signed() {
                -32 => Context::Hypervisor,
                -128 => Context::Kernel,
                -512 => Context::User,
                -640 => Context::UserDeferred,
                -2048 => Context::Guest,
                -2176 => Context::GuestKernel,
                -2560 => Context::GuestUser,
                _ => Context::Unknown,
            })
        })
    }
}
