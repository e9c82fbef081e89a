//! Moving bytes by instructions that the compiler does not look into, as fast as `memcpy`.
//!
//! Shared bytes may change while they are read: what arrives is then arbitrary, but nothing is
//! undefined, since the accesses happen outside the abstract machine. Loads and stores overlap
//! where a length is no multiple of a vector's. Which way is the fastest for which length:
//! `docs/design.md`, "Copies".
#![allow(unsafe_code, reason = "copies between checked ranges, in assembly")]

use core::arch::asm;
use core::arch::x86_64::{__cpuid, __cpuid_count};
use std::sync::OnceLock;

/// The least length that can be moved.
pub(super) const SHORTEST_MOVE: usize = 16;
/// Up to this length vectors of 16 bytes are the fastest.
const LONGEST_OF_SHORT: usize = 128;
/// Up to this length, at which the three places of a set fit into a first-level cache of 48 KiB,
/// vectors of 32 are.
const LONGEST_BY_VECTORS: usize = 12 << 10;
/// The same for processors that have vectors of 16 bytes only.
const LONGEST_BY_SHORT_VECTORS: usize = 512;

/// No length up to this is stored past the caches, however small they are.
const LEAST_STREAMED: usize = 1 << 20;
/// A value, the block of its set and that of the set before, between which sets alternate.
const PLACES_OF_A_SET: usize = 3;

/// Copies the bytes of a value to where it will be read: past the caches when what a set touches
/// does not fit into them.
///
/// # Safety
///
/// As [`move_bytes`].
pub(super) unsafe fn store_bytes(from: *const u8, to: *mut u8, length: usize) {
    static LONGEST_CACHED: OnceLock<usize> = OnceLock::new();
    let longest_cached = || {
        *LONGEST_CACHED
            .get_or_init(|| last_level_cache().map_or(usize::MAX, |bytes| bytes / PLACES_OF_A_SET))
    };
    if length > LEAST_STREAMED && length > longest_cached() {
        // SAFETY: obligation: the caller's promise, and at least 128 bytes, as just seen.
        unsafe { stream_bytes(from, to, length) }
    } else {
        // SAFETY: obligation: the caller's promise.
        unsafe { move_bytes(from, to, length) }
    }
}

/// Bytes of the greatest cache that the processor tells of.
fn last_level_cache() -> Option<usize> {
    /// Intel's leaf and AMD's: one cache in each subleaf, described alike.
    const LEAVES: [(u32, u32); 2] = [(0, 4), (0x8000_0000, 0x8000_001D)];
    const MOST_CACHES: u32 = 8;
    let known = LEAVES.into_iter().filter(|(first, leaf)| __cpuid(*first).eax >= *leaf);
    let caches = known.flat_map(|(_, leaf)| {
        (0..MOST_CACHES)
            .map(move |cache| __cpuid_count(leaf, cache))
            .take_while(|it| it.eax & 31 != 0)
    });
    let size = caches.map(|cache| {
        let (ways, partitions) = ((cache.ebx >> 22) + 1, ((cache.ebx >> 12) & 0x3FF) + 1);
        let (line, sets) = ((cache.ebx & 0xFFF) + 1, u64::from(cache.ecx) + 1);
        u64::from(ways) * u64::from(partitions) * u64::from(line) * sets
    });
    size.max().and_then(|bytes| usize::try_from(bytes).ok())
}

