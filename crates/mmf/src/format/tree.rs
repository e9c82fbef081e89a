//! Trees: the nodes, keys, cells and roots of maps and lists (`docs/format.md`, section 17).

use super::bits;

/// Most cells of a node with keys.
pub(crate) const KEYED_CELLS: usize = 30;
/// Most cells of a node by position.
pub(crate) const POSITION_CELLS: usize = 61;
/// A node but the top has at least this part of the most cells: 1 / `LEAST_PART`.
pub(crate) const LEAST_PART: usize = 4;
/// Levels are below this: more than any number of elements that fits needs.
pub(crate) const LEVEL_LIMIT: u8 = 16;
/// Longest key in bytes.
pub(crate) const LONGEST_KEY: usize = 65_535;
/// Longest key that stands in its two words.
pub(crate) const INLINE_KEY: usize = 15;
/// Longest payload that stands in its cell.
pub(crate) const INLINE_VALUE: usize = 8;
/// Collections may be inside one another so many levels deep, the outermost included.
pub(crate) const STRUCTURE_DEPTH: usize = 128;
/// Longest payload of an element.
pub(crate) const LONGEST_VALUE: u64 = (1 << 40) - 1 - BLOCK_HEADER;

/// Words of a node's header, by number.
pub(crate) const SHAPE: usize = 0;
pub(crate) const BIRTH: usize = 1;
pub(crate) const LINK: usize = 2;
pub(crate) const ELEMENTS: usize = 3;
/// Words of a node's header.
pub(crate) const NODE_HEADER: usize = 4;
/// Most words of a node.
pub(crate) const NODE_WORDS: usize = {
    let (keyed, by_position) = (KEYED_CELLS * 4, POSITION_CELLS * 2);
    NODE_HEADER + if keyed > by_position { keyed } else { by_position }
};

/// Bytes of the header of a block with a key or a payload.
pub(crate) const BLOCK_HEADER: u64 = 16;

/// Words of a root's block in front of the root, by number: its birth, its link.
pub(crate) const ROOT_BIRTH: usize = 0;
pub(crate) const ROOT_LINK: usize = 1;
/// Words in front of the root in its block.
pub(crate) const ROOT_HEADER: usize = 2;
/// Words of a root, by number.
pub(crate) const ROOT_ELEMENTS: usize = 0;
pub(crate) const ROOT_TOP: usize = 1;
pub(crate) const ROOT_SHAPE: usize = 2;
pub(crate) const ROOT_FRONT: usize = 3;
pub(crate) const ROOT_BACK: usize = 4;
/// Most words of a root.
pub(crate) const ROOT_WORDS: usize = 5;

const BIRTH_BITS: u32 = 48;

/// The epoch in a word BIRTH.
pub(crate) const fn birth_of(word: u64) -> u64 {
    bits(word, 0, BIRTH_BITS)
}

/// What a node's cells are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum NodeKind {
    KeyedLeaf = 1,
    KeyedInner = 2,
    Leaf = 3,
    Inner = 4,
}

impl NodeKind {
    pub(crate) const fn new(is_keyed: bool, level: u8) -> Self {
        match (is_keyed, level) {
            (true, 0) => Self::KeyedLeaf,
            (true, _) => Self::KeyedInner,
            (false, 0) => Self::Leaf,
            (false, _) => Self::Inner,
        }
    }

    pub(crate) const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::KeyedLeaf),
            2 => Some(Self::KeyedInner),
            3 => Some(Self::Leaf),
            4 => Some(Self::Inner),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) const fn is_keyed(self) -> bool {
        matches!(self, Self::KeyedLeaf | Self::KeyedInner)
    }

    pub(crate) const fn is_inner(self) -> bool {
        matches!(self, Self::KeyedInner | Self::Inner)
    }
}

/// Most cells of a node.
#[inline(always)]
pub(crate) const fn most_cells(is_keyed: bool) -> usize {
    if is_keyed { KEYED_CELLS } else { POSITION_CELLS }
}

