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
use crate::format::header::BREAK;
use crate::format::run::{HEADER, Info, Kind};
use crate::journal::Journal;
use crate::segment::Segment;
use crate::sync::Ordering;

/// Takes a block of at least `bytes` and returns its offset. Its content is arbitrary.
pub(crate) fn allocate(journal: &mut Journal<'_>, bytes: u64) -> Result<u64> {
    match class_for(bytes) {
        Some(class) => slabs::allocate_small(journal, class),
        None => Ok(allocate_run(journal, pages_for(bytes), Kind::Large)? + HEADER),
    }
}

/// Whether a block for `bytes` can stand at `offset`, in the run that says `info`.
#[inline]
pub(crate) fn is_block_for(info: Info, offset: u64, bytes: u64) -> bool {
    match class_for(bytes) {
        Some(class) => info.is_slab_of(class),
        None => {
            let is_large = info.kind() == Some(Kind::Large) && info.pages() == pages_for(bytes);
            is_large && offset % PAGE == HEADER
        }
    }
}

/// Where the heap ends, inside the file whatever the header says.
pub(crate) fn end(segment: &Segment) -> Result<u64> {
    let end = segment.word(BREAK)?.load(Ordering::Acquire);
    let last = end.checked_sub(8).filter(|_| end.is_multiple_of(PAGE));
    let last = last.ok_or_else(|| Error::damaged(BREAK, "the heap ends at an impossible place"))?;
    segment.word(last)?;
    Ok(end)
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
