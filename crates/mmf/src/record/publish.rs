//! The publish lock: who may write a record's descriptors, and the swap that makes a value
//! current.

use super::Record;
use crate::error::Result;
use crate::format::block::Descriptor;
use crate::format::publish::Publish;
use crate::format::seat::{Intent, NO_PLACE, Phase};
use crate::seat::{Seat, wake_those_who_wait_for_any};
use crate::segment::{Segment, wake};
use crate::sync::{Ordering, barrier_after_read_modify_write};

/// Exchanges that may fail before a record counts as busy: the caller's patience has an end.
const ATTEMPTS: u32 = 64;

/// What came of trying to take a publish lock.
#[must_use]
pub(crate) enum LockAttempt {
    /// Taken; this was the state before.
    Taken(Publish),
    /// Somebody else holds it, or was quicker again and again.
    Busy(Publish),
}

impl Record<'_> {
    /// Tries to take the publish lock for `seat`, whose intent is announced first.
    ///
    /// When the lock is busy the intent stays: the caller clears it, or tries again.
    #[inline]
    pub(crate) fn try_lock(&self, seat: &Seat<'_>) -> LockAttempt {
        seat.set_intent(Intent::new(self.offset, Phase::Announced));
        let mut seen = self.publish();
        let mut attempts = 0;
        loop {
            if seen.is_locked() {
                return LockAttempt::Busy(seen);
            }
            // The barrier: lockers of namespace and variable store their word and then look at
            // intents and this word; one of the two sees the other. It also acquires what the
            // owner before stored. Release: whoever sees the lock sees the intent. Acquire: who
            // holds it can be found.
            match self.publish_word().compare_exchange(
                seen.0,
                seen.lock(seat.number).0,
                Ordering::Release,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    barrier_after_read_modify_write();
                    return LockAttempt::Taken(seen);
                }
                Err(now) => seen = Publish(now),
            }
            attempts += 1;
            if attempts == ATTEMPTS {
                return LockAttempt::Busy(seen);
            }
        }
    }

    /// Gives the publish lock back at version `version`; wakes sleepers if there are any.
    ///
    /// Returns whether somebody waited.
    #[inline]
    pub(crate) fn unlock_at(&self, version: u64) -> bool {
        // Release: everything stored under the lock is seen by whoever sees the new version.
        // Acquire: whoever has announced a wait for any of several is seen to wait.
        let before = self.publish_word().swap(Publish::free(version).0, Ordering::AcqRel);
        let has_waiters = Publish(before).has_waiters();
        if has_waiters {
            wake(self.publish_word());
        }
        has_waiters
    }

    /// Makes `new` the value, as the owner of the lock at `state`. The seat's exchange is noted.
    ///
    /// The set happens at the swap. Returns whether somebody waited.
    #[inline]
    pub(crate) fn publish_value(
        &self,
        seat: &Seat<'_>,
        state: Publish,
        new: Descriptor,
        exchange: Exchange,
    ) -> bool {
        let old = self.descriptor(state.current());
        seat.note_exchange(old.offset(), exchange.new_place, exchange.old_place);
        seat.set_intent(Intent::new(self.offset, Phase::Prepared));
        self.set_descriptor(state.next(), new);
        let has_waiters = self.unlock_at(state.version() + 1);
        settle_exchange(seat, exchange, old.offset());
        seat.set_intent(Intent::NONE);
        has_waiters
    }

    /// Wakes those who have announced that they sleep here, and takes that away. Returns whether
    /// somebody had.
    #[cold]
    pub(crate) fn take_waiters(&self) -> bool {
        // Relaxed, behind a barrier of both sides: who is not seen to wait sees what it waits for.
        let word = self.publish_word();
        let before = word.fetch_and(Publish::WITHOUT_WAITERS, Ordering::Relaxed);
        let has_waiters = Publish(before).has_waiters();
        if has_waiters {
            wake(word);
        }
        has_waiters
    }

    /// Gives up: the value stays what it was.
    pub(crate) fn abandon(&self, seat: &Seat<'_>) {
        self.unlock_unchanged();
        seat.set_intent(Intent::NONE);
    }

    /// Takes the publish lock away from whoever has it, at the same version: behind a crash of the
    /// system, when nobody has.
    pub(crate) fn free_publish_lock(&self) {
        if self.publish().is_locked() {
            self.unlock_unchanged();
        }
    }

    /// Gives the publish lock back at the same version. Sleepers stay announced: those who wait
    /// for a new version still wait for it, those who wait for the lock are woken.
    pub(super) fn unlock_unchanged(&self) {
        // Release: a seat whose intent says that it has given up is not seen as prepared; what was
        // linked is whole.
        let before = self.publish_word().fetch_and(Publish::UNLOCK, Ordering::Release);
        if Publish(before).has_waiters() {
            wake(self.publish_word());
        }
    }
}

/// Magazine places that a publication empties and fills.
#[derive(Clone, Copy)]
pub(crate) struct Exchange {
    /// Where the new block comes from, or `NO_PLACE`.
    pub(crate) new_place: usize,
    /// Where the old block goes, or `NO_PLACE` when there is none.
    pub(crate) old_place: usize,
}

/// Moves the published block out of the magazine and the replaced one in. Absolute stores: once
/// or many times is the same.
#[inline]
fn settle_exchange(seat: &Seat<'_>, exchange: Exchange, old: u64) {
    let Exchange { new_place, old_place } = exchange;
    if new_place != NO_PLACE && new_place != old_place {
        seat.set_magazine(new_place, 0);
    }
    if old_place != NO_PLACE {
        seat.set_magazine(old_place, old);
    }
}

/// Finishes or undoes what a dead seat was doing to a record. Under the structural lock.
pub(crate) fn resolve_intent(segment: &Segment, seat: &Seat<'_>) -> Result<()> {
    let intent = seat.intent();
    if intent.is_none() {
        return Ok(());
    }
    let record = Record::at(segment, intent.record())?;
    let state = record.publish();
    let is_ours = state.owner() == Some(seat.number);
    match (intent.phase(), is_ours) {
        (Some(Phase::Prepared), true) => {
            // Before the lock goes: "prepared and not locked" means published.
            seat.set_intent(Intent::new(record.offset, Phase::Announced));
            record.unlock_unchanged();
        }
        (_, true) if record.identity().is_live() => record.unlock_unchanged(),
        (_, true) => unlock_for(segment, &record, state)?,
        (Some(Phase::Prepared), false) => {
            let (new_place, old_place) = seat.places();
            let is_place = |place| crate::seat::all_places().contains(&place);
            if (is_place(new_place) || new_place == NO_PLACE)
                && (is_place(old_place) || old_place == NO_PLACE)
            {
                settle_exchange(seat, Exchange { new_place, old_place }, seat.old());
            }
        }
        (_, false) => {}
    }
    seat.set_intent(Intent::NONE);
    Ok(())
}

/// Publishes in the name of a dead seat, and tells those whom it would have told.
fn unlock_for(segment: &Segment, record: &Record<'_>, state: Publish) -> Result<()> {
    if record.unlock_at(state.version() + 1) {
        wake_those_who_wait_for_any(segment)?;
    }
    Ok(())
}
