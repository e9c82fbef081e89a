//! Coming and going: workers open the namespace, use it a little, and leave it.
//!
//! Invariant: what holds always. Nobody who comes finds the namespace missing, damaged or full of
//! the dead.

use crate::Result;
use crate::storm::counters;
use crate::storm::scenario::Scenario;
use crate::storm::worker::Worker;

/// The scenario.
pub(super) struct Coming;

impl Scenario for Coming {
    fn name(&self) -> &'static str {
        "coming"
    }

    fn work(&self, worker: &mut Worker<'_>) -> Result<()> {
        worker.reopen()?;
        let owned = self.owned();
        for _ in 0..worker.random.u8(0..4) {
            let variable = worker.any_of(owned.names);
            match worker.random.u8(0..4) {
                0 => owned.set(worker, variable).map(drop)?,
                1 => owned.delete(worker, variable)?,
                2 => counters::count_own(worker)?,
                _ => {
                    let (row, variable) = worker.any_variable(owned.names);
                    owned.verify(worker, row, variable)?;
                }
            }
        }
        Ok(())
    }
}
