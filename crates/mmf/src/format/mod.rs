//! The file format: offsets, sizes and the meaning of every word. Pure arithmetic, no memory.
//!
//! `docs/format.md` is the specification; a test compares its tables with these constants.

pub(crate) mod block;
pub(crate) mod checksum;
pub(crate) mod counter;
pub(crate) mod header;
pub(crate) mod index;
pub(crate) mod lock_word;
pub(crate) mod publish;
pub(crate) mod record;
pub(crate) mod run;
pub(crate) mod seat;
pub(crate) mod slot;
pub(crate) mod structural;
#[cfg(test)]
mod tests;
pub(crate) mod tree;

/// Bytes of a page, the unit of the heap.
pub(crate) const PAGE: u64 = 4096;

/// Bytes of a cache line.
pub(crate) const LINE: u64 = 64;

/// Extracts `count` bits of `word` from bit `first` on.
#[inline(always)]
pub(crate) const fn bits(word: u64, first: u32, count: u32) -> u64 {
    (word >> first) & (u64::MAX >> (64 - count))
}
