//! Lock words of namespaces and variables (`docs/protocols.md`, section 2).

use super::bits;

const WAITERS: u64 = 1 << 2;
/// The last exclusive owner died holding the lock.
pub(crate) const OWNER_DIED: u64 = 1 << 3;
const SEAT_SHIFT: u32 = 4;
const SEAT_BITS: u32 = 13;
const COUNT_SHIFT: u32 = 17;
const COUNT_BITS: u32 = 47;

/// What a lock word says about its holders.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Mode {
    Free = 0,
    /// A seat has claimed it and waits for those inside to leave.
    Closing = 1,
    Exclusive = 2,
    Shared = 3,
}

/// One state of a lock word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LockWord(pub(crate) u64);

impl LockWord {
    #[inline(always)]
    pub(crate) const fn mode(self) -> Mode {
        match self.0 & 3 {
            0 => Mode::Free,
            1 => Mode::Closing,
            2 => Mode::Exclusive,
            _ => Mode::Shared,
        }
    }

    #[inline(always)]
    pub(crate) const fn is_free(self) -> bool {
        self.0 & 3 == 0
    }

    pub(crate) const fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    pub(crate) const fn owner_died(self) -> bool {
        self.0 & OWNER_DIED != 0
    }

    /// The seat behind `Closing` and `Exclusive`.
    pub(crate) const fn owner(self) -> Option<u32> {
        match self.mode() {
            Mode::Closing | Mode::Exclusive => Some(bits(self.0, SEAT_SHIFT, SEAT_BITS) as u32),
            Mode::Free | Mode::Shared => None,
        }
    }

    pub(crate) const fn count(self) -> u64 {
        bits(self.0, COUNT_SHIFT, COUNT_BITS)
    }

    pub(crate) const fn with_waiters(self) -> Self {
        Self(self.0 | WAITERS)
    }

    const fn next_count(self) -> u64 {
        (self.count() + 1) % (1 << COUNT_BITS)
    }

    const fn build(self, mode: Mode, seat: u32, count: u64, keep: u64) -> Self {
        let seat = (seat as u64) << SEAT_SHIFT;
        Self((self.0 & keep) | seat | mode as u64 | (count << COUNT_SHIFT))
    }

    /// Claimed by `seat`: one more acquisition.
    pub(crate) const fn closing(self, seat: u32) -> Self {
        self.build(Mode::Closing, seat, self.next_count(), WAITERS | OWNER_DIED)
    }

    /// The claim fulfilled; the death of the owner before is forgotten. The count changes again:
    /// a reader that looked while the lock was closing must not pass.
    pub(crate) const fn exclusive(self) -> Self {
        let seat = bits(self.0, SEAT_SHIFT, SEAT_BITS) as u32;
        self.build(Mode::Exclusive, seat, self.next_count(), WAITERS)
    }

    /// One more shared holder.
    pub(crate) const fn shared(self) -> Self {
        self.build(Mode::Shared, 0, self.next_count(), WAITERS | OWNER_DIED)
    }

    /// Free again, nobody announced as waiting.
    pub(crate) const fn free(self) -> Self {
        self.build(Mode::Free, 0, self.count(), OWNER_DIED)
    }

    /// Free again after the exclusive owner died.
    pub(crate) const fn free_after_death(self) -> Self {
        Self(self.free().0 | OWNER_DIED)
    }

    /// Whether a reader that saw `self` before and `after` behind its copy was outside any lock
    /// of others.
    #[inline(always)]
    pub(crate) const fn same_acquisition(self, after: Self) -> bool {
        self.count() == after.count()
    }
}
