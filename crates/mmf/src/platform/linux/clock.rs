//! Wall time for people to read, boot time for deadlines.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Milliseconds since the Unix epoch by the coarse clock, which lags by up to one kernel tick.
///
/// 0 when the clock stands before the epoch.
pub(crate) fn wall_clock_milliseconds() -> u64 {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    since_zero(now).as_millis().try_into().unwrap_or(u64::MAX)
}

/// A kernel time as a duration, with times before zero as zero.
fn since_zero(time: Timespec) -> Duration {
    Duration::try_from(time).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_agrees_with_the_standard_library() {
        let standard = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
        assert!(wall_clock_milliseconds().abs_diff(standard) < 5_000);
    }
}