/// Least cells of a node that is not the top.
pub(crate) const fn least_cells(is_keyed: bool) -> usize {
    most_cells(is_keyed) / LEAST_PART
}

/// The number of the word that column `column` has for cell `index` of `cells`.
#[inline(always)]
pub(crate) const fn cell_word(column: usize, cells: usize, index: usize) -> usize {
    NODE_HEADER + column * cells + index
}

/// Columns in front of the two that every node has.
#[inline(always)]
pub(crate) const fn key_columns(is_keyed: bool) -> usize {
    if is_keyed { 2 } else { 0 }
}

/// Words of a node.
pub(crate) const fn node_words(is_keyed: bool, cells: usize) -> usize {
    cell_word(key_columns(is_keyed) + 2, cells, 0)
}

/// A node's first word.
///
/// Bits 0-7 kind, 8-15 level, 16-23 cells, 24-31 cells that were taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Shape(pub(crate) u64);

impl Shape {
    pub(crate) const fn new(is_keyed: bool, level: u8, cells: usize) -> Self {
        let kind = NodeKind::new(is_keyed, level);
        Self(kind as u64 | ((level as u64) << 8) | ((cells as u64) << 16))
    }

    pub(crate) const fn kind(self) -> Option<NodeKind> {
        NodeKind::from_number(bits(self.0, 0, 8))
    }

    #[inline(always)]
    pub(crate) const fn level(self) -> u8 {
        bits(self.0, 8, 8) as u8
    }

    #[inline(always)]
    pub(crate) const fn cells(self) -> usize {
        bits(self.0, 16, 8) as usize
    }

    pub(crate) const fn taken(self) -> usize {
        bits(self.0, 24, 8) as usize
    }

    pub(crate) const fn with_taken(self, taken: usize) -> Self {
        Self((self.0 & !(0xff << 24)) | ((taken as u64) << 24))
    }

    /// Whether this is a node of the kind and level, with a possible number of cells.
    #[inline(always)]
    pub(crate) const fn is_sound(self, is_keyed: bool, level: u8) -> bool {
        let cells = self.cells();
        self.0 as u16 == Self::new(is_keyed, level, 0).0 as u16
            && cells >= 1
            && cells <= most_cells(is_keyed)
    }
}

const OFFSET_SHIFT: u32 = 28;

/// Names a node or block, and checks what stands there; 0 means none.
///
/// Bits 0-27 check, 28-63 offset / 16.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reference(pub(crate) u64);

impl Reference {
    /// Offsets are below this, and multiples of 16.
    pub(crate) const OFFSET_LIMIT: u64 = 1 << 40;

    pub(crate) const fn new(offset: u64, check: u64) -> Self {
        Self(((offset / 16) << OFFSET_SHIFT) | bits(check, 0, OFFSET_SHIFT))
    }

    #[inline(always)]
    pub(crate) const fn offset(self) -> u64 {
        (self.0 >> OFFSET_SHIFT) * 16
    }

    pub(crate) const fn check(self) -> u64 {
        bits(self.0, 0, OFFSET_SHIFT)
    }
}

/// What sort of bytes a key is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub(crate) enum KeyType {
    Text = 0,
    Bytes = 1,
    Item = 2,
}

/// The two lowest bits of K1 of a key that stands in a block.
pub(crate) const LONG: u64 = 3;

impl KeyType {
    pub(crate) const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Text),
            1 => Some(Self::Bytes),
            2 => Some(Self::Item),
            _ => None,
        }
    }
}

/// Whether the key of this K1 stands in a block.
#[inline(always)]
pub(crate) const fn is_long(second: u64) -> bool {
    second & LONG == LONG
}

/// K0: the first eight bytes, padded with 0, so that it compares as they do.
#[inline(always)]
pub(crate) fn first_key_word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    let length = bytes.len().min(8);
    word[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(word)
}

/// K1 of a key that stands in its words: bits 0-1 type, 4-7 length, 8-63 bytes 8 to 14.
#[inline(always)]
pub(crate) fn inline_key_word(bytes: &[u8], key_type: KeyType) -> Option<u64> {
    if bytes.len() > INLINE_KEY {
        return None;
    }
    let rest = first_key_word(bytes.get(8..).unwrap_or(&[]));
    Some(rest | ((bytes.len() as u64) << 4) | key_type as u64)
}

