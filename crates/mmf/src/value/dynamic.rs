//! A value of whatever type is stored.

use std::fmt;

use super::canonical::equal_maps;
use super::{ValueType, float, json};

/// A value of any type.
///
/// Integers are equal when their numbers are, and maps when their entries are, in whatever order.
///
/// ```
/// use mmf::Value;
///
/// let point = Value::from(vec![Value::from(1), Value::from(2.5)]);
/// assert_eq!(point.to_string(), "[1,2.5]");
/// assert_eq!(Value::U64(7), Value::I64(7));
/// ```
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing, stored on purpose.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer up to `i64::MAX`.
    I64(i64),
    /// An integer; stored as `I64` unless it is above `i64::MAX`.
    U64(u64),
    /// A floating-point number.
    F64(f64),
    /// UTF-8 text.
    Text(String),
    /// Raw bytes.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A map; what is read from a namespace is sorted by the encoded keys.
    Map(Vec<(Value, Value)>),
    /// An object that only `language` can read.
    Opaque {
        /// The language that stored it, in ASCII.
        language: String,
        /// The object as that language serialised it.
        data: Vec<u8>,
    },
    /// The number of a counter; inside a list or map it is stored as an integer.
    Counter(i64),
}

impl Value {
    /// The type as which this value is stored.
    pub fn value_type(&self) -> ValueType {
        match self {
            Self::Null => ValueType::Null,
            Self::Bool(_) => ValueType::Bool,
            Self::U64(number) if i64::try_from(*number).is_err() => ValueType::U64,
            Self::I64(_) | Self::U64(_) => ValueType::I64,
            Self::F64(_) => ValueType::F64,
            Self::Text(_) => ValueType::Text,
            Self::Bytes(_) => ValueType::Bytes,
            Self::List(_) | Self::Map(_) => ValueType::Structure,
            Self::Opaque { .. } => ValueType::Opaque,
            Self::Counter(_) => ValueType::Counter,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value of a bool.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number of an integer or counter, if `i64` has it.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_integer().and_then(|number| number.try_into().ok())
    }

    /// The number of an integer or counter, if `u64` has it.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_integer().and_then(|number| number.try_into().ok())
    }

    /// The number of a float, integer or counter, if `f64` has exactly that number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::F64(number) => Some(*number),
            _ => self.as_integer().and_then(float::from_integer),
        }
    }

    /// The text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The bytes; text is not bytes.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The elements of a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&[(Value, Value)]> {
        match self {
            Self::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// What a map has under the text `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let mut entries = self.as_map()?.iter();
        entries.find(|(candidate, _)| candidate.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// This value as one line of JSON.
    ///
    /// Bytes become the text `"0x…"`, a number that is not finite becomes `null`, an opaque value
    /// an object of its language and data, and a map with any key but text an array of pairs.
    pub fn to_json(&self) -> String {
        json::strict(self).to_string()
    }

    /// Whether the two are equal, or a counter and its number.
    pub(crate) fn has_number_or_equals(&self, other: &Self) -> bool {
        match (self.as_integer(), other.as_integer()) {
            (Some(number), Some(other)) => number == other,
            _ => self == other,
        }
    }

    pub(super) fn as_integer(&self) -> Option<i128> {
        match self {
            Self::I64(number) | Self::Counter(number) => Some(i128::from(*number)),
            Self::U64(number) => Some(i128::from(*number)),
            _ => None,
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(left), Self::Bool(right)) => left == right,
            (Self::I64(_) | Self::U64(_), Self::I64(_) | Self::U64(_)) => {
                self.as_integer() == other.as_integer()
            }
            (Self::F64(left), Self::F64(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Bytes(left), Self::Bytes(right)) => left == right,
            (Self::List(left), Self::List(right)) => left == right,
            (Self::Map(left), Self::Map(right)) => equal_maps(left, right),
            (
                Self::Opaque { language: left_language, data: left_data },
                Self::Opaque { language: right_language, data: right_data },
            ) => left_language == right_language && left_data == right_data,
            (Self::Counter(left), Self::Counter(right)) => left == right,
            _ => false,
        }
    }
}

/// Scalars as they are, bytes as `0x…`, lists and maps like JSON.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Bytes(bytes) => json::write_hexadecimal(bytes, out),
            _ => json::plain(self).fmt(out),
        }
    }
}

macro_rules! from_integers {
    ($($integer:ty => $variant:ident($wide:ty)),* $(,)?) => {$(
        impl From<$integer> for Value {
            fn from(number: $integer) -> Self {
                Self::$variant(number as $wide)
            }
        }
    )*};
}

from_integers! {
    i8 => I64(i64), i16 => I64(i64), i32 => I64(i64), i64 => I64(i64), isize => I64(i64),
    u8 => I64(i64), u16 => I64(i64), u32 => I64(i64),
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::U64(number), Self::I64)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::from(number as u64)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::F64(f64::from(number))
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::F64(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Self::List(items)
    }
}

impl From<Vec<(Value, Value)>> for Value {
    fn from(entries: Vec<(Value, Value)>) -> Self {
        Self::Map(entries)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
