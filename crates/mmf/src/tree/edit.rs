//! The one edit: a range of cells of one level is replaced by other cells, and the way up is put
//! in order.
//!
//! Everything else is made of it. What a range names between its two edges is taken out whole, so
//! the cost is that of the new cells and of two ways from the top down.

use super::collection::Tree;
use super::draft::{Draft, Node};
use super::source::Source;
use super::view::{Cell, Path, damaged, private};
use crate::error::{Error, ErrorKind, Result};
use crate::format::tree::{LEVEL_LIMIT, least_cells, most_cells};

/// A range of cells, between two ways; none is the edge of the tree.
#[derive(Clone, Copy)]
pub(super) struct Span<'p> {
    pub(super) from: Option<&'p Path>,
    pub(super) to: Option<&'p Path>,
}

impl<'p> Span<'p> {
    /// The empty range at the end of a way.
    pub(super) fn at(path: &'p Path) -> Self {
        Self { from: Some(path), to: Some(path) }
    }

    /// The cells of a node of `level` with `cells` of them: those in the range at the level that
    /// is edited, and those that lead to its first and its last above it.
    fn cells_of(self, level: u8, cells: usize, is_edited: bool) -> Result<(usize, usize)> {
        let index = |path: &Path| usize::from(path.index[usize::from(level)]);
        let last = if is_edited { cells } else { cells.saturating_sub(1) };
        let (from, to) = (self.from.map_or(0, index), self.to.map_or(last, index));
        match from <= to && to <= last {
            true => Ok((from, to)),
            false => Err(damaged(0, "a way through a tree leads beside it")),
        }
    }
}

/// The nodes that a node has become: one at least.
type Become = (Cell, Vec<Cell>);

