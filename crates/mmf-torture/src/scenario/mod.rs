//! Operations to be killed, failed or interrupted: each a namespace as it stands before, what is
//! done with it, and what that may change.

pub(crate) mod catalogue;
mod changes;
mod contended;
mod definition;
mod index;
pub(crate) mod victim;

pub(crate) use definition::{
    Content, Effect, Hold, NAMESPACE, Operation, PATIENCE, Scenario, Start, Storage, TARGET, bytes,
    text,
};
