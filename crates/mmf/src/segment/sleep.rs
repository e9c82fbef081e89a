//! Sleeping on the low half of a shared word.

use std::time::{Duration, Instant};

use crate::sync::AtomicU64;
#[cfg(not(loom))]
use crate::sync::process_local::AtomicU32;

/// Sleeps while the low half of `word` is that of `expected`, for `slice` at most, and not past
/// `deadline`. Somebody wakes the sleeper, the word has another value, a signal handler runs, or the
/// slice is over: whatever it was, look again.
#[cfg(not(loom))]
pub(crate) fn sleep_on(
    word: &AtomicU64,
    expected: u64,
    slice: Duration,
    deadline: Option<Instant>,
) {
    let left =
        deadline.map_or(slice, |deadline| deadline.saturating_duration_since(Instant::now()));
    let _ = crate::platform::wait_on(low_half(word), expected as u32, slice.min(left));
}

/// In a model a sleep is a chance for others to run.
#[cfg(loom)]
pub(crate) fn sleep_on(
    _word: &AtomicU64,
    _expected: u64,
    _slice: Duration,
    _deadline: Option<Instant>,
) {
    loom::thread::yield_now();
}

/// Wakes everybody who sleeps on `word`.
#[cfg(not(loom))]
#[cold]
pub(crate) fn wake(word: &AtomicU64) {
    crate::platform::wake_all(low_half(word));
}

/// In a model nobody sleeps.
#[cfg(loom)]
pub(crate) fn wake(_word: &AtomicU64) {}

#[cfg(not(loom))]
#[allow(unsafe_code, reason = "half of an atomic word, for the kernel's eyes only")]
fn low_half(word: &AtomicU64) -> &AtomicU32 {
    let address = word.as_ptr().cast::<AtomicU32>();
    // SAFETY: obligation: a valid, aligned AtomicU32. The low half of a little-endian word
    // stands at its own address. The reference is used for the futex system call only, never for
    // a mixed-size access by this program.
    unsafe { &*address }
}
