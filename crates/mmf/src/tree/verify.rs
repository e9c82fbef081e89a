//! Verifying a collection whole: every rule of the format, and the checks if there are any.

use super::collection::{Collection, Tree};
use super::draft::{Node, copy};
use super::nested::too_deep;
use super::source::Source;
use super::view::{Cell, View, damaged};
use super::write::{block_check, words_check};
use crate::error::Result;
use crate::format::tree::{
    BIRTH, BLOCK_HEADER, CollectionKind, LINK, LONG, NODE_WORDS, ROOT_HEADER, ROOT_LINK,
    ROOT_WORDS, Reference, SHAPE, STRUCTURE_DEPTH, Shape, ValueWord, birth_of, is_long,
    least_cells, node_words,
};

/// Whether references have checks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Checks {
    Absent,
    /// With this seed.
    Seeded(u64),
}

/// Verifies a published collection and tells `visit` the offset and bytes of each block of it.
///
/// # Errors
///
/// `Damaged` for the first rule that is broken, and what `visit` fails with.
pub(crate) fn verify<S: Source>(
    source: &S,
    collection: &Collection,
    checks: Checks,
    visit: &mut dyn FnMut(u64, u64) -> Result<()>,
) -> Result<()> {
    let left = source.extent() / BLOCK_HEADER;
    let mut verifier = Verifier { view: View::new(source), checks, visit, left, last: None };
    verifier.collection(collection, 1)
}

struct Verifier<'v, S> {
    view: View<'v, S>,
    checks: Checks,
    visit: &'v mut dyn FnMut(u64, u64) -> Result<()>,
    /// Blocks that the file has room for, beyond those met.
    left: u64,
    /// The key before, in this map.
    last: Option<Cell>,
}

impl<S: Source> Verifier<'_, S> {
    fn meet(&mut self, offset: u64, bytes: u64) -> Result<()> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| damaged(offset, "a collection names more blocks than fit"))?;
        (self.visit)(offset, bytes)
    }

    fn collection(&mut self, collection: &Collection, level: usize) -> Result<()> {
        if level > STRUCTURE_DEPTH {
            return Err(too_deep());
        }
        let before = self.last.take();
        let is_keyed = collection.kind.is_keyed();
        for tree in collection.trees() {
            if tree.top != 0 {
                self.node(&tree, is_keyed, None, level)?;
            }
        }
        self.last = before;
        Ok(())
    }

    /// Verifies a node and what is beneath; `cell` is the one that names it, if any does.
    fn node(
        &mut self,
        tree: &Tree,
        is_keyed: bool,
        cell: Option<&Cell>,
        depth: usize,
    ) -> Result<()> {
        let offset = Reference(tree.top).offset();
        let (node, birth) = copy(self.view.source, offset, is_keyed, (tree.level, tree.elements))?;
        let count = node.cells.len();
        self.meet(offset, node_words(is_keyed, count) as u64 * 8)?;
        if cell.is_some_and(|cell| cell.key != node.cells[0].key) {
            return Err(damaged(offset, "a node's first key is not the one of its cell above"));
        }
        let least = match (cell, tree.level) {
            (Some(_), _) => least_cells(is_keyed),
            (None, 0) => 1,
            (None, _) => 2,
        };
        if count < least {
            return Err(damaged(offset, "a node of a tree has too few cells"));
        }
        self.check_node(tree.top, &node, birth)?;
        for cell in &node.cells {
            if tree.level == 0 {
                self.leaf_cell(cell, is_keyed, offset, depth)?;
            } else {
                let [top, elements] = cell.body;
                let child = Tree { top, level: tree.level - 1, elements };
                self.node(&child, is_keyed, Some(cell), depth)?;
            }
        }
        Ok(())
    }

    fn check_node(&self, reference: u64, node: &Node, birth: u64) -> Result<()> {
        let offset = Reference(reference).offset();
        let mut words = [0; NODE_WORDS];
        let words = &mut words[..node_words(node.is_keyed, node.cells.len())];
        self.view.source.words(offset, words)?;
        let shape = Shape::new(node.is_keyed, node.level, node.cells.len());
        if words[SHAPE] != shape.0 || words[LINK] != 0 || birth_of(words[BIRTH]) != birth {
            return Err(damaged(offset, "a node of a tree has an impossible header"));
        }
        self.check(reference, 28, |seed| words_check(words, seed))
    }

    /// Compares the upper `bits` of a reference's check.
    fn check(&self, reference: u64, bits: u32, found: impl Fn(u64) -> u64) -> Result<()> {
        let shift = 28 - bits;
        let reference = Reference(reference);
        let wanted = match self.checks {
            Checks::Absent => 0,
            Checks::Seeded(seed) => Reference::new(0, found(seed)).check(),
        };
        match wanted >> shift == reference.check() >> shift {
            true => Ok(()),
            false => Err(damaged(reference.offset(), "a part of a collection fails its check")),
        }
    }

    fn leaf_cell(&mut self, cell: &Cell, is_keyed: bool, at: u64, depth: usize) -> Result<()> {
        if is_keyed {
            self.key(cell, at)?;
        }
        if ValueWord(cell.body[0]).is_inline() {
            return Ok(());
        }
        let offset = Reference(cell.body[1]).offset();
        if let Some(kind) = cell.nested() {
            return self.root(kind, cell.body[1], depth);
        }
        let (_, bytes) = self.view.payload_of(cell)?;
        self.block(cell.body[1], 28, &bytes)?;
        self.meet(offset, BLOCK_HEADER + bytes.len() as u64)
    }

    fn key(&mut self, cell: &Cell, at: u64) -> Result<()> {
        if let Some(last) = self.last.replace(*cell)
            && self.view.key_of(&last)? >= self.view.key_of(cell)?
        {
            return Err(damaged(at, "the keys of a map are not in order"));
        }
        let key = self.view.key_of(cell)?;
        if crate::format::tree::first_key_word(&key.bytes) != cell.key[0]
            || key.is_inline() == is_long(cell.key[1])
        {
            return Err(damaged(at, "a key's words are not those of its bytes"));
        }
        if !is_long(cell.key[1]) {
            return Ok(());
        }
        self.block(cell.key[1] & !LONG, 26, &key.bytes)?;
        self.meet(Reference(cell.key[1]).offset(), BLOCK_HEADER + key.bytes.len() as u64)
    }

    fn block(&self, reference: u64, bits: u32, bytes: &[u8]) -> Result<()> {
        let mut header = [0; 2];
        self.view.source.words(Reference(reference).offset(), &mut header)?;
        self.check(reference, bits, |seed| block_check(header, bytes, seed))
    }

    fn root(&mut self, kind: CollectionKind, reference: u64, depth: usize) -> Result<()> {
        let offset = Reference(reference).offset();
        let mut words = [0; ROOT_HEADER + ROOT_WORDS];
        let words = &mut words[..ROOT_HEADER + kind.root_words()];
        self.view.source.words(offset, words)?;
        if words[ROOT_LINK] != 0 {
            return Err(damaged(offset, "the root of a collection is being taken apart"));
        }
        self.check(reference, 28, |seed| words_check(words, seed))?;
        self.meet(offset, words.len() as u64 * 8)?;
        let collection = self.view.load_root(kind, offset)?;
        self.collection(&collection, depth + 1)
    }
}
