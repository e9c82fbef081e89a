//! Values from the command line: an argument, a file or the standard input, of a type.

use std::io::{self, Read};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mmf::{Encoded, FromValue, Structure, ToValue, Value, ValueType};

use crate::failure::Failure;
use crate::hexadecimal;

/// Types that a value can be given as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TypeName {
    /// UTF-8 text
    Text,
    /// An integer
    I64,
    /// An integer that is not negative
    U64,
    /// A floating-point number
    F64,
    /// true or false
    Bool,
    /// Nothing, stored on purpose; needs no value
    Null,
    /// Raw bytes; an argument that begins with 0x is hexadecimal, any other is taken as it is
    Bytes,
    /// JSON, stored as a structure that every language reads
    Json,
    /// A counter, for `mmf add`
    Counter,
}

impl TypeName {
    /// The type as which a value of a stored type is given again.
    pub fn of(value_type: ValueType) -> Self {
        match value_type {
            ValueType::Bool => Self::Bool,
            ValueType::I64 => Self::I64,
            ValueType::U64 => Self::U64,
            ValueType::F64 => Self::F64,
            ValueType::Structure => Self::Json,
            ValueType::Counter => Self::Counter,
            ValueType::Bytes | ValueType::Opaque => Self::Bytes,
            _ => Self::Text,
        }
    }
}

/// Where a value comes from.
#[derive(Debug, Args)]
pub struct ValueSource {
    /// The value itself
    #[arg(group = "source", allow_negative_numbers = true)]
    value: Option<String>,

    /// Read the value from the standard input: bytes, unless --type says otherwise
    #[arg(long, group = "source")]
    stdin: bool,

    /// Read the value from a file: bytes, unless --type says otherwise
    #[arg(long, group = "source", value_name = "PATH")]
    file: Option<PathBuf>,

    /// Type of the value [default: text for an argument, bytes for --stdin and --file]
    #[arg(long = "type", value_name = "TYPE")]
    type_name: Option<TypeName>,
}

impl ValueSource {
    /// Reads the value.
    pub fn read(&self) -> Result<Input, Failure> {
        if let Some(path) = &self.file {
            let bytes = std::fs::read(path).map_err(|error| Failure::reading(path, &error))?;
            return from_bytes(bytes, self.type_name.unwrap_or(TypeName::Bytes));
        }
        if self.stdin {
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|error| Failure::reading("the standard input".as_ref(), &error))?;
            return from_bytes(bytes, self.type_name.unwrap_or(TypeName::Bytes));
        }
        match (&self.value, self.type_name) {
            (Some(value), type_name) => {
                from_argument(value.clone(), type_name.unwrap_or(TypeName::Text))
            }
            (None, Some(TypeName::Null)) => Ok(Input::Plain(Value::Null)),
            (None, _) => Err(Failure::Usage(
                "there is no value: give one as an argument, with --stdin or with --file"
                    .to_owned(),
            )),
        }
    }
}

/// A value that was given.
#[derive(Debug)]
pub enum Input {
    /// A scalar, text or bytes.
    Plain(Value),
    /// A structure.
    Json(Structure<serde_json::Value>),
}

impl ToValue for Input {
    fn encode(&self) -> mmf::Result<Encoded<'_>> {
        match self {
            Self::Plain(value) => value.encode(),
            Self::Json(structure) => structure.encode(),
        }
    }
}

impl Input {
    /// The value as a reader will see it.
    pub fn into_value(self) -> Result<Value, Failure> {
        match self {
            Self::Plain(value) => Ok(value),
            Self::Json(structure) => {
                let encoded = structure.encode()?;
                Ok(Value::decode(encoded.value_type(), encoded.as_bytes())?)
            }
        }
    }
}

/// A value from an argument.
pub fn from_argument(text: String, type_name: TypeName) -> Result<Input, Failure> {
    if type_name == TypeName::Bytes {
        let bytes = match text.strip_prefix(hexadecimal::PREFIX) {
            Some(digits) => {
                hexadecimal::read(digits).ok_or_else(|| malformed(&text, "hexadecimal"))?
            }
            None => text.into_bytes(),
        };
        return Ok(Input::Plain(Value::Bytes(bytes)));
    }
    from_text(text, type_name)
}

/// A value from a file's or a pipe's content. Text and bytes are kept as they are; around
/// everything else white space is ignored.
pub fn from_bytes(bytes: Vec<u8>, type_name: TypeName) -> Result<Input, Failure> {
    if type_name == TypeName::Bytes {
        return Ok(Input::Plain(Value::Bytes(bytes)));
    }
    let text = String::from_utf8(bytes)
        .map_err(|error| Failure::Usage(format!("the value is not UTF-8 text: {error}")))?;
    from_text(text, type_name)
}

