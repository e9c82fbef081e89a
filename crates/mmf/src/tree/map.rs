//! Changing maps.

use super::collection::Collection;
use super::draft::{CollectionId, Draft, Item, Old};
use super::edit::Span;
use super::key::{Key, OwnedKey};
use super::list::no_such_position;
use super::source::Source;
use super::view::{Cell, damaged};
use crate::error::{Error, ErrorKind, Result};
use crate::format::tree::CollectionKind;

impl<S: Source> Draft<'_, S> {
    /// The collection, if it is of that kind.
    pub(super) fn require(&self, id: CollectionId, kind: CollectionKind) -> Result<Collection> {
        let collection = self.collection(id)?;
        if collection.kind == kind {
            return Ok(collection);
        }
        let reason = match kind {
            CollectionKind::Map => "a list has no keys",
            CollectionKind::List => "a map has no positions",
        };
        Err(Error::new(ErrorKind::WrongType, reason))
    }

    /// Puts an element under `key` of a map; returns what was there.
    pub(crate) fn insert(
        &mut self,
        id: CollectionId,
        key: &Key<'_>,
        item: Item<'_>,
    ) -> Result<Option<Old>> {
        let mut map = self.require(id, CollectionKind::Map)?;
        let (path, is_there) = self.view().path_to_key(&map.tree, key)?;
        let body = self.body(item, id)?;
        let old = self.guarded(|draft| {
            if !is_there {
                let cell = Cell { key: draft.key_words(key)?, body };
                map.tree = draft.edit_tree(map.tree, true, 0, Span::at(&path), vec![cell])?;
                return Ok(None);
            }
            let leaf = draft.own_way(&mut map.tree, true, &path)?;
            let index = usize::from(path.index[0]);
            let cell = &mut draft.arena.nodes[leaf].cells[index];
            let old = *cell;
            cell.body = body;
            draft.discard_element(&old).map(Some)
        })?;
        self.store(id, map);
        Ok(old)
    }

    /// Takes the element under `key` out of a map; returns what it was.
    pub(crate) fn remove(&mut self, id: CollectionId, key: &Key<'_>) -> Result<Option<Old>> {
        let mut map = self.require(id, CollectionKind::Map)?;
        let (path, is_there) = self.view().path_to_key(&map.tree, key)?;
        if !is_there {
            return Ok(None);
        }
        let mut behind = path;
        behind.index[0] += 1;
        let span = Span { from: Some(&path), to: Some(&behind) };
        let old = self.guarded(|draft| {
            map.tree = draft.edit_tree(map.tree, true, 0, span, Vec::new())?;
            let Some((_, cell)) = draft.removed.pop() else {
                return Err(damaged(0, "a key is where its tree has no cell"));
            };
            draft.discard_key(cell.key)?;
            draft.discard_element(&cell)
        })?;
        self.store(id, map);
        Ok(Some(old))
    }

    /// Takes the elements at the positions `from..to` out of a map or list.
    pub(crate) fn remove_range(&mut self, id: CollectionId, (from, to): (u64, u64)) -> Result<()> {
        let mut collection = self.collection(id)?;
        if from > to || to > collection.len() {
            return Err(no_such_position(from.max(to), collection.len()));
        }
        self.guarded(|draft| draft.replace(&mut collection, (from, to), Vec::new()))?;
        self.store(id, collection);
        Ok(())
    }

    /// Takes all elements out of a map or list.
    pub(crate) fn clear(&mut self, id: CollectionId) -> Result<()> {
        let collection = self.collection(id)?;
        self.guarded(|draft| draft.discard_all(&collection))?;
        self.store(id, Collection::empty(collection.kind));
        Ok(())
    }

    /// Fills a map that has no elements with pairs in the order of their keys, in O(pairs).
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when the map has elements, or the keys are not in order or not distinct.
    pub(crate) fn build_map(
        &mut self,
        id: CollectionId,
        pairs: &[(OwnedKey, Item<'_>)],
    ) -> Result<()> {
        let mut map = self.require(id, CollectionKind::Map)?;
        let is_ordered = pairs.windows(2).all(|pair| pair[0].0 < pair[1].0);
        if map.len() != 0 || !is_ordered {
            let reason = "a map is built once, from distinct keys in their order";
            return Err(Error::new(ErrorKind::InvalidArgument, reason));
        }
        let mut cells = Vec::with_capacity(pairs.len());
        for (key, item) in pairs {
            let key = key.as_key()?;
            let body = self.body(*item, id)?;
            cells.push(Cell { key: self.key_words(&key)?, body });
        }
        map.tree = self.guarded(|draft| draft.grow(cells, true, 0))?;
        self.store(id, map);
        Ok(())
    }
}
