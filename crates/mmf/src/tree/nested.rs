//! Collections in collections.

use super::collection::Collection;
use super::draft::{CollectionId, Draft, Replaced, private_word};
use super::key::Key;
use super::source::Source;
use super::view::{Cell, View, private};
use crate::error::{Error, ErrorKind, Result};
use crate::format::tree::{
    CollectionKind, ROOT_BIRTH, Reference, STRUCTURE_DEPTH, ValueWord, birth_of,
};

/// A step from a collection to one of its elements.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Key(Key<'a>),
    Position(u64),
}

#[cold]
pub(super) fn too_deep() -> Error {
    let reason = format!("collections are nested deeper than {STRUCTURE_DEPTH} levels");
    Error::new(ErrorKind::Encoding, reason)
}

#[cold]
fn no_collection() -> Error {
    Error::new(ErrorKind::WrongType, "an element on the way is neither map nor list")
}

impl<'a, S: Source> View<'a, S> {
    /// The element to which `step` leads, if it is there.
    ///
    /// # Errors
    ///
    /// `WrongType` for a key of a list.
    pub(crate) fn element(self, collection: &Collection, step: &Step<'_>) -> Result<Option<Cell>> {
        match (step, collection.kind) {
            (Step::Key(key), CollectionKind::Map) => self.get(collection, key),
            (Step::Key(_), CollectionKind::List) => {
                Err(Error::new(ErrorKind::WrongType, "a list has no keys"))
            }
            (Step::Position(position), _) => self.nth(collection, *position),
        }
    }

    /// The element to which a path of steps leads, if it is there.
    ///
    /// # Errors
    ///
    /// `WrongType` when an element on the way is no collection, or for a key of a list;
    /// `InvalidArgument` for a path without steps.
    pub(crate) fn reach(self, collection: &Collection, path: &[Step<'_>]) -> Result<Option<Cell>> {
        let Some((last, way)) = path.split_last() else {
            return Err(Error::new(ErrorKind::InvalidArgument, "the path has no steps"));
        };
        let mut collection = *collection;
        for step in way {
            let Some(cell) = self.element(&collection, step)? else { return Ok(None) };
            collection = self.collection_of(&cell)?.ok_or_else(no_collection)?;
        }
        self.element(&collection, last)
    }
}

impl<S: Source> Draft<'_, S> {
    /// Makes the collection to which `step` leads one that this draft changes, if it is there.
    /// The way to it becomes private at once.
    ///
    /// # Errors
    ///
    /// `WrongType` when what is there is no collection.
    pub(crate) fn enter(
        &mut self,
        id: CollectionId,
        step: &Step<'_>,
    ) -> Result<Option<CollectionId>> {
        let mut parent = self.collection(id)?;
        let Some(cell) = self.view().element(&parent, step)? else { return Ok(None) };
        let kind = cell.nested().ok_or_else(no_collection)?;
        if let Some(index) = private(cell.body[1]) {
            return Ok(Some(CollectionId(index)));
        }
        if self.level_of(id)? >= STRUCTURE_DEPTH {
            return Err(too_deep());
        }
        let offset = Reference(cell.body[1]).offset();
        let nested = self.view().load_root(kind, offset)?;
        let birth = birth_of(self.source.word(offset + ROOT_BIRTH as u64 * 8)?);
        let entered = self.place(nested, Some(id), true);
        self.guarded(|draft| {
            let word = private_word(entered.0)?;
            let cell = match step {
                Step::Key(key) => {
                    let (path, _) = draft.view().path_to_key(&parent.tree, key)?;
                    let leaf = draft.own_way(&mut parent.tree, true, &path)?;
                    &mut draft.arena.nodes[leaf].cells[usize::from(path.index[0])]
                }
                Step::Position(position) => draft.own_cell(&mut parent, *position)?,
            };
            cell.body[1] = word;
            draft.replaced.push(Replaced { offset, birth });
            Ok(())
        })?;
        self.store(id, parent);
        Ok(Some(entered))
    }

    /// The level of a collection: 1 for one that is in no other.
    fn level_of(&self, id: CollectionId) -> Result<usize> {
        let (mut level, mut id) = (1, id);
        while let Some(Some(placed)) = self.arena.roots.get(id.0)
            && let Some(parent) = placed.parent
        {
            (level, id) = (level + 1, parent);
            if level > STRUCTURE_DEPTH {
                return Err(too_deep());
            }
        }
        Ok(level)
    }

    /// A and B of an element of `parent` that is the collection `id`.
    pub(super) fn body_of_nested(
        &mut self,
        id: CollectionId,
        parent: CollectionId,
    ) -> Result<[u64; 2]> {
        let kind = self.collection(id)?.kind;
        let height = self.arena.roots[id.0].as_ref().map_or(1, |placed| placed.height);
        let level = self.level_of(parent)?;
        let mut ancestors = std::iter::successors(Some(parent), |ancestor| {
            self.arena.roots[ancestor.0].as_ref().and_then(|placed| placed.parent)
        });
        let is_placed = self.arena.roots[id.0].as_ref().is_some_and(|placed| placed.is_placed);
        if is_placed || ancestors.any(|ancestor| ancestor == id) {
            let reason = "a collection is the element of one collection, and not of itself";
            return Err(Error::new(ErrorKind::InvalidArgument, reason));
        }
        if level + height > STRUCTURE_DEPTH {
            return Err(too_deep());
        }
        let word = private_word(id.0)?;
        if let Some(placed) = &mut self.arena.roots[id.0] {
            placed.is_placed = true;
            placed.parent = Some(parent);
        }
        let (mut above, mut height) = (Some(parent), height + 1);
        while let Some(ancestor) = above
            && let Some(placed) = &mut self.arena.roots[ancestor.0]
        {
            placed.height = placed.height.max(height);
            (above, height) = (placed.parent, height + 1);
        }
        Ok([ValueWord::new(kind as u8, false, 0).0, word])
    }
}
