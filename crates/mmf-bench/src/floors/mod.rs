//! The same work on raw memory and with bare primitives: what no system can be ahead of.

pub mod futex;
pub mod map;
pub mod memory;
pub mod table;

pub use map::LockedMap;
pub use memory::{Pages, SharedMemory};
pub use table::{Locking, RawTable, RawVariable};