impl<S: Source> Draft<'_, S> {
    /// Replaces the cells in `span`, at level `base` of a tree, by `new`. What is taken out is put
    /// into `removed`.
    pub(super) fn edit_tree(
        &mut self,
        tree: Tree,
        is_keyed: bool,
        base: u8,
        span: Span<'_>,
        mut new: Vec<Cell>,
    ) -> Result<Tree> {
        if tree.top == 0 {
            return self.grow(new, is_keyed, base);
        }
        let top = Cell { key: [0; 2], body: [tree.top, tree.elements] };
        let (first, mut rest) = self.edit(top, (is_keyed, tree.level), base, span, &mut new)?;
        if !rest.is_empty() {
            rest.insert(0, first);
            return self.grow(rest, is_keyed, tree.level + 1);
        }
        self.shrink(first, tree.level)
    }

    fn edit(
        &mut self,
        cell: Cell,
        (is_keyed, level): (bool, u8),
        base: u8,
        span: Span<'_>,
        new: &mut Vec<Cell>,
    ) -> Result<Become> {
        let id = self.own(cell.body[0], is_keyed, (level, cell.body[1]))?;
        let cells = self.arena.nodes[id].cells.len();
        if level < base || (level > base && cells == 0) {
            return Err(damaged(0, "a tree has no cells where it is changed"));
        }
        let (from, to) = span.cells_of(level, cells, level == base)?;
        let is_at_end = to + usize::from(level != base) == cells;
        if level == base {
            let end = from + new.len();
            let out = self.arena.nodes[id].cells.splice(from..to, new.drain(..));
            self.removed.extend(out.map(|cell| (level, cell)));
            if level > 0 {
                self.mend(id, from, end)?;
            }
            return self.settle(id, is_at_end);
        }
        let below = (is_keyed, level - 1);
        let child = |draft: &Self, index: usize| draft.arena.nodes[id].cells[index];
        let (first, mut rest) = if from == to {
            self.edit(child(self, from), below, base, span, new)?
        } else {
            let left = Span { from: span.from, to: None };
            let right = Span { from: None, to: span.to };
            let (first, mut rest) = self.edit(child(self, from), below, base, left, new)?;
            let (next, more) = self.edit(child(self, to), below, base, right, &mut Vec::new())?;
            rest.push(next);
            rest.extend(more);
            (first, rest)
        };
        let node = &mut self.arena.nodes[id];
        if from + 1 < to {
            let between = node.cells.drain(from + 1..to);
            self.removed.extend(between.map(|cell| (level, cell)));
        }
        let edges = 1 + usize::from(from < to);
        let end = from + 1 + rest.len();
        node.cells[from] = first;
        if edges > 1 || !rest.is_empty() {
            node.cells.splice(from + 1..from + edges, rest.drain(..));
        }
        self.mend(id, from, end)?;
        self.settle(id, is_at_end)
    }

    /// Joins the too small ones among the children `from..to` of a private node with neighbours.
    fn mend(&mut self, id: usize, from: usize, mut to: usize) -> Result<()> {
        let (is_keyed, level) = (self.arena.nodes[id].is_keyed, self.arena.nodes[id].level - 1);
        let mut at = from;
        while at < to.min(self.arena.nodes[id].cells.len()) {
            let cells = &self.arena.nodes[id].cells;
            if cells.len() == 1 || !self.view().is_small(cells[at].body[0], is_keyed, level)? {
                at += 1;
                continue;
            }
            let left = at.saturating_sub(1);
            let (one, other) = (cells[left], cells[left + 1]);
            let (one, other) = self.join(one, other, (is_keyed, level))?;
            let cells = &mut self.arena.nodes[id].cells;
            cells[left] = one;
            if let Some(other) = other {
                cells[left + 1] = other;
                at = left + 2;
            } else {
                cells.remove(left + 1);
                to -= 1;
                at = left;
            }
        }
        Ok(())
    }

    /// Makes one node of two neighbours, or two of about the same size.
    fn join(
        &mut self,
        left: Cell,
        right: Cell,
        (is_keyed, level): (bool, u8),
    ) -> Result<(Cell, Option<Cell>)> {
        for (empty, other) in [(left, right), (right, left)] {
            if let Some(index) = private(empty.body[0])
                && self.arena.nodes[index].cells.is_empty()
            {
                self.free_node(index);
                return Ok((other, None));
            }
        }
        let one = self.own(left.body[0], is_keyed, (level, left.body[1]))?;
        let other = self.own(right.body[0], is_keyed, (level, right.body[1]))?;
        let seam = self.arena.nodes[one].cells.len();
        let mut moved = std::mem::take(&mut self.arena.nodes[other].cells);
        self.arena.nodes[one].cells.append(&mut moved);
        self.free_node(other);
        if level > 0 {
            // The only child of a node may have been too small.
            self.mend(one, seam - 1, seam + 1)?;
        }
        let (first, rest) = self.settle(one, false)?;
        Ok((first, rest.first().copied()))
    }

    /// Cuts a private node that has too many cells into as many as are needed.
    fn settle(&mut self, id: usize, is_at_end: bool) -> Result<Become> {
        let Node { is_keyed, level, ref cells } = self.arena.nodes[id];
        let (count, most) = (cells.len(), most_cells(is_keyed));
        if count <= most {
            return Ok((self.cell_of(id), Vec::new()));
        }
        // What grows at its end goes on to do so: nodes full for three quarters stay behind.
        let first = match is_at_end && count == most + 1 {
            true => count - least_cells(is_keyed),
            false => count.div_ceil(count.div_ceil(most)),
        };
        let rest = self.arena.nodes[id].cells.split_off(first);
        let rest = self.cut(rest, is_keyed, level)?;
        Ok((self.cell_of(id), rest))
    }

    /// Nodes of `level` with these cells, about the same number in each.
    fn cut(&mut self, cells: Vec<Cell>, is_keyed: bool, level: u8) -> Result<Vec<Cell>> {
        let most = most_cells(is_keyed);
        let mut parts = cells.len().div_ceil(most);
        let mut made = Vec::with_capacity(parts);
        let mut cells = cells.into_iter();
        while parts > 0 {
            let mut part = Vec::with_capacity(most + 1);
            let count = cells.len().div_ceil(parts);
            part.extend(cells.by_ref().take(count));
            let id = self.add_node(Node { is_keyed, level, cells: part })?;
            made.push(self.cell_of(id));
            parts -= 1;
        }
        Ok(made)
    }

    /// A tree above `cells`, which stand at level `base`: in O(number of cells).
    pub(super) fn grow(&mut self, cells: Vec<Cell>, is_keyed: bool, base: u8) -> Result<Tree> {
        let (mut cells, mut level) = (cells, base);
        while level == 0 || cells.len() > 1 {
            if level >= LEVEL_LIMIT {
                return Err(Error::new(
                    ErrorKind::LimitReached,
                    "a tree would have too many levels",
                ));
            }
            if cells.is_empty() {
                return Ok(Tree::default());
            }
            cells = self.cut(cells, is_keyed, level)?;
            level += 1;
        }
        match cells.first() {
            Some(top) => self.shrink(*top, level - 1),
            None => Ok(Tree::default()),
        }
    }

    /// A tree of two neighbours of level 0, of whatever sizes.
    pub(super) fn grow_of_leaves(&mut self, leaves: [Cell; 2]) -> Result<Tree> {
        let cells = leaves.to_vec();
        let id = self.add_node(Node { is_keyed: false, level: 1, cells })?;
        self.mend(id, 0, 2)?;
        self.shrink(self.cell_of(id), 1)
    }

    /// The tree whose top is as low as it can be.
    fn shrink(&mut self, mut top: Cell, mut level: u8) -> Result<Tree> {
        while let Some(id) = private(top.body[0]) {
            let cells = &self.arena.nodes[id].cells;
            match (level, cells.as_slice()) {
                (_, []) => {
                    self.free_node(id);
                    return Ok(Tree::default());
                }
                (1.., [only]) => top = *only,
                _ => break,
            }
            self.free_node(id);
            level -= 1;
        }
        Ok(Tree { top: top.body[0], level, elements: top.body[1] })
    }

    /// The private leaf at the end of a way; every node on the way becomes private.
    pub(super) fn own_way(
        &mut self,
        tree: &mut Tree,
        is_keyed: bool,
        path: &Path,
    ) -> Result<usize> {
        let mut id = self.own(tree.top, is_keyed, (tree.level, tree.elements))?;
        tree.top = id as u64 + 1;
        for level in (0..tree.level).rev() {
            let index = usize::from(path.index[usize::from(level) + 1]);
            let [child, elements] = self.arena.nodes[id].cells[index].body;
            let owned = self.own(child, is_keyed, (level, elements))?;
            self.arena.nodes[id].cells[index].body[0] = owned as u64 + 1;
            id = owned;
        }
        Ok(id)
    }
}
