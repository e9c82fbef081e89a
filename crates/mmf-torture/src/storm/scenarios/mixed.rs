//! Everything at once: sets, gets, deletes, counts, listings, waits and short locks, by workers of
//! two threads each.
//!
//! Invariant: what holds always. A listing shows only names that are somebody's, and a wait for a
//! change ends by the change or at its timeout.

use std::time::Duration;

use mmf::{Condition, ErrorKind};

use crate::Result;
use crate::storm::ledger::Kind;
use crate::storm::locks::{NAMESPACE, exclusively, sharing};
use crate::storm::owned::{Owned, name_of};
use crate::storm::scenario::Scenario;
use crate::storm::worker::Worker;
use crate::storm::{counters, locks};

/// The scenario.
pub(super) struct Mixed;

impl Scenario for Mixed {
    fn name(&self) -> &'static str {
        "mixed"
    }

    fn threads(&self) -> usize {
        2
    }

    fn owned(&self) -> Owned {
        Owned { names: 24, longest: 40_000 }
    }

    fn work(&self, worker: &mut Worker<'_>) -> Result<()> {
        let owned = self.owned();
        let variable = worker.any_of(owned.names);
        match worker.random.u8(0..100) {
            // Blocks that were just replaced are filled again, while somebody may still read them.
            0..4 => (0..16).try_for_each(|_| owned.set(worker, variable).map(drop)),
            4..40 => owned.set(worker, variable).map(drop),
            40..52 => owned.delete(worker, variable),
            52..70 => {
                let (row, variable) = worker.any_variable(owned.names);
                owned.verify(worker, row, variable)
            }
            70..80 => counters::count_own(worker),
            80..90 => counters::count_shared(worker),
            90..94 => wait_for_anybody(worker, owned.names),
            94..95 => list(worker),
            95..97 => exclusively(worker, NAMESPACE, |worker, _| {
                owned.set(worker, variable)?;
                counters::count_own(worker)
            }),
            97..99 => sharing(worker, NAMESPACE, |worker| locks::see_no_change(worker, NAMESPACE)),
            _ => locks::change(worker, NAMESPACE),
        }
    }
}

fn wait_for_anybody(worker: &mut Worker<'_>, names: usize) -> Result<()> {
    let (row, variable) = worker.any_variable(names);
    let name = name_of(row, variable);
    let patience = Duration::from_micros(worker.random.u64(100..8000));
    let version = worker.perform(Kind::Get, |namespace| namespace.version(&name))?.unwrap_or(0);
    let condition = Condition::ChangedSince(version);
    match worker.perform(Kind::Wait, |namespace| namespace.wait(&name, &condition, patience)) {
        Ok(outcome) if outcome.version == version => {
            Err(format!("{name:?}: a wait for a change ended without one").into())
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn list(worker: &mut Worker<'_>) -> Result<()> {
    let row = worker.random.usize(0..worker.ledger.rows());
    let prefix = format!("v {row} ");
    let names: Vec<String> = worker
        .perform(Kind::List, |namespace| namespace.list(&prefix).collect::<mmf::Result<_>>())?;
    match names.iter().find(|name| !name.starts_with(&prefix)) {
        Some(name) => Err(format!("a listing of {prefix:?} shows {name:?}").into()),
        None => Ok(()),
    }
}
