//! Copies between shared memory and the process's own.
//!
//! Bytes that another process may be writing are never seen through a reference. A few words go
//! one by one with relaxed atomics; longer copies through assembly that is opaque to the compiler.
//! What was copied counts only after the version has been looked at again.
#![allow(unsafe_code, reason = "raw copies between checked ranges")]

use std::mem::MaybeUninit;

#[cfg(all(target_arch = "x86_64", not(loom)))]
use super::moves::{move_bytes, store_bytes};
use super::{Segment, outside};
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::BREAK;
use crate::sync::Ordering;

/// Copies longer than this, a multiple of 8, are opaque: two words are as fast one by one.
const LONGEST_BY_WORDS: usize = 16;
/// From this length on memory is asked for, and pages are touched, only after a look at the heap's
/// end. A length read from a torn header may be anything.
const LOOK_BEFORE_COPY: usize = 256;

impl Segment {
    /// Copies `destination.len()` bytes from `offset`, a multiple of 8.
    ///
    /// The copy may be torn: the caller checks the version behind it.
    #[inline(always)]
    pub(crate) fn copy_out(&self, offset: u64, destination: &mut [u8]) -> Result<()> {
        let length = destination.len();
        let address = destination.as_mut_ptr().cast::<MaybeUninit<u8>>();
        // SAFETY: obligation: valid for `length` writes, and nothing uninitialised is written.
        // The slice vouches for the first; the copies below write bytes of shared memory only.
        self.copy_out_raw(offset, unsafe { std::slice::from_raw_parts_mut(address, length) })
    }

    #[inline(always)]
    fn copy_out_raw(&self, offset: u64, destination: &mut [MaybeUninit<u8>]) -> Result<()> {
        if cfg!(all(target_arch = "x86_64", not(loom))) && destination.len() > LONGEST_BY_WORDS {
            self.copy_out_long(offset, destination)
        } else {
            self.copy_out_words(offset, destination)
        }
    }

    /// Copies `length` bytes from `offset` into `buffer`, whose former content goes.
    #[inline(always)]
    pub(crate) fn copy_to_vector(
        &self,
        offset: u64,
        length: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        buffer.clear();
        if length > buffer.capacity() || length >= LOOK_BEFORE_COPY {
            self.make_room(offset, length, buffer)?;
        }
        self.copy_out_raw(offset, &mut buffer.spare_capacity_mut()[..length])?;
        // SAFETY: obligation: `length` bytes are initialised and within the capacity. The slice
        // above was, and `copy_out_raw` wrote every byte of it.
        unsafe { buffer.set_len(length) };
        Ok(())
    }

    #[cold]
    fn make_room(&self, offset: u64, length: usize, buffer: &mut Vec<u8>) -> Result<()> {
        // The length may be torn or damaged: no memory is asked for, and no page touched, before
        // it is known to end inside the heap.
        let end = offset.checked_add(length as u64).ok_or_else(|| outside(offset))?;
        if end > self.header_word(BREAK).load(Ordering::Relaxed) {
            return Err(outside(offset));
        }
        if end > self.length() {
            self.word_range(offset, length.div_ceil(8) as u64)?;
        }
        buffer.try_reserve_exact(length).map_err(|_| {
            Error::new(ErrorKind::OutOfSpace, format!("no {length} bytes for the copy"))
        })
    }

    #[inline(always)]
    fn copy_out_words(&self, offset: u64, destination: &mut [MaybeUninit<u8>]) -> Result<()> {
        let words = self.word_range(offset, destination.len().div_ceil(8) as u64)?;
        let (whole, rest) = destination.as_chunks_mut::<8>();
        for (piece, word) in whole.iter_mut().zip(words) {
            *piece = word.load(Ordering::Relaxed).to_le_bytes().map(MaybeUninit::new);
        }
        if let (false, Some(word)) = (rest.is_empty(), words.last()) {
            let bytes = word.load(Ordering::Relaxed).to_le_bytes();
            for (byte, value) in rest.iter_mut().zip(bytes) {
                byte.write(value);
            }
        }
        Ok(())
    }

    /// Copies `source` to `offset`, a multiple of 8. The rest of the last word becomes 0.
    ///
    /// The caller owns the range (`docs/protocols.md`, section 0: unreached).
    #[inline]
    pub(crate) fn copy_in(&self, offset: u64, source: &[u8]) -> Result<()> {
        self.require_writable()?;
        let whole = source.len() / 8 * 8;
        let (long, rest) =
            if cfg!(all(target_arch = "x86_64", not(loom))) && whole > LONGEST_BY_WORDS {
                self.copy_in_long(offset, &source[..whole])?;
                (whole, &source[whole..])
            } else {
                (0, source)
            };
        let offset = offset.checked_add(long as u64).ok_or_else(|| outside(offset))?;
        let words = self.word_range(offset, rest.len().div_ceil(8) as u64)?;
        let (whole, tail) = rest.as_chunks::<8>();
        for (piece, word) in whole.iter().zip(words) {
            word.store(u64::from_le_bytes(*piece), Ordering::Relaxed);
        }
        if let (false, Some(word)) = (tail.is_empty(), words.last()) {
            let mut bytes = [0; 8];
            bytes[..tail.len()].copy_from_slice(tail);
            word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
        }
        Ok(())
    }

