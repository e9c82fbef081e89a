//! [`Value`] from and to CBOR: writes the deterministic form, reads every form.
//!
//! Opaque values are tag 27 (generic object) around `[language, bytes]`; counters become integers.

use std::convert::Infallible;

use minicbor::data::{Int, Type};
use minicbor::decode::Error as ReadError;
use minicbor::encode::Error as WriteError;
use minicbor::{Decoder, Encoder};

use super::canonical::SortedKeys;
use super::{Value, float, opaque};
use crate::error::{Error, ErrorKind, Result};

/// How many lists, maps and opaque values may be inside one another.
pub(super) const MAXIMUM_DEPTH: usize = 128;

/// The registered tag of a generic object: `[type name, content]`.
const OPAQUE_TAG: u64 = 27;

/// Upper bound of the elements reserved before any was read: a claimed length is only a claim,
/// and 128 nested claims would multiply.
const MAXIMUM_RESERVED: usize = 64;

/// The deterministic CBOR of `value`.
///
/// # Errors
///
/// `Encoding` when the value is too deep or a map has a key twice.
pub(super) fn encode(value: &Value) -> Result<Vec<u8>> {
    let mut encoder = Encoder::new(Vec::new());
    write(value, &mut encoder, 0)?;
    Ok(encoder.into_writer())
}

/// The value that the CBOR item `bytes` holds; the entries of its maps are sorted.
///
/// # Errors
///
/// `Encoding` when the item is malformed, too deep, followed by more bytes, has a key twice, or
/// holds something that [`Value`] cannot express.
pub(super) fn decode(bytes: &[u8]) -> Result<Value> {
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder, 0)?;
    match remaining(&decoder) {
        0 => Ok(value),
        more => Err(malformed(format!("{more} bytes follow the value"))),
    }
}

/// Appends `value`, which is inside `level` containers.
pub(super) fn write(value: &Value, encoder: &mut Encoder<Vec<u8>>, level: usize) -> Result<()> {
    let written = match value {
        Value::Null => encoder.null(),
        Value::Bool(truth) => encoder.bool(*truth),
        Value::I64(number) | Value::Counter(number) => encoder.i64(*number),
        Value::U64(number) => encoder.u64(*number),
        Value::F64(number) => return write_float(*number, encoder),
        Value::Text(text) => encoder.str(text),
        Value::Bytes(bytes) => encoder.bytes(bytes),
        Value::List(items) => return write_list(items, encoder, descend(level)?),
        Value::Map(entries) => return write_map(entries, encoder, descend(level)?),
        Value::Opaque { language, data } => {
            descend(level)?;
            opaque::check_language(language)?;
            let tag = minicbor::data::Tag::new(OPAQUE_TAG);
            encoder
                .tag(tag)
                .and_then(|encoder| encoder.array(2))
                .and_then(|encoder| encoder.str(language))
                .and_then(|encoder| encoder.bytes(data))
        }
    };
    written.map(|_| ()).map_err(unwritable)
}

fn write_float(number: f64, encoder: &mut Encoder<Vec<u8>>) -> Result<()> {
    let half = match float::to_single(number) {
        _ if number.is_nan() => Some(float::HALF_NAN),
        Some(single) => float::to_half(single),
        None => None,
    };
    // minicbor writes halves only with another dependency.
    if let Some(bits) = half {
        let [high, low] = bits.to_be_bytes();
        encoder.writer_mut().extend_from_slice(&[0xf9, high, low]);
        return Ok(());
    }
    let written = match float::to_single(number) {
        Some(single) => encoder.f32(single),
        None => encoder.f64(number),
    };
    written.map(|_| ()).map_err(unwritable)
}

fn write_list(items: &[Value], encoder: &mut Encoder<Vec<u8>>, level: usize) -> Result<()> {
    encoder.array(items.len() as u64).map_err(unwritable)?;
    items.iter().try_for_each(|item| write(item, encoder, level))
}

fn write_map(
    entries: &[(Value, Value)],
    encoder: &mut Encoder<Vec<u8>>,
    level: usize,
) -> Result<()> {
    let keys = SortedKeys::new(entries, level)?;
    refuse_duplicates(&keys, entries)?;
    encoder.map(entries.len() as u64).map_err(unwritable)?;
    keys.iter().try_for_each(|(key, index)| {
        encoder.writer_mut().extend_from_slice(key);
        write(&entries[index].1, encoder, level)
    })
}

/// Reads one item, which is inside `level` containers.
fn read(decoder: &mut Decoder<'_>, level: usize) -> Result<Value> {
    match decoder.datatype().map_err(unreadable)? {
        Type::Null => decoder.null().map(|()| Value::Null),
        Type::Bool => decoder.bool().map(Value::Bool),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => decoder.u64().map(Value::from),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => decoder.i64().map(Value::I64),
        Type::Int => return Err(too_negative(decoder.int().map_err(unreadable)?)),
        Type::F16 => return read_half(decoder),
        Type::F32 | Type::F64 => decoder.f64().map(Value::F64),
        Type::Bytes => decoder.bytes().map(Value::from),
        Type::String => decoder.str().map(Value::from),
        Type::BytesIndef => read_chunks(decoder).map(Value::Bytes),
        Type::StringIndef => decoder.str_iter().and_then(Iterator::collect).map(Value::Text),
        Type::Array | Type::ArrayIndef => return read_list(decoder, descend(level)?),
        Type::Map | Type::MapIndef => return read_map(decoder, descend(level)?),
        Type::Tag => return read_opaque(decoder, level),
        Type::Undefined => return Err(malformed("the value undefined has no equivalent")),
        Type::Simple => {
            let number = decoder.simple().map_err(unreadable)?;
            return Err(malformed(format!("the simple value {number} has no equivalent")));
        }
        Type::Break | Type::Unknown(_) => {
            return Err(malformed(format!("no item starts at byte {}", decoder.position())));
        }
    }
    .map_err(unreadable)
}

