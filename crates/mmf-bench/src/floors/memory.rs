//! A raw shared mapping.
#![allow(unsafe_code, reason = "raw memory is what this file is about")]

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, fallocate};

use crate::Result;

/// When the pages of a mapping get their memory and their place in the page table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pages {
    /// Before anybody touches them.
    Present,
    /// When somebody touches them.
    OnDemand,
}

/// A file mapped as shared memory.
pub struct SharedMemory {
    mapping: MmapRaw,
}

impl SharedMemory {
    /// Makes a file of `bytes` bytes and maps it. On demand, only its first page has memory.
    ///
    /// # Errors
    ///
    /// When the file exists, or cannot be made or mapped.
    pub fn create(path: &Path, bytes: u64, pages: Pages) -> Result<Self> {
        let failed = |error| format!("making {}: {error}", path.display());
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(failed)?;
        let first = if pages == Pages::Present { bytes } else { bytes.min(4096) };
        file.set_len(bytes).map_err(failed)?;
        fallocate(&file, FallocateFlags::empty(), 0, first)
            .map_err(|error| failed(error.into()))?;
        Self::of_file(&file, pages).map_err(|error| failed(error).into())
    }

    /// Maps an existing file.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or mapped.
    pub fn open(path: &Path, pages: Pages) -> Result<Self> {
        let failed = |error| format!("mapping {}: {error}", path.display());
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(failed)?;
        Self::of_file(&file, pages).map_err(|error| failed(error).into())
    }

    fn of_file(file: &File, pages: Pages) -> std::io::Result<Self> {
        let mut options = MmapOptions::new();
        if pages == Pages::Present {
            options.populate();
        }
        Ok(Self { mapping: options.map_raw(file)? })
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.mapping.len()
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The word at a byte offset that is a multiple of 8.
    ///
    /// # Panics
    ///
    /// When it does not lie in the mapping.
    #[inline(always)]
    pub fn word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset + 8 <= self.len(), "a word at {offset}");
        // SAFETY: obligation: within the mapping. The line before sees to it.
        let pointer = unsafe { self.mapping.as_mut_ptr().add(offset) };
        // SAFETY: obligation: aligned, mapped for as long as the reference lives, and accessed
        // atomically alone. The mapping begins at a page and lives as long as `self`; whoever uses a
        // word as an atomic does not copy over it.
        unsafe { AtomicU64::from_ptr(pointer.cast()) }
    }

    /// The half word at a byte offset that is a multiple of 4, for a futex.
    ///
    /// # Panics
    ///
    /// When it does not lie in the mapping.
    #[inline(always)]
    pub fn half_word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.len(), "a half word at {offset}");
        // SAFETY: obligation: within the mapping. The line before sees to it.
        let pointer = unsafe { self.mapping.as_mut_ptr().add(offset) };
        // SAFETY: obligation: as in `word`. No offset is used as a word and as a half word.
        unsafe { AtomicU32::from_ptr(pointer.cast()) }
    }

    /// Copies bytes in, as memcpy does.
    ///
    /// # Panics
    ///
    /// When they do not fit into the mapping.
    #[inline(always)]
    pub fn copy_in(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.len(), "{} bytes at {offset}", bytes.len());
        // SAFETY: obligation: within the mapping. The line before sees to it.
        let target = unsafe { self.mapping.as_mut_ptr().add(offset) };
        // SAFETY: obligation: both ranges valid, and not overlapping. No reference leads into the
        // mapping but to words that are accessed atomically. That other processes may store at the
        // same time is what a raw floor is: whoever cares locks, and values show when they are torn.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) };
    }

    /// Copies bytes out, as memcpy does.
    ///
    /// # Panics
    ///
    /// When they do not lie in the mapping.
    #[inline(always)]
    pub fn copy_out(&self, offset: usize, bytes: &mut [u8]) {
        assert!(offset + bytes.len() <= self.len(), "{} bytes at {offset}", bytes.len());
        // SAFETY: obligation: within the mapping. The line before sees to it.
        let source = unsafe { self.mapping.as_ptr().add(offset) };
        // SAFETY: obligation: both ranges valid, and not overlapping. As in `copy_in`.
        unsafe { std::ptr::copy_nonoverlapping(source, bytes.as_mut_ptr(), bytes.len()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;

    #[test]
    fn two_mappings_share_their_bytes() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("memory");
        let one = SharedMemory::create(&path, 8192, Pages::OnDemand).unwrap();
        let other = SharedMemory::open(&path, Pages::Present).unwrap();
        one.word(8184).store(7, Ordering::Relaxed);
        assert_eq!(other.word(8184).load(Ordering::Relaxed), 7);
        other.copy_in(4090, b"across pages");
        let mut bytes = [0; 12];
        one.copy_out(4090, &mut bytes);
        assert_eq!(&bytes, b"across pages");
        assert!(SharedMemory::create(&path, 8192, Pages::Present).is_err());
    }

    #[test]
    #[should_panic(expected = "a word at 8192")]
    fn no_word_lies_beyond_the_end() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("memory");
        let memory = SharedMemory::create(&path, 8192, Pages::Present).unwrap();
        memory.word(8192);
    }
}
