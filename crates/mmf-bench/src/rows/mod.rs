//! The rows of the table: each piece of work beside its floor.

mod attach;
mod counter;
mod growth;
mod hot;
mod large;
mod memory;
mod open;
mod piece;
mod random;
mod round_trip;
mod shared;

pub(crate) use attach::attachments;
pub(crate) use counter::{serve_count, serve_raw_count};
pub use growth::{Growth, Pauses, grow};
pub(crate) use large::copies;
pub(crate) use memory::bytes_each;
pub use piece::{PIECES, Piece, measure};
pub(crate) use round_trip::{Pace, RawVoice, Voice, serve_echo};
pub(crate) use shared::{serve_raw_writer, serve_writer};
