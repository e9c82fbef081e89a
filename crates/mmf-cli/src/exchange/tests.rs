//! Properties of the notation, hostile input, and the examples of `docs/export.md`.

use std::collections::BTreeMap;

use mmf::{Encoded, ToValue, Value, ValueType};
use proptest::prelude::*;

use super::document;
use super::line::{self, Line};
use super::notation;

const SPECIFICATION: &str = include_str!("../../../../docs/export.md");
const FIRST: &str = "{\"format\":\"mmf-export\",\"version\":1}\n";

fn written(value_type: ValueType, value: &Value) -> String {
    let mut text = String::new();
    notation::write(value_type, value, &mut text);
    text
}

/// The bytes that are stored for what `text` stands for.
fn read(value_type: ValueType, text: &str) -> Result<Vec<u8>, String> {
    let encoded = notation::read(value_type, text).map_err(|flaw| flaw.reason)?;
    let is_integer = |value_type| matches!(value_type, ValueType::I64 | ValueType::U64);
    let read_as = encoded.value_type();
    assert!(read_as == value_type || is_integer(read_as) && is_integer(value_type), "{read_as}");
    Ok(encoded.as_bytes().to_vec())
}

fn stored(value_type: ValueType, value: &Value) -> Vec<u8> {
    let encoded = match value_type {
        ValueType::Structure => Encoded::structure(value),
        _ => value.encode(),
    };
    encoded.expect("a value that can be stored").as_bytes().to_vec()
}

fn map(entries: &[(Value, Value)]) -> Value {
    Value::Map(entries.to_vec())
}

fn opaque(data: &[u8]) -> Value {
    Value::Opaque { language: "perl".into(), data: data.to_vec() }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::I64),
        (-3_i64..3).prop_map(|near| Value::I64((1 << 53) + near)),
        (-3_i64..3).prop_map(|near| Value::I64(near - (1 << 53))),
        any::<u64>().prop_map(Value::from),
        any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        (0_u64..1 << 52).prop_map(|bits| Value::F64(f64::from_bits(0xfff << 52 | bits))),
        (-1000_i32..1000).prop_map(|whole| Value::F64(f64::from(whole))),
        Just(Value::F64(-0.0)),
        any::<String>().prop_map(Value::Text),
        "\\$[a-z]{0,9}".prop_map(Value::Text),
        any::<Vec<u8>>().prop_map(Value::Bytes),
        ("[ -~]{1,9}", any::<Vec<u8>>())
            .prop_map(|(language, data)| Value::Opaque { language, data }),
    ]
}

