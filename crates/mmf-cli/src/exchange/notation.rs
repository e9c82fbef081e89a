//! Values as JSON that reads back to the very same bits; `docs/export.md` specifies it.
//!
//! What JSON has is written as people expect it; what it lacks or what its readers round becomes
//! text where a type stands beside it, and an object with one key that begins with `$` elsewhere.

use std::fmt::{self, Write};

use mmf::{Encoded, ToValue, Value, ValueType};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::hexadecimal;

/// Integers nearer to zero than this are JSON numbers: whoever reads numbers as floating-point
/// ones, as `jq` does, keeps them exact.
const PLAIN_BELOW: u64 = 1 << 53;
/// Most JSON lists and objects inside one another. A level of a structure takes three at most, and
/// there are 128; the library counts those.
const DEEPEST: usize = 400;
/// What begins the key of an object that stands for something else.
const TAG: char = '$';
/// The bits of the NaN that needs none said.
const NAN: u64 = 0x7ff8_0000_0000_0000;

/// What is wrong with a text, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Bytes of the text before the place, about.
    pub offset: usize,
    /// What is wrong.
    pub reason: String,
}

impl Flaw {
    fn new(offset: usize, reason: impl Into<String>) -> Self {
        Self { offset, reason: reason.into() }
    }
}

impl From<serde_json::Error> for Flaw {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let reason = text.strip_suffix(&place).unwrap_or(&text);
        Self::new(error.column().saturating_sub(1), reason)
    }
}

/// Appends `value`, which is stored as `value_type`.
pub fn write(value_type: ValueType, value: &Value, out: &mut String) {
    match (value_type, value) {
        (ValueType::Structure, _) => write_nested(value, out),
        (_, Value::I64(number) | Value::Counter(number)) if !is_plain(number.unsigned_abs()) => {
            quote(number, out);
        }
        (_, Value::U64(number)) if !is_plain(*number) => quote(number, out),
        (_, Value::F64(number)) if !number.is_finite() => quote(special(*number), out),
        (_, Value::Bytes(bytes)) => write_bytes(bytes, out),
        (_, Value::Opaque { language, data }) => write_opaque(language, data, out),
        _ => write_nested(value, out),
    }
}

/// Appends a value beside which no type stands.
fn write_nested(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => append(truth, out),
        Value::I64(number) | Value::Counter(number) if is_plain(number.unsigned_abs()) => {
            append(number, out);
        }
        Value::I64(number) | Value::Counter(number) => {
            write_tagged("integer", out, |out| quote(number, out));
        }
        Value::U64(number) if is_plain(*number) => append(number, out),
        Value::U64(number) => write_tagged("integer", out, |out| quote(number, out)),
        Value::F64(number) if number.is_finite() => append(format_args!("{number:?}"), out),
        Value::F64(number) => write_tagged("float", out, |out| quote(special(*number), out)),
        Value::Text(text) => write_text(text, out),
        Value::Bytes(bytes) => write_tagged("bytes", out, |out| write_bytes(bytes, out)),
        Value::Opaque { language, data } => {
            write_tagged("opaque", out, |out| write_opaque(language, data, out));
        }
        Value::List(items) => {
            write_separated(['[', ']'], items, out, write_nested);
        }
        Value::Map(entries) if entries.iter().all(|(key, _)| is_plain_key(key)) => {
            write_separated(['{', '}'], entries, out, |(key, value), out| {
                write_nested(key, out);
                out.push(':');
                write_nested(value, out);
            });
        }
        Value::Map(entries) => write_tagged("map", out, |out| {
            write_separated(['[', ']'], entries, out, |(key, value), out| {
                write_separated(['[', ']'], &[key, value], out, |part, out| {
                    write_nested(part, out);
                });
            });
        }),
    }
}

/// Appends text as a JSON string.
pub fn write_text(text: &str, out: &mut String) {
    append(serde_json::Value::from(text), out);
}

fn is_plain(magnitude: u64) -> bool {
    magnitude < PLAIN_BELOW
}

fn is_plain_key(key: &Value) -> bool {
    key.as_text().is_some_and(|key| !key.starts_with(TAG))
}

fn append(what: impl fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{what}");
}

fn quote(what: impl fmt::Display, out: &mut String) {
    append(format_args!("\"{what}\""), out);
}

fn write_bytes(bytes: &[u8], out: &mut String) {
    out.push('"');
    hexadecimal::write(bytes, out);
    out.push('"');
}

fn write_opaque(language: &str, data: &[u8], out: &mut String) {
    out.push_str("{\"language\":");
    write_text(language, out);
    out.push_str(",\"data\":");
    write_bytes(data, out);
    out.push('}');
}

