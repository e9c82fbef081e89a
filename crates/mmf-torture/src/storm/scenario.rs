//! What a scenario is.

use std::sync::atomic::Ordering;

use mmf::Namespace;

use super::counters;
use super::ledger::{LOCKS, Ledger};
use super::owned::Owned;
use super::plan::Plan;
use super::worker::Worker;
use crate::Result;

/// What the workers of a storm do, and what must be so beside the rules that hold always.
pub(super) trait Scenario: Sync {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Capacity of the namespace in bytes.
    fn capacity(&self) -> u64 {
        64 << 20
    }

    /// Threads of a worker.
    fn threads(&self) -> usize {
        1
    }

    /// The variables of each row.
    fn owned(&self) -> Owned {
        Owned { names: 24, longest: 20_000 }
    }

    /// What is there before the first worker starts.
    fn prepare(&self, _namespace: &Namespace) -> Result<()> {
        Ok(())
    }

    /// One step of a worker.
    fn work(&self, worker: &mut Worker<'_>) -> Result<()>;

    /// One step of the read-only reader.
    fn read(&self, reader: &mut Worker<'_>) -> Result<()> {
        let (row, variable) = reader.any_variable(self.owned().names);
        self.owned().verify(reader, row, variable)?;
        if variable == 0 { counters::verify(reader, row) } else { Ok(()) }
    }

    /// Says whether a kill of a row's worker is wanted at this moment more than at others; none
    /// when all moments are alike.
    fn target(&self) -> Option<fn(&Ledger, usize) -> bool> {
        None
    }

    /// What must be so while everybody rests.
    fn judge(&self, _namespace: &Namespace) -> Result<()> {
        Ok(())
    }
}

/// Whether the row's worker says that it has a lock.
pub(super) fn has_a_lock(ledger: &Ledger, row: usize) -> bool {
    let identity = ledger.identity(row);
    (0..LOCKS).any(|lock| {
        ledger.owner(lock).load(Ordering::SeqCst) == identity
            || ledger.sharing(row, lock).load(Ordering::SeqCst) == identity
    })
}

/// What every worker does first: it finds out what its predecessor's last attempts came to.
pub(super) fn settle(scenario: &dyn Scenario, worker: &mut Worker<'_>) -> Result<()> {
    scenario.owned().settle(worker)?;
    counters::settle(worker)
}

/// What must be so of every namespace at rest; `base` is everybody's counter at the last rest.
pub(super) fn judge(
    scenario: &dyn Scenario,
    plan: &Plan,
    ledger: &Ledger,
    namespace: &Namespace,
    base: u64,
) -> Result<u64> {
    if let Some(finding) = namespace.check()?.first() {
        return Err(format!("at rest, check finds: {finding}").into());
    }
    account_for_everything(namespace)?;
    scenario.owned().judge(namespace, plan, ledger)?;
    scenario.judge(namespace)?;
    counters::judge(namespace, ledger, base)
}

fn account_for_everything(namespace: &Namespace) -> Result<()> {
    let stat = namespace.stat()?;
    let sum = stat.tables
        + stat.live
        + stat.spare
        + stat.magazines
        + stat.index
        + stat.records
        + stat.free;
    if sum != stat.committed {
        return Err(
            format!("at rest, {} bytes are committed, {sum} are known", stat.committed).into()
        );
    }
    let is_alone = stat.members.len() == 1 && stat.members[0].alive;
    if !is_alone || !stat.locks.is_empty() || stat.waiters != 0 {
        return Err(format!("at rest, somebody is there still: {stat:?}").into());
    }
    Ok(())
}

/// Deletes everything, and sees that nothing is left.
pub(super) fn clear(namespace: &Namespace) -> Result<()> {
    // A record that only a dead locker has used goes with the next unlock.
    for lock in 1..LOCKS {
        let options = mmf::LockOptions::exclusive();
        namespace.lock_variable(&super::locks::protected(lock), &options)?.unlock()?;
    }
    let names: Vec<String> = namespace.list("").collect::<mmf::Result<_>>()?;
    for name in names {
        if !namespace.delete(&name)? {
            return Err(format!("{name:?} is listed but does not exist").into());
        }
    }
    if let Some(finding) = namespace.check()?.first() {
        return Err(format!("after everything was deleted, check finds: {finding}").into());
    }
    account_for_everything(namespace)?;
    let stat = namespace.stat()?;
    if stat.variables != 0 || stat.live != 0 {
        return Err(format!("after everything was deleted, something is left: {stat:?}").into());
    }
    Ok(())
}
