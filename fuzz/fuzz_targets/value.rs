//! Bytes as the payload of each type of value: an error, or a value that survives being encoded.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mmf::{FromValue, ToValue, Value, ValueType};

fuzz_target!(|data: &[u8]| {
    let Some((number, payload)) = data.split_first() else { return };
    // Structures have most of the code, and get most of the inputs.
    let value_type = match ValueType::ALL.get(usize::from(*number)) {
        Some(value_type) => *value_type,
        None => ValueType::Structure,
    };
    let Ok(value) = Value::decode(value_type, payload) else { return };
    let encoded = value.encode().expect("what was decoded can be encoded");
    let again = Value::decode(encoded.value_type(), encoded.as_bytes())
        .expect("what was encoded can be decoded");
    // Not the values: a NaN differs from itself.
    let twice = again.encode().expect("it still can be encoded");
    assert_eq!(encoded.as_bytes(), twice.as_bytes(), "{value:?} became {again:?}");
    assert!(value.to_json().len() < payload.len().saturating_mul(16) + 64);
});
