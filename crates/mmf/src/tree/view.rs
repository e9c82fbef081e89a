//! Reading: searches nodes where they stand, published or private, without copying them.

use std::cmp::Ordering;

use super::collection::{Collection, Tree};
use super::draft::{Arena, Block, Node};
use super::key::{Key, OwnedKey};
use super::source::Source;
use crate::error::{Error, Result};
use crate::format::tree::{
    BLOCK_HEADER, BlockWord, CollectionKind, ELEMENTS, INLINE_VALUE, LEVEL_LIMIT, LONG,
    LONGEST_KEY, LONGEST_VALUE, ROOT_HEADER, ROOT_WORDS, Reference, SHAPE, Shape, ValueWord,
    cell_word, inline_key, is_long, key_columns,
};
use crate::value::ValueType;

#[cold]
pub(super) fn damaged(at: u64, rule: &str) -> Error {
    Error::damaged(at, rule)
}

/// The offset that a published word names, which stands at or near `at`.
#[inline(always)]
pub(super) fn published(reference: u64, at: u64) -> Result<u64> {
    match Reference(reference).offset() {
        0 => Err(damaged(at, "a tree names a node or block at no offset")),
        offset => Ok(offset),
    }
}

/// The index in its arena that a word names if what it names is private: it has no offset.
#[inline(always)]
pub(super) fn private(reference: u64) -> Option<usize> {
    match Reference(reference).offset() {
        0 => Some((reference as usize).wrapping_sub(1)),
        _ => None,
    }
}

/// As [`private`], of the K1 of a long key.
pub(super) fn private_key(second: u64) -> Option<usize> {
    match Reference(second).offset() {
        0 => Some(((second >> 2) as usize).wrapping_sub(1)),
        _ => None,
    }
}

/// A cell: its key; what it holds (A and B), or its child and the elements beneath.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Cell {
    pub(super) key: [u64; 2],
    pub(super) body: [u64; 2],
}

impl Cell {
    /// The tag of the element, if it is a collection.
    pub(super) fn nested(&self) -> Option<CollectionKind> {
        CollectionKind::from_tag(ValueWord(self.body[0]).tag())
    }

    /// An error unless the cell can be one of a published leaf, which stands at `at`.
    pub(super) fn require_sound(&self, is_keyed: bool, at: u64) -> Result<()> {
        let value = ValueWord(self.body[0]);
        let is_nested = self.nested().is_some();
        if !is_nested && ValueType::from_tag(value.tag()).is_none() {
            return Err(damaged(at, "an element has an unknown type"));
        }
        if value.is_inline() {
            if is_nested || value.length() > INLINE_VALUE as u64 {
                return Err(damaged(at, "an element in its cell has an impossible length"));
            }
        } else {
            published(self.body[1], at)?;
            if value.length() > LONGEST_VALUE {
                return Err(damaged(at, "an element has an impossible length"));
            }
        }
        if is_keyed { require_key(self.key, at) } else { Ok(()) }
    }
}

/// An error unless the words can be a key's in a published node.
pub(super) fn require_key(key: [u64; 2], at: u64) -> Result<()> {
    if is_long(key[1]) {
        published(key[1], at).map(drop)
    } else if inline_key(key).is_none() {
        Err(damaged(at, "a key has an unknown type"))
    } else {
        Ok(())
    }
}

/// A node to be looked into.
#[derive(Clone, Copy)]
pub(super) enum NodeView<'a> {
    Published { offset: u64, cells: usize, is_keyed: bool },
    Private(&'a Node),
}

impl NodeView<'_> {
    #[inline(always)]
    pub(super) fn cells(&self) -> usize {
        match self {
            Self::Published { cells, .. } => *cells,
            Self::Private(node) => node.cells.len(),
        }
    }

    /// Where it stands, for errors.
    fn at(&self) -> u64 {
        match self {
            Self::Published { offset, .. } => *offset,
            Self::Private(_) => 0,
        }
    }
}

/// Where a way through a tree leads at each level: the cell's index.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Path {
    pub(super) index: [u8; LEVEL_LIMIT as usize],
}

