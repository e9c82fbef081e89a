//! The words of one record, with the orderings in which they are loaded and stored.

use crate::error::{Error, Result};
use crate::format::PAGE;
use crate::format::block::Descriptor;
use crate::format::checksum::{Place, Seal, with_half};
use crate::format::index::Hash;
use crate::format::publish::Publish;
use crate::format::record::{DESCRIPTORS, IDENTITY, Identity, LOCK, NAME, PUBLISH, SIZE, SUMS};
use crate::segment::Segment;
use crate::sync::{AtomicU64, Ordering};

/// One record.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    /// Where it stands.
    pub(crate) offset: u64,
    words: &'a [AtomicU64; (SIZE / 8) as usize],
}

impl<'a> Record<'a> {
    /// The record at `offset`.
    #[inline(always)]
    pub(crate) fn at(segment: &'a Segment, offset: u64) -> Result<Self> {
        if !offset.is_multiple_of(SIZE) {
            return Err(Error::damaged(offset, "a record's offset is not aligned"));
        }
        Ok(Self { offset, words: segment.words(offset)? })
    }

    /// The publish word itself, to sleep on.
    pub(crate) fn publish_word(&self) -> &'a AtomicU64 {
        &self.words[PUBLISH]
    }

    /// The publish word's state. Acquire pairs with the publishing swap.
    #[inline(always)]
    pub(crate) fn publish(&self) -> Publish {
        Publish(self.words[PUBLISH].load(Ordering::Acquire))
    }

    /// Whose record it is. Acquire pairs with the journal's store: name and value came before.
    #[inline(always)]
    pub(crate) fn identity(&self) -> Identity {
        Identity(self.words[IDENTITY].load(Ordering::Acquire))
    }

    /// One of the two descriptors.
    #[inline(always)]
    pub(crate) fn descriptor(&self, index: usize) -> Descriptor {
        Descriptor(self.words[DESCRIPTORS + index].load(Ordering::Relaxed))
    }

    /// Behind the barrier of the publish lock: a reader of the version before last that sees the new
    /// descriptor sees, behind its acquire fence, that its version is gone.
    #[inline(always)]
    pub(super) fn set_descriptor(&self, index: usize, descriptor: Descriptor) {
        self.words[DESCRIPTORS + index].store(descriptor.0, Ordering::Relaxed);
    }

    /// The checksums of the values that the two descriptors describe; 0 without checksums.
    pub(crate) fn sums(&self) -> u64 {
        self.words[SUMS].load(Ordering::Relaxed)
    }

    /// Stores the checksum of the value that is about to be published as the version after
    /// `state`. The caller owns the publish lock.
    pub(crate) fn seal_next(&self, seal: Seal, state: Publish, identity: Identity, name: Hash) {
        let version = Publish::free(state.version() + 1).version();
        let place = Place { record: self.offset, identity, name, version };
        self.set_sum(state.next(), seal.sum(place));
    }

    fn set_sum(&self, index: usize, sum: u32) {
        self.words[SUMS].store(with_half(self.sums(), index, sum), Ordering::Relaxed);
    }

    pub(super) fn sums_offset(&self) -> u64 {
        self.offset + SUMS as u64 * 8
    }

    /// The variable's lock word.
    #[inline(always)]
    pub(crate) fn lock_word(&self) -> &'a AtomicU64 {
        &self.words[LOCK]
    }

    /// Where the variable's lock word stands.
    pub(crate) fn lock_offset(&self) -> u64 {
        self.offset + LOCK as u64 * 8
    }

    #[inline(always)]
    pub(super) fn name_word(&self, index: usize) -> &'a AtomicU64 {
        &self.words[NAME + index]
    }

    /// The block of a long name, as far as one glance tells.
    pub(crate) fn name_block(&self) -> u64 {
        self.words[NAME].load(Ordering::Relaxed)
    }

    pub(super) fn descriptor_offset(&self, index: usize) -> u64 {
        self.offset + (DESCRIPTORS + index) as u64 * 8
    }

    pub(super) fn identity_offset(&self) -> u64 {
        self.offset + IDENTITY as u64 * 8
    }
}

/// The record whose lock word stands at `lock`, when it is a variable's.
pub(crate) fn record_of_lock(lock: u64) -> Option<u64> {
    lock.checked_sub(LOCK as u64 * 8).filter(|record| *record >= PAGE && record % SIZE == 0)
}
