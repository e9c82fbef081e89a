//! Scalars, text, bytes and their conversions.

use super::{bytes, failure, list, map, stored, text, through};
use crate::error::ErrorKind;
use crate::value::{Encoded, ToValue, Value, ValueType};

#[test]
fn tags_and_names_are_fixed() {
    let names =
        ["null", "bool", "i64", "u64", "f64", "text", "bytes", "structure", "opaque", "counter"];
    for (tag, name) in (1..).zip(names) {
        let value_type = ValueType::from_tag(tag).unwrap();
        assert_eq!((value_type.tag(), value_type.name()), (tag, name));
        assert_eq!(name.parse::<ValueType>().unwrap(), value_type);
        assert_eq!(format!("{value_type}"), name);
    }
    assert_eq!(format!("[{:>6}]", ValueType::Text), "[  text]");
    assert!([0, 11, 255].into_iter().all(|tag| ValueType::from_tag(tag).is_none()));
    let error = failure("string".parse::<ValueType>(), ErrorKind::InvalidArgument);
    assert!(error.advice().unwrap().contains("text, bytes"), "{error}");
}

#[test]
fn payloads_are_as_documented() {
    assert_eq!(stored(()), (ValueType::Null, vec![]));
    assert_eq!(stored(None::<u8>), (ValueType::Null, vec![]));
    assert_eq!(stored(Some(true)), (ValueType::Bool, vec![1]));
    assert_eq!(stored(-2_i8), (ValueType::I64, bytes("feffffffffffffff")));
    assert_eq!(stored(7_usize), (ValueType::I64, bytes("0700000000000000")));
    assert_eq!(stored(Value::U64(7)), (ValueType::I64, bytes("0700000000000000")));
    assert_eq!(stored(1_u64 << 63), (ValueType::U64, bytes("0000000000000080")));
    assert_eq!(stored(1.5_f32), (ValueType::F64, bytes("000000000000f83f")));
    assert_eq!(stored("\u{fc}"), (ValueType::Text, bytes("c3bc")));
    assert_eq!(stored([1_u8, 2]), (ValueType::Bytes, vec![1, 2]));
    assert_eq!(stored(vec![1_u8, 2]), (ValueType::Bytes, vec![1, 2]));
    assert_eq!(stored(Value::Counter(-1)), (ValueType::Counter, vec![255; 8]));
    let opaque = Value::Opaque { language: "perl".into(), data: vec![0, 255] };
    assert_eq!(stored(&opaque), (ValueType::Opaque, bytes("047065726c00ff")));
    assert_eq!(opaque.value_type(), ValueType::Opaque);
}

#[test]
fn opaque_values_need_a_language() {
    for language in ["", "\u{fc}", &"x".repeat(256)] {
        failure(Encoded::opaque(language, &[]), ErrorKind::Encoding);
    }
    assert!(Encoded::opaque(&"x".repeat(255), &[]).is_ok());
}

#[test]
fn numbers_convert_when_that_is_exact() {
    assert_eq!(through::<u8>(200_i64).unwrap(), 200);
    assert_eq!(through::<u64>(200_i64).unwrap(), 200);
    assert_eq!(through::<usize>(Value::Counter(5)).unwrap(), 5);
    assert_eq!(through::<f64>(-3_i64).unwrap(), -3.0);
    assert_eq!(through::<f64>(1_u64 << 63).unwrap(), 9_223_372_036_854_775_808.0);
    assert_eq!(through::<f32>(1 << 24).unwrap(), 16_777_216.0);
    assert_eq!(through::<f32>(0.5_f64).unwrap(), 0.5);
    assert!(through::<f32>(f64::NAN).unwrap().is_nan());
    assert_eq!(through::<f32>(f64::NEG_INFINITY).unwrap(), f32::NEG_INFINITY);
    assert_eq!(through::<Option<i8>>(-1).unwrap(), Some(-1));
    assert_eq!(through::<Option<i8>>(()).unwrap(), None);
}

#[test]
fn inexact_conversions_name_the_number() {
    let reason = |error: crate::error::Error| error.reason().to_owned();
    let wrong = |error| reason(failure(error, ErrorKind::WrongType));
    assert_eq!(wrong(through::<u8>(300).map(drop)), "it holds 300, not a u8 (0 to 255)");
    assert_eq!(wrong(through::<i8>(-129).map(drop)), "it holds -129, not an i8 (-128 to 127)");
    assert!(wrong(through::<i64>(u64::MAX).map(drop)).contains("18446744073709551615, not an i64"));
    assert!(wrong(through::<u64>(-1).map(drop)).contains("it holds -1, not a u64"));
    let odd = (1_i64 << 53) + 1;
    assert!(wrong(through::<f64>(odd).map(drop)).contains("9007199254740993, which no f64"));
    assert!(wrong(through::<f64>(u64::MAX).map(drop)).contains("which no f64"));
    assert!(wrong(through::<f64>(i64::MAX).map(drop)).contains("which no f64"));
    assert!(wrong(through::<f32>((1 << 24) + 1).map(drop)).contains("which no f32"));
    assert_eq!(wrong(through::<f32>(0.1_f64).map(drop)), "it holds 0.1, which no f32 equals");
}