/// Reads collections from what is published and, within a draft, from what is private to it.
pub(crate) struct View<'a, S> {
    pub(super) source: &'a S,
    pub(super) arena: Option<&'a Arena>,
}

impl<S> Clone for View<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for View<'_, S> {}

impl<'a, S: Source> View<'a, S> {
    /// Reads what is published.
    pub(crate) fn new(source: &'a S) -> Self {
        Self { source, arena: None }
    }

    /// The node that `reference` names, verified to be of that kind and level.
    #[inline]
    pub(super) fn open(self, reference: u64, is_keyed: bool, level: u8) -> Result<NodeView<'a>> {
        let offset = Reference(reference).offset();
        if offset == 0 {
            return self.open_private(reference, is_keyed, level);
        }
        let shape = Shape(self.source.word(offset + SHAPE as u64 * 8)?);
        if !shape.is_sound(is_keyed, level) {
            return Err(damaged(offset, "a node of a tree has an impossible shape"));
        }
        Ok(NodeView::Published { offset, cells: shape.cells(), is_keyed })
    }

    fn open_private(self, reference: u64, is_keyed: bool, level: u8) -> Result<NodeView<'a>> {
        let index = private(reference);
        let node = self.arena.zip(index).and_then(|(arena, index)| arena.nodes.get(index));
        match node {
            Some(node) if node.is_keyed == is_keyed && node.level == level => {
                Ok(NodeView::Private(node))
            }
            _ => Err(damaged(0, "a tree names a node at no offset")),
        }
    }

    /// The node, which is to have `elements` beneath it.
    pub(super) fn open_counted(
        self,
        reference: u64,
        is_keyed: bool,
        (level, elements): (u8, u64),
    ) -> Result<NodeView<'a>> {
        let node = self.open(reference, is_keyed, level)?;
        if let NodeView::Published { offset, cells, .. } = node {
            let counted = self.source.word(offset + ELEMENTS as u64 * 8)?;
            if counted != elements || (level == 0 && elements != cells as u64) {
                return Err(damaged(offset, "a node of a tree has another number of elements"));
            }
        }
        Ok(node)
    }

    #[inline(always)]
    fn key_word(self, node: &NodeView<'_>, column: usize, index: usize) -> Result<u64> {
        match node {
            NodeView::Published { offset, cells, .. } => {
                self.source.word(offset + cell_word(column, *cells, index) as u64 * 8)
            }
            NodeView::Private(node) => Ok(node.cells[index].key[column]),
        }
    }

    #[inline(always)]
    fn body_word(self, node: &NodeView<'_>, column: usize, index: usize) -> Result<u64> {
        match node {
            NodeView::Published { offset, cells, is_keyed } => {
                let column = column + key_columns(*is_keyed);
                self.source.word(offset + cell_word(column, *cells, index) as u64 * 8)
            }
            NodeView::Private(node) => Ok(node.cells[index].body[column]),
        }
    }

    /// The child in cell `index` of an inner node.
    #[inline(always)]
    pub(super) fn child(self, node: &NodeView<'_>, index: usize) -> Result<u64> {
        let child = self.body_word(node, 0, index)?;
        if let NodeView::Published { offset, .. } = node {
            published(child, *offset)?;
        }
        Ok(child)
    }

    /// The elements beneath cell `index` of an inner node.
    #[inline(always)]
    pub(super) fn count(self, node: &NodeView<'_>, index: usize) -> Result<u64> {
        self.body_word(node, 1, index)
    }

    /// Cell `index` of a leaf, verified.
    pub(super) fn cell(self, node: &NodeView<'_>, index: usize) -> Result<Cell> {
        let mut cell = Cell::default();
        let (is_keyed, is_published) = match node {
            NodeView::Published { is_keyed, .. } => (*is_keyed, true),
            NodeView::Private(node) => (node.is_keyed, false),
        };
        for column in 0..2 {
            if is_keyed {
                cell.key[column] = self.key_word(node, column, index)?;
            }
            cell.body[column] = self.body_word(node, column, index)?;
        }
        if is_published {
            cell.require_sound(is_keyed, node.at())?;
        }
        Ok(cell)
    }

    /// The key in cell `index`, compared with `key`.
    #[inline]
    fn compare(self, node: &NodeView<'_>, index: usize, key: &Key<'_>) -> Result<Ordering> {
        let first = self.key_word(node, 0, index)?;
        if first != key.first {
            return Ok(first.cmp(&key.first));
        }
        let second = self.key_word(node, 1, index)?;
        match key.second {
            Some(wanted) if !is_long(second) => Ok(second.cmp(&wanted)),
            _ => self.compare_long([first, second], key, node.at()),
        }
    }

    /// Compares keys of which one at least stands in a block.
    #[cold]
    fn compare_long(self, words: [u64; 2], key: &Key<'_>, at: u64) -> Result<Ordering> {
        if !is_long(words[1]) {
            let (bytes, length, key_type) =
                inline_key(words).ok_or_else(|| damaged(at, "a key has an unknown type"))?;
            return Ok((&bytes[..length], key_type).cmp(&(key.bytes, key.key_type)));
        }
        if at == 0
            && let Some(block) = self.private_block(private_key(words[1]))
        {
            return Ok((&block.bytes[..], block.key_type).cmp(&(key.bytes, key.key_type)));
        }
        let offset = published(words[1], at)?;
        let (length, key_type) = self.key_block(offset)?;
        let common = (length as usize).min(key.bytes.len());
        let mut buffer = [0; 256];
        for start in (0..common).step_by(buffer.len()) {
            let wanted = &key.bytes[start..common.min(start + buffer.len())];
            let found = &mut buffer[..wanted.len()];
            self.source.bytes(offset + BLOCK_HEADER + start as u64, found)?;
            match (*found).cmp(wanted) {
                Ordering::Equal => {}
                unequal => return Ok(unequal),
            }
        }
        Ok((length, key_type).cmp(&(key.bytes.len() as u64, key.key_type)))
    }

    /// The length and type of the key in a block.
    fn key_block(self, offset: u64) -> Result<(u64, crate::format::tree::KeyType)> {
        let word = BlockWord(self.source.word(offset)?);
        match word.key_type() {
            Some(key_type) if word.length() <= LONGEST_KEY as u64 => Ok((word.length(), key_type)),
            _ => Err(damaged(offset, "the block of a key has an impossible header")),
        }
    }

    fn private_block(self, index: Option<usize>) -> Option<&'a Block> {
        self.arena?.blocks.get(index?)?.as_ref()
    }

    /// The index of `key` among a node's keys, or else where it would stand.
    #[inline]
    fn search(
        self,
        node: &NodeView<'_>,
        key: &Key<'_>,
    ) -> Result<std::result::Result<usize, usize>> {
        let (mut low, mut high) = (0, node.cells());
        while low < high {
            let middle = (low + high) / 2;
            match self.compare(node, middle, key)? {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(Ok(middle)),
            }
        }
        Ok(Err(low))
    }

    /// The index of the child in which `key` is or would be.
    #[inline]
    fn child_for(self, node: &NodeView<'_>, key: &Key<'_>) -> Result<usize> {
        Ok(self.search(node, key)?.unwrap_or_else(|place| place.saturating_sub(1)))
    }

    /// The cell of a key in a map's tree.
    pub(super) fn find(self, tree: &Tree, key: &Key<'_>) -> Result<Option<Cell>> {
        if tree.top == 0 {
            return Ok(None);
        }
        let mut node = self.open(tree.top, true, tree.level)?;
        for level in (0..tree.level).rev() {
            let child = self.child(&node, self.child_for(&node, key)?)?;
            node = self.open(child, true, level)?;
        }
        match self.search(&node, key)? {
            Ok(index) => self.cell(&node, index).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The way to a key, and whether it is there; else to where it would stand.
    pub(super) fn path_to_key(self, tree: &Tree, key: &Key<'_>) -> Result<(Path, bool)> {
        let mut path = Path::default();
        if tree.top == 0 {
            return Ok((path, false));
        }
        let mut node = self.open(tree.top, true, tree.level)?;
        for level in (0..tree.level).rev() {
            let index = self.child_for(&node, key)?;
            path.index[usize::from(level) + 1] = index as u8;
            node = self.open(self.child(&node, index)?, true, level)?;
        }
        let found = self.search(&node, key)?;
        path.index[0] = found.unwrap_or_else(|place| place) as u8;
        Ok((path, found.is_ok()))
    }

    /// How many keys of a map's tree are less than `key`.
    pub(super) fn rank(self, tree: &Tree, key: &Key<'_>) -> Result<u64> {
        if tree.top == 0 {
            return Ok(0);
        }
        let mut rank = 0_u64;
        let mut node = self.open(tree.top, true, tree.level)?;
        for level in (0..tree.level).rev() {
            let index = self.child_for(&node, key)?;
            for before in 0..index {
                rank = rank.saturating_add(self.count(&node, before)?);
            }
            node = self.open(self.child(&node, index)?, true, level)?;
        }
        let found = self.search(&node, key)?;
        Ok(rank.saturating_add(found.unwrap_or_else(|place| place) as u64))
    }

    /// The leaf with the element at `position` of a tree, and its index there.
    pub(super) fn locate(
        self,
        tree: &Tree,
        is_keyed: bool,
        position: u64,
    ) -> Result<(NodeView<'a>, usize)> {
        let (node, path, _) = self.descend(tree, is_keyed, position)?;
        Ok((node, usize::from(path.index[0])))
    }

    /// The way to `position`; that of the end leads behind the last cell.
    pub(super) fn path_to_position(
        self,
        tree: &Tree,
        is_keyed: bool,
        position: u64,
    ) -> Result<Path> {
        if position < tree.elements {
            return self.descend(tree, is_keyed, position).map(|(_, path, _)| path);
        }
        self.path_behind(tree, is_keyed, tree.elements)
    }

    /// The way to just behind the element in front of `position`, which is not 0.
    pub(super) fn path_behind(self, tree: &Tree, is_keyed: bool, position: u64) -> Result<Path> {
        let Some(last) = position.checked_sub(1).filter(|_| tree.top != 0) else {
            return Ok(Path::default());
        };
        let (_, mut path, _) = self.descend(tree, is_keyed, last)?;
        path.index[0] += 1;
        Ok(path)
    }

    fn descend(
        self,
        tree: &Tree,
        is_keyed: bool,
        mut position: u64,
    ) -> Result<(NodeView<'a>, Path, u64)> {
        let mut path = Path::default();
        let mut node = self.open_counted(tree.top, is_keyed, (tree.level, tree.elements))?;
        for level in (0..tree.level).rev() {
            let mut index = 0;
            let elements = loop {
                if index == node.cells() {
                    return Err(damaged(node.at(), "a node counts more elements than are beneath"));
                }
                let count = self.count(&node, index)?;
                if position < count {
                    break count;
                }
                position -= count;
                index += 1;
            };
            path.index[usize::from(level) + 1] = index as u8;
            node = self.open_counted(self.child(&node, index)?, is_keyed, (level, elements))?;
        }
        if position >= node.cells() as u64 {
            return Err(damaged(node.at(), "a node counts more elements than are beneath"));
        }
        path.index[0] = position as u8;
        Ok((node, path, position))
    }

    /// Whether a node is too small to stand anywhere but at the top.
    pub(super) fn is_small(self, reference: u64, is_keyed: bool, level: u8) -> Result<bool> {
        let node = self.open(reference, is_keyed, level)?;
        Ok(node.cells() < crate::format::tree::least_cells(is_keyed))
    }

    /// The key of a cell.
    pub(crate) fn key_of(self, cell: &Cell) -> Result<OwnedKey> {
        if !is_long(cell.key[1]) {
            let (bytes, length, key_type) =
                inline_key(cell.key).ok_or_else(|| damaged(0, "a key has an unknown type"))?;
            return Ok(OwnedKey { bytes: bytes[..length].to_vec(), key_type });
        }
        if let Some(block) = self.private_block(private_key(cell.key[1])) {
            return Ok(OwnedKey { bytes: block.bytes.clone(), key_type: block.key_type });
        }
        let offset = published(cell.key[1] & !LONG, 0)?;
        let (length, key_type) = self.key_block(offset)?;
        let mut bytes = vec![0; length as usize];
        self.source.bytes(offset + BLOCK_HEADER, &mut bytes)?;
        Ok(OwnedKey { bytes, key_type })
    }

    /// The type and payload of an element that is no collection.
    pub(crate) fn payload_of(self, cell: &Cell) -> Result<(ValueType, Vec<u8>)> {
        let value = ValueWord(cell.body[0]);
        let value_type = ValueType::from_tag(value.tag())
            .ok_or_else(|| damaged(0, "an element has an unknown type"))?;
        if value.is_inline() {
            let length = (value.length() as usize).min(INLINE_VALUE);
            return Ok((value_type, cell.body[1].to_le_bytes()[..length].to_vec()));
        }
        if let Some(block) = self.private_block(private(cell.body[1])) {
            return Ok((value_type, block.bytes.clone()));
        }
        let offset = published(cell.body[1], 0)?;
        let length = self.payload_block(offset, value.length())?;
        let mut bytes = vec![0; length as usize];
        self.source.bytes(offset + BLOCK_HEADER, &mut bytes)?;
        Ok((value_type, bytes))
    }

    /// The length of a payload in a block, verified before anything so large is allocated.
    pub(super) fn payload_block(self, offset: u64, length: u64) -> Result<u64> {
        let in_block = BlockWord(self.source.word(offset)?).length();
        if in_block != length || length > self.source.extent().saturating_sub(offset) {
            return Err(damaged(offset, "the block of an element has another length"));
        }
        Ok(length)
    }

    /// The collection that an element is, if it is one.
    pub(crate) fn collection_of(self, cell: &Cell) -> Result<Option<Collection>> {
        let Some(kind) = cell.nested() else { return Ok(None) };
        if let Some(index) = private(cell.body[1]) {
            let placed = self.arena.and_then(|arena| arena.roots.get(index)?.as_ref());
            let placed = placed.ok_or_else(|| damaged(0, "a root at no offset"))?;
            return Ok(Some(placed.collection));
        }
        self.load_root(kind, Reference(cell.body[1]).offset()).map(Some)
    }

    /// The collection whose root's block is at `offset`.
    pub(super) fn load_root(self, kind: CollectionKind, offset: u64) -> Result<Collection> {
        let mut words = [0; ROOT_WORDS];
        let words = &mut words[..kind.root_words()];
        let at = offset + ROOT_HEADER as u64 * 8;
        self.source.words(at, words)?;
        Collection::load(kind, words, at, self.source.extent())
    }

    /// The element at `position` of a map or list, if there are so many.
    pub(crate) fn nth(self, collection: &Collection, position: u64) -> Result<Option<Cell>> {
        let is_keyed = collection.kind.is_keyed();
        let mut position = position;
        for tree in collection.trees() {
            if position < tree.elements {
                let (leaf, index) = self.locate(&tree, is_keyed, position)?;
                return self.cell(&leaf, index).map(Some);
            }
            position -= tree.elements;
        }
        Ok(None)
    }

    /// The element under `key` of a map.
    #[inline]
    pub(crate) fn get(self, map: &Collection, key: &Key<'_>) -> Result<Option<Cell>> {
        self.find(&map.tree, key)
    }

    /// Whether a map has `key`.
    pub(crate) fn contains(self, map: &Collection, key: &Key<'_>) -> Result<bool> {
        Ok(self.find(&map.tree, key)?.is_some())
    }

    /// How many keys of a map come before `key`: where it stands, or would.
    pub(crate) fn position_of(self, map: &Collection, key: &Key<'_>) -> Result<u64> {
        Ok(self.rank(&map.tree, key)?.min(map.len()))
    }
}
