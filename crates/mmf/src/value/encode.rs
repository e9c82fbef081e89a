//! From Rust types to stored values, without allocation for scalars, text and bytes.

use super::{Value, ValueType, cbor, opaque};
use crate::error::Result;

/// A type tag and a payload, ready to be stored.
#[derive(Debug, Clone)]
pub struct Encoded<'a> {
    value_type: ValueType,
    payload: Payload<'a>,
}

#[derive(Debug, Clone)]
enum Payload<'a> {
    Inline([u8; 8], usize),
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
}

impl<'a> Encoded<'a> {
    /// Null.
    pub fn null() -> Self {
        Self { value_type: ValueType::Null, payload: Payload::Inline([0; 8], 0) }
    }

    /// A bool.
    pub fn bool(truth: bool) -> Self {
        let payload = Payload::Inline([u8::from(truth), 0, 0, 0, 0, 0, 0, 0], 1);
        Self { value_type: ValueType::Bool, payload }
    }

    /// An integer.
    pub fn i64(number: i64) -> Self {
        Self::word(ValueType::I64, number.to_le_bytes())
    }

    /// An integer; tagged i64 up to `i64::MAX`.
    pub fn u64(number: u64) -> Self {
        match i64::try_from(number) {
            Ok(number) => Self::i64(number),
            Err(_) => Self::word(ValueType::U64, number.to_le_bytes()),
        }
    }

    /// A floating-point number; its bits are kept.
    pub fn f64(number: f64) -> Self {
        Self::word(ValueType::F64, number.to_bits().to_le_bytes())
    }

    /// A counter.
    pub fn counter(number: i64) -> Self {
        Self::word(ValueType::Counter, number.to_le_bytes())
    }

    /// Borrowed text.
    pub fn text(text: &'a str) -> Self {
        Self { value_type: ValueType::Text, payload: Payload::Borrowed(text.as_bytes()) }
    }

    /// Borrowed bytes.
    pub fn bytes(bytes: &'a [u8]) -> Self {
        Self { value_type: ValueType::Bytes, payload: Payload::Borrowed(bytes) }
    }

    /// An object that only `language` can read.
    ///
    /// # Errors
    ///
    /// `Encoding` when the name of the language is not 1 to 255 ASCII characters.
    pub fn opaque(language: &str, data: &[u8]) -> Result<Self> {
        let payload = Payload::Owned(opaque::pack(language, data)?);
        Ok(Self { value_type: ValueType::Opaque, payload })
    }

    /// A payload that has been stored as this type before.
    pub(crate) fn stored(value_type: ValueType, payload: Vec<u8>) -> Self {
        Self { value_type, payload: Payload::Owned(payload) }
    }

    /// `value` as deterministic CBOR, whatever its type.
    pub(crate) fn structure(value: &Value) -> Result<Self> {
        let payload = Payload::Owned(cbor::encode(value)?);
        Ok(Self { value_type: ValueType::Structure, payload })
    }

    fn word(value_type: ValueType, word: [u8; 8]) -> Self {
        Self { value_type, payload: Payload::Inline(word, 8) }
    }

    /// The type whose tag is stored.
    pub fn value_type(&self) -> ValueType {
        self.value_type
    }

    /// The payload.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.payload {
            Payload::Inline(word, length) => &word[..*length],
            Payload::Borrowed(bytes) => bytes,
            Payload::Owned(bytes) => bytes,
        }
    }
}

/// A type that can be stored.
pub trait ToValue {
    /// The tag and payload of this value.
    ///
    /// # Errors
    ///
    /// `Encoding` when the value has no stored form, such as a map with a key twice.
    fn encode(&self) -> Result<Encoded<'_>>;
}

macro_rules! encode_integers {
    ($constructor:ident($wide:ty): $($integer:ty),*) => {$(
        impl ToValue for $integer {
            fn encode(&self) -> Result<Encoded<'_>> {
                Ok(Encoded::$constructor(*self as $wide))
            }
        }
    )*};
}

encode_integers!(i64(i64): i8, i16, i32, i64, isize, u8, u16, u32);
encode_integers!(u64(u64): u64, usize);

impl ToValue for () {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::null())
    }
}

impl ToValue for bool {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::bool(*self))
    }
}

impl ToValue for f32 {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::f64(f64::from(*self)))
    }
}

impl ToValue for f64 {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::f64(*self))
    }
}

impl ToValue for str {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::text(self))
    }
}

impl ToValue for String {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::text(self))
    }
}

impl ToValue for [u8] {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::bytes(self))
    }
}

impl ToValue for Vec<u8> {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::bytes(self))
    }
}

impl<const LENGTH: usize> ToValue for [u8; LENGTH] {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(Encoded::bytes(self))
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn encode(&self) -> Result<Encoded<'_>> {
        (**self).encode()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn encode(&self) -> Result<Encoded<'_>> {
        self.as_ref().map_or_else(|| Ok(Encoded::null()), ToValue::encode)
    }
}

impl ToValue for Value {
    fn encode(&self) -> Result<Encoded<'_>> {
        Ok(match self {
            Self::Null => Encoded::null(),
            Self::Bool(truth) => Encoded::bool(*truth),
            Self::I64(number) => Encoded::i64(*number),
            Self::U64(number) => Encoded::u64(*number),
            Self::F64(number) => Encoded::f64(*number),
            Self::Text(text) => Encoded::text(text),
            Self::Bytes(bytes) => Encoded::bytes(bytes),
            Self::List(_) | Self::Map(_) => Encoded::structure(self)?,
            Self::Opaque { language, data } => Encoded::opaque(language, data)?,
            Self::Counter(number) => Encoded::counter(*number),
        })
    }
}
