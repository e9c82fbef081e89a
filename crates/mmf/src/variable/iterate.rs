//! Walking over all names, in bounded memory and without a lock.

use std::sync::Arc;

use super::Context;
use crate::error::{Error, Result};
use crate::format::header::{BREAK, HEAP_START, RECORD_SLABS};
use crate::format::run::{HEADER, NEXT_RECORD_SLAB};
use crate::format::{PAGE, record};
use crate::heap;
use crate::record::{GLIMPSES, Glimpse, Record, name_of_record, restless};
use crate::segment::Segment;
use crate::sync::Ordering;

/// Offsets of all records, used or not. Record slabs are never given up.
pub(crate) fn record_offsets(segment: &Segment) -> impl Iterator<Item = Result<u64>> + '_ {
    let mut slabs = Slabs::new();
    std::iter::from_fn(move || slabs.next(segment))
}

/// The walk's place.
struct Slabs {
    started: bool,
    slab: u64,
    index: u64,
    /// Slabs left before the chain must be a loop.
    left: u64,
}

impl Slabs {
    const fn new() -> Self {
        Self { started: false, slab: 0, index: 0, left: 0 }
    }

    fn next(&mut self, segment: &Segment) -> Option<Result<u64>> {
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

/// Names of the variables that begin with a prefix, in no order.
///
/// Variables that exist during the whole walk are named exactly once; those that come or go
/// meanwhile may or may not be.
pub struct NameIterator {
    context: Arc<Context>,
    prefix: String,
    slabs: Slabs,
}

impl NameIterator {
    pub(crate) fn new(context: Arc<Context>, prefix: &str) -> Self {
        Self { context, prefix: prefix.to_owned(), slabs: Slabs::new() }
    }
}

impl Iterator for NameIterator {
    type Item = Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let segment = self.context.registry.segment();
        loop {
            let named = self
                .slabs
                .next(segment)?
                .and_then(|offset| name_at(segment, offset, self.prefix.as_bytes()));
            match named {
                Ok(Some(name)) => return Some(Ok(name)),
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl std::fmt::Debug for NameIterator {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("NameIterator").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The name of the variable in a record, if there is one with the prefix.
pub(super) fn name_at(segment: &Segment, offset: u64, prefix: &[u8]) -> Result<Option<String>> {
    let record = Record::at(segment, offset)?;
    for _ in 0..GLIMPSES {
        let glimpse = Glimpse::of(record);
        if !glimpse.identity.is_live() || glimpse.descriptor().is_none() {
            return Ok(None);
        }
        let name = name_of_record(segment, &record);
        if !glimpse.has_same_name() {
            continue;
        }
        let name = name?;
        if !name.starts_with(prefix) {
            return Ok(None);
        }
        let name = String::from_utf8(name)
            .map_err(|_| Error::damaged(offset, "a variable's name is not UTF-8"))?;
        return Ok(Some(name));
    }
    Err(restless())
}
