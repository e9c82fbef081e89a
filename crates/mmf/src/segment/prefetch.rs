//! Telling the processor what comes next.

use crate::sync::AtomicU64;

/// Asks for a word's cache line so that it can be written: a load first would fetch the line to
/// share it with the processor that wrote it last, and the write behind it would fetch it again.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[allow(unsafe_code, reason = "an instruction of this processor")]
#[inline(always)]
pub(crate) fn prefetch_to_write(word: &AtomicU64) {
    // SAFETY: obligation: none. A prefetch reads nothing that the program sees, and never faults;
    // processors without this one take it for no operation. (The intrinsic makes it one of those
    // that share the line, unless the whole program is built for newer processors.)
    unsafe {
        core::arch::asm!(
            "prefetchw [{}]",
            in(reg) word.as_ptr(),
            options(nostack, preserves_flags, readonly)
        );
    }
}

/// Asks for a word's cache line, to read it: many at once come in little more time than one.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[allow(unsafe_code, reason = "an instruction of this processor")]
#[inline(always)]
pub(crate) fn prefetch_to_read(word: &AtomicU64) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: obligation: the instruction is there: it belongs to every x86-64. It reads nothing
    // that the program sees, and never faults.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(word.as_ptr().cast()) };
}

/// Other processors fetch it when it is used.
#[cfg(not(all(target_arch = "x86_64", not(loom))))]
#[inline(always)]
pub(crate) fn prefetch_to_write(_word: &AtomicU64) {}

/// Other processors fetch it when it is used.
#[cfg(not(all(target_arch = "x86_64", not(loom))))]
#[inline(always)]
pub(crate) fn prefetch_to_read(_word: &AtomicU64) {}