fn read_half(decoder: &mut Decoder<'_>) -> Result<Value> {
    let position = decoder.position();
    match decoder.input().get(position + 1..position + 3) {
        Some(&[high, low]) => {
            decoder.set_position(position + 3);
            Ok(Value::F64(float::from_half(u16::from_be_bytes([high, low]))))
        }
        _ => Err(unreadable(ReadError::end_of_input())),
    }
}

fn read_chunks(decoder: &mut Decoder<'_>) -> std::result::Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    for chunk in decoder.bytes_iter()? {
        bytes.extend_from_slice(chunk?);
    }
    Ok(bytes)
}

fn read_list(decoder: &mut Decoder<'_>, level: usize) -> Result<Value> {
    let claimed = decoder.array().map_err(unreadable)?;
    let mut items = reserve(claimed, 1, decoder)?;
    while more(claimed, items.len(), decoder)? {
        items.push(read(decoder, level)?);
    }
    Ok(Value::List(items))
}

fn read_map(decoder: &mut Decoder<'_>, level: usize) -> Result<Value> {
    let claimed = decoder.map().map_err(unreadable)?;
    let mut entries = reserve(claimed, 2, decoder)?;
    while more(claimed, entries.len(), decoder)? {
        entries.push((read(decoder, level)?, read(decoder, level)?));
    }
    let keys = SortedKeys::new(&entries, level)?;
    refuse_duplicates(&keys, &entries)?;
    Ok(Value::Map(keys.arrange(entries)))
}

fn read_opaque(decoder: &mut Decoder<'_>, level: usize) -> Result<Value> {
    let tag = decoder.tag().map_err(unreadable)?.as_u64();
    if tag != OPAQUE_TAG {
        return Err(malformed(format!("the CBOR tag {tag} is not supported")));
    }
    // Only a list may follow, so that tags upon tags cannot nest without being counted.
    let content = match decoder.datatype().map_err(unreadable)? {
        Type::Array | Type::ArrayIndef => read_list(decoder, descend(level)?)?,
        _ => Value::Null,
    };
    if let Value::List(items) = content
        && let Ok([Value::Text(language), Value::Bytes(data)]) = <[Value; 2]>::try_from(items)
    {
        opaque::check_language(&language)?;
        return Ok(Value::Opaque { language, data });
    }
    Err(malformed(format!("the CBOR tag {tag} is not followed by a language and bytes")))
}

/// An empty vector for `claimed` elements of at least `size` bytes each, if the input has them.
fn reserve<T>(claimed: Option<u64>, size: u64, decoder: &Decoder<'_>) -> Result<Vec<T>> {
    let available = remaining(decoder);
    match claimed {
        Some(count) if count > available as u64 / size => Err(malformed(format!(
            "{count} elements are announced, but only {available} bytes follow"
        ))),
        Some(count) => Ok(Vec::with_capacity(MAXIMUM_RESERVED.min(count as usize))),
        None => Ok(Vec::new()),
    }
}

/// Whether another element follows the `present` ones; consumes the end of an indefinite container.
fn more(claimed: Option<u64>, present: usize, decoder: &mut Decoder<'_>) -> Result<bool> {
    match claimed {
        Some(count) => Ok((present as u64) < count),
        None if decoder.datatype().map_err(unreadable)? == Type::Break => {
            decoder.set_position(decoder.position() + 1);
            Ok(false)
        }
        None => Ok(true),
    }
}

fn remaining(decoder: &Decoder<'_>) -> usize {
    decoder.input().len().saturating_sub(decoder.position())
}

/// The level inside a container that is itself inside `level` containers.
fn descend(level: usize) -> Result<usize> {
    match level < MAXIMUM_DEPTH {
        true => Ok(level + 1),
        false => Err(Error::new(
            ErrorKind::Encoding,
            format!("the structure is nested deeper than {MAXIMUM_DEPTH} levels"),
        )),
    }
}

fn refuse_duplicates(keys: &SortedKeys, entries: &[(Value, Value)]) -> Result<()> {
    match keys.duplicate() {
        None => Ok(()),
        Some(index) => {
            let shown: String = entries[index].0.to_json().chars().take(64).collect();
            Err(Error::new(ErrorKind::Encoding, format!("a map has the key {shown} twice")))
        }
    }
}

#[cold]
fn too_negative(number: Int) -> Error {
    malformed(format!("the integer {number} is below the range of i64"))
}

#[cold]
fn unreadable(error: ReadError) -> Error {
    malformed(error.to_string())
}

#[cold]
fn unwritable(error: WriteError<Infallible>) -> Error {
    Error::new(ErrorKind::Encoding, error.to_string())
}

#[cold]
fn malformed(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::Encoding, format!("not a readable structure: {}", reason.into()))
}
