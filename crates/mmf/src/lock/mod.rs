//! Exclusive and shared locks of a namespace and of single variables
//! (`docs/protocols.md`, section 2).

mod acquire;
mod enter;
mod release;

#[cfg(all(test, loom))]
mod models;

pub(crate) use acquire::{Acquired, LockRequest, acquire};
pub(crate) use enter::{Entry, own_shared, reader_entry, wait_for_lock, writer_entry};
pub(crate) use release::release;
