//! Changing lists: a leaf in front, a tree, a leaf behind.
//!
//! Pushes and pops change the end leaves. One that is full gives half of itself to the tree, and
//! an empty one takes a leaf of the tree, so between two changes of the tree at one end lie at
//! least `least_cells` pushes or pops, however they alternate.

use super::collection::{Collection, End, Tree};
use super::draft::{CollectionId, Draft, Item, Node, Old};
use super::edit::Span;
use super::source::Source;
use super::view::{Cell, Path, damaged};
use crate::error::{Error, ErrorKind, Result};
use crate::format::tree::{CollectionKind, POSITION_CELLS, most_cells};

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Front,
    Back,
}

impl Collection {
    fn end(&mut self, side: Side) -> &mut End {
        match side {
            Side::Front => &mut self.front,
            Side::Back => &mut self.back,
        }
    }
}

pub(super) fn no_such_position(position: u64, length: u64) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("there is no position {position} in a list of {length} elements"),
    )
}

impl<S: Source> Draft<'_, S> {
    /// Puts an element at an end of a list.
    pub(crate) fn push(&mut self, id: CollectionId, side: Side, item: Item<'_>) -> Result<()> {
        let mut list = self.require(id, CollectionKind::List)?;
        let body = self.body(item, id)?;
        let cell = Cell { key: [0; 2], body };
        self.guarded(|draft| {
            if usize::from(list.end(side).cells) == POSITION_CELLS {
                draft.give_half(&mut list, side)?;
            }
            let end = list.end(side);
            let mut cells = draft.take_end(end)?;
            match side {
                Side::Front => cells.insert(0, cell),
                Side::Back => cells.push(cell),
            }
            *list.end(side) = draft.put_end(cells)?;
            Ok(())
        })?;
        self.store(id, list);
        Ok(())
    }

    /// Takes the element at an end of a list out of it.
    pub(crate) fn pop(&mut self, id: CollectionId, side: Side) -> Result<Option<Old>> {
        let mut list = self.require(id, CollectionKind::List)?;
        if list.len() == 0 {
            return Ok(None);
        }
        let old = self.guarded(|draft| {
            if list.end(side).cells == 0 && list.tree.top != 0 {
                draft.take_leaf(&mut list, side)?;
            }
            let position = match side {
                Side::Front => 0,
                Side::Back => list.len() - 1,
            };
            draft.replace_keeping(&mut list, (position, position + 1), Vec::new())?;
            draft.only_removed()
        })?;
        self.store(id, list);
        Ok(Some(old))
    }

    /// Overwrites the element at `position` of a list; returns what it was.
    pub(crate) fn set(&mut self, id: CollectionId, position: u64, item: Item<'_>) -> Result<Old> {
        let mut list = self.require(id, CollectionKind::List)?;
        if position >= list.len() {
            return Err(no_such_position(position, list.len()));
        }
        let body = self.body(item, id)?;
        let old = self.guarded(|draft| {
            let cell = draft.own_cell(&mut list, position)?;
            let old = *cell;
            cell.body = body;
            draft.discard_element(&old)
        })?;
        self.store(id, list);
        Ok(old)
    }

    /// Replaces the elements at the positions `from..to` of a list by `items`.
    pub(crate) fn splice(
        &mut self,
        id: CollectionId,
        (from, to): (u64, u64),
        items: &[Item<'_>],
    ) -> Result<()> {
        let mut list = self.require(id, CollectionKind::List)?;
        if from > to || to > list.len() {
            return Err(no_such_position(from.max(to), list.len()));
        }
        let mut cells = Vec::with_capacity(items.len());
        for item in items {
            cells.push(Cell { key: [0; 2], body: self.body(*item, id)? });
        }
        self.guarded(|draft| draft.replace(&mut list, (from, to), cells))?;
        self.store(id, list);
        Ok(())
    }

    /// Puts an element in front of the one at `position` of a list.
    pub(crate) fn insert_at(
        &mut self,
        id: CollectionId,
        position: u64,
        item: Item<'_>,
    ) -> Result<()> {
        self.splice(id, (position, position), &[item])
    }

    /// Takes the element at `position` out of a map or list; returns what it was.
    pub(crate) fn remove_at(&mut self, id: CollectionId, position: u64) -> Result<Old> {
        let mut collection = self.collection(id)?;
        if position >= collection.len() {
            return Err(no_such_position(position, collection.len()));
        }
        let old = self.guarded(|draft| {
            draft.replace_keeping(&mut collection, (position, position + 1), Vec::new())?;
            draft.only_removed()
        })?;
        self.store(id, collection);
        Ok(old)
    }

    /// Takes all elements from `length` on out of a list.
    pub(crate) fn truncate(&mut self, id: CollectionId, length: u64) -> Result<()> {
        let list = self.require(id, CollectionKind::List)?;
        self.remove_range(id, (length.min(list.len()), list.len()))
    }

    /// Replaces a range of a collection, and drops what stood there.
    pub(super) fn replace(
        &mut self,
        collection: &mut Collection,
        range: (u64, u64),
        new: Vec<Cell>,
    ) -> Result<()> {
        self.replace_keeping(collection, range, new)?;
        let removed = std::mem::take(&mut self.removed);
        for (level, cell) in removed {
            self.discard_cell(&cell, collection.kind.is_keyed(), level)?;
        }
        Ok(())
    }

    /// Replaces a range of a collection; what stood there is in `removed`.
    fn replace_keeping(
        &mut self,
        collection: &mut Collection,
        (from, to): (u64, u64),
        new: Vec<Cell>,
    ) -> Result<()> {
        if from == to && new.is_empty() {
            return Ok(());
        }
        let is_keyed = collection.kind.is_keyed();
        let front = u64::from(collection.front.cells);
        let behind = front + collection.tree.elements;
        let is_small = |end: End, removed: u64| {
            let left = u64::from(end.cells) - removed;
            left + new.len() as u64 <= POSITION_CELLS as u64
        };
        if !is_keyed && from >= behind && is_small(collection.back, to - from) {
            let range = ((from - behind) as usize, (to - behind) as usize);
            return self.replace_in_end(&mut collection.back, range, new);
        }
        if front > 0 && to <= front && is_small(collection.front, to - from) {
            return self.replace_in_end(&mut collection.front, (from as usize, to as usize), new);
        }
        if from < front || to > behind || collection.tree.top == 0 {
            self.fold(collection)?;
        }
        let first = u64::from(collection.front.cells);
        let (from, to) = (from - first, to - first);
        let tree = collection.tree;
        let start = self.view().path_to_position(&tree, is_keyed, from)?;
        let end = match from == to {
            true => start,
            false => self.view().path_behind(&tree, is_keyed, to)?,
        };
        let span = Span { from: Some(&start), to: Some(&end) };
        collection.tree = self.edit_tree(tree, is_keyed, 0, span, new)?;
        Ok(())
    }

    fn replace_in_end(
        &mut self,
        end: &mut End,
        (from, to): (usize, usize),
        new: Vec<Cell>,
    ) -> Result<()> {
        let mut cells = self.take_end(end)?;
        self.removed.extend(cells.splice(from..to, new).map(|cell| (0, cell)));
        *end = self.put_end(cells)?;
        Ok(())
    }

    /// What an edit of one element took out.
    fn only_removed(&mut self) -> Result<Old> {
        let Some((_, cell)) = self.removed.pop() else {
            return Err(damaged(0, "an element is where its tree has no cell"));
        };
        self.discard_key(cell.key)?;
        self.discard_element(&cell)
    }

    /// The cells of an end leaf, which is no end leaf until they are put back.
    fn take_end(&mut self, end: &End) -> Result<Vec<Cell>> {
        if end.leaf == 0 {
            return Ok(Vec::with_capacity(most_cells(false) + 1));
        }
        let id = self.own(end.leaf, false, (0, u64::from(end.cells)))?;
        let cells = std::mem::take(&mut self.arena.nodes[id].cells);
        self.free_node(id);
        Ok(cells)
    }

    fn put_end(&mut self, cells: Vec<Cell>) -> Result<End> {
        if cells.is_empty() {
            return Ok(End::default());
        }
        let count = cells.len() as u8;
        let id = self.add_node(Node { is_keyed: false, level: 0, cells })?;
        Ok(End { leaf: id as u64 + 1, cells: count })
    }

    /// Gives the half of an end leaf that is next to the tree to the tree.
    fn give_half(&mut self, list: &mut Collection, side: Side) -> Result<()> {
        let end = *list.end(side);
        let mut cells = self.take_end(&end)?;
        let rest = cells.split_off(cells.len() / 2);
        let (given, kept) = match side {
            Side::Front => (rest, cells),
            Side::Back => (cells, rest),
        };
        let given = self.put_end(given)?;
        *list.end(side) = self.put_end(kept)?;
        list.tree = self.append_leaf(list.tree, side, given)?;
        Ok(())
    }

    /// Puts a leaf at an end of a list's tree.
    fn append_leaf(&mut self, tree: Tree, side: Side, leaf: End) -> Result<Tree> {
        let cell = Cell { key: [0; 2], body: [leaf.leaf, u64::from(leaf.cells)] };
        if leaf.cells == 0 {
            return Ok(tree);
        }
        if tree.top == 0 {
            return Ok(Tree { top: leaf.leaf, level: 0, elements: cell.body[1] });
        }
        let top = Cell { key: [0; 2], body: [tree.top, tree.elements] };
        if tree.level == 0 {
            let both = match side {
                Side::Front => [cell, top],
                Side::Back => [top, cell],
            };
            return self.grow_of_leaves(both);
        }
        let mut path = match side {
            Side::Front => Path::default(),
            Side::Back => self.view().path_to_position(&tree, false, tree.elements)?,
        };
        if side == Side::Back {
            path.index[1] += 1;
        }
        self.edit_tree(tree, false, 1, Span::at(&path), vec![cell])
    }

    /// Takes the leaf at an end of a list's tree, which is not empty, for the empty end leaf.
    fn take_leaf(&mut self, list: &mut Collection, side: Side) -> Result<()> {
        let tree = list.tree;
        if tree.level == 0 {
            let cells = tree.elements as u8;
            self.view().open_counted(tree.top, false, (0, tree.elements))?;
            *list.end(side) = End { leaf: tree.top, cells };
            list.tree = Tree::default();
            return Ok(());
        }
        let path = match side {
            Side::Front => Path::default(),
            Side::Back => self.view().path_to_position(&tree, false, tree.elements)?,
        };
        let mut behind = path;
        behind.index[1] += 1;
        let span = Span { from: Some(&path), to: Some(&behind) };
        list.tree = self.edit_tree(tree, false, 1, span, Vec::new())?;
        let Some((_, leaf)) = self.removed.pop() else {
            return Err(damaged(0, "a list's tree has no leaf at its end"));
        };
        let [reference, elements] = leaf.body;
        if elements == 0 || elements > POSITION_CELLS as u64 {
            return Err(damaged(0, "a leaf of a list has an impossible number of elements"));
        }
        *list.end(side) = End { leaf: reference, cells: elements as u8 };
        Ok(())
    }

    /// Makes the end leaves of a list part of its tree.
    fn fold(&mut self, list: &mut Collection) -> Result<()> {
        for side in [Side::Front, Side::Back] {
            let end = std::mem::take(list.end(side));
            list.tree = self.append_leaf(list.tree, side, end)?;
        }
        Ok(())
    }

    /// The private cell of the element at `position`.
    pub(super) fn own_cell(
        &mut self,
        collection: &mut Collection,
        position: u64,
    ) -> Result<&mut Cell> {
        let is_keyed = collection.kind.is_keyed();
        let mut trees = collection.trees();
        let mut position = position;
        for (number, tree) in trees.iter_mut().enumerate() {
            if position >= tree.elements {
                position -= tree.elements;
                continue;
            }
            let path = self.view().path_to_position(tree, is_keyed, position)?;
            let leaf = self.own_way(tree, is_keyed, &path)?;
            match number {
                0 => collection.front.leaf = tree.top,
                1 => collection.tree = *tree,
                _ => collection.back.leaf = tree.top,
            }
            return Ok(&mut self.arena.nodes[leaf].cells[usize::from(path.index[0])]);
        }
        Err(damaged(0, "a collection has fewer elements than it counts"))
    }
}
