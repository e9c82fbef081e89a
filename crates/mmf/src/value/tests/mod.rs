//! Tests of the value layer; what they share is here.

mod appendix;
mod hostile;
mod mutated;
mod properties;
mod scalars;
mod structures;

use super::{FromValue, ToValue, Value, ValueType};
use crate::error::{Error, ErrorKind, Result};

/// Stores `value` and reads it as `T`.
fn through<T: FromValue>(value: impl ToValue) -> Result<T> {
    let encoded = value.encode()?;
    T::decode(encoded.value_type(), encoded.as_bytes())
}

/// The type and payload of `value` as stored.
fn stored(value: impl ToValue) -> (ValueType, Vec<u8>) {
    let encoded = value.encode().expect("the value can be stored");
    (encoded.value_type(), encoded.as_bytes().to_vec())
}

/// The error of `result`, after checking its kind.
fn failure<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind) -> Error {
    let error = result.expect_err("an error is expected");
    assert_eq!(error.kind(), kind, "{error}");
    error
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    items.into_iter().collect::<Vec<_>>().into()
}

fn map<const COUNT: usize>(entries: [(Value, Value); COUNT]) -> Value {
    entries.to_vec().into()
}
