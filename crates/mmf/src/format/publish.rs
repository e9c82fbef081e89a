//! The publish word: a record's current version and the lock on its descriptors
//! (`docs/protocols.md`, section 1).

use super::bits;

const LOCKED: u64 = 1;
const WAITERS: u64 = 1 << 1;
const VERSION_SHIFT: u32 = 3;
const VERSION_BITS: u32 = 48;
const SEAT_SHIFT: u32 = 51;

/// Versions wrap at this number.
pub(crate) const VERSION_LIMIT: u64 = 1 << VERSION_BITS;

/// One state of a publish word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Publish(pub(crate) u64);

impl Publish {
    /// Version `version`, free.
    pub(crate) const fn free(version: u64) -> Self {
        Self((version % VERSION_LIMIT) << VERSION_SHIFT)
    }

    /// Version `version`, locked by `seat`.
    pub(crate) const fn locked(version: u64, seat: u32) -> Self {
        Self(Self::free(version).0 | ((seat as u64) << SEAT_SHIFT) | LOCKED)
    }

    /// What stays of a word when its lock is given back at the same version.
    pub(crate) const UNLOCK: u64 = (u64::MAX >> (64 - SEAT_SHIFT)) & !LOCKED;

    #[inline(always)]
    pub(crate) const fn version(self) -> u64 {
        bits(self.0, VERSION_SHIFT, VERSION_BITS)
    }

    #[inline(always)]
    pub(crate) const fn is_locked(self) -> bool {
        self.0 & LOCKED != 0
    }

    /// What stays of a word when sleepers are told otherwise than by a publication.
    pub(crate) const WITHOUT_WAITERS: u64 = !WAITERS;

    #[inline(always)]
    pub(crate) const fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    pub(crate) const fn with_waiters(self) -> Self {
        Self(self.0 | WAITERS)
    }

    /// The seat that holds the lock, if any does.
    pub(crate) const fn owner(self) -> Option<u32> {
        if self.is_locked() { Some((self.0 >> SEAT_SHIFT) as u32) } else { None }
    }

    /// The same state, locked by `seat`; sleepers stay announced.
    #[inline(always)]
    pub(crate) const fn lock(self, seat: u32) -> Self {
        Self(self.0 | ((seat as u64) << SEAT_SHIFT) | LOCKED)
    }

    /// Whether both states have the same version, whatever their locks.
    #[inline(always)]
    pub(crate) const fn same_version(self, other: Self) -> bool {
        bits(self.0 ^ other.0, VERSION_SHIFT, VERSION_BITS) == 0
    }

    /// Index of the descriptor that describes this version's value.
    #[inline(always)]
    pub(crate) const fn current(self) -> usize {
        (self.version() & 1) as usize
    }

    /// Index of the descriptor that the next version will use.
    #[inline(always)]
    pub(crate) const fn next(self) -> usize {
        self.current() ^ 1
    }
}

/// Whether version `left` comes after `right`, across the wrap.
pub(crate) const fn is_later(left: u64, right: u64) -> bool {
    let distance = left.wrapping_sub(right) % VERSION_LIMIT;
    distance != 0 && distance < VERSION_LIMIT / 2
}
