//! Wall time for people to read.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since the Unix epoch by the coarse clock, which lags by up to one kernel tick.
///
/// 0 when the clock stands before the epoch.
pub(crate) fn wall_clock_milliseconds() -> u64 {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    let milliseconds = now.tv_sec.wrapping_mul(1_000).wrapping_add(now.tv_nsec / 1_000_000);
    u64::try_from(milliseconds).unwrap_or(0)
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
