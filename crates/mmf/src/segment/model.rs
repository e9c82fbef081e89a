//! Segments of loom's atomics, so that models run the real algorithms.

use super::{Source, outside, read_only};
use crate::error::Result;
use crate::platform::Access;
use crate::sync::AtomicU64;

/// The memory of one namespace in a model.
pub(crate) struct Segment {
    words: Vec<AtomicU64>,
}

impl Segment {
    /// `length` bytes of zeros.
    pub(crate) fn in_memory(length: u64) -> Result<Self> {
        Ok(Self { words: (0..length / 8).map(|_| AtomicU64::new(0)).collect() })
    }

    pub(crate) fn require_writable(&self) -> Result<()> {
        if self.is_writable() { Ok(()) } else { Err(read_only()) }
    }

    pub(crate) fn is_writable(&self) -> bool {
        true
    }

    pub(crate) fn length(&self) -> u64 {
        self.words.len() as u64 * 8
    }

    pub(crate) fn header_word(&self, offset: u64) -> &AtomicU64 {
        &self.words[(offset / 8) as usize]
    }

    pub(crate) fn word(&self, offset: u64) -> Result<&AtomicU64> {
        self.words::<1>(offset).map(|words| &words[0])
    }

    pub(crate) fn words<const COUNT: usize>(&self, offset: u64) -> Result<&[AtomicU64; COUNT]> {
        let words = self.word_range(offset, COUNT as u64)?;
        words.try_into().map_err(|_| outside(offset))
    }

    pub(crate) fn word_range(&self, offset: u64, count: u64) -> Result<&[AtomicU64]> {
        let first = (offset / 8) as usize;
        let range = first..first.saturating_add(count as usize);
        self.words.get(range).filter(|_| offset % 8 == 0).ok_or_else(|| outside(offset))
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

    pub(crate) fn reach(&self, _end: u64) -> Result<()> {
        Ok(())
    }

    pub(crate) fn flush(&self, _end: u64) -> Result<()> {
        Ok(())
    }

    pub(crate) fn commit(&self, _from: u64, _to: u64) -> std::io::Result<()> {
        Ok(())
    }
}