fn write_tagged(tag: &str, out: &mut String, content: impl FnOnce(&mut String)) {
    append(format_args!("{{\"{TAG}{tag}\":"), out);
    content(out);
    out.push('}');
}

fn write_separated<T>(
    [open, close]: [char; 2],
    items: &[T],
    out: &mut String,
    write_item: impl Fn(&T, &mut String),
) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_item(item, out);
    }
    out.push(close);
}

/// The word for a number that is not finite.
fn special(number: f64) -> String {
    match number.to_bits() {
        NAN => "nan".to_owned(),
        bits if number.is_nan() => format!("nan:0x{bits:016x}"),
        _ if number < 0.0 => "-infinity".to_owned(),
        _ => "infinity".to_owned(),
    }
}

/// The number that a word for one that is not finite stands for.
fn read_special(word: &str) -> Option<f64> {
    match word {
        "nan" => Some(f64::from_bits(NAN)),
        "infinity" => Some(f64::INFINITY),
        "-infinity" => Some(f64::NEG_INFINITY),
        _ => {
            let bytes = hexadecimal::read(word.strip_prefix("nan:0x")?)?;
            let number = f64::from_be_bytes(bytes.try_into().ok()?);
            number.is_nan().then_some(number)
        }
    }
}

/// An integer in decimal digits, without the sign + and without zeros in front.
fn read_integer(digits: &str) -> Option<Value> {
    let value = match digits.parse::<i64>() {
        Ok(number) => Value::I64(number),
        Err(_) => Value::U64(digits.parse().ok()?),
    };
    (value.to_string() == digits).then_some(value)
}

fn read_bytes(text: &str) -> Option<Vec<u8>> {
    hexadecimal::read(text.strip_prefix(hexadecimal::PREFIX)?)
}

/// Reads the value that `text` stands for as `value_type`, ready to be stored.
///
/// # Errors
///
/// When the text is not JSON, stands for a value of another type or one out of its range, or for
/// one that cannot be stored.
pub fn read(value_type: ValueType, text: &str) -> Result<Encoded<'static>, Flaw> {
    let value = read_nested(text)?;
    let encoded = match value_type {
        ValueType::Structure => Encoded::structure(&value).map(Encoded::into_owned),
        _ => {
            let value = of_type(value_type, value).ok_or_else(|| {
                Flaw::new(0, format!("the value is not {}", described(value_type)))
            })?;
            value.encode().map(Encoded::into_owned)
        }
    };
    encoded.map_err(|error| Flaw::new(0, error.to_string()))
}

/// What the value of a type may be.
fn described(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Null => "null",
        ValueType::Bool => "true or false",
        ValueType::I64 => "an i64: an integer from -9223372036854775808 to 9223372036854775807",
        ValueType::U64 => "a u64: an integer from 0 to 18446744073709551615",
        ValueType::F64 => "an f64: a number, or \"infinity\", \"-infinity\" or \"nan\"",
        ValueType::Text => "text",
        ValueType::Bytes => "bytes: text of 0x and pairs of hexadecimal digits",
        ValueType::Opaque => "an object of a language's name and data",
        ValueType::Counter => "a counter: an integer in the range of i64",
        _ => "of a type that this program knows",
    }
}

/// A value as the type that stands beside it says.
fn of_type(value_type: ValueType, value: Value) -> Option<Value> {
    let value = match (value_type, value) {
        (ValueType::I64 | ValueType::U64 | ValueType::Counter, Value::Text(digits)) => {
            read_integer(&digits)?
        }
        (_, value) => value,
    };
    match (value_type, value) {
        (ValueType::Null, Value::Null) => Some(Value::Null),
        (ValueType::Bool, Value::Bool(truth)) => Some(Value::Bool(truth)),
        (ValueType::I64, value @ (Value::I64(_) | Value::U64(_))) => value.as_i64().map(Value::I64),
        (ValueType::U64, value @ (Value::I64(_) | Value::U64(_))) => {
            value.as_u64().map(Value::from)
        }
        (ValueType::Counter, value @ (Value::I64(_) | Value::U64(_))) => {
            value.as_i64().map(Value::Counter)
        }
        (ValueType::F64, Value::Text(word)) => read_special(&word).map(Value::F64),
        (ValueType::F64, value) => value.as_f64().map(Value::F64),
        (ValueType::Text, Value::Text(text)) => Some(Value::Text(text)),
        (ValueType::Bytes, Value::Text(text)) => read_bytes(&text).map(Value::Bytes),
        (ValueType::Bytes, Value::Bytes(bytes)) => Some(Value::Bytes(bytes)),
        (ValueType::Opaque, opaque @ Value::Opaque { .. }) => Some(opaque),
        (ValueType::Opaque, Value::Map(entries)) => {
            let map = Value::Map(entries);
            let language = map.get("language")?.as_text()?.to_owned();
            let data = read_bytes(map.get("data")?.as_text()?)?;
            (map.as_map()?.len() == 2).then_some(Value::Opaque { language, data })
        }
        _ => None,
    }
}

