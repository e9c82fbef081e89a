//! Any serde type as a stored structure.

use minicbor_serde::Serializer;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::decode::wrong_type;
use super::deserializer::ValueDeserializer;
use super::{Encoded, FromValue, ToValue, Value, ValueType, cbor};
use crate::error::{Error, ErrorKind, Result};

/// Stores any serde type as deterministic CBOR that every language reads, and reads it from what
/// every language stores.
///
/// Structs become maps with text keys, sequences and tuples lists, unit null, enums serde's
/// external representation. Whatever `T` is, the stored type is a structure; scalars of other
/// stored types are read too.
///
/// ```
/// use mmf::{FromValue, Structure, ToValue};
///
/// let stored = Structure(vec![(1, "one"), (2, "two")]);
/// let encoded = stored.encode()?;
/// let Structure(read) =
///     Structure::<Vec<(u8, String)>>::decode(encoded.value_type(), encoded.as_bytes())?;
/// assert_eq!(read[1].1, "two");
/// # Ok::<(), mmf::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Structure<T>(pub T);

impl<T: Serialize> ToValue for Structure<T> {
    fn encode(&self) -> Result<Encoded<'_>> {
        let mut serialized = Vec::new();
        let mut serializer = Serializer::new(&mut serialized);
        // By default unit would be an empty list, which other languages do not take for nothing.
        serializer.serialize_unit_as_null(true);
        self.0.serialize(&mut serializer).map_err(|error| {
            Error::new(ErrorKind::Encoding, format!("the value cannot be serialised: {error}"))
        })?;
        Encoded::structure(&cbor::decode(&serialized)?)
    }
}

impl<T: DeserializeOwned> FromValue for Structure<T> {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        let value = Value::decode(value_type, payload)?;
        T::deserialize(ValueDeserializer(value)).map(Self).map_err(|error| {
            // serde quotes the whole text or list that it did not expect.
            let cause: String = error.to_string().chars().take(200).collect();
            let wanted = format!("what the program expects: {cause}");
            wrong_type(value_type, payload, &wanted)
        })
    }
}
