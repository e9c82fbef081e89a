//! Properties of random values and random bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{stored, through};
use crate::value::{FromValue, Structure, ToValue, Value, ValueType, cbor, float};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        (-300_i64..300).prop_map(Value::I64),
        any::<u64>().prop_map(Value::U64),
        any::<f64>().prop_filter("a number", |number| !number.is_nan()).prop_map(Value::F64),
        any::<f32>().prop_filter("a number", |number| !number.is_nan()).prop_map(Value::from),
        any::<String>().prop_map(Value::Text),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        ("[a-z]{1,9}", any::<Vec<u8>>())
            .prop_map(|(language, data)| Value::Opaque { language, data }),
    ]
}

/// A value whose maps have no key twice, in random order.
fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::vec((inner.clone(), inner), 0..6)
                .prop_map(|entries| {
                    let unique: BTreeMap<_, _> = entries
                        .into_iter()
                        .map(|entry| (cbor::encode(&entry.0).unwrap(), entry))
                        .collect();
                    unique.into_values().collect::<Vec<_>>()
                })
                .prop_shuffle()
                .prop_map(Value::Map),
        ]
    })
}

/// The same value with the entries of every map reversed.
fn reversed(value: &Value) -> Value {
    match value {
        Value::List(items) => items.iter().map(reversed).collect::<Vec<_>>().into(),
        Value::Map(entries) => {
            let entries = entries.iter().rev();
            Value::Map(entries.map(|(key, value)| (reversed(key), reversed(value))).collect())
        }
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn values_survive(value in value()) {
        let read: Value = through(&value).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(read.value_type(), value.value_type());
        prop_assert_eq!(stored(&read), stored(&value));
        prop_assert_eq!(cbor::decode(&cbor::encode(&value).unwrap()).unwrap(), value);
    }

    #[test]
    fn bytes_do_not_depend_on_the_order_of_entries(value in value()) {
        let other = reversed(&value);
        prop_assert_eq!(&other, &value);
        prop_assert_eq!(stored(&other), stored(&value));
    }

    #[test]
    fn json_is_always_valid(value in value()) {
        prop_assert!(serde_json::from_str::<serde_json::Value>(&value.to_json()).is_ok());
    }

    #[test]
    fn integers_survive(number in any::<i64>(), other in any::<u64>()) {
        prop_assert_eq!(through::<i64>(number).unwrap(), number);
        prop_assert_eq!(through::<u64>(other).unwrap(), other);
        prop_assert_eq!(through::<u64>(number).ok(), u64::try_from(number).ok());
        prop_assert_eq!(through::<i64>(other).ok(), i64::try_from(other).ok());
        prop_assert_eq!(through::<u8>(number).ok(), u8::try_from(number).ok());
    }

    #[test]
    fn text_and_bytes_survive(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        prop_assert_eq!(through::<String>(&text).unwrap(), text);
        prop_assert_eq!(through::<Vec<u8>>(&bytes).unwrap(), bytes);
    }

    #[test]
    fn serde_types_survive(entries in any::<BTreeMap<String, Vec<(i64, Option<f32>)>>>()) {
        let Structure(read) = through(Structure(&entries)).unwrap();
        prop_assert_eq!(entries, read);
    }

    /// Whatever decodes has one deterministic form.
    #[test]
    fn random_bytes_never_panic(bytes in any::<Vec<u8>>(), tag in 1_u8..=10) {
        let value_type = ValueType::from_tag(tag).unwrap();
        if let Ok(value) = Value::decode(value_type, &bytes) {
            let again = stored(&value);
            prop_assert_eq!(stored(Value::decode(again.0, &again.1).unwrap()), again);
            let _ = (value.to_string(), value.to_json());
        }
        let _ = Structure::<BTreeMap<String, Vec<u8>>>::decode(value_type, &bytes);
    }

    /// One changed byte of a valid structure.
    #[test]
    fn damaged_structures_never_panic(value in value(), place in any::<usize>(), byte: u8) {
        let mut bytes = cbor::encode(&value).unwrap();
        let place = place % bytes.len();
        bytes[place] = byte;
        if let Ok(value) = cbor::decode(&bytes) {
            let canonical = cbor::encode(&value).unwrap();
            prop_assert_eq!(cbor::encode(&cbor::decode(&canonical).unwrap()).unwrap(), canonical);
        }
    }

    #[test]
    fn floats_take_the_shortest_exact_form(number in any::<f64>(), single in any::<f32>()) {
        for number in [number, f64::from(single)] {
            let encoded = cbor::encode(&Value::F64(number)).unwrap();
            let exact = f64::from(number as f32).to_bits() == number.to_bits();
            prop_assert!(number.is_nan() || exact == (encoded.len() < 9));
        }
    }
}

/// All half-precision numbers there are.
#[test]
fn halves_survive() {
    for bits in 0..=u16::MAX {
        let number = float::from_half(bits);
        if !number.is_nan() {
            let single = float::to_single(number).unwrap();
            assert_eq!(float::to_half(single), Some(bits), "{number:?}");
        }
    }
    for between in [65505.0, 65536.0, 2_f32.powi(-25), 1.0 + 2_f32.powi(-11), f32::MIN_POSITIVE] {
        assert_eq!(float::to_half(between), None, "{between:?}");
    }
}

#[test]
fn text_is_borrowed() {
    let text = String::from("text");
    assert!(std::ptr::eq(text.encode().unwrap().as_bytes(), text.as_bytes()));
}
