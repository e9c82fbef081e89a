//! Bytes as pairs of hexadecimal digits.

use std::fmt::Write;

/// What stands in front of the digits where something else could be meant.
pub const PREFIX: &str = "0x";

/// The bytes that pairs of digits stand for.
pub fn read(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}

/// Appends the prefix and two digits a byte.
pub fn write(bytes: &[u8], out: &mut String) {
    out.reserve(PREFIX.len() + 2 * bytes.len());
    out.push_str(PREFIX);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}
