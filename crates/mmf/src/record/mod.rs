//! Records: one variable's name, publish word and value (`docs/protocols.md`, sections 1 and 4).

mod access;
mod link;
mod publish;
mod read;
mod walk;

#[cfg(all(test, loom))]
mod models;
#[cfg(all(test, loom))]
pub(crate) mod staged;

pub(crate) use access::{Record, record_of_lock};
pub(crate) use link::{
    Linked, NewVariable, UntoldDeath, hash_of_record, link, name_of_record, unlink,
    unlink_if_unused,
};
pub(crate) use publish::{Exchange, LockAttempt, resolve_intent};
pub(crate) use read::{GLIMPSES, Glimpse, find, find_at_once, restless};
pub(crate) use walk::{Slabs, record_offsets};
