//! Serde types out of a [`Value`].
//!
//! Works on the value rather than on its CBOR, so that what other languages store is read too:
//! whole numbers as floats, floats of every width, and bytes as lists of numbers.

use serde::de::value::{
    Error, MapAccessDeserializer, MapDeserializer, SeqDeserializer, StringDeserializer,
};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::{Value, float};

/// Gives a value to any serde type.
pub(super) struct ValueDeserializer(pub(super) Value);

impl<'de> IntoDeserializer<'de, Error> for ValueDeserializer {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

type Pair = (ValueDeserializer, ValueDeserializer);

fn pairs(entries: Vec<(Value, Value)>) -> impl Iterator<Item = Pair> {
    entries.into_iter().map(|(key, value)| (ValueDeserializer(key), ValueDeserializer(value)))
}

fn visit_items<'de, V, T>(items: Vec<T>, visitor: V) -> Result<V::Value, Error>
where
    V: Visitor<'de>,
    T: IntoDeserializer<'de, Error>,
{
    let mut elements = SeqDeserializer::new(items.into_iter());
    let visited = visitor.visit_seq(&mut elements)?;
    elements.end().map(|()| visited)
}

fn visit_entries<'de, V>(entries: Vec<(Value, Value)>, visitor: V) -> Result<V::Value, Error>
where
    V: Visitor<'de>,
{
    let mut map = MapDeserializer::new(pairs(entries));
    let visited = visitor.visit_map(&mut map)?;
    map.end().map(|()| visited)
}

impl<'de> Deserializer<'de> for ValueDeserializer {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(truth),
            Value::I64(number) | Value::Counter(number) => visitor.visit_i64(number),
            Value::U64(number) => visitor.visit_u64(number),
            Value::F64(number) => visitor.visit_f64(number),
            Value::Text(text) => visitor.visit_string(text),
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Value::List(items) => {
                visit_items(items.into_iter().map(ValueDeserializer).collect(), visitor)
            }
            Value::Map(entries) => visit_entries(entries, visitor),
            Value::Opaque { language, data } => {
                let entries = [("language", Value::Text(language)), ("data", Value::Bytes(data))];
                visit_entries(entries.map(|(key, value)| (key.into(), value)).into(), visitor)
            }
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match (self.0.as_f64(), self.0.as_integer()) {
            (Some(number), _) => visitor.visit_f64(number),
            (None, Some(number)) => Err(Error::custom(format_args!("no f64 equals {number}"))),
            (None, None) => self.deserialize_any(visitor),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.as_integer() {
            Some(number) => match float::from_integer(number).and_then(float::to_single) {
                Some(single) => visitor.visit_f32(single),
                None => Err(Error::custom(format_args!("no f32 equals {number}"))),
            },
            None => self.deserialize_any(visitor),
        }
    }

    /// A character is its number, as serde types store it, or a text of one character.
    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let number = self.0.as_integer().and_then(|number| u32::try_from(number).ok());
        match number.and_then(char::from_u32) {
            Some(character) => visitor.visit_char(character),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Bytes(bytes) => visit_items(bytes, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.0 {
            Value::Text(variant) => {
                let variant: StringDeserializer<Error> = variant.into_deserializer();
                visitor.visit_enum(variant)
            }
            Value::Map(entries) if entries.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(pairs(entries))))
            }
            _ => Err(Error::custom(format_args!("a variant of {name} is text or a map of one"))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 str string bytes byte_buf unit unit_struct
        tuple_struct map struct identifier
    }
}
