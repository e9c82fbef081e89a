//! Seats: one thread using one handle. Seats stand in extents that double in size.

use super::block::CLASSES;

/// Bytes of a seat.
pub(crate) const SIZE: u64 = 768;

/// Word indexes inside a seat.
pub(crate) const STATE: usize = 0;
pub(crate) const INTENT: usize = 1;
pub(crate) const OLD: usize = 2;
pub(crate) const PLACES: usize = 3;
pub(crate) const WAKE: usize = 8;
pub(crate) const WAITING: usize = 9;
/// Held locks: pairs of entry and time.
pub(crate) const HELD: usize = 16;
pub(crate) const HELD_LIMIT: usize = if cfg!(loom) { 1 } else { 16 };
/// Magazine places: [`PLACES_PER_CLASS`] for each class, then those for large blocks.
pub(crate) const MAGAZINE: usize = 48;
pub(crate) const PLACES_PER_CLASS: usize = 2;
pub(crate) const MAGAZINE_PLACES: usize = (CLASSES + 1) * PLACES_PER_CLASS;
/// Words of a seat.
pub(crate) const WORDS: usize = (SIZE / 8) as usize;

/// Seats of the first extent; each further one has twice as many.
/// (Models have fewer, and shorter lists of held locks, so that they end.)
pub(crate) const FIRST_EXTENT: u64 = if cfg!(loom) { 2 } else { 8 };

/// Where seat `number` stands: extent, and index inside it.
pub(crate) const fn locate(number: u64) -> (u64, u64) {
    locate_in_doubling_extents(number, FIRST_EXTENT)
}

/// How many seats stand before an extent, and how many in it.
pub(crate) const fn extent(extent: u64) -> (u64, u64) {
    (FIRST_EXTENT * ((1 << extent) - 1), FIRST_EXTENT << extent)
}

/// Extent and index of entry `number` in extents of `first`, 2 `first`, 4 `first`, ... entries.
pub(crate) const fn locate_in_doubling_extents(number: u64, first: u64) -> (u64, u64) {
    let extent = (number / first + 1).ilog2() as u64;
    (extent, number - first * ((1 << extent) - 1))
}

/// What a seat is doing to a record: the record's offset with the phase in the low bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Intent(pub(crate) u64);

/// How far an operation on a record has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub(crate) enum Phase {
    /// It may lock the publish word.
    Announced = 1,
    /// It may publish; the old block and the magazine places stand in the seat.
    Prepared = 2,
    /// It may add to the record's counter in place, without the publish lock.
    Counting = 3,
}

impl Intent {
    pub(crate) const NONE: Self = Self(0);

    #[inline(always)]
    pub(crate) const fn new(record: u64, phase: Phase) -> Self {
        Self(record | phase as u64)
    }

    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn record(self) -> u64 {
        self.0 & !63
    }

    pub(crate) const fn phase(self) -> Option<Phase> {
        match self.0 & 63 {
            1 => Some(Phase::Announced),
            2 => Some(Phase::Prepared),
            3 => Some(Phase::Counting),
            _ => None,
        }
    }
}

/// No magazine place.
pub(crate) const NO_PLACE: usize = 0xff;

/// Packs the places of the new and the old block.
#[inline(always)]
pub(crate) const fn pack_places(new: usize, old: usize) -> u64 {
    new as u64 | ((old as u64) << 8)
}

/// Places of the new and the old block; each is a place or [`NO_PLACE`].
pub(crate) const fn unpack_places(word: u64) -> (usize, usize) {
    ((word & 0xff) as usize, ((word >> 8) & 0xff) as usize)
}

/// How a lock is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum HeldMode {
    Exclusive,
    Shared,
}

/// An update is under way under the lock.
const UPDATING: u64 = 1 << 63;

/// One held lock: bits 0-39 the lock word's offset, bit 40 shared, bits 41-62 depth, bit 63 updating.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Held(pub(crate) u64);

impl Held {
    pub(crate) const fn new(lock: u64, mode: HeldMode, depth: u64) -> Self {
        let shared = matches!(mode, HeldMode::Shared) as u64;
        Self(lock | (shared << 40) | (depth << 41))
    }

    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn lock(self) -> u64 {
        self.0 & ((1 << 40) - 1)
    }

    pub(crate) const fn mode(self) -> HeldMode {
        if self.0 & (1 << 40) == 0 { HeldMode::Exclusive } else { HeldMode::Shared }
    }

    /// How often the seat has acquired it; 0 while the acquisition is under way.
    pub(crate) const fn depth(self) -> u64 {
        (self.0 & !UPDATING) >> 41
    }

    pub(crate) const fn with_depth(self, depth: u64) -> Self {
        Self(Self::new(self.lock(), self.mode(), depth).0 | self.0 & UPDATING)
    }

    /// Whether the seat is inside an update of the variable: the namespace's lockers wait for it.
    pub(crate) const fn is_updating(self) -> bool {
        self.0 & UPDATING != 0
    }

    pub(crate) const fn updating(self) -> Self {
        Self(self.0 | UPDATING)
    }

    pub(crate) const fn without_update(self) -> Self {
        Self(self.0 & !UPDATING)
    }
}
