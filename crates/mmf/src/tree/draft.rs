//! A draft: private copies of what changes, beside the published rest.
//!
//! Words that name private nodes, blocks and roots are references without offset: the index in
//! the arena + 1. In K1 of a long key it stands above the mark.

use super::collection::{Collection, Tree};
use super::source::Source;
use super::view::{Cell, View, damaged, private, private_key, published, require_key};
use crate::error::{Error, ErrorKind, Result};
use crate::format::tree::{
    BIRTH, BLOCK_HEADER, CollectionKind, ELEMENTS, INLINE_VALUE, KeyType, LONG, LONGEST_VALUE,
    NODE_HEADER, NODE_WORDS, Part, ROOT_BIRTH, Reference, SHAPE, Shape, ValueWord, birth_of,
    cell_word, is_long, key_columns, most_cells, node_words,
};
use crate::value::ValueType;

/// A private node.
pub(super) struct Node {
    pub(super) is_keyed: bool,
    pub(super) level: u8,
    pub(super) cells: Vec<Cell>,
}

/// A private block of a key or a payload.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) key_type: KeyType,
}

/// A collection that a draft changes.
pub(super) struct Placed {
    pub(super) collection: Collection,
    /// The collection whose element it is.
    pub(super) parent: Option<CollectionId>,
    /// Whether it is a variable's value or an element.
    pub(super) is_placed: bool,
    /// At least the levels of collections that this draft has put into it, itself included.
    pub(super) height: usize,
}

/// What is private to a draft.
#[derive(Default)]
pub(super) struct Arena {
    pub(super) nodes: Vec<Node>,
    pub(super) free_nodes: Vec<usize>,
    pub(super) blocks: Vec<Option<Block>>,
    pub(super) free_blocks: Vec<usize>,
    pub(super) roots: Vec<Option<Placed>>,
}

/// A published block that the drafted state does not have any more.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Replaced {
    pub(crate) offset: u64,
    /// The epoch in which it was made.
    pub(crate) birth: u64,
}

/// A published node or root that the drafted state does not have any more, with everything beneath:
/// it is to be taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Detached {
    pub(crate) part: Part,
    pub(crate) offset: u64,
    /// The epoch in which it was made; nothing beneath is younger.
    pub(crate) birth: u64,
}

/// Names a collection within its draft, as long as it is not removed there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct CollectionId(pub(super) usize);

/// What becomes an element.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item<'a> {
    /// A stored value: its type and payload.
    Value(ValueType, &'a [u8]),
    /// A collection made by this draft that is no element yet.
    Nested(CollectionId),
}

/// What was an element before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Old {
    Value(ValueType, Payload),
    /// A collection; it is taken apart later.
    Nested(CollectionKind),
}

/// Where the payload of an old element is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Payload {
    /// Here: it was in its cell, or private.
    Bytes(Vec<u8>),
    /// So many published bytes, which stay until the draft is committed.
    Published { offset: u64, length: u64 },
}

/// Changes collections privately. After the error *damaged* it cannot be written, only dropped,
/// which leaves no trace.
pub(crate) struct Draft<'s, S> {
    pub(super) source: &'s S,
    pub(super) arena: Arena,
    pub(super) replaced: Vec<Replaced>,
    pub(super) detached: Vec<Detached>,
    /// Cells, with their levels, that the edit under way took out.
    pub(super) removed: Vec<(u8, Cell)>,
    /// An edit failed in the middle.
    pub(super) is_broken: bool,
}

/// The word that names number `index` of an arena.
pub(super) fn private_word(index: usize) -> Result<u64> {
    match index + 1 < 1 << 26 {
        true => Ok(index as u64 + 1),
        false => Err(Error::new(ErrorKind::LimitReached, "too many changes at once")
            .advise("change less in one step")),
    }
}

impl<'s, S: Source> Draft<'s, S> {
    /// A draft without changes.
    pub(crate) fn new(source: &'s S) -> Self {
        let (replaced, detached, removed) = (Vec::new(), Vec::new(), Vec::new());
        Self { source, arena: Arena::default(), replaced, detached, removed, is_broken: false }
    }

    /// Takes a collection that is a variable's value.
    pub(crate) fn open(&mut self, collection: Collection) -> CollectionId {
        self.place(collection, None, true)
    }

    /// Makes a collection without elements, to become an element or a variable's value.
    pub(crate) fn create(&mut self, kind: CollectionKind) -> CollectionId {
        self.place(Collection::empty(kind), None, false)
    }

    pub(super) fn place(
        &mut self,
        collection: Collection,
        parent: Option<CollectionId>,
        is_placed: bool,
    ) -> CollectionId {
        self.arena.roots.push(Some(Placed { collection, parent, is_placed, height: 1 }));
        CollectionId(self.arena.roots.len() - 1)
    }