/// Copies bytes that another process may be reading or writing.
///
/// # Safety
///
/// `from` is readable and `to` writable for `length` bytes, at least [`SHORTEST_MOVE`], and the
/// ranges do not overlap.
#[inline(never)]
pub(super) unsafe fn move_bytes(from: *const u8, to: *mut u8, length: usize) {
    debug_assert!(length >= SHORTEST_MOVE);
    if length <= 32 {
        // SAFETY: obligation: the caller's promise, and at most 32 bytes, as just seen.
        unsafe { move_ends(from, to, length) }
    } else if length <= 64 {
        // SAFETY: obligation: the caller's promise, and 32 to 64 bytes, as just seen.
        unsafe { move_double_ends(from, to, length) }
    } else if length <= LONGEST_OF_SHORT {
        // SAFETY: obligation: the caller's promise, and more than 64 bytes, as just seen.
        unsafe { move_by_short_vectors(from, to, length) }
    } else if length <= LONGEST_BY_VECTORS && std::is_x86_feature_detected!("avx") {
        // SAFETY: obligation: the caller's promise, more than 128 bytes, and AVX, as just seen.
        unsafe { move_by_vectors(from, to, length) }
    } else if length <= LONGEST_BY_SHORT_VECTORS {
        // SAFETY: obligation: the caller's promise, and more than 64 bytes, as just seen.
        unsafe { move_by_short_vectors(from, to, length) }
    } else {
        // SAFETY: obligation: the caller's promise.
        unsafe { move_by_string(from, to, length) }
    }
}