/// The bytes and type of a key that stands in its words; none when it cannot be one.
pub(crate) fn inline_key(words: [u64; 2]) -> Option<([u8; 16], usize, KeyType)> {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&words[0].to_be_bytes());
    bytes[8..].copy_from_slice(&(words[1] & !0xff).to_be_bytes());
    Some((bytes, bits(words[1], 4, 4) as usize, KeyType::from_number(bits(words[1], 0, 2))?))
}

/// A cell's word A: what an element is.
///
/// Bits 0-7 tag, 8 whether the payload stands in B, 16-55 its length.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ValueWord(pub(crate) u64);

impl ValueWord {
    pub(crate) const fn new(tag: u8, is_inline: bool, length: u64) -> Self {
        Self(tag as u64 | ((is_inline as u64) << 8) | (bits(length, 0, 40) << 16))
    }

    pub(crate) const fn tag(self) -> u8 {
        self.0 as u8
    }

    pub(crate) const fn is_inline(self) -> bool {
        bits(self.0, 8, 1) == 1
    }

    pub(crate) const fn length(self) -> u64 {
        bits(self.0, 16, 40)
    }
}

/// The first word of a block with a key or payload: bits 0-39 length, 40-41 type of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockWord(pub(crate) u64);

impl BlockWord {
    pub(crate) const fn new(length: u64, key_type: KeyType) -> Self {
        Self(bits(length, 0, 40) | ((key_type as u64) << 40))
    }

    pub(crate) const fn length(self) -> u64 {
        bits(self.0, 0, 40)
    }

    pub(crate) const fn key_type(self) -> Option<KeyType> {
        KeyType::from_number(bits(self.0, 40, 2))
    }
}

/// A root's word SHAPE: bits 0-7 level of the top, 8-15 cells of the front leaf, 16-23 of the back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RootShape(pub(crate) u64);

impl RootShape {
    pub(crate) const fn new(level: u8, front: u8, back: u8) -> Self {
        Self(level as u64 | ((front as u64) << 8) | ((back as u64) << 16))
    }

    pub(crate) const fn level(self) -> u8 {
        self.0 as u8
    }

    pub(crate) const fn front(self) -> u8 {
        bits(self.0, 8, 8) as u8
    }

    pub(crate) const fn back(self) -> u8 {
        bits(self.0, 16, 8) as u8
    }
}

/// Maps are keyed, lists by position; the numbers are tags of values.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub(crate) enum CollectionKind {
    Map = 11,
    List = 12,
}

impl CollectionKind {
    pub(crate) const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            11 => Some(Self::Map),
            12 => Some(Self::List),
            _ => None,
        }
    }

    #[inline(always)]
    pub(crate) const fn is_keyed(self) -> bool {
        matches!(self, Self::Map)
    }

    /// Words of a root.
    pub(crate) const fn root_words(self) -> usize {
        match self {
            Self::Map => ROOT_FRONT,
            Self::List => ROOT_WORDS,
        }
    }
}

/// What hangs in a list of things to be taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub(crate) enum Part {
    Node = 1,
    Map = 2,
    List = 3,
}

/// A link of such a list: bits 0-7 what hangs there, 28-63 offset / 16; 0 at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Link(pub(crate) u64);

impl Link {
    pub(crate) const fn new(part: Part, offset: u64) -> Self {
        Self(Reference::new(offset, part as u64).0)
    }

    pub(crate) const fn part(self) -> Option<Part> {
        match bits(self.0, 0, 8) {
            1 => Some(Part::Node),
            2 => Some(Part::Map),
            3 => Some(Part::List),
            _ => None,
        }
    }
}

impl From<CollectionKind> for Part {
    fn from(kind: CollectionKind) -> Self {
        match kind {
            CollectionKind::Map => Self::Map,
            CollectionKind::List => Self::List,
        }
    }
}
