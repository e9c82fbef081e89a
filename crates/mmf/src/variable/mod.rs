//! What can be done with one variable.

mod adding;
mod block;
mod compare;
mod context;
mod counter;
mod delete;
mod extreme;
mod iterate;
#[cfg(all(test, loom))]
mod models;
mod read;
mod swap;
mod wait;
mod wanted;
mod write;

pub use adding::AddOptions;
pub use compare::Comparison;
pub(crate) use context::{Context, Hint, Target};
pub use iterate::NameIterator;
pub(crate) use read::Seen;
pub use wait::{Condition, Outcome};
pub(crate) use wanted::{Header, Nothing, Payload, Wanted};
