//! Copies of a few words, where a general copy would cost more than the bytes.
#![allow(unsafe_code, reason = "two words in one access; initialises a vector's spare room")]

use std::mem::MaybeUninit;

use super::Segment;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::AtomicU64;
#[cfg(any(test, not(all(target_arch = "x86_64", not(loom)))))]
use crate::sync::Ordering;

/// Payloads of at most this many bytes are copied here.
pub(crate) const SMALL_COPY: usize = 64;

/// Bytes copied at a time. Blocks have room for a multiple of them behind their header.
const STEP: usize = 16;

impl Segment {
    /// Copies the first `length` bytes, [`SMALL_COPY`] at most, from `offset`, a multiple of 16.
    /// Bytes behind them, up to the next multiple of 16, are those that stand in the block.
    ///
    /// The copy may be torn: the caller checks the version behind it.
    #[inline(always)]
    pub(crate) fn copy_small(
        &self,
        offset: u64,
        length: usize,
        destination: &mut [u8; SMALL_COPY],
    ) -> Result<()> {
        let address = destination.as_mut_ptr().cast::<[MaybeUninit<u8>; SMALL_COPY]>();
        // SAFETY: obligation: valid for the array's writes, and nothing uninitialised is written.
        // The reference vouches for the first; the copy below writes loaded words only.
        self.copy_small_raw(offset, length, unsafe { &mut *address })
    }

    /// Copies `length` bytes, [`SMALL_COPY`] at most, from `offset`, a multiple of 16, into
    /// `buffer`, whose former content goes.
    #[inline(always)]
    pub(crate) fn copy_small_to_vector(
        &self,
        offset: u64,
        length: usize,
        buffer: &mut Vec<u8>,
    ) -> Result<()> {
        buffer.clear();
        if buffer.capacity() < SMALL_COPY {
            make_room(buffer)?;
        }
        assert!(length <= SMALL_COPY, "longer values take the other way");
        let Some(room) = buffer.spare_capacity_mut().first_chunk_mut() else { return Ok(()) };
        self.copy_small_raw(offset, length, room)?;
        // SAFETY: obligation: `length` bytes are initialised and within the capacity. The copy
        // has written the first `length` bytes of the room, which has more, or failed.
        unsafe { buffer.set_len(length) };
        Ok(())
    }

    /// Copies `source`, [`SMALL_COPY`] bytes at most, to `offset`, a multiple of 16, and zeros
    /// behind it up to the next multiple of 16.
    ///
    /// The caller owns the range (`docs/protocols.md`, section 0: unreached).
    #[inline(always)]
    pub(crate) fn copy_small_in(&self, offset: u64, source: &[u8]) -> Result<()> {
        self.require_writable()?;
        let (whole, rest) = source.as_chunks::<STEP>();
        let steps = source.len().div_ceil(STEP);
        let words = self.word_range(offset, (steps * STEP / 8) as u64)?;
        let (pairs, _) = words.as_chunks::<{ STEP / 8 }>();
        for (piece, words) in whole.iter().zip(pairs) {
            store_step(words, u128::from_le_bytes(*piece));
        }
        match pairs.last() {
            Some(words) if !rest.is_empty() => store_step(words, padded(rest)),
            _ => {}
        }
        Ok(())
    }

    #[inline(always)]
    fn copy_small_raw(
        &self,
        offset: u64,
        length: usize,
        destination: &mut [MaybeUninit<u8>; SMALL_COPY],
    ) -> Result<()> {
        if length == 0 {
            // Nothing stands behind the header, which may be the last of the mapping.
            return Ok(());
        }
        if length <= STEP {
            let words = self.words::<{ STEP / 8 }>(offset)?;
            destination.as_chunks_mut().0[0] = load_step(words);
            return Ok(());
        }
        let steps = length.div_ceil(STEP).min(SMALL_COPY / STEP);
        let words = self.word_range(offset, (steps * STEP / 8) as u64)?;
        let (pairs, _) = words.as_chunks::<{ STEP / 8 }>();
        let (pieces, _) = destination.as_chunks_mut::<STEP>();
        for (piece, words) in pieces.iter_mut().zip(pairs) {
            *piece = load_step(words);
        }
        Ok(())
    }
}

