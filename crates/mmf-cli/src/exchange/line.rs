//! The lines of an export: the first, one for each variable, the last.

use mmf::{Encoded, Metadata, Value, ValueType};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::notation::{self, Flaw};
use crate::format::timestamp;

/// The name of the format, in the first line.
pub const FORMAT: &str = "mmf-export";
/// The version of the format that this program writes and reads.
pub const VERSION: u64 = 1;
/// The last line.
pub const END: &str = "{\"end\":true}";
/// Most bytes of a variable's name.
const LONGEST_NAME: usize = 1024;

/// Appends the first line, without its end.
pub fn write_first(namespace: &str, out: &mut String) {
    out.push_str("{\"format\":");
    notation::write_text(FORMAT, out);
    out.push_str(&format!(",\"version\":{VERSION},\"namespace\":"));
    notation::write_text(namespace, out);
    out.push('}');
}

/// Appends the line of a variable, without its end.
pub fn write_variable(
    name: &str,
    value_type: ValueType,
    value: &Value,
    metadata: Option<&Metadata>,
    out: &mut String,
) {
    out.push_str("{\"name\":");
    notation::write_text(name, out);
    out.push_str(&format!(",\"type\":\"{value_type}\",\"value\":"));
    notation::write(value_type, value, out);
    if let Some(metadata) = metadata {
        let (version, time) = (metadata.version, timestamp(metadata.set_at));
        let process = metadata.process;
        out.push_str(&format!(",\"version\":{version},\"time\":\"{time}\",\"pid\":{process}"));
        out.push_str(",\"program\":");
        notation::write_text(&metadata.program, out);
    }
    out.push('}');
}

/// What the first line must say, whatever else it says.
#[derive(Deserialize)]
struct Claim {
    format: String,
    version: u64,
}

/// All that the first line of version 1 says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the fields are there to be verified")]
struct First {
    format: String,
    version: u64,
    namespace: Option<String>,
}

/// Verifies the first line.
pub fn read_first(line: &str) -> Result<(), Flaw> {
    let claim: Claim = serde_json::from_str(line).map_err(|error| {
        let flaw = Flaw::from(error);
        let reason = format!(
            "an export begins with {{\"format\":\"{FORMAT}\",\"version\":{VERSION}}}: {}",
            flaw.reason
        );
        Flaw { offset: flaw.offset, reason }
    })?;
    let refuse = |reason: String| Err(Flaw { offset: 0, reason });
    if claim.format != FORMAT {
        let shown: String = claim.format.chars().take(40).collect();
        return refuse(format!("the format is {shown:?}, not {FORMAT:?}"));
    }
    if claim.version != VERSION {
        let version = claim.version;
        return refuse(format!(
            "the format has version {version}, and this program reads version {VERSION}"
        ));
    }
    serde_json::from_str::<First>(line).map(|_| ()).map_err(Flaw::from)
}

/// A line behind the first.
#[derive(Debug)]
pub enum Line {
    /// A variable.
    Variable {
        /// Its name.
        name: String,
        /// Its value, ready to be stored.
        value: Encoded<'static>,
    },
    /// Nothing may follow.
    End,
}

/// All that a line behind the first may say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields<'a> {
    name: Option<String>,
    #[serde(rename = "type")]
    type_name: Option<String>,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    version: Option<u64>,
    time: Option<String>,
    pid: Option<u32>,
    program: Option<String>,
    end: Option<bool>,
}

/// A value that is there, null included.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads a line behind the first.
pub fn read(line: &str) -> Result<Line, Flaw> {
    let fields: Fields<'_> = serde_json::from_str(line)?;
    let refuse = |reason: &str| Flaw { offset: 0, reason: reason.to_owned() };
    if fields.end.is_some() {
        let alone = fields.name.is_none() && fields.type_name.is_none() && fields.value.is_none();
        let informs = fields.version.is_some() || fields.time.is_some();
        let informs = informs || fields.pid.is_some() || fields.program.is_some();
        return match fields.end {
            Some(true) if alone && !informs => Ok(Line::End),
            _ => Err(refuse("the last line is {\"end\":true} and nothing else")),
        };
    }
    let name = fields.name.ok_or_else(|| refuse("there is no \"name\""))?;
    if name.is_empty() || name.len() > LONGEST_NAME {
        let length = name.len();
        return Err(refuse(&format!("a name has 1 to {LONGEST_NAME} bytes, this one {length}")));
    }
    let type_name = fields.type_name.ok_or_else(|| refuse("there is no \"type\""))?;
    let value_type = type_name.parse::<ValueType>().map_err(|error| refuse(&error.to_string()))?;
    let raw = fields.value.ok_or_else(|| refuse("there is no \"value\""))?.get();
    let value = notation::read(value_type, raw).map_err(|flaw| Flaw {
        // The value is a part of the line.
        offset: raw.as_ptr().addr() - line.as_ptr().addr() + flaw.offset,
        reason: format!("variable {name:?}: {}", flaw.reason),
    })?;
    Ok(Line::Variable { name, value })
}
