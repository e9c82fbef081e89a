//! Giving a lock back.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::format::lock_word::LockWord;
use crate::format::seat::HeldMode;
use crate::record::{Record, UntoldDeath, record_of_lock, unlink_if_unused};
use crate::registry::{Registry, heal_shared};
use crate::seat::Seat;
use crate::segment::{Segment, wake};
use crate::sync::{AtomicU64, Ordering, barrier_after_read_modify_write, fence};

/// Release: the next owner sees what this one did, and who sees the change sees the held entry.
/// What the owner before did is acquired by the fence that follows every acquisition.
pub(super) fn update(word: &AtomicU64, from: LockWord, to: LockWord) -> bool {
    word.compare_exchange(from.0, to.0, Ordering::Release, Ordering::Relaxed).is_ok()
}

/// Gives back one acquisition of a lock; the last one frees it.
pub(crate) fn release(registry: &Registry, seat: &Seat<'_>, lock: u64) -> Result<()> {
    let segment = registry.segment();
    let Some((index, held)) = seat.find_held(lock) else {
        return Err(Error::new(ErrorKind::NotHeld, "this thread does not hold the lock"));
    };
    if held.depth() > 1 {
        seat.set_held(index, held.with_depth(held.depth() - 1), seat.held_since(index));
        return Ok(());
    }
    match held.mode() {
        HeldMode::Exclusive => {
            free_exclusive(segment.word(lock)?, seat);
            // The entry goes last: if we die before, it says whose task the record is.
            unlink_without_value(registry, seat, lock);
            seat.clear_held(index);
            Ok(())
        }
        HeldMode::Shared => {
            seat.clear_held(index);
            leave_shared(segment, seat, lock)?;
            unlink_without_value(registry, seat, lock);
            Ok(())
        }
    }
}

fn free_exclusive(word: &AtomicU64, seat: &Seat<'_>) {
    loop {
        let seen = LockWord(word.load(Ordering::Relaxed));
        if seen.owner() != Some(seat.number) {
            return;
        }
        if update(word, seen, seen.free()) {
            if seen.has_waiters() {
                wake(word);
            }
            return;
        }
    }
}

/// How long an unlocker waits to tidy up: somebody may stand inside a structural change.
const PATIENCE_TO_TIDY: Duration = Duration::from_millis(100);

/// Unmakes the record behind a lock if it was made to be locked and never got a value.
///
/// When it cannot be done now, the record stays until memory is short and all are swept; also
/// when an owner has died of whom the next exclusive one is to be told.
fn unlink_without_value(registry: &Registry, seat: &Seat<'_>, lock: u64) {
    let Some(record) = record_of_lock(lock) else { return };
    if let Err(error) = try_unlink(registry, seat, record) {
        tracing::debug!(%error, "left a record without value behind");
    }
}

fn try_unlink(registry: &Registry, seat: &Seat<'_>, record: u64) -> Result<()> {
    let segment = registry.segment();
    let look = Record::at(segment, record)?;
    // Behind the exchange that freed the word; partner of the barrier in `take_away`.
    barrier_after_read_modify_write();
    let publish = look.publish();
    if look.identity().is_live() && look.descriptor(publish.current()).is_none() {
        let _structural = registry.structural(Some(PATIENCE_TO_TIDY))?;
        unlink_if_unused(segment, seat, record, UntoldDeath::Keeps)?;
    }
    Ok(())
}

/// Frees a shared lock word that nobody lists any more, or wakes the one who waits for that.
pub(super) fn leave_shared(segment: &Segment, seat: &Seat<'_>, lock: u64) -> Result<()> {
    // SeqCst fence, its own partner: of two who leave at once, one sees the other's entry cleared.
    fence(Ordering::SeqCst);
    heal_shared(segment, lock, Some(seat.number))
}
