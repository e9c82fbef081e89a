//! Writing what a draft made: children first, then what names them.

use super::collection::Tree;
use super::draft::{Block, CollectionId, Draft, Node};
use super::source::{Sink, Source};
use super::view::{Cell, damaged, private, private_key};
use crate::error::{Error, ErrorKind, Result};
use crate::format::checksum::{PayloadHasher, payload_hash};
use crate::format::tree::{
    BIRTH, BLOCK_HEADER, BlockWord, CollectionKind, ELEMENTS, LINK, LONG, NODE_WORDS, ROOT_BIRTH,
    ROOT_HEADER, ROOT_LINK, ROOT_WORDS, Reference, SHAPE, Shape, birth_of, cell_word, is_long,
    key_columns, node_words,
};

/// What is written into everything new.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The epoch.
    pub(crate) birth: u64,
    /// The seed of the checks, if there are to be any.
    pub(crate) checks: Option<u64>,
}

impl<S: Source> Draft<'_, S> {
    /// Writes what is private in a collection, and returns the words of its root.
    ///
    /// The draft stays what it is: after a failure it may be written again, elsewhere.
    ///
    /// # Errors
    ///
    /// `Damaged` when an edit failed in the middle; what the sink fails with.
    pub(crate) fn write(
        &self,
        id: CollectionId,
        settings: Settings,
        sink: &mut impl Sink,
    ) -> Result<Vec<u64>> {
        if self.is_broken {
            return Err(Error::new(ErrorKind::Damaged, "an edit of this draft met damage"));
        }
        let words = vec![0; NODE_WORDS];
        let keys = vec![0; self.arena.blocks.len()];
        let mut writer = Writer { draft: self, settings, sink, keys, words };
        let (kind, words) = writer.collection(id)?;
        Ok(words[..kind.root_words()].to_vec())
    }
}

struct Writer<'w, 's, S, K> {
    draft: &'w Draft<'s, S>,
    settings: Settings,
    sink: &'w mut K,
    /// K1 of the long keys that are written, by their blocks' numbers.
    keys: Vec<u64>,
    /// Words of the node that is written.
    words: Vec<u64>,
}

