//! Locks of the namespace and of variables, exclusive and shared, once and twice, one and several,
//! with kills aimed at their owners.
//!
//! Invariant: an exclusive owner is alone but for the dead, of whose death it is told; what a lock
//! protects is changed by nobody else, and not at all while it is shared. Giving up a lock, or
//! dying while waiting for it, changes nothing for others.

use mmf::Namespace;

use crate::Result;
use crate::storm::ledger::{LOCKS, Ledger};
use crate::storm::locks::{
    self, NAMESPACE, WITHOUT_VALUE, again, be_refused, change, change_alone, exclusively,
    protected, see_no_change, sharing, try_briefly,
};
use crate::storm::owned::Owned;
use crate::storm::scenario::{Scenario, has_a_lock};
use crate::storm::worker::Worker;

/// The scenario.
pub(super) struct Locking;

impl Scenario for Locking {
    fn name(&self) -> &'static str {
        "locking"
    }

    fn owned(&self) -> Owned {
        Owned { names: 8, longest: 2000 }
    }

    fn prepare(&self, namespace: &Namespace) -> Result<()> {
        for lock in (0..LOCKS).filter(|lock| *lock != WITHOUT_VALUE) {
            namespace.set(&protected(lock), &0_i64)?;
        }
        Ok(())
    }

    fn work(&self, worker: &mut Worker<'_>) -> Result<()> {
        worker.think();
        let lock = worker.random.usize(0..LOCKS);
        match worker.random.u8(0..16) {
            0..6 => exclusively(worker, lock, |worker, _| own(worker, lock)),
            6..9 => sharing(worker, lock, |worker| share(worker, lock)),
            // In the order of their numbers, or two workers could wait for each other.
            9..11 => exclusively(worker, 1, |worker, _| {
                exclusively(worker, 2, |worker, _| change_alone(worker, 1))
            }),
            11 => sharing(worker, 1, |worker| sharing(worker, 2, |worker| share(worker, 2))),
            12..14 => try_briefly(worker, lock),
            14 if lock != WITHOUT_VALUE => change(worker, lock),
            _ => {
                let variable = worker.random.usize(0..self.owned().names);
                self.owned().set(worker, variable).map(drop)
            }
        }
    }

    fn target(&self) -> Option<fn(&Ledger, usize) -> bool> {
        Some(has_a_lock)
    }
}

fn own(worker: &mut Worker<'_>, lock: usize) -> Result<()> {
    match (lock, worker.random.u8(0..4)) {
        (_, 0) => again(worker, lock),
        (NAMESPACE | 1 | 2, 1..3) => change_alone(worker, lock),
        _ => see_no_change(worker, lock),
    }
}

fn share(worker: &mut Worker<'_>, lock: usize) -> Result<()> {
    if lock != WITHOUT_VALUE && worker.random.u8(0..4) == 0 {
        be_refused(worker, lock)?;
    }
    locks::see_no_change(worker, lock)
}
