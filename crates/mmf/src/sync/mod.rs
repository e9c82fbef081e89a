//! The one seam between the algorithms and the atomics they run on.
//!
//! Under `cfg(loom)` every shared word is a loom atomic, so that the models in the tests run the
//! real algorithms, with one ordering weakened if `cargo xtask mutate` asks for it.

#[cfg(loom)]
mod weakened;

#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(loom)]
pub(crate) use weakened::{AtomicU64, Ordering, fence};

/// Atomics for state of this process alone, which no model looks at.
pub(crate) mod process_local {
    pub(crate) use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
}

/// A store-load barrier for a place directly behind a read-modify-write of this thread.
///
/// On x86-64 the locked instruction is already a full barrier (Intel SDM volume 3, 9.2.3.9), so
/// only the compiler is held back; elsewhere, and in models, it is a SeqCst fence.
#[inline(always)]
#[cfg_attr(loom, track_caller)]
pub(crate) fn barrier_after_read_modify_write() {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(not(all(target_arch = "x86_64", not(loom))))]
    fence(Ordering::SeqCst);
}

/// Keeps the compiler from moving stores across: a killed process has executed a prefix of its
/// program, and this is where a prefix may end.
#[inline(always)]
pub(crate) fn keep_program_order() {
    core::sync::atomic::compiler_fence(core::sync::atomic::Ordering::SeqCst);
}

/// Tells the processor, or the model, that this thread waits for another.
#[inline]
pub(crate) fn spin_hint() {
    #[cfg(not(loom))]
    core::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
}