/// Two words, in one access each way where there is one: a processor hands bytes that are just being
/// stored on to a load of as many, but lets a load of 16 wait for two stores of 8.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[inline(always)]
fn load_step(words: &[AtomicU64; STEP / 8]) -> [MaybeUninit<u8>; STEP] {
    let both: core::arch::x86_64::__m128i;
    // SAFETY: obligation: 16 readable bytes. The reference vouches for them; others may store to
    // them meanwhile, which the compiler must not know of and does not.
    unsafe {
        core::arch::asm!(
            "movdqu {both}, [{words}]",
            words = in(reg) words,
            both = lateout(xmm_reg) both,
            options(nostack, preserves_flags, readonly),
        );
    }
    // SAFETY: obligation: a type of the same size for which all bits will do.
    unsafe { core::mem::transmute(both) }
}

#[cfg(all(target_arch = "x86_64", not(loom)))]
#[inline(always)]
fn store_step(words: &[AtomicU64; STEP / 8], both: u128) {
    // SAFETY: obligation: a type of the same size for which all bits will do.
    let both: core::arch::x86_64::__m128i = unsafe { core::mem::transmute(both) };
    // SAFETY: obligation: 16 writable bytes. The reference vouches for them, and the caller may
    // write to its segment; others may load from them meanwhile.
    unsafe {
        core::arch::asm!(
            "movdqu [{words}], {both}",
            words = in(reg) words,
            both = in(xmm_reg) both,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(not(all(target_arch = "x86_64", not(loom))))]
fn load_step(words: &[AtomicU64; STEP / 8]) -> [MaybeUninit<u8>; STEP] {
    let [low, high] = words.each_ref().map(|word| u128::from(word.load(Ordering::Relaxed)));
    (low | high << 64).to_le_bytes().map(MaybeUninit::new)
}

#[cfg(not(all(target_arch = "x86_64", not(loom))))]
fn store_step(words: &[AtomicU64; STEP / 8], both: u128) {
    words[0].store(both as u64, Ordering::Relaxed);
    words[1].store((both >> 64) as u64, Ordering::Relaxed);
}

/// Fewer than [`STEP`] bytes, then zeros.
#[inline(always)]
fn padded(bytes: &[u8]) -> u128 {
    // Loads that overlap instead of a copy of variable length, which would be a call.
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let high = u128::from(u64::from_le_bytes(*last)) << ((bytes.len() - 8) * 8);
        return u128::from(u64::from_le_bytes(*first)) | high;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let high = u128::from(u32::from_le_bytes(*last)) << ((bytes.len() - 4) * 8);
        return u128::from(u32::from_le_bytes(*first)) | high;
    }
    bytes.iter().rev().fold(0, |all, byte| (all << 8) | u128::from(*byte))
}

#[cold]
fn make_room(buffer: &mut Vec<u8>) -> Result<()> {
    buffer.try_reserve(SMALL_COPY).map_err(|_| {
        Error::new(ErrorKind::OutOfSpace, format!("no {SMALL_COPY} bytes for the copy"))
    })
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Every short length, at the first and the last block of a page, between words of others.
    #[test]
    fn small_values_come_back_and_leave_others_alone() {
        let segment = Segment::in_memory(1 << 16).unwrap();
        let bytes: Vec<u8> = (1..=SMALL_COPY as u8).collect();
        for offset in [64, 4096 - 96] {
            for length in 0..=SMALL_COPY {
                let end = offset + (length.div_ceil(STEP) * STEP) as u64;
                for word in [offset - 8, end] {
                    segment.word(word).unwrap().store(u64::MAX, Ordering::Relaxed);
                }
                segment.copy_small_in(offset, &bytes[..length]).unwrap();
                let mut array = [0; SMALL_COPY];
                segment.copy_small(offset, length, &mut array).unwrap();
                assert_eq!(array[..length], bytes[..length]);
                assert!(array[length..].iter().all(|byte| *byte == 0), "{length}");
                let mut vector = vec![7; 3];
                segment.copy_small_to_vector(offset, length, &mut vector).unwrap();
                assert_eq!(vector, bytes[..length]);
                for word in [offset - 8, end] {
                    let word = segment.word(word).unwrap().load(Ordering::Relaxed);
                    assert_eq!(word, u64::MAX, "{length}");
                }
            }
        }
    }
}
