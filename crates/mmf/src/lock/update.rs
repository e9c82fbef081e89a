//! Updates: a variable's exclusive lock, under which its value is about to be replaced.
//!
//! An update waits for nobody once it is inside: whoever locks the namespace waits for its end, as
//! for that of a set, and it passes the locker.

use super::enter::Entry;
use crate::error::{Error, ErrorKind, Result};
use crate::format::header::NAMESPACE_LOCK;
use crate::format::lock_word::{LockWord, OWNER_DIED};
use crate::registry::Registry;
use crate::seat::Seat;
use crate::sync::{Ordering, fence};

/// Goes inside an update under `lock`, which the seat holds as exclusive. Unless the answer is
/// [`Entry::Open`], the seat is not inside: it gives the lock back before it waits.
pub(crate) fn begin_update(
    registry: &Registry,
    seat: &Seat<'_>,
    lock: u64,
    autolock: bool,
) -> Result<Entry> {
    let Some((index, _)) = seat.find_held(lock) else {
        return Err(Error::new(ErrorKind::NotHeld, "this thread does not hold the lock"));
    };
    // Inside another update already: the namespace's lockers wait for that one.
    let is_inside = seat.is_updating();
    let namespace = registry.segment().header_word(NAMESPACE_LOCK);
    seat.begin_update(index);
    // SeqCst fence: partner of the one behind a locker's claim. It sees the note, or we the claim.
    fence(Ordering::SeqCst);
    if is_inside || !autolock {
        return Ok(Entry::Open);
    }
    // Acquire: an update that finds the lock free comes after what was done under it.
    let entry = match LockWord(namespace.load(Ordering::Acquire)) {
        word if word.is_free() || word.owner() == Some(seat.number) => Entry::Open,
        _ if seat.find_held(NAMESPACE_LOCK).is_some() => Entry::OwnShared,
        _ => Entry::Wait,
    };
    if entry != Entry::Open {
        seat.end_update(index);
    }
    Ok(entry)
}

/// Ends an update; the lock is still held.
pub(crate) fn end_update(seat: &Seat<'_>, lock: u64) {
    if let Some((index, _)) = seat.find_held(lock) {
        seat.end_update(index);
    }
}

/// Leaves the news that an owner died to the next one, for whom more than the value may count.
pub(crate) fn keep_untold_death(registry: &Registry, lock: u64) -> Result<()> {
    registry.segment().word(lock)?.fetch_or(OWNER_DIED, Ordering::Relaxed);
    Ok(())
}
