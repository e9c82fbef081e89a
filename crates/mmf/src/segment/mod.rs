//! The one door from offsets to memory.
//!
//! Whatever bytes stand in a namespace, every access goes through here and is checked against
//! the mapping; and a page is touched only after the kernel has promised that it exists
//! (`populate`), so that a full file system is an error and never a signal.

mod copy;
mod line;
#[cfg(not(loom))]
mod mapped;
#[cfg(loom)]
mod model;
#[cfg(all(target_arch = "x86_64", not(loom)))]
mod moves;
mod prefetch;
mod sleep;
mod small;
mod source;

pub(crate) use line::words_that_match;
#[cfg(not(loom))]
pub(crate) use mapped::Segment;
#[cfg(loom)]
pub(crate) use model::Segment;
pub(crate) use prefetch::{prefetch_to_read, prefetch_to_write};
pub(crate) use sleep::{sleep_on, wake};
pub(crate) use small::SMALL_COPY;
pub(crate) use source::{Source, remove_link};

use crate::error::{Error, ErrorKind};

/// The error for an offset that leads out of the namespace.
#[cold]
pub(crate) fn outside(offset: u64) -> Error {
    Error::damaged(offset, "an offset leads out of the namespace or is not aligned")
}

/// The error for a write to a namespace opened for reading.
#[cold]
pub(crate) fn read_only() -> Error {
    Error::new(ErrorKind::ReadOnly, "it was opened for reading only")
        .advise("open it without the read-only option")
}
