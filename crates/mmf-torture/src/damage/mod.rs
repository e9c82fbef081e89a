//! Hostile and damaged files: whatever bytes stand in a namespace, every operation ends.
//!
//! A sound namespace of some shape is copied, a few of its bytes are changed, and another process
//! does to the copy all that can be done to a namespace. In the live form the bytes are changed
//! while processes are attached and at work. What must be so:
//!
//! - every operation ends, in a value or an error, within a bound of time;
//! - no process panics, or dies of a signal, or asks for more memory than its limit;
//! - a value is well-formed, though it may be any value;
//! - a file that `repair` has mended is sound.
//!
//! The bytes are changed where structures stand more often than in values, and often to words
//! that mean something there: most random bytes would hit values and show nothing.

mod command;
mod live;
mod mutation;
mod shape;
mod supervisor;
mod tally;
mod trial;
mod worker;

pub(crate) use command::Damage;
pub(crate) use worker::Worker;
