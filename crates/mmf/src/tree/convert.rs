//! Whole values from and to collections.

use super::collection::{Collection, LEAST_ELEMENT};
use super::draft::{CollectionId, Draft, Item};
use super::key::OwnedKey;
use super::nested::too_deep;
use super::source::Source;
use super::view::{Cell, View, damaged};
use crate::error::{Error, ErrorKind, Result};
use crate::format::tree::{CollectionKind, STRUCTURE_DEPTH, ValueWord};
use crate::value::{Encoded, FromValue, ToValue, Value};

/// An element on its way into a collection.
enum Made<'v> {
    Encoded(Encoded<'v>),
    Nested(CollectionId),
}

impl Made<'_> {
    fn item(&self) -> Item<'_> {
        match self {
            Self::Encoded(encoded) => Item::Value(encoded.value_type(), encoded.as_bytes()),
            Self::Nested(id) => Item::Nested(*id),
        }
    }
}

impl<S: Source> Draft<'_, S> {
    /// Makes a collection, not an element yet, of a list or map; those inside become collections.
    /// A counter inside becomes an integer, as in structures.
    ///
    /// # Errors
    ///
    /// `WrongType` for any other value; `Encoding` when it is too deep or a map has a key twice.
    pub(crate) fn create_from(&mut self, value: &Value) -> Result<CollectionId> {
        self.make(value, 1)
    }

    fn make(&mut self, value: &Value, level: usize) -> Result<CollectionId> {
        if level > STRUCTURE_DEPTH {
            return Err(too_deep());
        }
        match value {
            Value::List(items) => {
                let made: Result<Vec<_>> =
                    items.iter().map(|item| self.make_element(item, level)).collect();
                let made = made?;
                let id = self.create(CollectionKind::List);
                let items: Vec<_> = made.iter().map(Made::item).collect();
                self.splice(id, (0, 0), &items)?;
                Ok(id)
            }
            Value::Map(entries) => {
                let mut made = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    made.push((OwnedKey::of(key)?, self.make_element(value, level)?));
                }
                made.sort_by(|left, right| left.0.cmp(&right.0));
                if let Some(twice) = made.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                    let shown: String = twice[0].0.to_value()?.to_json().chars().take(64).collect();
                    let reason = format!("a map has the key {shown} twice");
                    return Err(Error::new(ErrorKind::Encoding, reason));
                }
                let id = self.create(CollectionKind::Map);
                let pairs: Vec<_> =
                    made.iter().map(|(key, made)| (key.clone(), made.item())).collect();
                self.build_map(id, &pairs)?;
                Ok(id)
            }
            _ => Err(Error::new(ErrorKind::WrongType, "the value is neither list nor map")),
        }
    }

    fn make_element<'v>(&mut self, value: &'v Value, level: usize) -> Result<Made<'v>> {
        Ok(match value {
            Value::List(_) | Value::Map(_) => Made::Nested(self.make(value, level + 1)?),
            Value::Counter(number) => Made::Encoded(Encoded::i64(*number)),
            _ => Made::Encoded(value.encode()?),
        })
    }
}

/// Reads a whole collection; the entries of maps are in the order of their keys.
///
/// # Errors
///
/// `Damaged` when it is not sound, or claims to hold more than the file has room for.
pub(crate) fn read_value<S: Source>(view: View<'_, S>, collection: &Collection) -> Result<Value> {
    Reading { view, left: view.source.extent() }.collection(collection, 1)
}

struct Reading<'r, S> {
    view: View<'r, S>,
    /// Bytes that may still be met: a damaged tree may lead to the same ones again and again.
    left: u64,
}

impl<S: Source> Reading<'_, S> {
    fn meet(&mut self, bytes: u64) -> Result<()> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| damaged(0, "a collection holds more than fits"))?;
        Ok(())
    }

    fn collection(&mut self, collection: &Collection, level: usize) -> Result<Value> {
        if level > STRUCTURE_DEPTH {
            return Err(too_deep());
        }
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        for cell in self.view.all(collection) {
            let cell = cell?;
            self.meet(LEAST_ELEMENT)?;
            match collection.kind() {
                CollectionKind::List => items.push(self.element(&cell, level)?),
                CollectionKind::Map => {
                    let key = self.view.key_of(&cell)?;
                    if !key.is_inline() {
                        self.meet(key.bytes.len() as u64)?;
                    }
                    entries.push((key.to_value()?, self.element(&cell, level)?));
                }
            }
        }
        Ok(match collection.kind() {
            CollectionKind::List => Value::List(items),
            CollectionKind::Map => Value::Map(entries),
        })
    }

    fn element(&mut self, cell: &Cell, level: usize) -> Result<Value> {
        if let Some(nested) = self.view.collection_of(cell)? {
            return self.collection(&nested, level + 1);
        }
        let (value_type, bytes) = self.view.payload_of(cell)?;
        if !ValueWord(cell.body[0]).is_inline() {
            self.meet(bytes.len() as u64)?;
        }
        Value::decode(value_type, &bytes)
    }
}