/// Reads a value beside which no type stands.
fn read_nested(text: &str) -> Result<Value, Flaw> {
    refuse_great_integers(text)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // `Nested` counts the levels itself.
    deserializer.disable_recursion_limit();
    let value = Nested { level: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Refuses integers that serde_json would take for floating-point numbers, because they are beyond
/// 64 bits. Whatever else is wrong, it will find.
fn refuse_great_integers(text: &str) -> Result<(), Flaw> {
    let bytes = text.as_bytes();
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => place = end_of_string(bytes, place + 1),
            b'-' | b'0'..=b'9' => {
                let is_part =
                    |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-');
                let length = bytes[place..].iter().take_while(|byte| is_part(byte)).count();
                let number = &text[place..place + length];
                let is_integer = !number.contains(['.', 'e', 'E']);
                if is_integer && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    let shown: String = number.chars().take(40).collect();
                    let reason = format!("the integer {shown} is out of the range of i64 and u64");
                    return Err(Flaw::new(place, reason));
                }
                place += length;
            }
            _ => place += 1,
        }
    }
    Ok(())
}

/// The place behind the quotation mark that ends a string.
fn end_of_string(bytes: &[u8], mut place: usize) -> usize {
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'"' => return place + 1,
            b'\\' => place += 2,
            _ => place += 1,
        }
    }
    place
}

/// Reads a value that is inside `level` lists and objects.
#[derive(Debug, Clone, Copy)]
struct Nested {
    level: usize,
}

impl Nested {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.level < DEEPEST {
            true => Ok(Self { level: self.level + 1 }),
            false => Err(E::custom(format_args!("it is nested deeper than {DEEPEST} levels"))),
        }
    }

    /// The value that an object with the key `$tag` stands for.
    fn tagged<'de, A: MapAccess<'de>>(self, tag: &str, map: &mut A) -> Result<Value, A::Error> {
        let wrong = |what: &str| A::Error::custom(format_args!("{TAG}{tag} is not {what}"));
        match tag {
            "integer" => read_integer(&map.next_value::<String>()?)
                .ok_or_else(|| wrong("the text of an integer in the range of i64 or u64")),
            "float" => read_special(&map.next_value::<String>()?)
                .map(Value::F64)
                .ok_or_else(|| wrong("\"infinity\", \"-infinity\", \"nan\" or one with its bits")),
            "bytes" => read_bytes(&map.next_value::<String>()?)
                .map(Value::Bytes)
                .ok_or_else(|| wrong("text of 0x and pairs of hexadecimal digits")),
            "opaque" => {
                let Opaque { language, data } = map.next_value()?;
                let data =
                    read_bytes(&data).ok_or_else(|| wrong("an object with hexadecimal data"))?;
                Ok(Value::Opaque { language, data })
            }
            "map" => map.next_value_seed(Entries(self)).map(Value::Map),
            _ => Err(A::Error::custom(format_args!("{TAG}{tag} is not a tag of this format"))),
        }
    }
}

/// The content of an opaque value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opaque {
    language: String,
    data: String,
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::I64(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::F64(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut items = Vec::new();
        while let Some(item) = elements.next_element_seed(inside)? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if let Some(tag) = key.strip_prefix(TAG) {
                let alone = entries.is_empty();
                let value = inside.tagged(tag, &mut map)?;
                return match alone && map.next_key::<String>()?.is_none() {
                    true => Ok(value),
                    false => Err(A::Error::custom(format_args!(
                        "{key} is not alone in its object: a map with such a key is a {TAG}map"
                    ))),
                };
            }
            entries.push((Value::Text(key), map.next_value_seed(inside)?));
        }
        Ok(Value::Map(entries))
    }
}

/// Reads a list of pairs; the list is inside as many levels as its field says.
struct Entries(Nested);

impl<'de> DeserializeSeed<'de> for Entries {
    type Value = Vec<(Value, Value)>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(Value, Value)>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list of pairs of a key and a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let inside = self.0.inside()?;
        let mut entries = Vec::new();
        while let Some(pair) = elements.next_element_seed(inside)? {
            let Value::List(pair) = pair else {
                return Err(A::Error::custom(format_args!("a part of a {TAG}map is not a pair")));
            };
            let [key, value] = <[Value; 2]>::try_from(pair).map_err(|_| {
                A::Error::custom(format_args!("a part of a {TAG}map is not a pair"))
            })?;
            entries.push((key, value));
        }
        Ok(entries)
    }
}
