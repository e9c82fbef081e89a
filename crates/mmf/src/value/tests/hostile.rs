//! Input that nobody honest writes.

use super::{bytes, failure, list, map, text};
use crate::error::ErrorKind;
use crate::value::cbor::{self, MAXIMUM_DEPTH};
use crate::value::{FromValue, ToValue, Value, ValueType};

/// A value inside `depth` lists.
fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| list([inner]))
}

#[test]
fn depth_is_limited_both_ways() {
    let deepest = nested(MAXIMUM_DEPTH);
    let encoded = cbor::encode(&deepest).unwrap();
    assert_eq!(encoded.len(), MAXIMUM_DEPTH + 1);
    assert_eq!(cbor::decode(&encoded).unwrap(), deepest);

    let error = failure(cbor::encode(&nested(MAXIMUM_DEPTH + 1)), ErrorKind::Encoding);
    assert!(error.reason().contains("deeper than 128"), "{error}");
    failure(cbor::decode(&[&[0x81], &encoded[..]].concat()), ErrorKind::Encoding);

    let opaque = Value::Opaque { language: "perl".into(), data: vec![] };
    let inside = |depth| (0..depth).fold(opaque.clone(), |inner, _| list([inner]));
    let deepest = cbor::encode(&inside(MAXIMUM_DEPTH - 1)).unwrap();
    assert_eq!(cbor::decode(&deepest).unwrap(), inside(MAXIMUM_DEPTH - 1));
    failure(cbor::encode(&inside(MAXIMUM_DEPTH)), ErrorKind::Encoding);
}

#[test]
fn depth_bombs_are_errors() {
    for repeated in ["81", "9f", "a1", "bf", "d81b", "d81b82", "a181", "c1", "5f", "7f"] {
        failure(cbor::decode(&bytes(&repeated.repeat(100_000))), ErrorKind::Encoding);
    }
}

#[test]
fn claimed_lengths_are_checked_before_they_are_believed() {
    for head in ["5b", "7b", "9b", "bb"] {
        for length in ["ffffffffffffffff", "7fffffffffffffff", "0000000100000000"] {
            failure(cbor::decode(&bytes(&format!("{head}{length}00"))), ErrorKind::Encoding);
        }
    }
    let error = failure(cbor::decode(&bytes("83f6f6")), ErrorKind::Encoding);
    assert!(error.reason().contains("3 elements are announced, but only 2 bytes"), "{error}");
    failure(cbor::decode(&bytes("a2f6f6f5")), ErrorKind::Encoding);
}

/// Each level honestly claims less than what follows, and all of them together far more.
#[test]
fn nested_claims_do_not_multiply() {
    let mut input = bytes("9a00f00000").repeat(MAXIMUM_DEPTH);
    input.resize(16 << 20, 0xf7);
    failure(cbor::decode(&input), ErrorKind::Encoding);
}

/// Two entries a level, the inner map as a key: work must not double with each level.
#[test]
fn maps_as_keys_take_no_exponential_time() {
    let deep = (0..MAXIMUM_DEPTH as u64)
        .fold(Value::Null, |inner, level| map([(inner, 1.into()), (level.into(), 2.into())]));
    let decoded = cbor::decode(&cbor::encode(&deep).unwrap()).unwrap();
    assert_eq!(decoded, deep);
}

#[test]
fn duplicate_keys_are_refused_both_ways() {
    for hexadecimal in ["a2616101616102", "bf01020103ff", "a201021801f6", "a2f93c0001fa3f80000002"]
    {
        let error = failure(cbor::decode(&bytes(hexadecimal)), ErrorKind::Encoding);
        assert!(error.reason().contains("twice"), "{error}");
    }
    let twice = map([(text("a"), 1.into()), (text("b"), 2.into()), (text("a"), 3.into())]);
    let error = failure(twice.encode(), ErrorKind::Encoding);
    assert!(error.reason().contains("the key \"a\" twice"), "{error}");
    failure(map([(1.into(), 1.into()), (Value::U64(1), 2.into())]).encode(), ErrorKind::Encoding);
}

#[test]
fn malformed_items_are_refused() {
    for hexadecimal in [
        "",
        "18",
        "1c",
        "1f",
        "3f",
        "5c",
        "61",
        "61ff",
        "81",
        "9f",
        "9f01",
        "a101",
        "bf01ff",
        "f9",
        "f900",
        "fa000000",
        "fc",
        "ff",
        "0000",
        "5f6161ff",
        "7f4161ff",
        "d81bf6",
        "d81b80",
        "d81b8261616161",
        "d81b826040",
        "d81b8262c3bc40",
        "d81b83616140f6",
        "81ff",
        "a1ff00",
    ] {
        failure(cbor::decode(&bytes(hexadecimal)), ErrorKind::Encoding);
    }
    let error = failure(cbor::decode(&bytes("00f6f6")), ErrorKind::Encoding);
    assert!(error.reason().contains("2 bytes follow"), "{error}");
}

#[test]
fn malformed_payloads_are_refused() {
    use ValueType::{Bool, Counter, F64, I64, Null, Opaque, Structure, Text, U64};
    let cases: &[(ValueType, &[u8])] = &[
        (Null, &[0]),
        (Bool, &[]),
        (Bool, &[2]),
        (Bool, &[0, 0]),
        (I64, &[0; 7]),
        (U64, &[0; 9]),
        (F64, &[0; 4]),
        (Counter, &[]),
        (Text, &[0xff]),
        (Structure, &[]),
        (Opaque, &[]),
        (Opaque, &[0, 1]),
        (Opaque, &[5, b'p', b'e', b'r', b'l']),
        (Opaque, &[2, 0xc3, 0xbc]),
    ];
    for (value_type, payload) in cases {
        failure(Value::decode(*value_type, payload), ErrorKind::Encoding);
    }
    failure(<()>::decode(Null, &[0]), ErrorKind::Encoding);
    failure(bool::decode(Bool, &[2]), ErrorKind::Encoding);
    failure(u8::decode(I64, &[0; 7]), ErrorKind::Encoding);
    failure(f64::decode(F64, &[0; 7]), ErrorKind::Encoding);
    failure(f32::decode(U64, &[0; 7]), ErrorKind::Encoding);
    failure(String::decode(Text, &[0xff]), ErrorKind::Encoding);
    failure(Option::<u8>::decode(Null, &[0]), ErrorKind::Encoding);
}
