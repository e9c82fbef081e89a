//! Exclusive and shared locks of a namespace and of single variables
//! (`docs/protocols.md`, section 2).

mod acquire;
mod enter;
mod release;
mod update;

#[cfg(all(test, loom))]
mod models;

pub(crate) use acquire::{Acquired, LockRequest, acquire};
pub(crate) use enter::{Entry, reader_entry, wait_for_lock, writer_entry};
pub(crate) use release::release;
pub(crate) use update::{begin_update, end_update, keep_untold_death};