    /// Reads the collections as this draft has them.
    pub(crate) fn view(&self) -> View<'_, S> {
        View { source: self.source, arena: Some(&self.arena) }
    }

    /// A collection as it is by now.
    pub(crate) fn collection(&self, id: CollectionId) -> Result<Collection> {
        let placed = self.arena.roots.get(id.0).and_then(Option::as_ref);
        placed.map(|placed| placed.collection).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "the collection was removed by this draft")
        })
    }

    pub(super) fn store(&mut self, id: CollectionId, collection: Collection) {
        if let Some(placed) = &mut self.arena.roots[id.0] {
            placed.collection = collection;
        }
    }

    /// Published blocks that are not part of the drafted state, each once.
    pub(crate) fn replaced(&self) -> &[Replaced] {
        &self.replaced
    }

    /// Published subtrees and collections that are not part of the drafted state, each once.
    pub(crate) fn detached(&self) -> &[Detached] {
        &self.detached
    }

    /// Runs what changes nodes: if it fails, the draft is of no use any more.
    pub(super) fn guarded<T>(&mut self, edit: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.is_broken {
            return Err(Error::new(ErrorKind::Damaged, "an earlier edit met damage"));
        }
        self.is_broken = true;
        let done = edit(self)?;
        self.is_broken = false;
        Ok(done)
    }

    /// Adds a private node.
    pub(super) fn add_node(&mut self, node: Node) -> Result<usize> {
        if let Some(index) = self.arena.free_nodes.pop() {
            self.arena.nodes[index] = node;
            return Ok(index);
        }
        private_word(self.arena.nodes.len())?;
        self.arena.nodes.push(node);
        Ok(self.arena.nodes.len() - 1)
    }

    pub(super) fn free_node(&mut self, index: usize) {
        self.arena.nodes[index].cells = Vec::new();
        self.arena.free_nodes.push(index);
    }

    /// The cell that names a private node in its parent.
    pub(super) fn cell_of(&self, index: usize) -> Cell {
        let node = &self.arena.nodes[index];
        let elements = match node.level {
            0 => node.cells.len() as u64,
            _ => node.cells.iter().map(|cell| cell.body[1]).sum(),
        };
        let key = node.cells.first().map_or([0; 2], |cell| cell.key);
        Cell { key, body: [index as u64 + 1, elements] }
    }

    /// The private node for a node of a tree; a published one is copied and noted as replaced.
    pub(super) fn own(
        &mut self,
        reference: u64,
        is_keyed: bool,
        (level, elements): (u8, u64),
    ) -> Result<usize> {
        if let Some(index) = private(reference) {
            return Ok(index);
        }
        let offset = Reference(reference).offset();
        let (node, birth) = copy(self.source, offset, is_keyed, (level, elements))?;
        self.replaced.push(Replaced { offset, birth });
        self.add_node(node)
    }

    pub(super) fn add_block(&mut self, block: Block) -> Result<u64> {
        if let Some(index) = self.arena.free_blocks.pop() {
            self.arena.blocks[index] = Some(block);
            return private_word(index);
        }
        let word = private_word(self.arena.blocks.len())?;
        self.arena.blocks.push(Some(block));
        Ok(word)
    }

    fn take_block(&mut self, index: usize) -> Option<Block> {
        let block = self.arena.blocks.get_mut(index)?.take()?;
        self.arena.free_blocks.push(index);
        Some(block)
    }

    /// The words of a key that no cell has yet.
    pub(super) fn key_words(&mut self, key: &super::key::Key<'_>) -> Result<[u64; 2]> {
        let second = match key.second {
            Some(second) => second,
            None => {
                let block = Block { bytes: key.bytes.to_vec(), key_type: key.key_type };
                (self.add_block(block)? << 2) | LONG
            }
        };
        Ok([key.first, second])
    }

    /// A and B of an element that the collection `parent` gets.
    pub(super) fn body(&mut self, item: Item<'_>, parent: CollectionId) -> Result<[u64; 2]> {
        let (value_type, bytes) = match item {
            Item::Value(value_type, bytes) => (value_type, bytes),
            Item::Nested(id) => return self.body_of_nested(id, parent),
        };
        let length = bytes.len() as u64;
        if bytes.len() <= INLINE_VALUE {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            let head = ValueWord::new(value_type.tag(), true, length);
            return Ok([head.0, u64::from_le_bytes(word)]);
        }
        if length > LONGEST_VALUE {
            let reason = format!("an element of {length} bytes, and {LONGEST_VALUE} are the most");
            return Err(Error::new(ErrorKind::ValueTooLarge, reason));
        }
        let block = Block { bytes: bytes.to_vec(), key_type: KeyType::Text };
        let head = ValueWord::new(value_type.tag(), false, length);
        Ok([head.0, self.add_block(block)?])
    }

    /// Notes a published block with a key or payload.
    fn note_block(&mut self, offset: u64) -> Result<()> {
        let birth = birth_of(self.source.word(offset + 8)?);
        self.replaced.push(Replaced { offset, birth });
        Ok(())
    }

    fn detach(&mut self, part: Part, offset: u64) -> Result<()> {
        let word = match part {
            Part::Node => BIRTH,
            Part::Map | Part::List => ROOT_BIRTH,
        };
        let birth = birth_of(self.source.word(offset + word as u64 * 8)?);
        self.detached.push(Detached { part, offset, birth });
        Ok(())
    }

    /// Drops the key of a removed cell.
    pub(super) fn discard_key(&mut self, key: [u64; 2]) -> Result<()> {
        if !is_long(key[1]) {
            return Ok(());
        }
        match private_key(key[1]) {
            Some(index) => drop(self.take_block(index)),
            None => self.note_block(Reference(key[1]).offset())?,
        }
        Ok(())
    }

    /// Drops the element of a removed or overwritten cell, and tells what it was.
    pub(super) fn discard_element(&mut self, cell: &Cell) -> Result<Old> {
        let value = ValueWord(cell.body[0]);
        let offset = Reference(cell.body[1]).offset();
        if let Some(kind) = cell.nested() {
            match private(cell.body[1]) {
                Some(index) => self.discard_root(CollectionId(index))?,
                None => self.detach(kind.into(), offset)?,
            }
            return Ok(Old::Nested(kind));
        }
        let value_type = ValueType::from_tag(value.tag())
            .ok_or_else(|| damaged(offset, "an element has an unknown type"))?;
        if value.is_inline() {
            let bytes = &cell.body[1].to_le_bytes()[..value.length() as usize];
            return Ok(Old::Value(value_type, Payload::Bytes(bytes.to_vec())));
        }
        if let Some(index) = private(cell.body[1]) {
            let bytes = self.take_block(index).map_or_else(Vec::new, |block| block.bytes);
            return Ok(Old::Value(value_type, Payload::Bytes(bytes)));
        }
        let length = self.view().payload_block(offset, value.length())?;
        self.note_block(offset)?;
        let payload = Payload::Published { offset: offset + BLOCK_HEADER, length };
        Ok(Old::Value(value_type, payload))
    }

    /// Drops a collection with everything in it: what is private at once, the rest is detached.
    pub(super) fn discard_root(&mut self, id: CollectionId) -> Result<()> {
        if let Some(placed) = self.arena.roots.get_mut(id.0).and_then(Option::take) {
            self.discard_all(&placed.collection)?;
        }
        Ok(())
    }

    pub(super) fn discard_all(&mut self, collection: &Collection) -> Result<()> {
        for tree in collection.trees() {
            self.discard_tree(&tree, collection.kind.is_keyed())?;
        }
        Ok(())
    }

    /// Drops a tree: its private nodes are taken apart here, what is published later.
    pub(super) fn discard_tree(&mut self, tree: &Tree, is_keyed: bool) -> Result<()> {
        let Tree { top, level, .. } = *tree;
        if top == 0 {
            return Ok(());
        }
        let Some(index) = private(top) else {
            return self.detach(Part::Node, Reference(top).offset());
        };
        let cells = std::mem::take(&mut self.arena.nodes[index].cells);
        self.free_node(index);
        for cell in cells {
            self.discard_cell(&cell, is_keyed, level)?;
        }
        Ok(())
    }

    /// Drops a cell of a node of `level` with all that it names.
    pub(super) fn discard_cell(&mut self, cell: &Cell, is_keyed: bool, level: u8) -> Result<()> {
        if level > 0 {
            let tree = Tree { top: cell.body[0], level: level - 1, elements: cell.body[1] };
            return self.discard_tree(&tree, is_keyed);
        }
        if is_keyed {
            self.discard_key(cell.key)?;
        }
        self.discard_element(cell).map(drop)
    }
}