/// A value whose maps have keys of every kind, and none twice.
fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 40, 6, |inner| {
        let entries = prop::collection::vec((inner.clone(), inner.clone()), 0..6);
        let texts =
            prop::collection::vec(("\\$?[a-z]{0,3}".prop_map(Value::Text), inner.clone()), 0..6);
        prop_oneof![
            prop::collection::vec(inner, 0..6).prop_map(Value::List),
            prop_oneof![entries, texts].prop_map(|entries| {
                let unique: BTreeMap<_, _> = entries
                    .into_iter()
                    .map(|entry| (stored(ValueType::Structure, &entry.0), entry))
                    .collect();
                Value::Map(unique.into_values().collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_comes_back_to_the_last_bit(value in value()) {
        for value_type in [value.value_type(), ValueType::Structure] {
            let text = written(value_type, &value);
            prop_assert!(!text.contains(['\n', '\r']));
            prop_assert_eq!(read(value_type, &text), Ok(stored(value_type, &value)), "{}", text);
        }
    }

    #[test]
    fn counters_come_back(number in any::<i64>()) {
        let counter = Value::Counter(number);
        let text = written(ValueType::Counter, &counter);
        prop_assert_eq!(read(ValueType::Counter, &text), Ok(number.to_le_bytes().to_vec()));
    }

    /// What reads numbers as floating-point ones reads no integer wrong.
    #[test]
    fn integers_that_are_written_as_numbers_are_exact_as_floats(number in any::<i64>(), shift in 0..64) {
        let number = number >> shift;
        let text = written(ValueType::I64, &Value::I64(number));
        let is_number = !text.starts_with('"');
        prop_assert_eq!(is_number, number.unsigned_abs() < 1 << 53);
        if is_number {
            prop_assert_eq!(text.parse::<f64>().expect("a number") as i64, number);
        }
    }

    #[test]
    fn names_come_back(name in "\\PC{1,20}|.{1,9}", value in value()) {
        let mut text = String::new();
        line::write_variable(&name, value.value_type(), &value, None, &mut text);
        match line::read(&text) {
            Ok(Line::Variable { name: read, value: encoded }) => {
                prop_assert_eq!(read, name);
                prop_assert_eq!(encoded.as_bytes(), stored(value.value_type(), &value));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Any change of a byte ends in a value or an error.
    #[test]
    fn changed_bytes_never_panic(value in value(), place in any::<usize>(), byte: u8) {
        let mut text = FIRST.to_owned();
        line::write_variable("v", value.value_type(), &value, None, &mut text);
        let mut bytes = format!("{text}\n{}\n", line::END).into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        let _ = document::read(&bytes[..], 1 << 20);
    }

    /// An export that is cut off anywhere is an error.
    #[test]
    fn no_beginning_is_a_whole_export(value in value(), place in any::<usize>()) {
        let mut text = FIRST.to_owned();
        line::write_variable("v", value.value_type(), &value, None, &mut text);
        let text = format!("{text}\n{}\n", line::END);
        prop_assert!(document::read(text.as_bytes(), 1 << 20).is_ok());
        // The last line is whole without its end.
        let beginning = &text.as_bytes()[..place % (text.len() - 1)];
        prop_assert!(document::read(beginning, 1 << 20).is_err());
    }
}

/// The last cells of the table behind a heading of the specification, without their backticks, and
/// the first cells.
fn examples(heading: &str) -> Vec<(&'static str, &'static str)> {
    let (_, section) = SPECIFICATION.split_once(heading).expect("the heading");
    let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let cells = |row: &'static str| {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        (cells[1], cells[cells.len() - 2])
    };
    rows.map(cells).collect()
}

#[test]
fn values_are_written_as_the_specification_says() {
    let structure = map(&[
        ("colour".into(), "red".into()),
        ("weights".into(), vec![Value::from(120), Value::from(135.5)].into()),
    ]);
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::I64(-5),
        Value::I64(1 << 53),
        Value::U64(u64::MAX),
        Value::F64(12.5),
        Value::F64(3.0),
        Value::F64(-0.0),
        Value::F64(f64::NEG_INFINITY),
        Value::F64(f64::from_bits(0x7ff8_0000_0000_0000)),
        Value::F64(f64::from_bits(0xfff0_0000_0000_0001)),
        Value::from("Kälte\0"),
        Value::Bytes(vec![0, 255]),
        structure,
        opaque(&[4, 1]),
        Value::Counter(1042),
    ];
    let examples = examples("\n## Values");
    assert_eq!(examples.len(), values.len());
    for (value, (type_name, text)) in values.iter().zip(examples) {
        assert_eq!(value.value_type().name(), type_name);
        assert_eq!(written(value.value_type(), value), text);
        assert_eq!(read(value.value_type(), text), Ok(stored(value.value_type(), value)));
    }
}

#[test]
fn structures_are_written_as_the_specification_says() {
    let values = [
        vec![Value::Null, Value::Bool(true)].into(),
        Value::I64(-120),
        Value::I64(i64::MIN),
        vec![Value::F64(1.0), Value::F64(1e300)].into(),
        Value::F64(f64::INFINITY),
        Value::from("a"),
        Value::Bytes(vec![0, 255]),
        vec![Value::I64(1), vec![Value::I64(2)].into()].into(),
        map(&[("a".into(), 1.into()), ("b".into(), map(&[]))]),
        map(&[
            (1.into(), "one".into()),
            (Value::Bytes(vec![1]), map(&[("$".into(), Value::Null)])),
        ]),
        opaque(&[]),
    ];
    let examples = examples("\n## Structures");
    assert_eq!(examples.len(), values.len());
    for (value, (_, text)) in values.iter().zip(examples) {
        assert_eq!(written(ValueType::Structure, value), text);
        assert_eq!(read(ValueType::Structure, text), Ok(stored(ValueType::Structure, value)));
    }
}

#[test]
fn the_lines_of_the_specification_are_an_export() {
    let (_, example) = SPECIFICATION.split_once("```json\n").expect("an example");
    let (example, _) = example.split_once("```").expect("its end");
    let held = document::read(example.as_bytes(), 1 << 20).expect("an export");
    let found: Vec<_> = held
        .iter()
        .map(|held| (held.line, held.name.as_str(), held.value.value_type().name()))
        .collect();
    assert_eq!(found, [(2, "logo", "bytes"), (3, "price", "f64"), (4, "visits", "counter")]);
    let mut text = String::new();
    line::write_first("shop", &mut text);
    assert_eq!(example.lines().next(), Some(text.as_str()));
    assert_eq!(example.lines().last(), Some(line::END));
    text.clear();
    line::write_variable("visits", ValueType::Counter, &Value::Counter(1042), None, &mut text);
    assert_eq!(example.lines().nth(3), Some(text.as_str()));
}

#[track_caller]
fn refused(value_type: ValueType, text: &str, reason: &str) {
    let found = read(value_type, text).expect_err(text);
    assert!(found.contains(reason), "{text}: {found}");
}

#[test]
fn values_of_another_type_are_refused() {
    use ValueType::{Bool, Bytes, Counter, F64, I64, Null, Opaque, Text, U64};
    for (value_type, text, reason) in [
        (Null, "0", "is not null"),
        (Bool, "1", "is not true or false"),
        (I64, "9223372036854775808", "is not an i64"),
        (I64, "1.0", "is not an i64"),
        (I64, "\"1e3\"", "is not an i64"),
        (I64, "\"+1\"", "is not an i64"),
        (I64, "\"01\"", "is not an i64"),
        (I64, "\"-0\"", "is not an i64"),
        (I64, "18446744073709551616", "integer 18446744073709551616 is out of the range"),
        (U64, "-1", "is not a u64"),
        (U64, "\"18446744073709551616\"", "is not a u64"),
        (Counter, "\"9223372036854775808\"", "is not a counter"),
        (F64, "9007199254740993", "is not an f64"),
        (F64, "\"inf\"", "is not an f64"),
        (F64, "\"nan:0x7ff0000000000000\"", "is not an f64"),
        (F64, "\"nan:0x7ff8\"", "is not an f64"),
        (F64, "1e400", "number out of range"),
        (F64, "NaN", "expected"),
        (Text, "5", "is not text"),
        (Text, "\"\\ud800\"", "hex escape"),
        (Bytes, "\"00ff\"", "is not bytes"),
        (Bytes, "\"0x0\"", "is not bytes"),
        (Bytes, "\"0x0g\"", "is not bytes"),
        (Bytes, "[0,255]", "is not bytes"),
        (Opaque, "{\"language\":\"perl\"}", "is not an object"),
        (Opaque, "{\"language\":\"\",\"data\":\"0x\"}", "is not the name of a language"),
        (Opaque, "{\"language\":\"perl\",\"data\":\"0x\",\"more\":1}", "is not an object"),
    ] {
        refused(value_type, text, reason);
    }
}

#[test]
fn malformed_structures_are_refused() {
    for (text, reason) in [
        ("", "EOF"),
        ("[1", "EOF"),
        ("[1,]", "trailing comma"),
        ("1 2", "trailing characters"),
        ("{\"a\":1,\"a\":2}", "a map has the key \"a\" twice"),
        ("[{\"$map\":[[1,2],[1,3]]}]", "a map has the key 1 twice"),
        ("{\"$map\":[[1,2,3]]}", "a part of a $map is not a pair"),
        ("{\"$map\":[1]}", "a part of a $map is not a pair"),
        ("{\"$map\":{\"a\":1}}", "a list of pairs"),
        ("{\"$set\":[]}", "$set is not a tag"),
        ("{\"a\":1,\"$bytes\":\"0x\"}", "$bytes is not alone"),
        ("{\"$bytes\":\"0x\",\"a\":1}", "$bytes is not alone"),
        ("{\"$bytes\":\"0x0\"}", "$bytes is not text of 0x"),
        ("{\"$integer\":5}", "expected a string"),
        ("{\"$integer\":\"5.0\"}", "$integer is not"),
        ("{\"$float\":\"1.5\"}", "$float is not"),
        ("{\"$opaque\":{\"language\":\"perl\"}}", "missing field `data`"),
        ("[\"999999999999999999999\", -9223372036854775809]", "integer -9223372036854775809"),
        ("[1e999]", "number out of range"),
    ] {
        refused(ValueType::Structure, text, reason);
    }
    let digits = "9".repeat(1 << 20);
    refused(ValueType::Structure, &digits, "is out of the range");
    refused(ValueType::Structure, &"[".repeat(1 << 20), "nested deeper than 400 levels");
    refused(ValueType::Structure, &"{\"a\":".repeat(1 << 20), "nested deeper than 400 levels");
    refused(ValueType::Structure, &"{\"$map\":[[".repeat(1 << 20), "nested deeper than 400 levels");
}

#[test]
fn the_deepest_structures_come_back() {
    let deepen = |value: Value, kind: usize| match kind % 3 {
        0 => Value::List(vec![value]),
        1 => map(&[(value, Value::Null)]),
        _ => map(&[("$".into(), value)]),
    };
    for kind in 0..3 {
        let deepest = (0..127).fold(opaque(&[1]), |value, _| deepen(value, kind));
        let text = written(ValueType::Structure, &deepest);
        let expected = stored(ValueType::Structure, &deepest);
        assert_eq!(read(ValueType::Structure, &text), Ok(expected));
        let text = written(ValueType::Structure, &deepen(deepest, kind));
        refused(ValueType::Structure, &text, "nested deeper than 128 levels");
    }
}

fn refusal(text: &[u8]) -> String {
    document::read(text, 1 << 16).expect_err("an error")
}

#[test]
fn malformed_exports_are_refused_with_the_line() {
    let good = "{\"name\":\"a\",\"type\":\"i64\",\"value\":1}";
    let end = line::END;
    for (text, reason) in [
        (String::new(), "it is empty"),
        ("\n \r\n".to_owned(), "it is empty"),
        ("[]".to_owned(), "line 1, column"),
        (format!("{good}\n{end}"), "line 1, column 35: an export begins with {\"format\""),
        (
            "{\"format\":\"tar\",\"version\":1}".to_owned(),
            "line 1, column 1: the format is \"tar\"",
        ),
        (FIRST.replace('1', "2"), "has version 2, and this program reads version 1"),
        (FIRST.replace('}', ",\"x\":1}"), "line 1, column 38: unknown field `x`"),
        (FIRST.to_owned(), "it is not whole: {\"end\":true} is missing behind line 1"),
        (format!("{FIRST}{good}\n"), "missing behind line 2"),
        (format!("{FIRST}\n{good}\n{}", &good[..20]), "line 4, column 20: EOF"),
        (format!("{FIRST}{end}\n{good}"), "line 3: something follows"),
        (format!("{FIRST}{end}\n{end}"), "line 3: something follows"),
        (format!("{FIRST}{{\"end\":false}}"), "line 2, column 1: the last line is"),
        (format!("{FIRST}{{\"end\":true,\"name\":\"a\"}}"), "line 2, column 1: the last line is"),
        (format!("{FIRST}{{\"end\":true,\"pid\":1}}"), "line 2, column 1: the last line is"),
        (format!("{FIRST}{good}\n{good}\n{end}"), "line 3: variable \"a\" has line 2 already"),
        (format!("{FIRST}{good} x\n{end}"), "line 2, column 37: trailing characters"),
        (format!("{FIRST}{}", good.replace("name", "nam")), "unknown field `nam`"),
        (format!("{FIRST}{}", good.replace("1}", "1,\"value\":2}")), "duplicate field `value`"),
        (format!("{FIRST}{}", good.replace("\"name\":\"a\",", "")), "there is no \"name\""),
        (format!("{FIRST}{}", good.replace("\"type\":\"i64\",", "")), "there is no \"type\""),
        (format!("{FIRST}{}", good.replace(",\"value\":1", "")), "there is no \"value\""),
        (format!("{FIRST}{}", good.replace("i64", "i32")), "\"i32\" is not a type"),
        (format!("{FIRST}{}", good.replace("\"a\"", "5")), "line 2, column 9: invalid type"),
        (format!("{FIRST}{}", good.replace("\"a\"", "\"\"")), "a name has 1 to 1024 bytes"),
        (
            format!("{FIRST}{}", good.replace("1}", "true}")),
            "column 34: variable \"a\": the value is",
        ),
        (format!("{FIRST}{}", good.replace("1}", "[1 2]}")), "line 2, column 37: "),
        (format!("{FIRST}{}", good.replace("1}", "1,\"pid\":-1}")), "line 2, column "),
        (format!("{FIRST}{}", good.replace("1}", "1,\"time\":5}")), "line 2, column "),
        (format!("{FIRST}{good}\0\n{end}"), "line 2, column 36: "),
        (format!("{FIRST}\u{feff}{good}\n{end}"), "line 2, column 1: "),
    ] {
        let found = refusal(text.as_bytes());
        assert!(found.contains(reason), "{text}: {found}");
    }
    let broken = [FIRST.as_bytes(), b"{\"name\":\"\xff"].concat();
    assert_eq!(refusal(&broken), "line 2, column 10: it is not UTF-8 text");
    let wide: Vec<u8> = FIRST.bytes().flat_map(|byte| [byte, 0]).collect();
    assert!(refusal(&wide).starts_with("line 1, column 2: "), "{}", refusal(&wide));
}

#[test]
fn what_means_nothing_is_allowed() {
    let good = "{ \"value\":\tnull, \"type\":\"null\",\"name\":\"\\u0000a\\n\" }";
    let text = format!("\u{feff}{FIRST}\r\n\n{good}\r\n{}\r\n \n", line::END);
    let held = document::read(text.as_bytes(), 1 << 16).expect("an export");
    let [only] = &held[..] else { panic!("{held:?}") };
    assert_eq!((only.line, only.name.as_str()), (4, "\0a\n"));
    assert_eq!(only.value.value_type(), ValueType::Null);
}

#[test]
fn what_cannot_fit_is_refused_before_it_is_held() {
    let variable = |name: &str, value: &str| {
        format!("{{\"name\":\"{name}\",\"type\":\"text\",\"value\":\"{value}\"}}\n")
    };
    let value = "v".repeat(40_000);
    let text = format!("{FIRST}{}{}", variable("a", &value), variable("b", &value));
    assert!(refusal(text.as_bytes()).starts_with("line 3: with it the variables take at least "));
    let many: String = (0..1100).map(|number| variable(&number.to_string(), "")).collect();
    assert!(refusal(format!("{FIRST}{many}").as_bytes()).starts_with("line 1026: with it"));

    let endless = format!("{FIRST}{}", "[".repeat(3 << 20));
    assert!(refusal(endless.as_bytes()).starts_with("line 2: it has more than 1114112 bytes"));
    // The value whose text is longest for its size fits in the line.
    let widest = Value::List(vec![Value::Bytes(vec![]); 65_000]);
    let mut line = FIRST.to_owned();
    line::write_variable(&"\u{1}".repeat(16), ValueType::Structure, &widest, None, &mut line);
    let text = format!("{line}\n{}", line::END);
    assert_eq!(document::read(text.as_bytes(), 1 << 16).expect("an export").len(), 1);
}
