//! Sleeping in the kernel on a word of a shared mapping, by futexes that are not process-private.

use core::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::futex;

/// The longest that one kernel sleep lasts. A waiter then reads its condition again, which makes
/// the death of its waker harmless.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_millis(250);

/// The length of the sleep that replaces a wait the kernel refuses.
const REFUSED_SLEEP: Duration = Duration::from_millis(1);

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitOutcome {
    /// Somebody woke the word, or the kernel did without a reason.
    Woken,
    /// The word did not hold the expected value.
    ValueChanged,
    /// The timeout, or [`LONGEST_SLEEP`], went by.
    TimedOut,
    /// A signal was handled by this thread.
    Interrupted,
}

/// Sleeps while `word` holds `expected`, for at most `timeout` and at most [`LONGEST_SLEEP`].
///
/// The word may lie in a mapping that is only readable. A wait that the kernel refuses (the file
/// was shrunk) sleeps a moment instead, so that a caller's loop never spins.
pub(crate) fn wait_on(word: &AtomicU32, expected: u32, timeout: Duration) -> WaitOutcome {
    let timeout = timeout.min(LONGEST_SLEEP);
    let limit = futex::Timespec { tv_sec: 0, tv_nsec: timeout.subsec_nanos().into() };
    match futex::wait(word, futex::Flags::empty(), expected, Some(&limit)) {
        Ok(()) => WaitOutcome::Woken,
        Err(Errno::AGAIN) => WaitOutcome::ValueChanged,
        Err(Errno::INTR) => WaitOutcome::Interrupted,
        Err(Errno::TIMEDOUT) => WaitOutcome::TimedOut,
        Err(_) => {
            std::thread::sleep(timeout.min(REFUSED_SLEEP));
            WaitOutcome::TimedOut
        }
    }
}

/// Wakes every waiter of `word`, in any process.
pub(crate) fn wake_all(word: &AtomicU32) {
    wake(word, i32::MAX as u32);
}

/// Wakes up to `count` waiters. A refusal is ignored: every waiter wakes by itself in time.
fn wake(word: &AtomicU32, count: u32) {
    let _ = futex::wake(word, futex::Flags::empty(), count);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_changed_value_ends_the_wait_at_once() {
        let word = AtomicU32::new(1);
        assert_eq!(wait_on(&word, 0, LONGEST_SLEEP), WaitOutcome::ValueChanged);
    }

    #[test]
    fn a_wait_ends_at_its_timeout() {
        let word = AtomicU32::new(1);
        assert_eq!(wait_on(&word, 1, Duration::from_millis(1)), WaitOutcome::TimedOut);
        assert_eq!(wait_on(&word, 1, Duration::ZERO), WaitOutcome::TimedOut);
    }

    #[test]
    fn no_sleep_is_longer_than_the_cap() {
        let word = AtomicU32::new(1);
        let begin = Instant::now();
        assert_eq!(wait_on(&word, 1, Duration::MAX), WaitOutcome::TimedOut);
        let slept = begin.elapsed();
        assert!(slept >= LONGEST_SLEEP && slept < LONGEST_SLEEP * 20, "{slept:?}");
    }
}
