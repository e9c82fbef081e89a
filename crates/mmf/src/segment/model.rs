//! Segments of loom's atomics, so that models run the real algorithms.

use std::ops::Range;
use std::sync::Arc;

use super::{Source, outside, read_only};
use crate::error::Result;
use crate::platform::Access;
use crate::sync::{AtomicU64, Ordering};

/// Slots whose bytes the model's kernel knows.
const BYTES: usize = 4;

/// The memory of one namespace in a model, and the kernel's locks on its slots.
#[derive(Clone)]
pub(crate) struct Segment {
    length: u64,
    ranges: Arc<Vec<(u64, Vec<AtomicU64>)>>,
    bytes: Arc<Vec<AtomicU64>>,
}

impl Segment {
    /// `length` bytes of zeros.
    pub(crate) fn in_memory(length: u64) -> Result<Self> {
        Ok(Self::with_ranges(length, &[0..length]))
    }

    /// Memory of `length` bytes of which only the `ranges` are there: the fewer words, the faster
    /// the model.
    pub(crate) fn with_ranges(length: u64, ranges: &[Range<u64>]) -> Self {
        let words = |range: &Range<u64>| {
            let count = (range.end - range.start) / 8;
            (range.start, (0..count).map(|_| AtomicU64::new(0)).collect())
        };
        let ranges = Arc::new(ranges.iter().map(words).collect());
        let bytes = Arc::new((0..BYTES).map(|_| AtomicU64::new(1)).collect());
        Self { length, ranges, bytes }
    }

    /// Whether a slot's byte is locked. Acquire: whoever finds it free comes after its owner.
    pub(crate) fn slot_is_locked(&self, slot: u32) -> std::io::Result<bool> {
        Ok(self.bytes[slot as usize].load(Ordering::Acquire) != 0)
    }

    /// What the kernel does at the death of a slot's owner, or at its request.
    pub(crate) fn unlock_slot(&self, slot: u32) {
        self.bytes[slot as usize].store(0, Ordering::Release);
    }

    /// Locks a slot's byte, with no more order than the state word gives.
    pub(crate) fn lock_slot(&self, slot: u32) {
        self.bytes[slot as usize].store(1, Ordering::Relaxed);
    }

    pub(crate) fn require_writable(&self) -> Result<()> {
        if self.is_writable() { Ok(()) } else { Err(read_only()) }
    }

    pub(crate) fn is_writable(&self) -> bool {
        true
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn header_word(&self, offset: u64) -> &AtomicU64 {
        self.word(offset).expect("the model has every word of the header that it uses")
    }

    pub(crate) fn word(&self, offset: u64) -> Result<&AtomicU64> {
        self.words::<1>(offset).map(|words| &words[0])
    }

    pub(crate) fn words<const COUNT: usize>(&self, offset: u64) -> Result<&[AtomicU64; COUNT]> {
        let words = self.word_range(offset, COUNT as u64)?;
        words.try_into().map_err(|_| outside(offset))
    }

    pub(crate) fn word_range(&self, offset: u64, count: u64) -> Result<&[AtomicU64]> {
        let inside = |(start, words): &&(u64, Vec<AtomicU64>)| {
            offset >= *start && offset < *start + words.len() as u64 * 8
        };
        let (start, words) = self.ranges.iter().find(inside).ok_or_else(|| outside(offset))?;
        let first = ((offset - start) / 8) as usize;
        let range = first..first.saturating_add(count as usize);
        words.get(range).filter(|_| offset % 8 == 0).ok_or_else(|| outside(offset))
    }

    pub(crate) fn of_file(_source: Source, length: u64, _access: Access) -> Result<Self> {
        Self::in_memory(length)
    }

    pub(crate) fn copy_of_file(_file: &std::fs::File, length: u64) -> Result<Self> {
        Self::in_memory(length)
    }

    pub(crate) fn source(&self) -> Option<&Source> {
        None
    }

    pub(crate) fn unreadable(&self) -> u64 {
        0
    }

    pub(crate) fn unreached(&self) -> u64 {
        0
    }

    pub(crate) fn flush(&self, _end: u64) -> Result<()> {
        Ok(())
    }

    pub(crate) fn commit(&self, _from: u64, _to: u64) -> std::io::Result<()> {
        Ok(())
    }
}
