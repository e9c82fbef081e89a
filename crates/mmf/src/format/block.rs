//! Blocks: where values stand. A descriptor in the record says where and of what type; 16 bytes
//! in front of the payload say how long it is and who stored it when.

use super::{PAGE, bits, run};

/// Bytes of the header in front of a value.
pub(crate) const VALUE_HEADER: u64 = 16;

/// Sizes of small blocks in bytes, each a class; a slab is one page.
pub(crate) const CLASS_SIZES: [u64; 22] = [
    16, 32, 48, 64, 80, 96, 112, 128, 160, 192, 224, 256, 288, 336, 400, 496, 576, 672, 800, 1008,
    1344, 2016,
];
/// Number of classes.
pub(crate) const CLASSES: usize = CLASS_SIZES.len();
/// Bytes of the largest small block.
pub(crate) const LARGEST_SMALL: u64 = CLASS_SIZES[CLASSES - 1];

const CLASS_BY_UNITS: [u8; (LARGEST_SMALL / 16 + 1) as usize] = class_table();

const fn class_table() -> [u8; (LARGEST_SMALL / 16 + 1) as usize] {
    let mut table = [0; (LARGEST_SMALL / 16 + 1) as usize];
    let mut class = 0;
    let mut units = 0;
    while units < table.len() {
        if units as u64 * 16 > CLASS_SIZES[class] {
            class += 1;
        }
        table[units] = class as u8;
        units += 1;
    }
    table
}

/// Class of the smallest block that holds `bytes`, or none when it takes a run of pages.
#[inline(always)]
pub(crate) fn class_for(bytes: u64) -> Option<usize> {
    CLASS_BY_UNITS.get(((bytes + 15) >> 4) as usize).map(|class| usize::from(*class))
}

/// Blocks of `class` in a slab.
pub(crate) const fn blocks_per_slab(class: usize) -> u64 {
    (PAGE - run::HEADER) / CLASS_SIZES[class]
}

/// Pages of a run that holds one block of `bytes`.
pub(crate) const fn pages_for(bytes: u64) -> u64 {
    (bytes + run::HEADER).div_ceil(PAGE)
}

/// Where a value is and of what type; 0 means none.
///
/// Bits 0-7 type, 8-15 flags (none defined yet), 16-27 payload length + 1 when the value stands in
/// a small block and else 0, 28-63 offset / 16.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Descriptor(pub(crate) u64);

const SMALL_LENGTH_SHIFT: u32 = 16;
const SMALL_LENGTH_BITS: u32 = 12;

impl Descriptor {
    /// No value.
    pub(crate) const NONE: Self = Self(0);

    /// A value of type `tag` and `length` bytes in the block at `offset`.
    #[inline(always)]
    pub(crate) const fn new(offset: u64, tag: u8, length: u64) -> Self {
        let is_small = length <= LARGEST_SMALL - VALUE_HEADER;
        let small = if is_small { length + 1 } else { 0 };
        Self(((offset / 16) << 28) | (small << SMALL_LENGTH_SHIFT) | tag as u64)
    }

    #[inline(always)]
    pub(crate) const fn is_none(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    pub(crate) const fn offset(self) -> u64 {
        (self.0 >> 28) * 16
    }

    #[inline(always)]
    pub(crate) const fn tag(self) -> u8 {
        self.0 as u8
    }

    /// Whether a header with this length may stand in front of the value.
    pub(crate) const fn agrees_with(self, length: u64) -> bool {
        let expected = Self::new(self.offset(), self.tag(), length);
        bits(self.0 ^ expected.0, SMALL_LENGTH_SHIFT, SMALL_LENGTH_BITS) == 0
    }

    /// The payload's length in a small block; that of a large one stands in its header.
    #[inline(always)]
    pub(crate) const fn small_length(self) -> Option<u64> {
        bits(self.0, SMALL_LENGTH_SHIFT, SMALL_LENGTH_BITS).checked_sub(1)
    }
}

const LENGTH_BITS: u32 = 40;
const TIME_BITS: u32 = 44;
const PROGRAM_SHIFT: u32 = 44;
const PROGRAM_BITS: u32 = 12;

/// The two words in front of a value.
///
/// First: bits 0-39 payload length, 40-63 process id (0 when it needs more bits). Second: bits
/// 0-43 milliseconds since 1970, 44-55 program number, 56-63 zero.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct ValueHeader {
    pub(crate) length: u64,
    pub(crate) process: u32,
    pub(crate) time: u64,
    pub(crate) program: u32,
}

impl ValueHeader {
    pub(crate) const fn encode(self) -> [u64; 2] {
        let process = if self.process < 1 << 24 { self.process as u64 } else { 0 };
        let time = bits(self.time, 0, TIME_BITS);
        [
            bits(self.length, 0, LENGTH_BITS) | (process << LENGTH_BITS),
            time | ((self.program as u64) << PROGRAM_SHIFT),
        ]
    }

    pub(crate) const fn decode(words: [u64; 2]) -> Self {
        Self {
            length: Self::length_of(words[0]),
            process: (words[0] >> LENGTH_BITS) as u32,
            time: bits(words[1], 0, TIME_BITS),
            program: bits(words[1], PROGRAM_SHIFT, PROGRAM_BITS) as u32,
        }
    }

    /// The payload's length, from the first word alone.
    #[inline(always)]
    pub(crate) const fn length_of(first: u64) -> u64 {
        bits(first, 0, LENGTH_BITS)
    }
}
