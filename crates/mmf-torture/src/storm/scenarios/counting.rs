//! Nothing but counting.
//!
//! Invariant: a row's counter is what was acknowledged to its worker, or one more when a kill
//! struck in between, and every add returns the next number. Everybody's counter has what was
//! acknowledged to all, and at most one more for each kill in between.

use crate::Result;
use crate::storm::counters;
use crate::storm::owned::Owned;
use crate::storm::scenario::Scenario;
use crate::storm::worker::Worker;

/// The scenario.
pub(super) struct Counting;

impl Scenario for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn owned(&self) -> Owned {
        Owned { names: 1, longest: 8 }
    }

    fn work(&self, worker: &mut Worker<'_>) -> Result<()> {
        match worker.random.u8(0..8) {
            0..4 => counters::count_shared(worker),
            4..7 => counters::count_own(worker),
            _ => {
                let row = worker.random.usize(0..worker.ledger.rows());
                counters::verify(worker, row)
            }
        }
    }
}
