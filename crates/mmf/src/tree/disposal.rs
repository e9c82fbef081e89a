//! Taking apart what was detached, in bounded steps and without memory.
//!
//! What is under way hangs in a list: one word names the first, link words the next. A step works
//! on the first: an inner node puts its next child in front of itself, a leaf gives back the blocks
//! of its cells; a node counts what is taken. Each step leaves a state from which any process goes
//! on, so the list and the memory behind it survive a kill.

use super::collection::Collection;
use super::source::Space;
use super::view::Cell;
use super::view::{damaged, published, require_key};
use crate::error::Result;
use crate::format::tree::{
    CollectionKind, LINK, Link, NodeKind, Part, ROOT_HEADER, ROOT_LINK, ROOT_WORDS, Reference,
    SHAPE, Shape, ValueWord, cell_word, is_long, key_columns, most_cells,
};

/// Most blocks that a step gives back. A heap changes some ten words for each at most.
const FREES: usize = 12;
/// Most words, besides, that a step changes.
const CHANGES: usize = 40;

/// How far it has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// There is more to take apart.
    More,
    /// The list is empty.
    Done,
}

/// Puts what was detached in front of the list whose first word is at `list`.
pub(crate) fn hang(space: &mut impl Space, list: u64, part: Part, offset: u64) -> Result<()> {
    Step { space, list, frees: 0, changes: 0 }.hang(part, offset)
}

/// Takes apart a part of what hangs in the list whose first word is at `list`.
pub(crate) fn step(space: &mut impl Space, list: u64) -> Result<Progress> {
    let mut step = Step { space, list, frees: 0, changes: 0 };
    while step.frees < FREES && step.changes < CHANGES {
        let first = step.space.read(list)?;
        if first == 0 {
            return Ok(Progress::Done);
        }
        let offset = published(first, list)?;
        match Link(first).part() {
            Some(Part::Node) => step.node(offset)?,
            Some(Part::Map) => step.root(CollectionKind::Map, offset)?,
            Some(Part::List) => step.root(CollectionKind::List, offset)?,
            None => return Err(damaged(list, "what is taken apart is of no known sort")),
        }
    }
    match step.space.read(list)? {
        0 => Ok(Progress::Done),
        _ => Ok(Progress::More),
    }
}

struct Step<'s, M> {
    space: &'s mut M,
    /// Offset of the word that names the first.
    list: u64,
    frees: usize,
    changes: usize,
}

impl<M: Space> Step<'_, M> {
    fn word(&self, offset: u64, word: usize) -> Result<u64> {
        self.space.read(offset + word as u64 * 8)
    }

    fn change(&mut self, offset: u64, word: usize, to: u64) -> Result<()> {
        self.changes += 1;
        self.space.write(offset + word as u64 * 8, to)
    }

    fn free(&mut self, offset: u64) -> Result<()> {
        self.frees += 1;
        self.space.free(offset)
    }

    fn link_word(part: Part) -> usize {
        match part {
            Part::Node => LINK,
            Part::Map | Part::List => ROOT_LINK,
        }
    }

    fn hang(&mut self, part: Part, offset: u64) -> Result<()> {
        let link = Self::link_word(part);
        let is_taken = part == Part::Node && Shape(self.word(offset, SHAPE)?).taken() != 0;
        if is_taken || self.word(offset, link)? != 0 {
            return Err(damaged(offset, "a part of a collection is in two places"));
        }
        self.change(offset, link, self.space.read(self.list)?)?;
        self.change(self.list, 0, Link::new(part, offset).0)
    }

    /// Takes the first out of the list and gives it back.
    fn finish(&mut self, part: Part, offset: u64) -> Result<()> {
        let next = self.word(offset, Self::link_word(part))?;
        self.change(self.list, 0, next)?;
        self.free(offset)
    }

    fn root(&mut self, kind: CollectionKind, offset: u64) -> Result<()> {
        let mut words = [0; ROOT_WORDS];
        for (index, word) in words[..kind.root_words()].iter_mut().enumerate() {
            *word = self.word(offset, ROOT_HEADER + index)?;
        }
        // Of the number of elements nothing depends here.
        let words = &words[..kind.root_words()];
        let collection = Collection::load(kind, words, offset, u64::MAX)?;
        self.finish(kind.into(), offset)?;
        for tree in collection.trees() {
            if tree.top != 0 {
                let node = Reference(tree.top).offset();
                self.require(node, kind.is_keyed(), tree.level)?;
                self.hang(Part::Node, node)?;
            }
        }
        Ok(())
    }

    /// An error unless a node is of the kind and level that what names it says.
    fn require(&self, offset: u64, is_keyed: bool, level: u8) -> Result<()> {
        match Shape(self.word(offset, SHAPE)?).is_sound(is_keyed, level) {
            true => Ok(()),
            false => Err(damaged(offset, "a node of a tree has an impossible shape")),
        }
    }

    fn node(&mut self, offset: u64) -> Result<()> {
        let shape = Shape(self.word(offset, SHAPE)?);
        let kind = shape.kind().filter(|kind| {
            let cells = shape.cells();
            kind.is_inner() == (shape.level() > 0)
                && (1..=most_cells(kind.is_keyed())).contains(&cells)
                && shape.taken() <= cells
        });
        let Some(kind) = kind else {
            return Err(damaged(offset, "a node of a tree has an impossible shape"));
        };
        if shape.taken() == shape.cells() {
            return self.finish(Part::Node, offset);
        }
        match kind.is_inner() {
            true => self.child(offset, shape, kind),
            false => self.cells(offset, shape, kind),
        }
    }

    /// Puts the next child of an inner node in front of it.
    fn child(&mut self, offset: u64, shape: Shape, kind: NodeKind) -> Result<()> {
        let column = key_columns(kind.is_keyed());
        let word = cell_word(column, shape.cells(), shape.taken());
        let child = published(self.word(offset, word)?, offset)?;
        self.require(child, kind.is_keyed(), shape.level() - 1)?;
        self.change(offset, SHAPE, shape.with_taken(shape.taken() + 1).0)?;
        self.hang(Part::Node, child)
    }

    /// Gives back the blocks of cells of a leaf, as far as this step goes.
    fn cells(&mut self, offset: u64, shape: Shape, kind: NodeKind) -> Result<()> {
        let (count, body) = (shape.cells(), key_columns(kind.is_keyed()));
        let mut taken = shape.taken();
        let mut nested = None;
        while taken < count && self.frees < FREES && nested.is_none() {
            let word = |column| self.word(offset, cell_word(column, count, taken));
            let key = if body > 0 { [word(0)?, word(1)?] } else { [0; 2] };
            let cell = Cell { key, body: [word(body)?, word(body + 1)?] };
            if body > 0 {
                require_key(key, offset)?;
            }
            if is_long(key[1]) {
                self.free(published(key[1], offset)?)?;
            }
            if !ValueWord(cell.body[0]).is_inline() {
                let named = published(cell.body[1], offset)?;
                match cell.nested() {
                    Some(kind) => nested = Some((kind, named)),
                    None => self.free(named)?,
                }
            }
            taken += 1;
        }
        self.change(offset, SHAPE, shape.with_taken(taken).0)?;
        match nested {
            Some((kind, root)) => self.hang(kind.into(), root),
            None => Ok(()),
        }
    }
}
