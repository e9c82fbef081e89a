//! Maps and lists: persistent, counted B+trees whose published nodes never change
//! (`docs/format.md`, section 17).
//!
//! A [`View`] reads; a [`Draft`] changes. What a draft makes is private to the process until it is
//! written, bottom up, and its new root published. Nothing that is read from a namespace is
//! trusted: what breaks a rule of the format is the error *damaged*, found in bounded time.

mod cells;
mod collection;
mod convert;
mod disposal;
mod draft;
mod edit;
mod key;
mod list;
mod map;
mod nested;
mod source;
#[cfg(test)]
mod tests;
mod verify;
mod view;
mod write;

pub(crate) use cells::Direction;
pub(crate) use collection::Collection;
pub(crate) use convert::read_value;
pub(crate) use disposal::{Progress, hang, step};
pub(crate) use draft::{CollectionId, Detached, Draft, Item, Old, Payload, Replaced};
pub(crate) use key::{Key, OwnedKey};
pub(crate) use list::Side;
pub(crate) use nested::Step;
pub(crate) use source::{Sink, Source, Space};
pub(crate) use verify::{Checks, verify};
pub(crate) use view::View;
pub(crate) use write::Settings;
