//! Objects that only one language can read: a language name and bytes that nobody else interprets.

use super::Value;
use crate::error::{Error, ErrorKind, Result};

/// The payload of an opaque value: the name's length, the name, the bytes.
pub(super) fn pack(language: &str, data: &[u8]) -> Result<Vec<u8>> {
    check_language(language)?;
    let length = u8::try_from(language.len()).map_err(|_| bad_language(language))?;
    let mut payload = Vec::with_capacity(1 + language.len() + data.len());
    payload.push(length);
    payload.extend_from_slice(language.as_bytes());
    payload.extend_from_slice(data);
    Ok(payload)
}

/// The opaque value that `payload` holds.
pub(super) fn unpack(payload: &[u8]) -> Result<Value> {
    let truncated = || Error::new(ErrorKind::Encoding, "the opaque value has no language name");
    let (&length, rest) = payload.split_first().ok_or_else(truncated)?;
    let (language, data) = rest.split_at_checked(usize::from(length)).ok_or_else(truncated)?;
    let language = String::from_utf8_lossy(language).into_owned();
    check_language(&language)?;
    Ok(Value::Opaque { language, data: data.to_vec() })
}

/// Refuses a language name that is not 1 to 255 ASCII characters.
pub(super) fn check_language(language: &str) -> Result<()> {
    match language.is_ascii() && (1..=255).contains(&language.len()) {
        true => Ok(()),
        false => Err(bad_language(language)),
    }
}

fn bad_language(language: &str) -> Error {
    let shown: String = language.chars().take(32).collect();
    Error::new(ErrorKind::Encoding, format!("{shown:?} is not the name of a language"))
        .advise("a language's name has 1 to 255 ASCII characters")
}
