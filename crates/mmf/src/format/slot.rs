//! Slots: one attached process each (`docs/protocols.md`, section 5).

/// Bytes of a slot.
pub(crate) const SIZE: u64 = 128;

/// Word indexes inside a slot. All but the state are for people to read.
pub(crate) const STATE: usize = 0;
pub(crate) const PROCESS: usize = 1;
pub(crate) const START_TIME: usize = 2;
pub(crate) const PID_NAMESPACE: usize = 3;
pub(crate) const BOOT_ID: usize = 4;
pub(crate) const ATTACHED: usize = 6;
pub(crate) const PROGRAM_LENGTH: usize = 7;
pub(crate) const PROGRAM: usize = 8;
/// Words of a slot.
pub(crate) const WORDS: usize = (SIZE / 8) as usize;
/// Most bytes of a program's name.
pub(crate) const PROGRAM_BYTES: usize = 48;

/// One state of a slot's first word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SlotState(pub(crate) u64);

impl SlotState {
    pub(crate) const fn is_live(self) -> bool {
        self.0 & 3 == 1
    }

    /// Live, in the next generation.
    pub(crate) const fn attached(self) -> Self {
        Self((((self.0 >> 8) + 1) << 8) | 1)
    }

    /// Nobody has ever owned the slot, nor passed it by.
    pub(crate) const fn is_untouched(self) -> bool {
        self.0 == 0
    }

    /// Free, in the first generation: nobody has owned the slot, but perhaps one above it.
    pub(crate) const PASSED: Self = Self(1 << 8);

    /// Free, in the same generation.
    pub(crate) const fn free(self) -> Self {
        Self(self.0 & !3)
    }
}

/// Bytes of an entry of the program table: a length word, then the name.
pub(crate) const PROGRAM_ENTRY: u64 = 64;
/// Entries of the program table's first extent; each further one has twice as many.
pub(crate) const FIRST_PROGRAM_EXTENT: u64 = 32;
