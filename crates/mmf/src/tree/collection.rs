//! The root of a map or list as the algorithms see it.

use super::view::{damaged, published};
use crate::error::Result;
use crate::format::tree::{
    CollectionKind, LEVEL_LIMIT, POSITION_CELLS, ROOT_BACK, ROOT_ELEMENTS, ROOT_FRONT, ROOT_SHAPE,
    ROOT_TOP, ROOT_WORDS, RootShape,
};

/// Least bytes that an element takes: two words of its cell.
pub(super) const LEAST_ELEMENT: u64 = 16;

/// A tree of nodes; without elements it has none. Words that name nodes name private ones, too.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Tree {
    pub(super) top: u64,
    pub(super) level: u8,
    pub(super) elements: u64,
}

/// The leaf in front of or behind a list's tree.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct End {
    pub(super) leaf: u64,
    pub(super) cells: u8,
}

/// A map or list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Collection {
    pub(super) kind: CollectionKind,
    pub(super) tree: Tree,
    pub(super) front: End,
    pub(super) back: End,
}

impl Collection {
    /// One without elements.
    pub(crate) fn empty(kind: CollectionKind) -> Self {
        Self { kind, tree: Tree::default(), front: End::default(), back: End::default() }
    }

    /// The collection whose root, the payload at `at`, is `words`; `extent` is that of the file.
    pub(crate) fn load(kind: CollectionKind, words: &[u64], at: u64, extent: u64) -> Result<Self> {
        if words.len() != kind.root_words() {
            return Err(damaged(at, "the root of a collection has another length"));
        }
        let shape = RootShape(words[ROOT_SHAPE]);
        let end =
            |index: usize, cells: u8| End { leaf: words.get(index).copied().unwrap_or(0), cells };
        let (front, back) = (end(ROOT_FRONT, shape.front()), end(ROOT_BACK, shape.back()));
        let elements = words[ROOT_ELEMENTS];
        let in_tree = elements.checked_sub(u64::from(front.cells) + u64::from(back.cells));
        let in_tree = in_tree.filter(|_| elements <= extent / LEAST_ELEMENT);
        let Some(in_tree) = in_tree else {
            return Err(damaged(at, "a collection's number of elements is impossible"));
        };
        let tree = Tree { top: words[ROOT_TOP], level: shape.level(), elements: in_tree };
        let is_sound = |end: End| {
            usize::from(end.cells) <= POSITION_CELLS && (end.cells == 0) == (end.leaf == 0)
        };
        let is_empty = in_tree == 0;
        if !is_sound(front)
            || !is_sound(back)
            || tree.level >= LEVEL_LIMIT
            || (tree.top == 0) != is_empty
            || (is_empty && tree.level != 0)
        {
            return Err(damaged(at, "the root of a collection is impossible"));
        }
        for reference in [tree.top, front.leaf, back.leaf] {
            if reference != 0 {
                published(reference, at)?;
            }
        }
        Ok(Self { kind, tree, front, back })
    }

    /// The words of its root, whose nodes are published.
    pub(super) fn words(&self) -> [u64; ROOT_WORDS] {
        let shape = RootShape::new(self.tree.level, self.front.cells, self.back.cells);
        let mut words = [0; ROOT_WORDS];
        words[ROOT_ELEMENTS] = self.len();
        words[ROOT_TOP] = self.tree.top;
        words[ROOT_SHAPE] = shape.0;
        words[ROOT_FRONT] = self.front.leaf;
        words[ROOT_BACK] = self.back.leaf;
        words
    }

    /// Map or list.
    pub(crate) fn kind(&self) -> CollectionKind {
        self.kind
    }

    /// Number of elements.
    pub(crate) fn len(&self) -> u64 {
        self.tree.elements + u64::from(self.front.cells) + u64::from(self.back.cells)
    }

    /// Trees that its elements stand in, in order; a leaf is a tree.
    pub(super) fn trees(&self) -> [Tree; 3] {
        let tree_of = |end: End| Tree { top: end.leaf, level: 0, elements: u64::from(end.cells) };
        [tree_of(self.front), self.tree, tree_of(self.back)]
    }
}
