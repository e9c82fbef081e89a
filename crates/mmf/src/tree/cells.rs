//! Walking over elements, in either direction.

use super::collection::Collection;
use super::source::Source;
use super::view::{Cell, NodeView, View};
use crate::error::Result;

/// Which way a walk goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

/// The elements of a range of positions. An error ends the walk.
pub(crate) struct Cells<'a, S> {
    view: View<'a, S>,
    collection: Collection,
    from: u64,
    to: u64,
    direction: Direction,
    /// The leaf that the walk is in, and the position of its first element.
    leaf: Option<(NodeView<'a>, u64)>,
}

impl<'a, S: Source> View<'a, S> {
    /// Walks over the elements at `from` and further in front of `to`, as far as there are any.
    pub(crate) fn cells(
        self,
        collection: &Collection,
        (from, to): (u64, u64),
        direction: Direction,
    ) -> Cells<'a, S> {
        let to = to.min(collection.len());
        Cells { view: self, collection: *collection, from, to, direction, leaf: None }
    }

    /// Walks over all elements in order.
    pub(crate) fn all(self, collection: &Collection) -> Cells<'a, S> {
        self.cells(collection, (0, u64::MAX), Direction::Forward)
    }
}

impl<S: Source> Cells<'_, S> {
    fn cell_at(&mut self, position: u64) -> Result<Cell> {
        if let Some((leaf, first)) = &self.leaf
            && let Some(index) = position.checked_sub(*first)
            && index < leaf.cells() as u64
        {
            return self.view.cell(leaf, index as usize);
        }
        let mut before = 0;
        for tree in self.collection.trees() {
            if position - before < tree.elements {
                let is_keyed = self.collection.kind.is_keyed();
                let (leaf, index) = self.view.locate(&tree, is_keyed, position - before)?;
                self.leaf = Some((leaf, position - index as u64));
                return self.view.cell(&leaf, index);
            }
            before += tree.elements;
        }
        Err(super::view::damaged(0, "a walk leads behind the last element"))
    }
}

impl<S: Source> Iterator for Cells<'_, S> {
    type Item = Result<Cell>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.from >= self.to {
            return None;
        }
        let position = match self.direction {
            Direction::Forward => {
                self.from += 1;
                self.from - 1
            }
            Direction::Backward => {
                self.to -= 1;
                self.to
            }
        };
        let cell = self.cell_at(position);
        if cell.is_err() {
            self.to = self.from;
        }
        Some(cell)
    }
}
