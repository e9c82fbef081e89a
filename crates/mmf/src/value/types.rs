//! The type tags of stored values. They are part of the file format.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};

/// The type of a stored value; the numbers are its tags in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum ValueType {
    /// Nothing, stored on purpose; an absent variable has no type at all.
    Null = 1,
    /// True or false.
    Bool = 2,
    /// An integer up to `i64::MAX`.
    I64 = 3,
    /// An integer above `i64::MAX`.
    U64 = 4,
    /// A floating-point number.
    F64 = 5,
    /// UTF-8 text.
    Text = 6,
    /// Raw bytes.
    Bytes = 7,
    /// A list, map or serde type as deterministic CBOR.
    Structure = 8,
    /// An object that only one language can read; every language can copy it.
    Opaque = 9,
    /// A counter that is changed in place.
    Counter = 10,
}

impl ValueType {
    /// Every type, in the order of the tags.
    pub const ALL: [Self; 10] = [
        Self::Null,
        Self::Bool,
        Self::I64,
        Self::U64,
        Self::F64,
        Self::Text,
        Self::Bytes,
        Self::Structure,
        Self::Opaque,
        Self::Counter,
    ];

    /// The type that `tag` stands for, or `None` for 0 (absent) and unknown tags.
    #[inline]
    pub fn from_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            1 => Self::Null,
            2 => Self::Bool,
            3 => Self::I64,
            4 => Self::U64,
            5 => Self::F64,
            6 => Self::Text,
            7 => Self::Bytes,
            8 => Self::Structure,
            9 => Self::Opaque,
            10 => Self::Counter,
            _ => return None,
        })
    }

    /// The number that stands for this type in the file.
    pub const fn tag(self) -> u8 {
        self as u8
    }

    /// The name shown to people and accepted by [`FromStr`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::I64 => "i64",
            Self::U64 => "u64",
            Self::F64 => "f64",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::Structure => "structure",
            Self::Opaque => "opaque",
            Self::Counter => "counter",
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for ValueType {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|value_type| value_type.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.into_iter().map(Self::name).collect();
            Error::new(ErrorKind::InvalidArgument, format!("{name:?} is not a type"))
                .advise(format!("the types are {}", names.join(", ")))
        })
    }
}
