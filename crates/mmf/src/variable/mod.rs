//! What can be done with one variable.

mod block;
mod compare;
mod context;
mod counter;
mod delete;
mod iterate;
#[cfg(all(test, loom))]
mod models;
mod read;
mod wait;
mod wanted;
mod write;

pub use compare::Comparison;
pub(crate) use context::{Context, Hint, Target};
pub use iterate::NameIterator;
pub(crate) use read::Seen;
pub use wait::{Condition, Outcome};
pub(crate) use wanted::{Header, Nothing, Payload, Wanted};
