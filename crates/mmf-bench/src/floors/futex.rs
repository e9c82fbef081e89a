//! A bare signal between two processes: one word, and the kernel's futex to sleep on it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::thread::futex;

use crate::Result;

/// Nobody waits longer than this; then it is an error.
const LIMIT: Duration = Duration::from_secs(10);
/// Set in a word whose waiter sleeps.
const SLEEPS: u32 = 1 << 31;
/// Looks before sleep: some microseconds.
const SPINS: u32 = 500;

/// What a waiter does before it sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Nothing: it sleeps at once.
    Sleeping,
    /// It looks again and again for some microseconds.
    SpinningFirst,
}

/// The signal that was counted last.
pub fn count(word: &AtomicU32) -> u32 {
    word.load(Ordering::Acquire) & !SLEEPS
}

/// Counts a signal, and wakes the one who waits for it if he sleeps.
pub fn signal(word: &AtomicU32, count: u32) {
    if word.swap(count, Ordering::SeqCst) & SLEEPS != 0 {
        // Nobody may be asleep yet: he sees the new count.
        let _ = futex::wake(word, futex::Flags::empty(), 1);
    }
}

/// Waits until `count` has been signalled.
///
/// # Errors
///
/// When it is not within ten seconds.
pub fn wait(word: &AtomicU32, count: u32, before: Before) -> Result<()> {
    if before == Before::SpinningFirst {
        for _ in 0..SPINS {
            if word.load(Ordering::Acquire) == count {
                return Ok(());
            }
            std::hint::spin_loop();
        }
    }
    let deadline = Instant::now() + LIMIT;
    loop {
        let seen = word.fetch_or(SLEEPS, Ordering::SeqCst) & !SLEEPS;
        if seen == count {
            word.store(seen, Ordering::Relaxed);
            return Ok(());
        }
        let limit = futex::Timespec { tv_sec: 1, tv_nsec: 0 };
        match futex::wait(word, futex::Flags::empty(), seen | SLEEPS, Some(&limit)) {
            Ok(()) | Err(Errno::AGAIN | Errno::INTR | Errno::TIMEDOUT) => {}
            Err(error) => return Err(format!("sleeping on a word: {error}").into()),
        }
        if word.load(Ordering::Acquire) == count {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("signal {count} has not come within {LIMIT:?}").into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_go_to_and_fro() {
        for before in [Before::Sleeping, Before::SpinningFirst] {
            let (there, back) = (AtomicU32::new(0), AtomicU32::new(0));
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for count in 1..=200 {
                        wait(&there, count, before).unwrap();
                        signal(&back, count);
                    }
                });
                for count in 1..=200 {
                    signal(&there, count);
                    wait(&back, count, before).unwrap();
                }
            });
        }
    }
}
