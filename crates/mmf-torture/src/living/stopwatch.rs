//! How long something takes, but for the time in which the machine had no processor for it.

use std::time::{Duration, Instant};

/// What the kernel knows of the calling thread: time on a processor, time waiting for one.
const SCHEDULE: &str = "/proc/thread-self/schedstat";

/// Started by one thread and read by the same.
pub(super) struct Stopwatch {
    started: Instant,
    waited: Duration,
}

impl Stopwatch {
    pub(super) fn start() -> Self {
        Self { started: Instant::now(), waited: waited() }
    }

    /// All the time that has gone by.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The time in which the thread ran or slept: a busy machine makes no difference.
    pub(super) fn own_time(&self) -> Duration {
        self.elapsed().saturating_sub(waited().saturating_sub(self.waited))
    }
}

/// How long the thread has waited for a processor so far; nothing where the kernel does not tell.
fn waited() -> Duration {
    let told = std::fs::read_to_string(SCHEDULE).unwrap_or_default();
    let nanoseconds = told.split_ascii_whitespace().nth(1).and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
