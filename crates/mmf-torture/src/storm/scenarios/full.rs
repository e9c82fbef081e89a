//! Without room: a small namespace and large values, so that most of the time memory is short.
//!
//! Invariant: an operation that fails for want of room leaves the old value; deleting always works.

use crate::Result;
use crate::storm::counters;
use crate::storm::owned::{Change, Owned};
use crate::storm::scenario::Scenario;
use crate::storm::worker::Worker;

/// The scenario.
pub(super) struct Full;

impl Scenario for Full {
    fn name(&self) -> &'static str {
        "full"
    }

    fn capacity(&self) -> u64 {
        256 << 10
    }

    fn owned(&self) -> Owned {
        Owned { names: 24, longest: 30_000 }
    }

    fn work(&self, worker: &mut Worker<'_>) -> Result<()> {
        let owned = self.owned();
        let variable = worker.any_of(owned.names);
        match worker.random.u8(0..8) {
            0..5 => {
                if owned.set(worker, variable)? == Change::NoRoom {
                    let another = worker.random.usize(0..owned.names);
                    owned.delete(worker, another)?;
                }
                Ok(())
            }
            5 => counters::count_own(worker),
            _ => {
                let (row, variable) = worker.any_variable(owned.names);
                owned.verify(worker, row, variable)
            }
        }
    }
}
