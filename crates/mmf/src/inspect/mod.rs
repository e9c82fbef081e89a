//! Looking inside: statistics, the check of every invariant, and the original's `debug` listing.

mod account;
mod check;
pub(crate) mod checksums;
mod debug;
pub(crate) mod header;
pub(crate) mod salvage;
mod stat;

pub use check::Finding;
pub(crate) use check::{check, require_reached};
pub(crate) use debug::debug;
pub use salvage::Loss;
pub(crate) use stat::statistics;
pub use stat::{HeldLock, Member, Statistics};