fn from_text(text: String, type_name: TypeName) -> Result<Input, Failure> {
    let trimmed = text.trim();
    let value = match type_name {
        TypeName::Text | TypeName::Bytes => Value::Text(text),
        TypeName::I64 => Value::I64(parsed(trimmed, "an i64")?),
        TypeName::U64 => Value::from(parsed::<u64>(trimmed, "a u64")?),
        TypeName::F64 => Value::F64(parsed(trimmed, "an f64")?),
        TypeName::Bool => Value::Bool(parsed(trimmed, "a bool: say true or false")?),
        TypeName::Counter => Value::Counter(parsed(trimmed, "a counter's number")?),
        TypeName::Null if matches!(trimmed, "" | "null") => Value::Null,
        TypeName::Null => return Err(malformed(trimmed, "null, which needs no value")),
        TypeName::Json => {
            let json = serde_json::from_str(trimmed)
                .map_err(|error| Failure::Usage(format!("the value is not JSON: {error}")))?;
            return Ok(Input::Json(Structure(json)));
        }
    };
    Ok(Input::Plain(value))
}

/// A number: an integer if it is one, else a float.
pub fn number(text: &str) -> Result<Value, String> {
    let integer = text.parse().map(Value::I64).or_else(|_| text.parse::<u64>().map(Value::from));
    integer.or_else(|_| text.parse().map(Value::F64)).map_err(|_| "it is not a number".to_owned())
}

fn parsed<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, Failure> {
    text.parse().map_err(|_| malformed(text, what))
}

fn malformed(text: &str, what: &str) -> Failure {
    let beginning: String = text.chars().take(60).collect();
    let rest = if beginning.len() < text.len() { "…" } else { "" };
    Failure::Usage(format!("{beginning:?}{rest} is not {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str, type_name: TypeName) -> Option<Value> {
        from_argument(text.to_owned(), type_name).and_then(Input::into_value).ok()
    }

    #[test]
    fn every_type_reads_its_own() {
        assert_eq!(given(" a ", TypeName::Text), Some(Value::from(" a ")));
        assert_eq!(given("-5", TypeName::I64), Some(Value::I64(-5)));
        assert_eq!(given("18446744073709551615", TypeName::U64), Some(Value::U64(u64::MAX)));
        assert_eq!(given("1e3", TypeName::F64), Some(Value::F64(1000.0)));
        assert_eq!(given("true", TypeName::Bool), Some(Value::Bool(true)));
        assert_eq!(given("", TypeName::Null), Some(Value::Null));
        assert_eq!(given("0x00fF", TypeName::Bytes), Some(Value::Bytes(vec![0, 255])));
        assert_eq!(given("00ff", TypeName::Bytes), Some(Value::Bytes(b"00ff".to_vec())));
        assert_eq!(given("[1]", TypeName::Json), Some(Value::from(vec![Value::from(1)])));
        assert_eq!(given("7", TypeName::Counter), Some(Value::Counter(7)));
    }

    #[test]
    fn what_does_not_fit_its_type_is_refused() {
        for (text, type_name) in [
            ("x", TypeName::I64),
            ("9223372036854775808", TypeName::I64),
            ("-1", TypeName::U64),
            ("1,5", TypeName::F64),
            ("yes", TypeName::Bool),
            ("0", TypeName::Null),
            ("0x0", TypeName::Bytes),
            ("0x0g", TypeName::Bytes),
            ("{", TypeName::Json),
            ("1.5", TypeName::Counter),
        ] {
            assert_eq!(given(text, type_name), None, "{text}");
        }
    }

    #[test]
    fn white_space_around_what_a_pipe_says_is_ignored_but_in_text_and_bytes() {
        let piped = |text: &str, type_name| {
            from_bytes(text.as_bytes().to_vec(), type_name).and_then(Input::into_value).ok()
        };
        assert_eq!(piped("12\n", TypeName::I64), Some(Value::I64(12)));
        assert_eq!(piped("a\n", TypeName::Text), Some(Value::from("a\n")));
        assert_eq!(piped("a\n", TypeName::Bytes), Some(Value::from(&b"a\n"[..])));
    }

    #[test]
    fn json_keeps_every_bit_of_a_number() {
        let number = 0.1 + 0.2;
        assert_eq!(given("0.30000000000000004", TypeName::Json), Some(Value::F64(number)));
        assert_eq!(
            given("123.45600000000002", TypeName::Json),
            Some(Value::F64(123.45600000000002))
        );
    }
}
