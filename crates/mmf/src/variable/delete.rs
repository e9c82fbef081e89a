//! Deleting: value, name and record go in one journal.

use super::write::{Locked, Locking};
use super::{Context, Target};
use crate::error::Result;
use crate::format::block::Descriptor;
use crate::format::lock_word::LockWord;
use crate::format::seat::NO_PLACE;
use crate::record::{Exchange, UntoldDeath, unlink, unlink_if_unused};
use crate::seat::Seat;
use crate::sync::{Ordering, barrier_after_read_modify_write};

impl Context {
    /// Deletes the variable; returns whether it existed.
    pub(crate) fn delete(&self, target: &Target<'_>) -> Result<bool> {
        let (_, seat) = self.own_seat()?;
        let mut patience = self.patience();
        loop {
            let Some(glimpse) = target.find(self.registry.segment())? else { return Ok(false) };
            let locking =
                self.lock_record(&seat, glimpse.record, glimpse.identity, &mut patience)?;
            let Locking::Locked(locked) = locking else { continue };
            let old = locked.record.descriptor(locked.state.current());
            if old.is_none() {
                locked.record.abandon(&seat);
                return Ok(false);
            }
            let place = match self.place_for_old(&seat, old, None) {
                Ok(place) => place,
                Err(error) => {
                    locked.record.abandon(&seat);
                    return Err(error);
                }
            };
            let has_waiters = self.take_away(&seat, &locked, place)?;
            self.after_publication(locked.record.publish_word(), has_waiters)?;
            self.trim(&seat, place);
            return Ok(true);
        }
    }

    /// Deletes under the publish lock, and gives the lock back in any case.
    pub(super) fn take_away(
        &self,
        seat: &Seat<'_>,
        locked: &Locked<'_>,
        place: usize,
    ) -> Result<bool> {
        let Locked { record, state, .. } = locked;
        let segment = self.registry.segment();
        let structural = match self.registry.structural(self.timeout) {
            Ok(structural) => structural,
            Err(error) => {
                record.abandon(seat);
                return Err(error);
            }
        };
        let lock = || LockWord(record.lock_word().load(Ordering::Relaxed));
        if lock().is_free() {
            return unlink(segment, seat, record, *state, place);
        }
        // Somebody, perhaps the caller, holds its lock: the record stays as long as the lock.
        let exchange = Exchange { new_place: NO_PLACE, old_place: place };
        let has_waiters = record.publish_value(seat, *state, Descriptor::NONE, exchange);
        // The holder may have left between the look and the publication, and seen a value. Partner
        // of the barrier in `try_unlink`: it sees that the value is gone, or we that it has left.
        barrier_after_read_modify_write();
        if lock().is_free() {
            unlink_if_unused(segment, seat, record.offset, UntoldDeath::Goes)?;
        }
        drop(structural);
        Ok(has_waiters)
    }
}
