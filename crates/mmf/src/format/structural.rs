//! The structural lock's word (`docs/protocols.md`, section 3).

use super::bits;

const LOCKED: u64 = 1;
const WAITERS: u64 = 1 << 1;
const SLOT_SHIFT: u32 = 4;
const SLOT_BITS: u32 = 12;
const COUNT_SHIFT: u32 = 16;
const COUNT_BITS: u32 = 48;

/// One state of the structural lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StructuralWord(pub(crate) u64);

impl StructuralWord {
    /// The slot that owns the lock, if one does.
    pub(crate) const fn owner(self) -> Option<u32> {
        if self.0 & LOCKED != 0 { Some(bits(self.0, SLOT_SHIFT, SLOT_BITS) as u32) } else { None }
    }

    pub(crate) const fn has_waiters(self) -> bool {
        self.0 & WAITERS != 0
    }

    pub(crate) const fn with_waiters(self) -> Self {
        Self(self.0 | WAITERS)
    }

    /// Owned by `slot`: one more acquisition, by a free lock's taker or a dead owner's successor.
    pub(crate) const fn owned_by(self, slot: u32) -> Self {
        let count = (bits(self.0, COUNT_SHIFT, COUNT_BITS) + 1) % (1 << COUNT_BITS);
        let waiters = self.0 & WAITERS;
        Self(waiters | LOCKED | ((slot as u64) << SLOT_SHIFT) | (count << COUNT_SHIFT))
    }

    /// Free, nobody announced as waiting.
    pub(crate) const fn free(self) -> Self {
        Self(bits(self.0, COUNT_SHIFT, COUNT_BITS) << COUNT_SHIFT)
    }
}