/// The first and the last 16 bytes.
///
/// # Safety
///
/// As [`move_bytes`], for 16 to 32 bytes.
#[inline(always)]
unsafe fn move_ends(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: obligation: every access inside the ranges. Both vectors lie in any 16 bytes or
    // more (the caller's promise).
    unsafe {
        asm!(
            "movdqu {first}, [{from}]",
            "movdqu {last}, [{from} + {length} - 16]",
            "movdqu [{to}], {first}",
            "movdqu [{to} + {length} - 16], {last}",
            from = in(reg) from,
            to = in(reg) to,
            length = in(reg) length,
            first = out(xmm_reg) _,
            last = out(xmm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// The first and the last 32 bytes.
///
/// # Safety
///
/// As [`move_bytes`], for 32 to 64 bytes.
#[inline(always)]
unsafe fn move_double_ends(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: obligation: every access inside the ranges. All four vectors lie in any 32 bytes or
    // more (the caller's promise).
    unsafe {
        asm!(
            "movdqu {first}, [{from}]",
            "movdqu {second}, [{from} + 16]",
            "movdqu {third}, [{from} + {length} - 32]",
            "movdqu {fourth}, [{from} + {length} - 16]",
            "movdqu [{to}], {first}",
            "movdqu [{to} + 16], {second}",
            "movdqu [{to} + {length} - 32], {third}",
            "movdqu [{to} + {length} - 16], {fourth}",
            from = in(reg) from,
            to = in(reg) to,
            length = in(reg) length,
            first = out(xmm_reg) _,
            second = out(xmm_reg) _,
            third = out(xmm_reg) _,
            fourth = out(xmm_reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// 64 bytes at a time, and the last 64.
///
/// # Safety
///
/// As [`move_bytes`], for more than 64 bytes.
#[inline(always)]
unsafe fn move_by_short_vectors(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: obligation: every access inside the ranges. The loop stops at the first place not
    // before the last 64 bytes, which are moved after it; there are as many (the caller's promise).
    unsafe {
        asm!(
            "movdqu xmm4, [{from} + {length} - 64]",
            "movdqu xmm5, [{from} + {length} - 48]",
            "movdqu xmm6, [{from} + {length} - 32]",
            "movdqu xmm7, [{from} + {length} - 16]",
            "lea {last}, [{to} + {length} - 64]",
            "sub {from}, {to}",
            "2:",
            "movdqu xmm0, [{from} + {to}]",
            "movdqu xmm1, [{from} + {to} + 16]",
            "movdqu xmm2, [{from} + {to} + 32]",
            "movdqu xmm3, [{from} + {to} + 48]",
            "movdqu [{to}], xmm0",
            "movdqu [{to} + 16], xmm1",
            "movdqu [{to} + 32], xmm2",
            "movdqu [{to} + 48], xmm3",
            "add {to}, 64",
            "cmp {to}, {last}",
            "jb 2b",
            "movdqu [{last}], xmm4",
            "movdqu [{last} + 16], xmm5",
            "movdqu [{last} + 32], xmm6",
            "movdqu [{last} + 48], xmm7",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            length = in(reg) length,
            last = out(reg) _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            options(nostack),
        );
    }
}

/// The first 64 bytes, 128 at a time to whole cache lines, and the last 128.
///
/// # Safety
///
/// As [`move_bytes`], for at least 128 bytes, on a processor with AVX.
#[inline(always)]
unsafe fn move_by_vectors(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: obligation: every access inside the ranges, and AVX (the caller's promise). The loop
    // begins at most 64 bytes behind the first, which are moved before it, and stops at the first
    // place not before the last 128 bytes, which are moved after it; there are as many.
    unsafe {
        asm!(
            "vmovdqu ymm4, [{from} + {length} - 128]",
            "vmovdqu ymm5, [{from} + {length} - 96]",
            "vmovdqu ymm6, [{from} + {length} - 64]",
            "vmovdqu ymm7, [{from} + {length} - 32]",
            "vmovdqu ymm0, [{from}]",
            "vmovdqu ymm1, [{from} + 32]",
            "lea {last}, [{to} + {length} - 128]",
            "sub {from}, {to}",
            "vmovdqu [{to}], ymm0",
            "vmovdqu [{to} + 32], ymm1",
            "add {to}, 64",
            "and {to}, -64",
            "cmp {to}, {last}",
            "jae 3f",
            "2:",
            "vmovdqu ymm0, [{from} + {to}]",
            "vmovdqu ymm1, [{from} + {to} + 32]",
            "vmovdqu ymm2, [{from} + {to} + 64]",
            "vmovdqu ymm3, [{from} + {to} + 96]",
            "vmovdqa [{to}], ymm0",
            "vmovdqa [{to} + 32], ymm1",
            "vmovdqa [{to} + 64], ymm2",
            "vmovdqa [{to} + 96], ymm3",
            "sub {to}, -128",
            "cmp {to}, {last}",
            "jb 2b",
            "3:",
            "vmovdqu [{last}], ymm4",
            "vmovdqu [{last} + 32], ymm5",
            "vmovdqu [{last} + 64], ymm6",
            "vmovdqu [{last} + 96], ymm7",
            "vzeroupper",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            length = in(reg) length,
            last = out(reg) _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nostack),
        );
    }
}

/// The first 64 bytes, then whole cache lines past the caches, and the last 64; in order before
/// whatever is stored next.
///
/// # Safety
///
/// As [`move_bytes`], for at least 128 bytes.
#[inline(never)]
unsafe fn stream_bytes(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: obligation: every access inside the ranges, and stores ordered as the caller of any
    // function may expect. The loop begins at most 64 bytes behind the first, which are moved
    // before it, and stops at the first place not before the last 64, which are moved after it;
    // there are as many (the caller's promise). `sfence` orders the stores.
    unsafe {
        asm!(
            "movdqu xmm4, [{from} + {length} - 64]",
            "movdqu xmm5, [{from} + {length} - 48]",
            "movdqu xmm6, [{from} + {length} - 32]",
            "movdqu xmm7, [{from} + {length} - 16]",
            "movdqu xmm0, [{from}]",
            "movdqu xmm1, [{from} + 16]",
            "movdqu xmm2, [{from} + 32]",
            "movdqu xmm3, [{from} + 48]",
            "lea {last}, [{to} + {length} - 64]",
            "sub {from}, {to}",
            "movdqu [{to}], xmm0",
            "movdqu [{to} + 16], xmm1",
            "movdqu [{to} + 32], xmm2",
            "movdqu [{to} + 48], xmm3",
            "add {to}, 64",
            "and {to}, -64",
            "2:",
            "movdqu xmm0, [{from} + {to}]",
            "movdqu xmm1, [{from} + {to} + 16]",
            "movdqu xmm2, [{from} + {to} + 32]",
            "movdqu xmm3, [{from} + {to} + 48]",
            "movntdq [{to}], xmm0",
            "movntdq [{to} + 16], xmm1",
            "movntdq [{to} + 32], xmm2",
            "movntdq [{to} + 48], xmm3",
            "add {to}, 64",
            "cmp {to}, {last}",
            "jb 2b",
            "sfence",
            "movdqu [{last}], xmm4",
            "movdqu [{last} + 16], xmm5",
            "movdqu [{last} + 32], xmm6",
            "movdqu [{last} + 48], xmm7",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            length = in(reg) length,
            last = out(reg) _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            options(nostack),
        );
    }
}

/// One string instruction, which processors make their own best of.
///
/// # Safety
///
/// As [`move_bytes`], for any length.
#[inline(always)]
unsafe fn move_by_string(from: *const u8, to: *mut u8, length: usize) {
    // SAFETY: obligation: valid ranges (the caller's promise) and the direction flag clear, which
    // the ABI guarantees on entry.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") length => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Move = unsafe fn(*const u8, *mut u8, usize);

    /// Bytes in front of and behind the target, which must stay.
    const MARGIN: usize = 128;
    const UNTOUCHED: u8 = 0xA5;

    /// Moves `length` bytes between these alignments and compares everything with a plain copy.
    fn moves(ways: Move, length: usize, from: usize, to: usize) {
        let source: Vec<u8> = (0..from + length).map(|index| (index * 7 + 3) as u8).collect();
        let mut target = vec![UNTOUCHED; 2 * MARGIN + 64 + length];
        let begin = target.as_ptr().align_offset(64) + MARGIN + to;
        let mut expected = target.clone();
        expected[begin..begin + length].copy_from_slice(&source[from..]);
        // SAFETY: both ranges lie in their vectors, of which there are two; every caller gives a
        // length that the way may have.
        unsafe { ways(source[from..].as_ptr(), target[begin..].as_mut_ptr(), length) };
        assert!(target == expected, "{length} bytes, from {from} to {to} behind a line's begin");
    }

    #[test]
    fn every_short_length_and_alignment_is_moved_whole_and_nothing_else() {
        for length in SHORTEST_MOVE..=1100 {
            for from in [0, 1, 8, 15, 16, 33] {
                for to in [0, 1, 7, 16, 31, 63] {
                    moves(move_bytes, length, from, to);
                }
            }
        }
    }

    #[test]
    fn lengths_beside_every_threshold_are_moved_whole_and_nothing_else() {
        let thresholds = [LONGEST_BY_SHORT_VECTORS, LONGEST_BY_VECTORS, 1 << 16, 1 << 20];
        for length in thresholds.into_iter().flat_map(|at| at - 2..at + 3) {
            for (from, to) in [(0, 0), (0, 16), (5, 16), (16, 5), (31, 63)] {
                moves(move_bytes, length, from, to);
                moves(store_bytes, length, from, to);
            }
        }
    }

    #[test]
    fn lengths_beside_what_the_caches_hold_are_stored_whole_and_nothing_else() {
        let cached = last_level_cache().unwrap_or(32 << 20) / PLACES_OF_A_SET;
        for length in cached - 1..cached + 2 {
            moves(store_bytes, length, 5, 16);
        }
        assert!((64 << 10..8 << 30).contains(&cached), "a third of the cache is {cached} bytes");
    }

    /// What a processor without AVX runs is not what the one that tests runs.
    #[test]
    fn every_way_is_right_for_every_length_that_it_may_have() {
        for length in 0..=1100 {
            for (from, to) in [(0, 0), (3, 16), (16, 1), (9, 63)] {
                moves(move_by_string, length, from, to);
                if length > 64 {
                    moves(move_by_short_vectors, length, from, to);
                }
                if length >= 128 {
                    moves(stream_bytes, length, from, to);
                }
                if length >= 128 && std::is_x86_feature_detected!("avx") {
                    moves(move_by_vectors, length, from, to);
                }
            }
        }
    }
}
