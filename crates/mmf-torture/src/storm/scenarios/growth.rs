//! Growth under fire: each worker makes one variable after the other, with values of every size,
//! then deletes them all, and begins again.
//!
//! Invariant: what holds always, while the heap grows, segments of the index split and its
//! directory doubles.

use std::sync::atomic::Ordering;

use crate::Result;
use crate::storm::ledger::Word;
use crate::storm::owned::Owned;
use crate::storm::scenario::Scenario;
use crate::storm::worker::Worker;

/// Variables of a row at its greatest.
const NAMES: usize = 1500;

/// The scenario.
pub(super) struct Growth;

impl Scenario for Growth {
    fn name(&self) -> &'static str {
        "growth"
    }

    fn owned(&self) -> Owned {
        Owned { names: NAMES, longest: 8000 }
    }

    fn capacity(&self) -> u64 {
        256 << 20
    }

    fn work(&self, worker: &mut Worker<'_>) -> Result<()> {
        let owned = self.owned();
        let progress = worker.ledger.word(worker.row, Word::Progress);
        // Up to NAMES the row grows, from there to 2 * NAMES it shrinks.
        let now = progress.load(Ordering::SeqCst) as usize;
        if now < NAMES {
            owned.set(worker, now)?;
            let earlier = worker.random.usize(0..=now);
            if worker.random.bool() {
                owned.set(worker, earlier)?;
            }
        } else {
            owned.delete(worker, 2 * NAMES - 1 - now)?;
        }
        progress.store((now as u64 + 1) % (2 * NAMES as u64), Ordering::SeqCst);
        let row = worker.random.usize(0..worker.ledger.rows());
        let frontier = worker.ledger.word(row, Word::Progress).load(Ordering::SeqCst) as usize;
        let frontier = frontier.min(2 * NAMES - 1 - frontier);
        let variable = worker.random.usize(0..(frontier + 2).min(NAMES));
        owned.verify(worker, row, variable)
    }
}
