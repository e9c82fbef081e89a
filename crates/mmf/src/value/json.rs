//! Values as JSON, strictly or as people read it.

use std::fmt::{self, Display, Formatter, Write};

use super::Value;

/// A value that prints as JSON.
pub(super) struct Json<'a> {
    value: &'a Value,
    notation: Notation,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Notation {
    /// What every JSON parser reads.
    Strict,
    /// Numbers that are not finite, keys that are not text, and opaque values print as they are.
    Plain,
}

/// `value` as JSON that every parser reads.
pub(super) fn strict(value: &Value) -> Json<'_> {
    Json { value, notation: Notation::Strict }
}

/// `value` as people read it.
pub(super) fn plain(value: &Value) -> Json<'_> {
    Json { value, notation: Notation::Plain }
}

impl Display for Json<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self.value {
            Value::Null => out.write_str("null"),
            Value::Bool(truth) => write!(out, "{truth}"),
            Value::I64(number) | Value::Counter(number) => write!(out, "{number}"),
            Value::U64(number) => write!(out, "{number}"),
            Value::F64(number) if number.is_finite() || self.notation == Notation::Plain => {
                write!(out, "{number:?}")
            }
            Value::F64(_) => out.write_str("null"),
            Value::Text(text) => write_text(text, out),
            Value::Bytes(bytes) => self.write_bytes(bytes, out),
            Value::List(items) => self.write_list(items, out),
            Value::Map(entries) => self.write_map(entries, out),
            Value::Opaque { language, data } => self.write_opaque(language, data, out),
        }
    }
}

impl Json<'_> {
    fn nested<'a>(&self, value: &'a Value) -> Json<'a> {
        Json { value, notation: self.notation }
    }

    fn write_bytes(&self, bytes: &[u8], out: &mut Formatter<'_>) -> fmt::Result {
        out.write_char('"')?;
        write_hexadecimal(bytes, out)?;
        out.write_char('"')
    }

    fn write_list(&self, items: &[Value], out: &mut Formatter<'_>) -> fmt::Result {
        out.write_char('[')?;
        write_separated(items, out, |item, out| self.nested(item).fmt(out))?;
        out.write_char(']')
    }

    fn write_map(&self, entries: &[(Value, Value)], out: &mut Formatter<'_>) -> fmt::Result {
        let only_text = entries.iter().all(|(key, _)| key.as_text().is_some());
        let object = only_text || self.notation == Notation::Plain;
        let (open, close) = if object { ('{', '}') } else { ('[', ']') };
        out.write_char(open)?;
        write_separated(entries, out, |(key, value), out| {
            let (key, value) = (self.nested(key), self.nested(value));
            match object {
                true => write!(out, "{key}:{value}"),
                false => write!(out, "[{key},{value}]"),
            }
        })?;
        out.write_char(close)
    }

    fn write_opaque(&self, language: &str, data: &[u8], out: &mut Formatter<'_>) -> fmt::Result {
        if self.notation == Notation::Plain {
            return write!(out, "<{language} object, {} bytes>", data.len());
        }
        out.write_str("{\"language\":")?;
        write_text(language, out)?;
        out.write_str(",\"data\":")?;
        self.write_bytes(data, out)?;
        out.write_char('}')
    }
}

/// Prints `0x` and two digits a byte.
pub(super) fn write_hexadecimal(bytes: &[u8], out: &mut Formatter<'_>) -> fmt::Result {
    out.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}

fn write_separated<T>(
    items: &[T],
    out: &mut Formatter<'_>,
    mut write_item: impl FnMut(&T, &mut Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    items.iter().enumerate().try_for_each(|(index, item)| {
        if index > 0 {
            out.write_char(',')?;
        }
        write_item(item, out)
    })
}

fn write_text(text: &str, out: &mut Formatter<'_>) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            control if control < ' ' => write!(out, "\\u{:04x}", u32::from(control))?,
            other => out.write_char(other)?,
        }
    }
    out.write_char('"')
}
