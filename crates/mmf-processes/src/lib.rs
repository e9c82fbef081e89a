//! Tests of mmf with real processes.
//!
//! A test starts *actors*: processes of the program `mmf-actor`, which use the library as they
//! are told and say what came of it. Orders and answers go over a socket pair, one line each, so
//! a test decides in which order things happen, and may kill an actor in the middle of one.

mod client;
mod payload;
mod protocol;
mod workshop;

pub use client::{Actor, LIMIT, until};
pub use payload::{Random, make_payload, payload_is_whole};
pub use protocol::{
    Answer, Contender, Contest, Datum, Existence, Failure, Lock, Opening, Order, Outcome,
    Statistics, Storm, Until,
};
pub use workshop::{Workshop, is_root};
