//! Few variables that are set all the time and read all the time.
//!
//! Invariant: what holds always; here a reader that is interrupted in the middle of a copy finds
//! that the block has been filled again meanwhile.

use crate::Result;
use crate::storm::owned::Owned;
use crate::storm::scenario::Scenario;
use crate::storm::worker::Worker;

/// The scenario.
pub(super) struct Rewriting;

impl Scenario for Rewriting {
    fn name(&self) -> &'static str {
        "rewriting"
    }

    fn owned(&self) -> Owned {
        Owned { names: 2, longest: 2000 }
    }

    fn work(&self, worker: &mut Worker<'_>) -> Result<()> {
        let owned = self.owned();
        let variable = worker.any_of(owned.names);
        for _ in 0..8 {
            owned.set(worker, variable)?;
        }
        for _ in 0..8 {
            let (row, variable) = worker.any_variable(owned.names);
            owned.verify(worker, row, variable)?;
        }
        Ok(())
    }
}
