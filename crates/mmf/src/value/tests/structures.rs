//! Serde types and nested values.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{bytes, failure, list, map, stored, text, through};
use crate::error::ErrorKind;
use crate::value::{Structure, ToValue, Value, ValueType};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Everything {
    zebra: u8,
    apple: Option<i64>,
    ratio: f64,
    single: f32,
    name: String,
    letter: char,
    unit: (),
    tuple: (u64, bool),
    list: Vec<u16>,
    by_number: BTreeMap<i32, String>,
    by_name: HashMap<String, Shape>,
    newtype: Meters,
    raw: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Meters(f64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i8, i8),
    Box { width: u32, height: u32 },
}

fn everything() -> Everything {
    let shapes = [
        ("point", Shape::Point),
        ("circle", Shape::Circle(1.5)),
        ("line", Shape::Line(-1, 1)),
        ("box", Shape::Box { width: 1, height: 70_000 }),
    ];
    Everything {
        zebra: 200,
        apple: None,
        ratio: 0.1,
        single: 0.1,
        name: "\u{fc}ber".into(),
        letter: '\u{6c34}',
        unit: (),
        tuple: (u64::MAX, true),
        list: vec![1, 2, 3],
        by_number: BTreeMap::from([(-1, "minus".into()), (500, "many".into())]),
        by_name: shapes.map(|(name, shape)| (name.to_owned(), shape)).into(),
        newtype: Meters(2.0),
        raw: vec![0, 255],
    }
}

#[test]
fn serde_types_survive() {
    let Structure(read) = through(Structure(everything())).unwrap();
    assert_eq!(everything(), read);
    let Structure(shape) = through::<Structure<Shape>>(Structure(Shape::Point)).unwrap();
    assert_eq!(shape, Shape::Point);
}

#[test]
fn serde_types_are_stored_deterministically() {
    #[derive(Serialize)]
    struct Unsorted {
        bb: f64,
        c: u64,
        a: (),
    }
    let (value_type, payload) = stored(Structure(Unsorted { bb: 1.5, c: 1000, a: () }));
    assert_eq!(value_type, ValueType::Structure);
    assert_eq!(payload, bytes("a36161f661631903e8626262f93e00"));
    let same = map([(text("c"), 1000.into()), (text("a"), ().into()), (text("bb"), 1.5.into())]);
    assert_eq!(stored(same), (value_type, payload));
    for _ in 0..8 {
        assert_eq!(stored(Structure(everything())), stored(Structure(everything())));
    }
}

#[test]
fn a_serde_scalar_is_a_structure() {
    assert_eq!(stored(Structure(1.5)), (ValueType::Structure, bytes("f93e00")));
    assert_eq!(stored(Structure("a")), (ValueType::Structure, bytes("6161")));
    assert_eq!(stored(Structure(())), (ValueType::Structure, bytes("f6")));
    failure(through::<f64>(Structure(1.5)), ErrorKind::WrongType);
    assert_eq!(through::<Value>(Structure(1.5)).unwrap(), Value::from(1.5));
}

#[test]
fn structures_read_scalars_of_any_stored_type() {
    assert_eq!(through::<Structure<f64>>(0.1).unwrap().0, 0.1);
    assert_eq!(through::<Structure<f64>>(3).unwrap().0, 3.0);
    assert_eq!(through::<Structure<f32>>(3).unwrap().0, 3.0);
    assert_eq!(through::<Structure<u8>>(Value::Counter(9)).unwrap().0, 9);
    assert_eq!(through::<Structure<i128>>(u64::MAX).unwrap().0, i128::from(u64::MAX));
    assert_eq!(through::<Structure<String>>("a").unwrap().0, "a");
    assert_eq!(through::<Structure<char>>("a").unwrap().0, 'a');
    assert_eq!(through::<Structure<Vec<u8>>>([1_u8, 2]).unwrap().0, [1, 2]);
    assert_eq!(through::<Structure<Option<u8>>>(()).unwrap().0, None);
    assert_eq!(through::<Structure<Shape>>("Point").unwrap().0, Shape::Point);
    assert_eq!(through::<Structure<Value>>(Value::from(7)).unwrap().0, Value::from(7));
}

#[test]
fn structures_that_do_not_fit_say_why() {
    let error = failure(through::<Structure<u8>>(300), ErrorKind::WrongType);
    assert!(error.reason().starts_with("it holds i64 (8 bytes), not what the program"), "{error}");
    assert!(error.reason().contains("300"), "{error}");
    let error = failure(through::<Structure<Everything>>(map([])), ErrorKind::WrongType);
    assert!(error.reason().contains("missing field"), "{error}");
    let error = failure(through::<Structure<u8>>("x".repeat(1 << 20)), ErrorKind::WrongType);
    assert!(error.reason().len() < 400, "{error}");
    failure(through::<Structure<f64>>((1_i64 << 53) + 1), ErrorKind::WrongType);
    failure(through::<Structure<f32>>((1 << 24) + 1), ErrorKind::WrongType);
    failure(through::<Structure<Shape>>(list([])), ErrorKind::WrongType);
    failure(through::<Structure<(u8, u8)>>(list([1, 2, 3].map(Value::from))), ErrorKind::WrongType);
    failure(through::<Structure<Shape>>("Square"), ErrorKind::WrongType);
}

#[test]
fn what_has_no_stored_form_is_an_encoding_error() {
    failure(Structure(u128::MAX).encode(), ErrorKind::Encoding);
    failure(Structure(i128::from(i64::MIN) - 1).encode(), ErrorKind::Encoding);
    #[derive(Clone)]
    struct Refusing;
    impl Serialize for Refusing {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("it refuses"))
        }
    }
    let error = failure(Structure(Refusing).encode(), ErrorKind::Encoding);
    assert!(error.reason().contains("it refuses"), "{error}");
}

#[test]
fn serde_features_that_need_a_self_describing_format_work() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Circle { radius: f64 },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        name: String,
        #[serde(flatten)]
        rest: BTreeMap<String, i64>,
    }
    let circle = Tagged::Circle { radius: 2.5 };
    assert_eq!(through::<Structure<Tagged>>(Structure(&circle)).unwrap().0, circle);
    let flat = Flat { name: "n".into(), rest: BTreeMap::from([("x".into(), 1)]) };
    assert_eq!(through::<Structure<Flat>>(Structure(&flat)).unwrap().0, flat);
}

#[test]
fn opaque_values_nest_and_counters_become_integers() {
    let opaque = Value::Opaque { language: "perl".into(), data: vec![1] };
    let payload = bytes("82d81b82647065726c410105");
    assert_eq!(stored(list([opaque.clone(), Value::Counter(5)])).1, payload);
    let read: Value = through(list([opaque.clone(), Value::Counter(5)])).unwrap();
    assert_eq!(read, list([opaque, 5.into()]));
}

#[test]
fn values_are_serde_types() {
    let json = r#"{"a":[1,-1,18446744073709551615,1.5,true,null],"b":{"c":"d"}}"#;
    let value: Value = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(value.to_json(), json);
    assert_eq!(through::<Structure<Value>>(Structure(&value)).unwrap().0, value);
    assert_eq!(stored(Structure(&value)), stored(&value));
    assert_eq!(stored(Structure(Value::from(vec![1_u8]))).1, bytes("4101"));
    let opaque = Value::Opaque { language: "perl".into(), data: vec![1] };
    let seen = map([(text("language"), text("perl")), (text("data"), vec![1_u8].into())]);
    assert_eq!(through::<Value>(Structure(&opaque)).unwrap(), seen);
    assert_eq!(through::<Structure<Value>>(&opaque).unwrap().0, seen);
}