    #[cfg(all(target_arch = "x86_64", not(loom)))]
    #[inline(always)]
    fn copy_out_long(&self, offset: u64, destination: &mut [MaybeUninit<u8>]) -> Result<()> {
        let from = self.checked(offset, destination.len() as u64)?;
        let to = destination.as_mut_ptr().cast::<u8>();
        // SAFETY: obligation: both ranges valid for the length, apart, and long enough. `checked`
        // vouches for the shared one, the slice for the private one, the caller for the length.
        unsafe { move_bytes(from, to, destination.len()) };
        Ok(())
    }

    #[cfg(all(target_arch = "x86_64", not(loom)))]
    #[inline(always)]
    fn copy_in_long(&self, offset: u64, source: &[u8]) -> Result<()> {
        let to = self.checked(offset, source.len() as u64)?;
        // SAFETY: obligation: both ranges valid for the length, apart, and long enough. `checked`
        // vouches for the shared one, the slice for the private one, the caller for the length.
        unsafe { store_bytes(source.as_ptr(), to, source.len()) };
        Ok(())
    }

    #[cfg(not(all(target_arch = "x86_64", not(loom))))]
    fn copy_out_long(&self, offset: u64, destination: &mut [MaybeUninit<u8>]) -> Result<()> {
        self.copy_out_words(offset, destination)
    }

    #[cfg(not(all(target_arch = "x86_64", not(loom))))]
    fn copy_in_long(&self, offset: u64, source: &[u8]) -> Result<()> {
        let words = self.word_range(offset, (source.len() / 8) as u64)?;
        for (piece, word) in source.chunks_exact(8).zip(words) {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(piece);
            word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Where the tests' values stand, as every value does: 16 bytes behind the begin of a line.
    const OFFSET: u64 = 4096 + 80;
    const UNTOUCHED: u8 = 0xA5;

    fn filled(length: usize) -> Vec<u8> {
        (0..length).map(|index| (index * 7 + 3) as u8).collect()
    }

    /// Copies in and out, and compares with plain copies: what is around the bytes stays.
    fn goes_through(segment: &Segment, length: usize, alignment: usize) {
        let room = length.next_multiple_of(8);
        let around = vec![UNTOUCHED; room + 32];
        segment.copy_in(OFFSET - 16, &around).unwrap();
        let source = filled(alignment + length);
        let value = &source[alignment..];
        segment.copy_in(OFFSET, value).unwrap();
        let mut stands = around.clone();
        stands[16..16 + room].fill(0);
        stands[16..16 + length].copy_from_slice(value);
        let words = segment.word_range(OFFSET - 16, (stands.len() / 8) as u64).unwrap();
        for (word, piece) in words.iter().zip(stands.as_chunks::<8>().0) {
            assert_eq!(word.load(Ordering::Relaxed), u64::from_le_bytes(*piece), "in: {length}");
        }
        let mut target = vec![UNTOUCHED; alignment + length + 64];
        let mut expected = target.clone();
        expected[alignment..alignment + length].copy_from_slice(value);
        segment.copy_out(OFFSET, &mut target[alignment..alignment + length]).unwrap();
        assert!(target == expected, "out: {length} bytes to {alignment} behind a vector's begin");
    }

    #[test]
    fn every_length_and_alignment_of_the_private_side_is_copied_whole_and_nothing_else() {
        let segment = Segment::in_memory(1 << 16).unwrap();
        for length in 0..=1100 {
            for alignment in 0..32 {
                goes_through(&segment, length, alignment);
            }
        }
        for length in (16_300..16_500).step_by(3) {
            goes_through(&segment, length, length % 32);
        }
    }

    #[test]
    fn a_copy_that_leaves_the_segment_is_an_error() {
        let segment = Segment::in_memory(1 << 16).unwrap();
        let end = segment.length();
        for length in [8, 17, 40, 100, 300, 5000, 40_000] {
            let mut buffer = vec![UNTOUCHED; length];
            let offset = end - length.next_multiple_of(8) as u64 + 8;
            assert!(segment.copy_out(offset, &mut buffer).is_err());
            assert!(segment.copy_in(offset, &buffer).is_err());
            assert!(buffer.iter().all(|byte| *byte == UNTOUCHED));
            segment.copy_in(offset - 8, &buffer).unwrap();
        }
    }
}
