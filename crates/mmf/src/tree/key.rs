//! Keys of maps: text, bytes or a CBOR item, in the order of the bytes, then length, then type.

use crate::error::{Error, ErrorKind, Result};
use crate::format::tree::{INLINE_KEY, KeyType, LONGEST_KEY, first_key_word, inline_key_word};
use crate::value::{Encoded, FromValue, Value, ValueType};

/// A key to look for, with its words ready to be compared.
///
/// The order is that of the bytes, one that is a prefix first, then of the types.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) key_type: KeyType,
    pub(super) first: u64,
    /// None when it is too long for its words.
    pub(super) second: Option<u64>,
}

impl<'a> Key<'a> {
    /// A key of `bytes`.
    ///
    /// # Errors
    ///
    /// `InvalidArgument` when there are more than [`LONGEST_KEY`].
    pub(crate) fn new(bytes: &'a [u8], key_type: KeyType) -> Result<Self> {
        if bytes.len() > LONGEST_KEY {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a key of {} bytes, and {LONGEST_KEY} are the most", bytes.len()),
            ));
        }
        let second = inline_key_word(bytes, key_type);
        Ok(Self { bytes, key_type, first: first_key_word(bytes), second })
    }

    /// A text as key.
    pub(crate) fn text(text: &'a str) -> Result<Self> {
        Self::new(text.as_bytes(), KeyType::Text)
    }
}

/// A key with its own bytes, in the order of keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct OwnedKey {
    pub(crate) bytes: Vec<u8>,
    pub(crate) key_type: KeyType,
}

impl OwnedKey {
    /// What `value` is as a key: text and bytes themselves, all else a CBOR item.
    pub(crate) fn of(value: &Value) -> Result<Self> {
        Ok(match value {
            Value::Text(text) => Self { bytes: text.clone().into_bytes(), key_type: KeyType::Text },
            Value::Bytes(bytes) => Self { bytes: bytes.clone(), key_type: KeyType::Bytes },
            _ => {
                let encoded = Encoded::structure(value)?;
                Self { bytes: encoded.as_bytes().to_vec(), key_type: KeyType::Item }
            }
        })
    }

    /// The key as a value.
    pub(crate) fn to_value(&self) -> Result<Value> {
        let value_type = match self.key_type {
            KeyType::Text => ValueType::Text,
            KeyType::Bytes => ValueType::Bytes,
            KeyType::Item => ValueType::Structure,
        };
        Value::decode(value_type, &self.bytes)
    }

    /// The key to look for.
    pub(crate) fn as_key(&self) -> Result<Key<'_>> {
        Key::new(&self.bytes, self.key_type)
    }

    pub(super) fn is_inline(&self) -> bool {
        self.bytes.len() <= INLINE_KEY
    }
}
