//! The examples of RFC 8949, appendix A.

use super::{bytes, failure, list, map, text};
use crate::error::ErrorKind;
use crate::value::{Value, cbor};

/// Examples in the deterministic form: encoding and decoding are inverse.
#[test]
fn deterministic_examples_encode_and_decode() {
    let abcde = ["a", "b", "c", "d", "e"].map(|key| (text(key), text(&key.to_uppercase())));
    let examples = [
        ("00", Value::from(0)),
        ("01", Value::from(1)),
        ("0a", Value::from(10)),
        ("17", Value::from(23)),
        ("1818", Value::from(24)),
        ("1819", Value::from(25)),
        ("1864", Value::from(100)),
        ("1903e8", Value::from(1000)),
        ("1a000f4240", Value::from(1_000_000)),
        ("1b000000e8d4a51000", Value::from(1_000_000_000_000_u64)),
        ("1bffffffffffffffff", Value::from(u64::MAX)),
        ("20", Value::from(-1)),
        ("29", Value::from(-10)),
        ("3863", Value::from(-100)),
        ("3903e7", Value::from(-1000)),
        ("3b7fffffffffffffff", Value::from(i64::MIN)),
        ("f90000", Value::from(0.0)),
        ("f98000", Value::from(-0.0)),
        ("f93c00", Value::from(1.0)),
        ("fb3ff199999999999a", Value::from(1.1)),
        ("f93e00", Value::from(1.5)),
        ("f97bff", Value::from(65504.0)),
        ("fa47c35000", Value::from(100_000.0)),
        ("fa7f7fffff", Value::from(3.402_823_466_385_288_6e38)),
        ("fb7e37e43c8800759c", Value::from(1.0e300)),
        ("f90001", Value::from(5.960_464_477_539_063e-8)),
        ("f90400", Value::from(0.000_061_035_156_25)),
        ("f9c400", Value::from(-4.0)),
        ("fbc010666666666666", Value::from(-4.1)),
        ("f97c00", Value::from(f64::INFINITY)),
        ("f9fc00", Value::from(f64::NEG_INFINITY)),
        ("f4", Value::from(false)),
        ("f5", Value::from(true)),
        ("f6", Value::Null),
        ("40", Value::Bytes(vec![])),
        ("4401020304", Value::Bytes(vec![1, 2, 3, 4])),
        ("60", text("")),
        ("6161", text("a")),
        ("6449455446", text("IETF")),
        ("62225c", text("\"\\")),
        ("62c3bc", text("\u{fc}")),
        ("63e6b0b4", text("\u{6c34}")),
        ("64f0908591", text("\u{10151}")),
        ("80", list([])),
        ("83010203", list([1, 2, 3].map(Value::from))),
        (
            "8301820203820405",
            list([1.into(), list([2, 3].map(Value::from)), list([4, 5].map(Value::from))]),
        ),
        (
            "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
            list((1..=25).map(Value::from)),
        ),
        ("a0", map([])),
        ("a201020304", map([(1.into(), 2.into()), (3.into(), 4.into())])),
        (
            "a26161016162820203",
            map([(text("a"), 1.into()), (text("b"), list([2, 3].map(Value::from)))]),
        ),
        ("826161a161626163", list([text("a"), map([(text("b"), text("c"))])])),
        ("a56161614161626142616361436164614461656145", map(abcde)),
    ];
    for (hexadecimal, value) in examples {
        assert_eq!(cbor::encode(&value).unwrap(), bytes(hexadecimal), "{value:?}");
        let decoded = cbor::decode(&bytes(hexadecimal)).unwrap();
        assert_eq!(decoded, value);
        assert_eq!(cbor::encode(&decoded).unwrap(), bytes(hexadecimal), "{value:?} again");
    }
}

#[test]
fn every_not_a_number_is_encoded_as_one() {
    for hexadecimal in ["f97e00", "fa7fc00000", "fb7ff8000000000000", "fbfff0000000000001"] {
        let decoded = cbor::decode(&bytes(hexadecimal)).unwrap();
        assert!(decoded.as_f64().is_some_and(f64::is_nan), "{hexadecimal}");
        assert_eq!(cbor::encode(&decoded).unwrap(), bytes("f97e00"));
    }
}

/// Examples in other forms: they decode, and encode to the deterministic form.
#[test]
fn other_forms_decode_to_the_same_values() {
    let examples = [
        ("fa7f800000", "f97c00"),
        ("fb7ff0000000000000", "f97c00"),
        ("faff800000", "f9fc00"),
        ("1800", "00"),
        ("1b0000000000000001", "01"),
        ("3b0000000000000000", "20"),
        ("7a0000000161", "6161"),
        ("9b00000000000000020102", "820102"),
        ("5f42010243030405ff", "450102030405"),
        ("7f657374726561646d696e67ff", "6973747265616d696e67"),
        ("9fff", "80"),
        ("9f018202039f0405ffff", "8301820203820405"),
        ("83019f0203ff820405", "8301820203820405"),
        ("bf61610161629f0203ffff", "a26161016162820203"),
        ("826161bf61626163ff", "826161a161626163"),
        ("bf6346756ef563416d7421ff", "a263416d74216346756ef5"),
    ];
    for (other, deterministic) in examples {
        let decoded = cbor::decode(&bytes(other)).unwrap();
        assert_eq!(cbor::encode(&decoded).unwrap(), bytes(deterministic), "{other}");
    }
}

#[test]
fn what_no_value_expresses_is_refused_by_name() {
    let examples = [
        ("c249010000000000000000", "tag 2"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("f7", "undefined"),
        ("f0", "simple value 16"),
        ("f8ff", "simple value 255"),
        ("c074323031332d30332d32315432303a30343a30305a", "tag 0"),
        ("c11a514b67b0", "tag 1"),
        ("d74401020304", "tag 23"),
        ("d818456449455446", "tag 24"),
        ("d82076687474703a2f2f7777772e6578616d706c652e636f6d", "tag 32"),
    ];
    for (hexadecimal, named) in examples {
        let error = failure(cbor::decode(&bytes(hexadecimal)), ErrorKind::Encoding);
        assert!(error.reason().contains(named), "{error}");
    }
}
