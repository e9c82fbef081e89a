//! From stored values to Rust types. Numbers convert only when that is exact.

use super::{Value, ValueType, cbor, float, opaque};
use crate::error::{Error, ErrorKind, Result};

/// A type that can be read from a stored value.
pub trait FromValue: Sized {
    /// The value that `payload` holds as `value_type`.
    ///
    /// # Errors
    ///
    /// `WrongType` when the stored type or number is not one of this type, `Encoding` when the
    /// payload is malformed.
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self>;
}

impl FromValue for Value {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        let word = || exactly(value_type, payload);
        Ok(match value_type {
            ValueType::Null => exactly(value_type, payload).map(|[]: [u8; 0]| Self::Null)?,
            ValueType::Bool => match payload {
                [0] => Self::Bool(false),
                [1] => Self::Bool(true),
                _ => return Err(malformed(value_type, payload)),
            },
            ValueType::I64 => Self::I64(i64::from_le_bytes(word()?)),
            ValueType::U64 => Self::from(u64::from_le_bytes(word()?)),
            ValueType::F64 => Self::F64(f64::from_le_bytes(word()?)),
            ValueType::Text => Self::from(text(payload)?),
            ValueType::Bytes => Self::from(payload),
            ValueType::Structure => cbor::decode(payload)?,
            ValueType::Opaque => opaque::unpack(payload)?,
            ValueType::Counter => Self::Counter(i64::from_le_bytes(word()?)),
        })
    }
}

impl FromValue for () {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        match value_type {
            ValueType::Null => exactly(value_type, payload).map(|[]: [u8; 0]| ()),
            _ => Err(wrong_type(value_type, payload, "null")),
        }
    }
}

impl FromValue for bool {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        match (value_type, payload) {
            (ValueType::Bool, [0]) => Ok(false),
            (ValueType::Bool, [1]) => Ok(true),
            (ValueType::Bool, _) => Err(malformed(value_type, payload)),
            _ => Err(wrong_type(value_type, payload, "a bool")),
        }
    }
}

macro_rules! decode_integers {
    ($($integer:ty: $wanted:literal),* $(,)?) => {$(
        impl FromValue for $integer {
            fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
                let number = integer(value_type, payload)?
                    .ok_or_else(|| wrong_type(value_type, payload, $wanted))?;
                number.try_into().map_err(|_| {
                    let (minimum, maximum) = (<$integer>::MIN, <$integer>::MAX);
                    inexact(number, format!("not {} ({minimum} to {maximum})", $wanted))
                })
            }
        }
    )*};
}

decode_integers! {
    i8: "an i8", i16: "an i16", i32: "an i32", i64: "an i64", isize: "an isize",
    u8: "a u8", u16: "a u16", u32: "a u32", u64: "a u64", usize: "a usize",
}

impl FromValue for f64 {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        if value_type == ValueType::F64 {
            return exactly(value_type, payload).map(f64::from_le_bytes);
        }
        let number = integer(value_type, payload)?
            .ok_or_else(|| wrong_type(value_type, payload, "an f64"))?;
        float::from_integer(number).ok_or_else(|| inexact(number, "which no f64 equals"))
    }
}

impl FromValue for f32 {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        if let Some(number) = integer(value_type, payload)? {
            let single = float::from_integer(number).and_then(float::to_single);
            return single.ok_or_else(|| inexact(number, "which no f32 equals"));
        }
        if value_type != ValueType::F64 {
            return Err(wrong_type(value_type, payload, "an f32"));
        }
        let number = exactly(value_type, payload).map(f64::from_le_bytes)?;
        float::to_single(number)
            .ok_or_else(|| inexact(format!("{number:?}"), "which no f32 equals"))
    }
}

impl FromValue for String {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        match value_type {
            ValueType::Text => text(payload).map(str::to_owned),
            _ => Err(wrong_type(value_type, payload, "text")),
        }
    }
}

impl FromValue for Vec<u8> {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        match value_type {
            ValueType::Bytes => Ok(payload.to_vec()),
            _ => Err(wrong_type(value_type, payload, "bytes")),
        }
    }
}

impl<const LENGTH: usize> FromValue for [u8; LENGTH] {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        let wrong = || wrong_type(value_type, payload, &format!("bytes ({})", plural(LENGTH)));
        match value_type {
            ValueType::Bytes => payload.try_into().map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

/// Null is `None`.
impl<T: FromValue> FromValue for Option<T> {
    fn decode(value_type: ValueType, payload: &[u8]) -> Result<Self> {
        match value_type {
            ValueType::Null => <()>::decode(value_type, payload).map(|()| None),
            _ => T::decode(value_type, payload).map(Some),
        }
    }
}

/// The number of an integer or counter, or `None` for another type.
fn integer(value_type: ValueType, payload: &[u8]) -> Result<Option<i128>> {
    match value_type {
        ValueType::I64 | ValueType::Counter => {
            exactly(value_type, payload).map(|word| Some(i128::from(i64::from_le_bytes(word))))
        }
        ValueType::U64 => {
            exactly(value_type, payload).map(|word| Some(i128::from(u64::from_le_bytes(word))))
        }
        _ => Ok(None),
    }
}

fn text(payload: &[u8]) -> Result<&str> {
    str::from_utf8(payload)
        .map_err(|error| Error::new(ErrorKind::Encoding, format!("the text is broken: {error}")))
}

fn exactly<const LENGTH: usize>(value_type: ValueType, payload: &[u8]) -> Result<[u8; LENGTH]> {
    payload.try_into().map_err(|_| malformed(value_type, payload))
}

#[cold]
fn malformed(value_type: ValueType, payload: &[u8]) -> Error {
    let length = plural(payload.len());
    Error::new(ErrorKind::Encoding, format!("its payload ({length}) is not a valid {value_type}"))
        .advise("store the value again, and check the namespace")
}

/// The error for a stored type that is not the `wanted` one.
#[cold]
pub(super) fn wrong_type(value_type: ValueType, payload: &[u8], wanted: &str) -> Error {
    let length = plural(payload.len());
    Error::new(ErrorKind::WrongType, format!("it holds {value_type} ({length}), not {wanted}"))
        .advise(format!("read it as {value_type}, or as a value of any type"))
}

#[cold]
fn inexact(number: impl std::fmt::Display, why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::WrongType, format!("it holds {number}, {why}"))
        .advise("read it as a wider type of number")
}

fn plural(bytes: usize) -> String {
    format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" })
}
