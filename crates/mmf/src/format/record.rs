//! A record: one cache line for one variable's name and publish word.

use super::{LINE, bits};

/// Bytes of a record.
pub(crate) const SIZE: u64 = LINE;

/// Word indexes inside a record.
pub(crate) const PUBLISH: usize = 0;
pub(crate) const DESCRIPTORS: usize = 1;
pub(crate) const LOCK: usize = 3;
pub(crate) const IDENTITY: usize = 4;
pub(crate) const SUMS: usize = 5;
pub(crate) const NAME: usize = 6;

/// Most bytes of a name that stand in the record itself; longer ones have a block of their own.
pub(crate) const INLINE_NAME: usize = 16;
/// Most bytes of a name.
pub(crate) const LONGEST_NAME: usize = 1024;

const LENGTH_BITS: u32 = 16;
const LIVE: u64 = 1 << 16;
const INCARNATION_SHIFT: u32 = 17;

/// Whose record it is: changed only by link and unlink.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity(pub(crate) u64);

impl Identity {
    #[inline(always)]
    pub(crate) const fn is_live(self) -> bool {
        self.0 & LIVE != 0
    }

    /// Bytes of the name.
    #[inline(always)]
    pub(crate) const fn name_length(self) -> usize {
        bits(self.0, 0, LENGTH_BITS) as usize
    }

    /// The next incarnation, bearing a name of `length` bytes.
    pub(crate) const fn linked(self, length: usize) -> Self {
        Self(self.next_incarnation() | LIVE | length as u64)
    }

    /// The next incarnation, bearing no name.
    pub(crate) const fn unlinked(self) -> Self {
        Self(self.next_incarnation())
    }

    const fn next_incarnation(self) -> u64 {
        ((self.0 >> INCARNATION_SHIFT).wrapping_add(1)) << INCARNATION_SHIFT
    }
}
