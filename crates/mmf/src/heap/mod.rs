//! The heap: runs of pages, and slabs of small blocks and records cut from them
//! (`docs/protocols.md`, section 8). Every change is staged in a journal.

mod runs;
mod slabs;

pub(crate) use runs::{allocate_run, free_run, initialise, run_info};
pub(crate) use slabs::{
    Stock, block_capacity, free_record, free_record_candidates, slab_is_used, stock_records,
    take_record,
};

use crate::error::{Error, Result};
use crate::format::PAGE;
use crate::format::block::{class_for, pages_for};
use crate::format::run::{HEADER, Kind};
use crate::journal::Journal;

/// Takes a block of at least `bytes` and returns its offset. Its content is arbitrary.
pub(crate) fn allocate(journal: &mut Journal<'_>, bytes: u64) -> Result<u64> {
    match class_for(bytes) {
        Some(class) => slabs::allocate_small(journal, class),
        None => Ok(allocate_run(journal, pages_for(bytes), Kind::Large)? + HEADER),
    }
}

/// Gives a block back.
pub(crate) fn free(journal: &mut Journal<'_>, offset: u64) -> Result<()> {
    let base = offset & !(PAGE - 1);
    match run_info(journal, base)?.kind() {
        Some(Kind::Slab) => slabs::free_small(journal, base, offset),
        Some(Kind::Large) if offset == base + HEADER => free_run(journal, base),
        _ => Err(Error::damaged(offset, "a block to be freed stands in no slab or large run")),
    }
}
