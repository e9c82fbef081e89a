//! Values: one typed encoding that every language reads and writes.
//!
//! A stored value is a [`ValueType`] tag and a payload. Scalars, text and bytes are stored raw;
//! lists, maps and serde types are stored as deterministic CBOR (RFC 8949, section 4.2.1).
//!
//! | tag | type      | payload                                                             |
//! |----:|-----------|---------------------------------------------------------------------|
//! |   0 | none      | absent; never stored                                                |
//! |   1 | null      | empty                                                               |
//! |   2 | bool      | 1 byte, 0 or 1                                                      |
//! |   3 | i64       | 8 bytes, little endian                                              |
//! |   4 | u64       | 8 bytes, little endian; only integers above `i64::MAX`              |
//! |   5 | f64       | 8 bytes, little endian bits                                         |
//! |   6 | text      | UTF-8                                                               |
//! |   7 | bytes     | raw                                                                 |
//! |   8 | structure | deterministic CBOR, at most 128 levels deep                         |
//! |   9 | opaque    | 1 byte: length of the language's name; the name in ASCII; raw bytes |
//! |  10 | counter   | 8 bytes, little endian i64                                          |
//!
//! [`ToValue`] and [`FromValue`] convert Rust types, [`Value`] holds whatever is stored, and
//! [`Structure`] stores any serde type.

mod canonical;
mod cbor;
mod decode;
mod deserializer;
mod dynamic;
mod encode;
mod float;
mod json;
mod number;
mod opaque;
mod serialize;
mod structure;
#[cfg(test)]
mod tests;
mod types;

pub use decode::FromValue;
pub use dynamic::Value;
pub use encode::{Encoded, ToValue};
pub(crate) use number::Extreme;
pub use structure::Structure;
pub use types::ValueType;
