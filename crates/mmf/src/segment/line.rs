//! Comparing a line of words at a stroke.
#![allow(unsafe_code, reason = "vector instructions, which every x86-64 processor has")]

use crate::sync::AtomicU64;
#[cfg(any(test, loom, not(target_arch = "x86_64")))]
use crate::sync::Ordering;

/// Words of a line.
const WORDS: usize = 8;

/// The words whose lowest `BITS` bits are those of `wanted`, as bits; `BITS` is at most 32. Each
/// word is loaded once, relaxed.
///
/// Without branches: which word it is depends on a line that may still be on its way from memory,
/// and a wrong guess would keep the processor from looking up the next name meanwhile.
#[inline(always)]
pub(crate) fn words_that_match<const BITS: u32>(line: &[AtomicU64; WORDS], wanted: u64) -> u32 {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    // SAFETY: obligation: the processor has SSE2. Every x86-64 processor has.
    return unsafe { by_vectors::<BITS>(line, wanted) };
    #[cfg(not(all(target_arch = "x86_64", not(loom))))]
    one_by_one::<BITS>(line, wanted)
}

#[cfg(any(test, loom, not(target_arch = "x86_64")))]
fn one_by_one<const BITS: u32>(line: &[AtomicU64; WORDS], wanted: u64) -> u32 {
    let mask = (1 << BITS) - 1;
    let is_equal = |word: &AtomicU64| (word.load(Ordering::Relaxed) ^ wanted) & mask == 0;
    let bit = |index: usize| u32::from(is_equal(&line[index])) << index;
    (0..WORDS).fold(0, |bits, index| bits | bit(index))
}

/// Compares the low halves of all words, without what stands above `BITS`.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[target_feature(enable = "sse2")]
#[inline]
fn by_vectors<const BITS: u32>(line: &[AtomicU64; WORDS], wanted: u64) -> u32 {
    use core::arch::x86_64::{
        _mm_castps_si128, _mm_cmpeq_epi32, _mm_cvtsi32_si128, _mm_movemask_epi8, _mm_packs_epi16,
        _mm_packs_epi32, _mm_set1_epi32, _mm_setzero_si128, _mm_shuffle_ps, _mm_sll_epi32,
    };
    const LOW_HALVES: i32 = 0b10_00_10_00;
    let spare = _mm_cvtsi32_si128(32 - BITS as i32);
    let wanted = _mm_sll_epi32(_mm_set1_epi32(wanted as i32), spare);
    let (pairs, _) = line.as_chunks::<2>();
    let equal = |first: usize| {
        let low = _mm_shuffle_ps::<LOW_HALVES>(load(&pairs[first]), load(&pairs[first + 1]));
        _mm_cmpeq_epi32(_mm_sll_epi32(_mm_castps_si128(low), spare), wanted)
    };
    let halves = _mm_packs_epi32(equal(0), equal(2));
    _mm_movemask_epi8(_mm_packs_epi16(halves, _mm_setzero_si128())) as u32
}

/// Two words in one load, by an instruction that the compiler does not look into. Each half is one
/// access, since it does not cross 8 aligned bytes (Intel SDM volume 3, 9.1.1).
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[inline(always)]
fn load(pair: &[AtomicU64; 2]) -> core::arch::x86_64::__m128 {
    let both;
    // SAFETY: obligation: 16 readable bytes. The reference vouches for them; others may store to
    // them meanwhile, which the compiler must not know of and does not.
    unsafe {
        core::arch::asm!(
            "movups {both}, [{pair}]",
            pair = in(reg) pair,
            both = lateout(xmm_reg) both,
            options(nostack, preserves_flags, readonly),
        );
    }
    both
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_comparing_a_line_agree() {
        // Steele, Lea, Flood: SplitMix64 (2014).
        let mut state = 7_u64;
        let mut random = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        for round in 0..20_000 {
            let wanted = random() >> 34;
            // Words that match, that match below bit 30, that differ in one bit anywhere, and others.
            let line = std::array::from_fn(|_| {
                AtomicU64::new(match random() % 4 {
                    0 => wanted,
                    1 => wanted | random() << 30,
                    2 => wanted ^ 1 << (random() % 64),
                    _ => random(),
                })
            });
            let expected = one_by_one::<30>(&line, wanted);
            assert_eq!(words_that_match::<30>(&line, wanted), expected, "round {round}: {line:x?}");
            let expected = one_by_one::<32>(&line, wanted);
            assert_eq!(words_that_match::<32>(&line, wanted), expected, "round {round}: {line:x?}");
        }
    }
}