#[test]
fn wrong_types_say_what_is_there() {
    let reason = |result| failure(result, ErrorKind::WrongType).reason().to_owned();
    assert_eq!(reason(through::<f64>("12345").map(drop)), "it holds text (5 bytes), not an f64");
    assert_eq!(reason(through::<f32>("1").map(drop)), "it holds text (1 byte), not an f32");
    assert_eq!(reason(through::<i64>(5.0).map(drop)), "it holds f64 (8 bytes), not an i64");
    assert_eq!(reason(through::<bool>(1).map(drop)), "it holds i64 (8 bytes), not a bool");
    assert_eq!(reason(through::<String>(()).map(drop)), "it holds null (0 bytes), not text");
    assert_eq!(reason(through::<Vec<u8>>("a").map(drop)), "it holds text (1 byte), not bytes");
    assert_eq!(reason(through::<()>(false).map(drop)), "it holds bool (1 byte), not null");
    assert_eq!(
        reason(through::<[u8; 4]>([0_u8; 5]).map(drop)),
        "it holds bytes (5 bytes), not bytes (4 bytes)"
    );
    let error = failure(through::<f64>("a"), ErrorKind::WrongType);
    assert_eq!(error.advice(), Some("read it as text, or as a value of any type"));
}

#[test]
fn floats_keep_their_bits() {
    for bits in [0_u64, 1 << 63, 0x7ff0_0000_0000_0001, 0xfff8_dead_beef_0000, 1] {
        assert_eq!(through::<f64>(f64::from_bits(bits)).unwrap().to_bits(), bits);
    }
}

#[test]
fn values_are_equal_by_number_and_by_entries() {
    assert_eq!(Value::U64(7), Value::I64(7));
    assert_ne!(Value::U64(u64::MAX), Value::I64(-1));
    assert_ne!(Value::from(1.0), Value::from(1));
    assert_ne!(Value::Counter(1), Value::from(1));
    assert_ne!(text("a"), Value::Bytes(b"a".to_vec()));
    let (a, b) = ((text("a"), Value::I64(1)), (Value::I64(2), list([])));
    assert_eq!(map([a.clone(), b.clone()]), map([(Value::U64(2), list([])), a.clone()]));
    assert_ne!(map([a.clone(), b.clone()]), map([a.clone()]));
    assert_ne!(map([a.clone(), b]), map([a, (2.into(), 0.into())]));
}

#[test]
fn accessors_read_only_their_own() {
    assert_eq!(Value::from(5_u64).as_i64(), Some(5));
    assert_eq!(Value::Counter(-5).as_i64(), Some(-5));
    assert_eq!(Value::from(-5).as_u64(), None);
    assert_eq!(Value::from(u64::MAX).as_i64(), None);
    assert_eq!(Value::from(u64::MAX).as_f64(), None);
    assert_eq!(Value::from(2).as_f64(), Some(2.0));
    assert_eq!(text("2").as_f64(), None);
    assert_eq!(text("2").as_text(), Some("2"));
    assert_eq!(text("2").as_bytes(), None);
    assert_eq!(Value::from(vec![2_u8]).as_bytes(), Some(&[2][..]));
    assert_eq!(Value::from(true).as_bool(), Some(true));
    assert!(Value::from(None::<bool>).is_null());
    assert_eq!(list([Value::Null]).as_list().map(<[_]>::len), Some(1));
    let entries = map([(text("a"), 1.into())]);
    assert_eq!(entries.get("a"), Some(&Value::from(1)));
    assert_eq!(entries.get("b"), None);
    assert_eq!(Value::Null.get("a"), None);
}

#[test]
fn display_is_for_people() {
    let shown = |value: Value| value.to_string();
    assert_eq!(shown(Value::Null), "null");
    assert_eq!(shown(text("a \"quoted\" line\n")), "a \"quoted\" line\n");
    assert_eq!(shown(vec![0_u8, 255].into()), "0x00ff");
    assert_eq!(shown(0.1.into()), "0.1");
    assert_eq!(shown(1.0.into()), "1.0");
    assert_eq!(shown(1e300.into()), "1e300");
    assert_eq!(shown(f64::NAN.into()), "NaN");
    assert_eq!(shown(Value::Counter(-3)), "-3");
    let opaque = Value::Opaque { language: "perl".into(), data: vec![1, 2] };
    assert_eq!(shown(opaque.clone()), "<perl object, 2 bytes>");
    let nested = list([map([(1.into(), text("\t")), (text("b"), opaque)]), f64::INFINITY.into()]);
    assert_eq!(shown(nested), r#"[{1:"\t","b":<perl object, 2 bytes>},inf]"#);
}

#[test]
fn json_is_what_parsers_read() {
    let opaque = Value::Opaque { language: "perl".into(), data: vec![1, 2] };
    let mixed = map([(text("a"), f64::NAN.into()), (1.into(), Value::Null)]);
    let value = map([(text("\"\u{1}\u{fc}"), list([opaque, mixed, vec![0xab_u8].into()]))]);
    let json = value.to_json();
    assert_eq!(
        json,
        "{\"\\\"\\u0001\u{fc}\":[{\"language\":\"perl\",\"data\":\"0x0102\"},\
         [[\"a\",null],[1,null]],\"0xab\"]}"
    );
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
}

#[test]
fn what_is_encoded_is_stored_as_it_is() {
    let value = list([Value::from(1), Value::Opaque { language: "perl".into(), data: vec![7] }]);
    assert_eq!(stored(Encoded::structure(&value).unwrap()), stored(&value));
    let opaque = Value::Opaque { language: "perl".into(), data: vec![7] };
    let structure = Encoded::structure(&opaque).unwrap().into_owned();
    assert_eq!(stored(&structure), (ValueType::Structure, bytes("d81b82647065726c4107")));
    assert_eq!(through::<Value>(structure).unwrap(), opaque);
    for value in [text("text"), Value::from(true), Value::F64(1.5), Value::from(vec![1_u8])] {
        let owned = value.encode().unwrap().into_owned();
        assert_eq!(stored(&owned), stored(&value));
    }
}
