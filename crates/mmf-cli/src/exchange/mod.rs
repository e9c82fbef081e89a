//! Exports: the variables of a namespace as lines of JSON, and back.
//!
//! `docs/export.md` specifies the format. [`notation`] writes and reads values, [`line`] the lines,
//! [`document`] reads and verifies a whole export, [`order`] walks over names in bounded memory,
//! [`destination`] is the file that appears whole or not at all.
//!
//! This is here and not in the library because it is a format of the command: bindings hand values
//! over as their languages' own, and the library needs no JSON.

pub mod destination;
pub mod document;
pub mod line;
pub mod notation;
pub mod order;
pub mod progress;
#[cfg(test)]
mod tests;
