//! Walking over all names, in bounded memory and without a lock.

use std::sync::Arc;

use super::Context;
use crate::error::{Error, Result};
use crate::record::{GLIMPSES, Glimpse, Record, Slabs, name_of_record, restless};
use crate::segment::Segment;

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
