//! Locks whose every owner is known to the ledger.
//!
//! Who has taken a lock says so in the ledger, and takes that back before giving the lock up. So
//! whenever somebody has a lock,
//!
//! - nobody else says the same of it, but shared owners beside shared owners, and the dead;
//! - an exclusive owner that finds a dead one in the ledger has been told of its death;
//! - nobody changes a variable that the lock protects.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mmf::{ErrorKind, LockGuard, LockOptions};

use super::ledger::{Kind, LOCKS};
use super::worker::Worker;
use crate::Result;

/// The number of the namespace's lock; the others are those of variables.
pub(super) const NAMESPACE: usize = 0;
/// The lock of a variable that never has a value.
pub(super) const WITHOUT_VALUE: usize = LOCKS - 1;

/// Whether an exclusive owner has been told that the last one died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Death,
    Nothing,
}

/// A variable that only the owner of a lock can change while the lock is held.
pub(super) fn protected(lock: usize) -> String {
    format!("protected by lock {lock}")
}

fn take(
    worker: &mut Worker<'_>,
    lock: usize,
    options: &LockOptions,
    kind: Kind,
) -> mmf::Result<LockGuard> {
    worker.perform(kind, |namespace| match lock {
        NAMESPACE => namespace.lock(options),
        _ => namespace.lock_variable(&protected(lock), options),
    })
}

fn give_back(worker: &mut Worker<'_>, guard: LockGuard) -> Result<()> {
    Ok(worker.perform(Kind::Unlock, |_| guard.unlock())?)
}

/// Does something as the exclusive owner of a lock.
pub(super) fn exclusively(
    worker: &mut Worker<'_>,
    lock: usize,
    body: impl FnOnce(&mut Worker<'_>, Told) -> Result<()>,
) -> Result<()> {
    let guard = take(worker, lock, &LockOptions::exclusive(), Kind::LockExclusive)?;
    own(worker, lock, guard, body)
}

fn own(
    worker: &mut Worker<'_>,
    lock: usize,
    guard: LockGuard,
    body: impl FnOnce(&mut Worker<'_>, Told) -> Result<()>,
) -> Result<()> {
    let ledger = worker.ledger;
    let last = ledger.owner(lock).swap(ledger.identity(worker.row), Ordering::SeqCst);
    if last != 0 && !ledger.is_doomed(last) {
        return Err(format!("lock {lock} has two exclusive owners").into());
    }
    if last != 0 && !guard.previous_owner_died() {
        return Err(format!("lock {lock}: nobody tells of the death of its last owner").into());
    }
    if (0..ledger.rows()).any(|row| shares(worker, row, lock)) {
        return Err(format!("lock {lock} has an exclusive and a shared owner").into());
    }
    let told = if guard.previous_owner_died() { Told::Death } else { Told::Nothing };
    body(worker, told)?;
    ledger.owner(lock).store(0, Ordering::SeqCst);
    give_back(worker, guard)
}

/// Does something as one of the shared owners of a lock.
pub(super) fn sharing(
    worker: &mut Worker<'_>,
    lock: usize,
    body: impl FnOnce(&mut Worker<'_>) -> Result<()>,
) -> Result<()> {
    let guard = take(worker, lock, &LockOptions::shared(), Kind::LockShared)?;
    share(worker, lock, guard, body)
}

fn share(
    worker: &mut Worker<'_>,
    lock: usize,
    guard: LockGuard,
    body: impl FnOnce(&mut Worker<'_>) -> Result<()>,
) -> Result<()> {
    let ledger = worker.ledger;
    let word = ledger.sharing(worker.row, lock);
    word.store(ledger.identity(worker.row), Ordering::SeqCst);
    let owner = ledger.owner(lock).load(Ordering::SeqCst);
    if owner != 0 && !ledger.is_doomed(owner) {
        return Err(format!("lock {lock} has a shared and an exclusive owner").into());
    }
    body(worker)?;
    word.store(0, Ordering::SeqCst);
    give_back(worker, guard)
}

/// Whether a living worker says that it shares the lock.
fn shares(worker: &Worker<'_>, row: usize, lock: usize) -> bool {
    let identity = worker.ledger.sharing(row, lock).load(Ordering::SeqCst);
    identity != 0 && !worker.ledger.is_doomed(identity)
}

/// Sets the protected variable, whoever holds its lock: waits for that.
pub(super) fn change(worker: &mut Worker<'_>, lock: usize) -> Result<()> {
    let number = worker.random.i64(..);
    worker.perform(Kind::Set, |namespace| namespace.set(&protected(lock), &number))?;
    Ok(())
}

/// As an exclusive owner: changes the protected variable twice and sees no other change.
pub(super) fn change_alone(worker: &mut Worker<'_>, lock: usize) -> Result<()> {
    let name = protected(lock);
    let numbers = [worker.random.i64(..), worker.random.i64(..)];
    let mut last = None;
    for number in numbers {
        let version = worker.perform(Kind::Set, |namespace| namespace.set(&name, &number))?;
        let found: Option<i64> = worker.perform(Kind::Get, |namespace| namespace.get(&name))?;
        if found != Some(number) || last.is_some_and(|last| version != last + 1) {
            return Err(format!("{name:?} was changed by another than the lock's owner").into());
        }
        last = Some(version);
        worker.count_verified(1);
    }
    Ok(())
}

/// As an owner of any kind: sees no change at all.
pub(super) fn see_no_change(worker: &mut Worker<'_>, lock: usize) -> Result<()> {
    let name = protected(lock);
    let before = worker.perform(Kind::Get, |namespace| namespace.version(&name))?;
    for _ in 0..worker.random.u8(1..20) {
        if worker.perform(Kind::Get, |namespace| namespace.version(&name))? != before {
            return Err(format!("{name:?} was changed although its lock was held").into());
        }
    }
    worker.count_verified(1);
    Ok(())
}

/// As a shared owner, a set is refused: it could only wait for its own thread.
pub(super) fn be_refused(worker: &mut Worker<'_>, lock: usize) -> Result<()> {
    let result = worker.perform(Kind::Set, |namespace| namespace.set(&protected(lock), &0_i64));
    match result {
        Err(error) if error.kind() == ErrorKind::WouldDeadlock => Ok(()),
        other => Err(format!("a set under an own shared lock ended with {other:?}").into()),
    }
}

/// Takes a lock once more, as its owner may.
pub(super) fn again(worker: &mut Worker<'_>, lock: usize) -> Result<()> {
    let guard = take(worker, lock, &LockOptions::exclusive(), Kind::LockExclusive)?;
    see_no_change(worker, lock)?;
    give_back(worker, guard)
}

/// Waits a moment for a lock: giving up must leave it as it was.
pub(super) fn try_briefly(worker: &mut Worker<'_>, lock: usize) -> Result<()> {
    let patience = Duration::from_micros(worker.random.u64(1..3000));
    if worker.random.bool() {
        let options = LockOptions::exclusive().timeout(patience);
        match take(worker, lock, &options, Kind::LockExclusive) {
            Ok(guard) => own(worker, lock, guard, |_, _| Ok(())),
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
            Err(error) => Err(error.into()),
        }
    } else {
        match take(worker, lock, &LockOptions::shared().timeout(patience), Kind::LockShared) {
            Ok(guard) => share(worker, lock, guard, |_| Ok(())),
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
