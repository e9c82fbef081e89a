//! Walking over all records, in bounded time and without a lock.

use crate::error::{Error, Result};
use crate::format::header::{BREAK, HEAP_START, RECORD_SLABS};
use crate::format::run::{HEADER, NEXT_RECORD_SLAB};
use crate::format::{PAGE, record};
use crate::heap;
use crate::segment::Segment;
use crate::sync::Ordering;

/// Offsets of all records, used or not. Record slabs are never given up.
pub(crate) fn record_offsets(segment: &Segment) -> impl Iterator<Item = Result<u64>> + '_ {
    let mut slabs = Slabs::new();
    std::iter::from_fn(move || slabs.next(segment))
}

/// A walk's place.
pub(crate) struct Slabs {
    started: bool,
    slab: u64,
    index: u64,
    /// Slabs left before the chain must be a loop.
    left: u64,
}

impl Slabs {
    pub(crate) const fn new() -> Self {
        Self { started: false, slab: 0, index: 0, left: 0 }
    }

    /// The next record's offset; an error ends the walk.
    pub(crate) fn next(&mut self, segment: &Segment) -> Option<Result<u64>> {
        match self.advance(segment) {
            Ok(offset) => offset.map(Ok),
            Err(error) => {
                self.slab = 0;
                Some(Err(error))
            }
        }
    }

    fn advance(&mut self, segment: &Segment) -> Result<Option<u64>> {
        let load = |offset| Ok::<_, Error>(segment.word(offset)?.load(Ordering::Acquire));
        if !self.started {
            self.started = true;
            self.left = heap::end(segment)? / PAGE;
            self.slab = load(RECORD_SLABS)?;
        }
        let per_slab = (PAGE - HEADER) / record::SIZE;
        if self.slab != 0 && self.index == per_slab {
            self.slab = load(self.slab + NEXT_RECORD_SLAB)?;
            self.index = 0;
            self.left = self
                .left
                .checked_sub(1)
                .ok_or_else(|| Error::damaged(RECORD_SLABS, "the chain of records is a loop"))?;
        }
        if self.slab == 0 {
            return Ok(None);
        }
        let heap = load(HEAP_START)?..load(BREAK)?;
        if !self.slab.is_multiple_of(PAGE) || !heap.contains(&self.slab) {
            return Err(Error::damaged(self.slab, "the chain of records leads out of the heap"));
        }
        let offset = self.slab + HEADER + self.index * record::SIZE;
        self.index += 1;
        Ok(Some(offset))
    }
}
