//! How long operations take, in time that the supervisor itself got.
//!
//! On a machine that is busy with other things, or that stands still for a while, everybody is
//! late, the supervisor too. What passes between two of its looks counts as one
//! [`Clock::LONGEST_GAP`] at most: then a worker is overdue only if it had its chance.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::ledger::{Ledger, Word};

/// A worker's operation under way, as it was first seen.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    since: u64,
    clock: Duration,
}

/// The supervisor's clock, and what it has seen of each row.
pub(super) struct Clock {
    now: Duration,
    last_look: u64,
    rows: Vec<Seen>,
}

impl Clock {
    /// The most that counts of the time between two looks.
    const LONGEST_GAP: Duration = Duration::from_millis(20);

    /// A clock for so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self { now: Duration::ZERO, last_look: 0, rows: vec![Seen::default(); rows] }
    }

    /// Looks at what every row is doing.
    pub(super) fn look(&mut self, ledger: &Ledger) {
        let time = ledger.now();
        self.now += Duration::from_nanos(time - self.last_look).min(Self::LONGEST_GAP);
        self.last_look = time;
        for (row, seen) in self.rows.iter_mut().enumerate() {
            let since = ledger.word(row, Word::Since).load(Ordering::SeqCst);
            if seen.since != since {
                *seen = Seen { since, clock: self.now };
            }
        }
    }

    /// For how long a row's operation has been seen, if that is longer than `limit`.
    pub(super) fn overdue(&self, row: usize, limit: Duration) -> Option<Duration> {
        let seen = self.rows[row];
        let time = self.now - seen.clock;
        (seen.since != 0 && time > limit).then_some(time)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::storm::ledger::Kind;

    const LIMIT: Duration = Duration::from_millis(30);

    #[test]
    fn who_does_not_end_is_overdue_and_who_ends_is_not() {
        let ledger = Ledger::new(2, 1).unwrap();
        let mut clock = Clock::new(2);
        ledger.begin(0, Kind::Set);
        let begin = Instant::now();
        while clock.overdue(0, LIMIT).is_none() {
            assert!(begin.elapsed() < Duration::from_secs(20), "never overdue");
            ledger.begin(1, Kind::Get);
            clock.look(&ledger);
            ledger.end(1);
            assert!(clock.overdue(1, LIMIT).is_none(), "another operation each time");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(begin.elapsed() > LIMIT);
        ledger.end(0);
        clock.look(&ledger);
        assert!(clock.overdue(0, LIMIT).is_none(), "it has ended");
    }

    /// The machine stood still: nobody had a chance to end.
    #[test]
    fn a_long_gap_between_two_looks_makes_nobody_overdue() {
        let ledger = Ledger::new(1, 1).unwrap();
        let mut clock = Clock::new(1);
        ledger.begin(0, Kind::Set);
        clock.look(&ledger);
        std::thread::sleep(2 * LIMIT);
        clock.look(&ledger);
        assert!(clock.overdue(0, LIMIT).is_none());
    }
}