/// A copy of a published node, verified whole, and its birth.
pub(super) fn copy(
    source: &impl Source,
    offset: u64,
    is_keyed: bool,
    (level, elements): (u8, u64),
) -> Result<(Node, u64)> {
    let mut words = [0; NODE_WORDS];
    source.words(offset, &mut words[..NODE_HEADER])?;
    let shape = Shape(words[SHAPE]);
    let count = shape.cells();
    if !shape.is_sound(is_keyed, level) || words[ELEMENTS] != elements {
        return Err(damaged(offset, "a node of a tree has an impossible shape"));
    }
    let length = node_words(is_keyed, count);
    source.words(offset + NODE_HEADER as u64 * 8, &mut words[NODE_HEADER..length])?;
    let body = key_columns(is_keyed);
    let mut cells = Vec::with_capacity(most_cells(is_keyed) + 1);
    let mut beneath = 0_u64;
    for index in 0..count {
        let word = |column| words[cell_word(column, count, index)];
        let key = if is_keyed { [word(0), word(1)] } else { [0; 2] };
        let cell = Cell { key, body: [word(body), word(body + 1)] };
        if level == 0 {
            cell.require_sound(is_keyed, offset)?;
            beneath += 1;
        } else {
            published(cell.body[0], offset)?;
            if is_keyed {
                require_key(key, offset)?;
            }
            beneath = beneath.saturating_add(cell.body[1].max(1));
        }
        cells.push(cell);
    }
    if beneath != elements {
        return Err(damaged(offset, "a node of a tree has another number of elements"));
    }
    Ok((Node { is_keyed, level, cells }, birth_of(words[BIRTH])))
}
