//! The index: extendible hashing from names to records (`docs/protocols.md`, section 7).

use super::{bits, record};

/// Lines of a segment that hold words; the first line of its page is the run's header.
pub(crate) const LINES: u64 = 63;
/// Words of a line.
pub(crate) const LINE_WORDS: usize = 8;
/// Words of a segment.
pub(crate) const SEGMENT_WORDS: u64 = LINES * LINE_WORDS as u64;
/// Words in use at which a segment is split or cleaned: 7/8 of all.
pub(crate) const SPLIT_AT: u64 = SEGMENT_WORDS * 7 / 8;
/// Greatest depth of the directory.
pub(crate) const GREATEST_DEPTH: u32 = 32;
/// Deepest lead of the directory over a segment: bounds the words of one split.
pub(crate) const GREATEST_LEAD: u32 = 6;

/// Word offset in a segment's header: its depth, and its words that are not 0.
pub(crate) const DEPTH: u64 = 16;
pub(crate) const USED: u64 = 24;

/// A free word: no name of this line lies beyond it.
pub(crate) const FREE: u64 = 0;
/// A word whose record is gone.
pub(crate) const REMOVED: u64 = 1;

/// Bits of a tag, the lowest of its word.
pub(crate) const TAG_BITS: u32 = 30;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;

/// A name's hash under the namespace's seed: XXH3, 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hash(pub(crate) u64);

impl Hash {
    /// Hashes `name` with `seed`.
    #[inline(always)]
    pub(crate) fn of(name: &[u8], seed: u64) -> Self {
        Self(xxhash_rust::xxh3::xxh3_64_with_seed(name, seed))
    }

    /// Which word of a directory of `depth`.
    #[inline(always)]
    pub(crate) const fn directory_index(self, depth: u32) -> u64 {
        // In two steps, since a shift by 64 is none.
        (self.0 >> 1) >> (63 - depth)
    }

    /// The line of a segment where the search begins: bits 12-43 scaled to the number of lines.
    #[inline(always)]
    pub(crate) const fn line(self) -> u64 {
        (bits(self.0, 12, 32) * LINES) >> 32
    }

    /// The tag that stands beside the record.
    #[inline(always)]
    pub(crate) const fn tag(self) -> u64 {
        self.0 & TAG_MASK
    }

    /// The word for a record at `offset`.
    pub(crate) const fn word(self, offset: u64) -> u64 {
        ((offset / record::SIZE) << TAG_BITS) | self.tag()
    }
}

/// Whether `word` names a record whose hash has `tag`.
#[inline(always)]
pub(crate) const fn matches(word: u64, tag: u64) -> bool {
    (word ^ tag) & TAG_MASK == 0 && word > TAG_MASK
}

/// Offset of the record that `word` names.
#[inline(always)]
pub(crate) const fn record_offset(word: u64) -> u64 {
    (word >> TAG_BITS) * record::SIZE
}

/// Whether `word` names a record at all.
pub(crate) const fn names_record(word: u64) -> bool {
    word > TAG_MASK
}

/// The root word: bits 0-5 depth, 6-29 generation, 30-63 directory offset / 64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Root(pub(crate) u64);

impl Root {
    pub(crate) const fn new(directory: u64, depth: u32, generation: u64) -> Self {
        Self(((directory / 64) << 30) | (bits(generation, 0, 24) << 6) | depth as u64)
    }

    #[inline(always)]
    pub(crate) const fn depth(self) -> u32 {
        bits(self.0, 0, 6) as u32
    }

    pub(crate) const fn generation(self) -> u64 {
        bits(self.0, 6, 24)
    }

    /// Offset of the directory's first word.
    #[inline(always)]
    pub(crate) const fn directory(self) -> u64 {
        (self.0 >> 30) * 64
    }
}
