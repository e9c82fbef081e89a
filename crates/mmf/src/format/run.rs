//! Runs of pages: the first 64 bytes of each say what the run is.

use super::{LINE, bits};

/// Bytes of a run's header.
pub(crate) const HEADER: u64 = LINE;

/// Word offsets inside the header, in bytes.
pub(crate) const INFO: u64 = 0;
/// Pages of the run in front of this one; 0 for the first.
pub(crate) const PREVIOUS_PAGES: u64 = 8;
/// Links of the list a free run or a partly used slab hangs in.
pub(crate) const NEXT: u64 = 16;
pub(crate) const PREVIOUS: u64 = 24;
/// Bitmap of a slab's used blocks: four words; record slabs use the first.
pub(crate) const BITMAP: u64 = 32;
/// Record slabs: the next of all record slabs.
pub(crate) const NEXT_RECORD_SLAB: u64 = 40;

/// What a run is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    Free = 1,
    Slab = 2,
    Large = 3,
    Segment = 4,
    Directory = 5,
    Seats = 6,
    Programs = 7,
    Records = 8,
}

/// The header's first word: bits 0-7 kind, 8-15 class, 16-47 pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Info(pub(crate) u64);

impl Info {
    pub(crate) const fn new(kind: Kind, class: usize, pages: u64) -> Self {
        Self(kind as u64 | ((class as u64) << 8) | (pages << 16))
    }

    /// The kind, or none when the byte is no kind.
    pub(crate) const fn kind(self) -> Option<Kind> {
        match self.0 as u8 {
            1 => Some(Kind::Free),
            2 => Some(Kind::Slab),
            3 => Some(Kind::Large),
            4 => Some(Kind::Segment),
            5 => Some(Kind::Directory),
            6 => Some(Kind::Seats),
            7 => Some(Kind::Programs),
            8 => Some(Kind::Records),
            _ => None,
        }
    }

    /// Whether the run is a slab of blocks of `class`.
    #[inline(always)]
    pub(crate) const fn is_slab_of(self, class: usize) -> bool {
        self.0 as u16 == (Kind::Slab as u16) | ((class as u16) << 8)
    }

    pub(crate) const fn class(self) -> usize {
        bits(self.0, 8, 8) as usize
    }

    pub(crate) const fn pages(self) -> u64 {
        bits(self.0, 16, 32)
    }
}
