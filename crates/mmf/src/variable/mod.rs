//! What can be done with one variable.

mod block;
mod context;
mod counter;
mod delete;
mod iterate;
#[cfg(all(test, loom))]
mod models;
mod read;
mod wait;
mod write;

pub(crate) use context::{Context, Hint, Target};
pub use iterate::NameIterator;
pub(crate) use iterate::record_offsets;
pub(crate) use read::{Seen, Wanted};
pub use wait::{Condition, Outcome};