impl<'w, S: Source, K: Sink> Writer<'w, '_, S, K> {
    fn collection(&mut self, id: CollectionId) -> Result<(CollectionKind, [u64; ROOT_WORDS])> {
        let mut collection = self.draft.collection(id)?;
        let is_keyed = collection.kind.is_keyed();
        let [front, tree, back] = collection.trees();
        collection.front.leaf = self.tree(&front, is_keyed)?;
        collection.tree.top = self.tree(&tree, is_keyed)?;
        collection.back.leaf = self.tree(&back, is_keyed)?;
        Ok((collection.kind, collection.words()))
    }

    fn tree(&mut self, tree: &Tree, is_keyed: bool) -> Result<u64> {
        if tree.top == 0 {
            return Ok(0);
        }
        self.node(tree.top, is_keyed)
    }

    /// The published reference to a node, which is written if it is private.
    fn node(&mut self, reference: u64, is_keyed: bool) -> Result<u64> {
        let Some(index) = private(reference) else { return Ok(reference) };
        let draft = self.draft;
        let node = &draft.arena.nodes[index];
        // The bodies are kept until the node's words are filled: what is beneath needs these, too.
        let mut bodies = Vec::with_capacity(node.cells.len());
        for cell in &node.cells {
            bodies.push(self.body(node, cell, is_keyed)?);
        }
        self.fill(node, &bodies, draft.cell_of(index).body[1])
    }

    fn body(&mut self, node: &Node, cell: &Cell, is_keyed: bool) -> Result<[u64; 2]> {
        let [first, second] = cell.body;
        if node.level > 0 {
            return Ok([self.node(first, is_keyed)?, second]);
        }
        if let Some(index) = private_key(cell.key[1]).filter(|_| is_long(cell.key[1])) {
            self.keys[index] = self.block(index)? | LONG;
        }
        let value = crate::format::tree::ValueWord(first);
        match private(second).filter(|_| !value.is_inline()) {
            None => Ok(cell.body),
            Some(index) if cell.nested().is_some() => Ok([first, self.root(CollectionId(index))?]),
            Some(index) => Ok([first, self.block(index)?]),
        }
    }

    fn fill(&mut self, node: &Node, bodies: &[[u64; 2]], elements: u64) -> Result<u64> {
        let count = bodies.len();
        let length = node_words(node.is_keyed, count);
        let body = key_columns(node.is_keyed);
        self.words[SHAPE] = Shape::new(node.is_keyed, node.level, count).0;
        self.words[BIRTH] = birth_of(self.settings.birth);
        self.words[LINK] = 0;
        self.words[ELEMENTS] = elements;
        for (index, cell) in node.cells.iter().enumerate() {
            for column in 0..body {
                self.words[cell_word(column, count, index)] = cell.key[column];
            }
            if node.is_keyed
                && let Some(block) = private_key(cell.key[1]).filter(|_| is_long(cell.key[1]))
            {
                self.words[cell_word(1, count, index)] = self.keys[block];
            }
            for (column, word) in bodies[index].iter().enumerate() {
                self.words[cell_word(body + column, count, index)] = *word;
            }
        }
        let offset = self.allocate(length as u64 * 8)?;
        self.sink.fill(offset, &self.words[..length])?;
        Ok(Reference::new(offset, self.check(&self.words[..length])).0)
    }

    /// Writes a key or payload.
    fn block(&mut self, index: usize) -> Result<u64> {
        let Some(Block { bytes, key_type }) = &self.draft.arena.blocks[index] else {
            return Err(damaged(0, "a cell names a private block that is gone"));
        };
        let word = BlockWord::new(bytes.len() as u64, *key_type);
        let header = [word.0, birth_of(self.settings.birth)];
        let offset = self.allocate(BLOCK_HEADER + bytes.len() as u64)?;
        self.sink.fill(offset, &header)?;
        self.sink.fill_bytes(offset + BLOCK_HEADER, bytes)?;
        let check = self.settings.checks.map_or(0, |seed| block_check(header, bytes, seed));
        Ok(Reference::new(offset, check).0)
    }

    /// Writes the root of a collection in a collection.
    fn root(&mut self, id: CollectionId) -> Result<u64> {
        let (kind, root) = self.collection(id)?;
        let mut words = [0; ROOT_HEADER + ROOT_WORDS];
        words[ROOT_BIRTH] = birth_of(self.settings.birth);
        words[ROOT_LINK] = 0;
        words[ROOT_HEADER..].copy_from_slice(&root);
        let words = &words[..ROOT_HEADER + kind.root_words()];
        let offset = self.allocate(words.len() as u64 * 8)?;
        self.sink.fill(offset, words)?;
        Ok(Reference::new(offset, self.check(words)).0)
    }

    fn allocate(&mut self, bytes: u64) -> Result<u64> {
        let offset = self.sink.allocate(bytes)?;
        match offset > 0 && offset.is_multiple_of(16) && offset < Reference::OFFSET_LIMIT {
            true => Ok(offset),
            false => Err(damaged(offset, "a block was allocated at an impossible offset")),
        }
    }

    fn check(&self, words: &[u64]) -> u64 {
        self.settings.checks.map_or(0, |seed| words_check(words, seed))
    }
}

/// The check of a node or root, whose link is 0.
pub(super) fn words_check(words: &[u64], seed: u64) -> u64 {
    let mut bytes = [0; NODE_WORDS * 8];
    for (piece, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *piece = word.to_le_bytes();
    }
    payload_hash(&bytes[..words.len() * 8], seed)
}

/// The check of a block with a key or payload.
pub(super) fn block_check(header: [u64; 2], bytes: &[u8], seed: u64) -> u64 {
    let mut hasher = PayloadHasher::new(seed);
    header.iter().for_each(|word| hasher.update(&word.to_le_bytes()));
    hasher.update(bytes);
    hasher.finish()
}
